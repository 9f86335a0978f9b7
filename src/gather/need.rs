//! What a script asks for while it runs, and the answer.

use super::elf::{Glibc, Machine, parse_glibc};
use super::helpers::{Helper, Helpers};

/// The longest question; a longer one is none of ours.
pub(super) const LONGEST: usize = 512;

/// A host's question for a helper: `need nvml x86_64 glibc 2.31`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    name: String,
    machine: String,
    libc: Libc,
}

/// A host's C library, as `getconf GNU_LIBC_VERSION` or `ldd --version` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Libc {
    Glibc(Glibc),
    Musl,
    /// Nobody told: the host's loader decides.
    Unknown,
}

impl Need {
    /// Reads what stands behind `need` on the line.
    pub(super) fn parse(line: &str) -> Need {
        let mut words = line.splitn(3, ' ');
        let name = words.next().unwrap_or_default().to_owned();
        let machine = words.next().unwrap_or_default().to_owned();
        let libc = words.next().unwrap_or_default().trim();
        let lower = libc.to_ascii_lowercase();
        let libc = if lower.contains("musl") {
            Libc::Musl
        } else if lower.contains("glibc") || lower.contains("gnu libc") {
            // `glibc 2.31`; `ldd (Ubuntu GLIBC 2.31-0ubuntu9) 2.31`
            let version = libc.rsplit(' ').next().and_then(parse_glibc);
            version.map_or(Libc::Unknown, Libc::Glibc)
        } else {
            Libc::Unknown
        };
        Need { name, machine, libc }
    }

    /// The helper for it.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub(super) fn answer(&self, helpers: &Helpers) -> Result<Helper, String> {
        let machine = Machine::named(&self.machine)
            .ok_or_else(|| format!("there is no helper for {}", plain(&self.machine)))?;
        if self.name != "nvml" {
            return Err(format!("there is no helper named {}", plain(&self.name)));
        }
        let found = helpers.of(machine);
        let mut refusals = Vec::new();
        for helper in &found.helpers {
            match (helper.glibc, &self.libc) {
                (Some(_), Libc::Musl) => {
                    refusals.push(format!("{} needs glibc, and this host has musl", helper.path.display()))
                }
                (Some(wanted), Libc::Glibc(there)) if wanted > *there => refusals.push(format!(
                    "{} needs glibc {}.{}, and this host has {}.{}",
                    helper.path.display(),
                    wanted.0,
                    wanted.1,
                    there.0,
                    there.1
                )),
                _ => return Ok(helper.clone()),
            }
        }
        refusals.extend(found.refused.iter().cloned());
        match refusals.is_empty() {
            true => Err(format!("there is no helper for {} ({})", machine.name(), found.looked_at)),
            false => Err(refusals.join("; ")),
        }
    }
}

/// A host's word in a message: it may have said anything.
fn plain(word: &str) -> String {
    let word: String = word.chars().filter(|c| c.is_ascii_graphic()).take(32).collect();
    if word.is_empty() { "a machine without a name".to_owned() } else { word }
}

#[cfg(test)]
mod tests {
    use super::super::elf::Needs;
    use super::*;

    #[test]
    fn a_host_tells_its_machine_and_its_c_library() {
        for (line, machine, libc) in [
            ("nvml x86_64 glibc 2.31", "x86_64", Libc::Glibc((2, 31))),
            ("nvml x86_64 ldd (Ubuntu GLIBC 2.23-0ubuntu11.3) 2.23", "x86_64", Libc::Glibc((2, 23))),
            ("nvml aarch64 ldd (GNU libc) 2.17", "aarch64", Libc::Glibc((2, 17))),
            ("nvml x86_64 musl libc (x86_64)", "x86_64", Libc::Musl),
            ("nvml riscv64 ", "riscv64", Libc::Unknown),
            ("nvml x86_64 sh: ldd: not found", "x86_64", Libc::Unknown),
            ("nvml x86_64 glibc", "x86_64", Libc::Unknown),
        ] {
            let need = Need { name: "nvml".to_owned(), machine: machine.to_owned(), libc };
            assert_eq!(Need::parse(line), need, "{line}");
        }
    }

    #[test]
    fn a_machine_that_nobody_has_a_helper_for_is_told_so() {
        let helpers = Helpers::in_folders(Vec::new());
        for (line, reason) in [
            ("nvml riscv64 glibc 2.39", "there is no helper for riscv64"),
            ("nvml ../../etc/passwd glibc 2.39", "there is no helper for ../../etc/passwd"),
            ("nvml \x1b[31m glibc 2.39", "there is no helper for [31m"),
            ("", "there is no helper for a machine without a name"),
            ("ssh x86_64 glibc 2.39", "there is no helper named ssh"),
        ] {
            assert_eq!(Need::parse(line).answer(&helpers).map(|helper| helper.path), Err(reason.to_owned()));
        }
    }

    #[test]
    fn a_helper_that_is_too_new_is_passed_over_for_an_older_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        let program = std::fs::read("/bin/sh").expect("readable");
        let (major, minor) = Needs::of(&program).expect("a program").glibc.expect("linked with glibc");
        let version = format!("GLIBC_{major}.{minor}\0");
        let mut newer = program.clone();
        for at in memchr::memmem::find_iter(&program, version.as_bytes()) {
            newer[at..at + 10].copy_from_slice(b"GLIBC_9.99");
        }
        for (folder, bytes) in [(&new, &newer), (&old, &program)] {
            std::fs::create_dir(folder).expect("a folder");
            std::fs::write(folder.join("airworthy-nvml"), bytes).expect("written");
        }
        let ask = |libc: &str, folders: Vec<std::path::PathBuf>| {
            let need = Need::parse(&format!("nvml {} {libc}", std::env::consts::ARCH));
            need.answer(&Helpers::in_folders(folders)).map(|helper| helper.path)
        };
        let both = vec![new.clone(), old.clone()];
        assert_eq!(ask("glibc 9.99", both.clone()), Ok(new.join("airworthy-nvml")));
        assert_eq!(ask("glibc 2.99", both.clone()), Ok(old.join("airworthy-nvml")));
        // Nobody told: the host's own loader decides.
        assert_eq!(ask("", both), Ok(new.join("airworthy-nvml")));
        let refusal = ask("glibc 2.99", vec![new]).expect_err("too new");
        assert!(refusal.ends_with("needs glibc 9.99, and this host has 2.99"), "{refusal}");
    }
}
