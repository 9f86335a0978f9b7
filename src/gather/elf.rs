//! What an ELF program needs of its host: the machine, and how new a glibc.

use object::Endianness;
use object::elf::{self, FileHeader64};
use object::read::elf::FileHeader as _;

/// A machine that a program is made for, by the name that `uname -m` has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Machine {
    /// `x86_64`
    X86_64,
    /// `aarch64`
    Aarch64,
    /// `ppc64le`
    Ppc64Le,
}

/// A version of glibc: major, minor.
pub(super) type Glibc = (u32, u32);

/// What a program needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) machine: Machine,
    /// The newest `GLIBC_x.y` among its symbols' versions; `None` for a static program.
    pub(super) glibc: Option<Glibc>,
}

impl Machine {
    /// Of that name.
    pub(super) fn named(name: &str) -> Option<Machine> {
        [Machine::X86_64, Machine::Aarch64, Machine::Ppc64Le]
            .into_iter()
            .find(|machine| machine.name() == name)
    }

    /// What `uname -m` says.
    pub(super) fn name(self) -> &'static str {
        match self {
            Machine::X86_64 => "x86_64",
            Machine::Aarch64 => "aarch64",
            Machine::Ppc64Le => "ppc64le",
        }
    }
}

impl Needs {
    /// Of the program with these bytes.
    ///
    /// # Errors
    /// Where it is no 64-bit ELF program, or for none of the machines above.
    pub(super) fn of(program: &[u8]) -> Result<Needs, String> {
        let wrong = |error: object::Error| format!("it is no 64-bit ELF program: {error}");
        let header = FileHeader64::<Endianness>::parse(program).map_err(wrong)?;
        let endian = header.endian().map_err(wrong)?;
        let machine = match (header.e_machine(endian), endian) {
            (elf::EM_X86_64, _) => Machine::X86_64,
            (elf::EM_AARCH64, Endianness::Little) => Machine::Aarch64,
            (elf::EM_PPC64, Endianness::Little) => Machine::Ppc64Le,
            (other, _) => return Err(format!("it is made for another machine (ELF machine {other:?})")),
        };
        if !matches!(header.e_type(endian), elf::ET_EXEC | elf::ET_DYN) {
            return Err("it is an ELF file that cannot be run".to_owned());
        }
        let sections = header.sections(endian, program).map_err(wrong)?;
        let mut glibc = None;
        if let Some((mut needed, link)) = sections.gnu_verneed(endian, program).map_err(wrong)? {
            let strings = sections.strings(endian, program, link).map_err(wrong)?;
            while let Some((_, mut versions)) = needed.next().map_err(wrong)? {
                while let Some(version) = versions.next().map_err(wrong)? {
                    let name = String::from_utf8_lossy(version.name(endian, strings).map_err(wrong)?);
                    glibc = glibc.max(name.strip_prefix("GLIBC_").and_then(parse_glibc));
                }
            }
        }
        Ok(Needs { machine, glibc })
    }
}

/// `2.31`, `2.2.5`.
pub(super) fn parse_glibc(text: &str) -> Option<Glibc> {
    let mut parts = text.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Vec<u8> {
        std::fs::read(std::env::current_exe().expect("this test runs")).expect("readable")
    }

    #[test]
    fn a_program_tells_its_machine_and_its_glibc() {
        let mut program = own();
        let needs = Needs::of(&program).expect("this test is a program");
        assert_eq!(needs.machine.name(), std::env::consts::ARCH);
        let glibc = needs.glibc.expect("it is linked with glibc");
        assert!(glibc > (2, 2) && glibc < (3, 0), "{glibc:?}");
        let name = format!("GLIBC_{}.{}\0", glibc.0, glibc.1);
        let at: Vec<usize> = memchr::memmem::find_iter(&program, name.as_bytes()).collect();
        for at in at {
            program[at..at + 10].copy_from_slice(b"GLIBC_9.99");
        }
        assert_eq!(Needs::of(&program).map(|needs| needs.glibc), Ok(Some((9, 99))));
    }

    #[test]
    fn what_is_no_program_or_half_of_one_is_an_error_and_no_panic() {
        assert!(Needs::of(b"#!/bin/sh\n").is_err());
        assert!(Needs::of(b"").is_err());
        let mut program = own();
        program.truncate(64 * 1024);
        for length in (0..program.len()).step_by(97) {
            assert!(Needs::of(&program[..length]).is_err(), "the first {length} bytes");
        }
        let mut other = own();
        for (machine, reason) in [([0x28, 0], "another machine"), ([0, 0x15], "another machine")] {
            other[18..20].copy_from_slice(&machine);
            assert!(Needs::of(&other).is_err_and(|error| error.contains(reason)));
        }
        other[18..20].copy_from_slice(&[0xb7, 0]);
        assert_eq!(Needs::of(&other).map(|needs| needs.machine), Ok(Machine::Aarch64));
    }
}
