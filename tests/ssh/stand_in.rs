//! A stand-in for the NVML helper, machines that have a device for it, and what their answers must hold.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use airworthy::facts::{self, Ended, Probe, Section};
use airworthy::gather::{self, Errand, Gathered, Helpers, Script, Supply};
use airworthy::inventory::Host;
use airworthy::transport::{Ssh, Transport, TransportError};
use secrecy::SecretString;

use crate::environment;
use crate::machine::Machine;
use crate::server::{Answer, Plan, Server};
use crate::talk::{host, options};

/// What the stand-in for the helper says.
pub(crate) const DOCUMENT: &str = "{\"stand-in\":true}\n";

/// Plays the helper by the variable STANDIN; padded, so that the connection can break in the middle.
const STAND_IN: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
const char padding[1 << 20] = {1};
int main(void) {
    const char *play = getenv("STANDIN");
    if (play && !strcmp(play, "hang")) for (;;) pause();
    if (play && !strcmp(play, "fail")) { fputs("no luck\nmore\n", stderr); return 7; }
    puts("{\"stand-in\":true}");
    return play && !strcmp(play, "old") ? 3 : 0;
}
"#;

/// The folder with the stand-in, compiled once.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stand-in");
        fs::create_dir_all(&folder).expect("a folder");
        // Made aside and renamed: another run of the tests may be using it.
        let aside = folder.join(format!("stand-in-{}", std::process::id()));
        let source = aside.with_extension("c");
        fs::write(&source, STAND_IN).expect("written");
        let done = environment::cc().args(["-O0", "-o"]).arg(&aside).arg(&source).status();
        assert!(done.expect("cc starts").success());
        fs::rename(&aside, folder.join("airworthy-nvml")).expect("renamed");
        fs::remove_file(&source).expect("removed");
        folder
    })
}

pub(crate) fn auto() -> Supply {
    Supply::Auto(Arc::new(Helpers::in_folders(vec![folder().to_owned()])))
}

/// A machine whose bus has one NVIDIA device, and an nvidia-smi that leaves a trace.
pub(crate) fn gpu_machine() -> Machine {
    machine_with("0x10de", "0x030200")
}

pub(crate) fn machine_with(vendor: &str, class: &str) -> Machine {
    let machine = Machine::new();
    let slot = machine.path("0000:17:00.0");
    fs::create_dir(&slot).expect("a folder");
    for (name, text) in
        [("vendor", vendor), ("class", class), ("device", "0x1db4"), ("uevent", "DRIVER=nvidia")]
    {
        fs::write(slot.join(name), format!("{text}\n")).expect("written");
    }
    // What the script finds on the bus, it finds with this one grep.
    let grep = format!(
        "case $* in *10de*) echo {}/vendor:0x10de ;; esac; PATH=${{PATH#*:}}; exec grep \"$@\"",
        slot.display()
    );
    machine.program("grep", &grep);
    machine.program("nvidia-smi", "echo smi");
    machine
}

pub(crate) fn visit_with(
    transport: &dyn Transport,
    host: &Host,
    probes: &[Probe],
    supply: Supply,
    password: Option<&str>,
) -> Result<Gathered, TransportError> {
    let password = password.map(|password| SecretString::from(password.to_owned()));
    let errand = Errand { supply, ..Errand::default() };
    gather::visit(transport, host, &Script::new(probes), &errand, password.as_ref())
}

pub(crate) fn visit(server: &Server, supply: Supply) -> Gathered {
    let ssh = Ssh::new(options());
    visit_with(&ssh, &host(server), &facts::host::probes(), supply, None)
        .unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn section<'g>(gathered: &'g Gathered, name: &str) -> &'g Section {
    gathered.answered.transcript.sections().get(name).unwrap_or_else(|| panic!("no section {name}"))
}

/// The helper answered, and nvidia-smi was not asked.
pub(crate) fn assert_document(gathered: &Gathered) {
    let nvml = section(gathered, "nvml");
    assert_eq!((nvml.ended, text(&nvml.out)), (Ended::Exited(0), DOCUMENT), "{}", text(&nvml.err));
    let smi = section(gathered, "nvidia-smi");
    assert_eq!(
        (smi.ended, text(&smi.out), text(&smi.err)),
        (Ended::Exited(127), "", "not asked: the helper answered\n")
    );
}

/// The helper did not answer for this reason, and nvidia-smi did.
pub(crate) fn assert_stand_in(gathered: &Gathered, reason: &str) {
    let nvml = section(gathered, "nvml");
    assert_eq!((nvml.ended, text(&nvml.out)), (Ended::Exited(127), ""));
    assert!(text(&nvml.err).contains(reason), "{}", text(&nvml.err));
    let smi = section(gathered, "nvidia-smi");
    assert!(text(&smi.out).starts_with("smi\n"), "{smi:?}");
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8").trim_start_matches('\n')
}

pub(crate) fn questions(gathered: &Gathered) -> usize {
    String::from_utf8_lossy(&gathered.raw).lines().filter(|line| line.contains(" need nvml ")).count()
}

pub(crate) fn helper_size() -> usize {
    fs::metadata(folder().join("airworthy-nvml")).expect("compiled").len() as usize
}

pub(crate) fn stdin_of(server: &Server) -> usize {
    server.seen.stdin.lock().expect("a lock").len()
}

pub(crate) fn started(machine: &Machine, more: &str) -> Server {
    let rc = format!("{}; {more}", machine.rc());
    Server::start(Plan { answer: Answer::Login { shell: "sh", rc }, ..Plan::open() })
}
