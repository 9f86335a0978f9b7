//! The one script: every probe of every subject, joined.

use std::fmt::Write as _;
use std::time::Duration;

use crate::facts::{Probe, Read};

use super::quote::shell_quote;

/// Each line behind its file's path and a colon; so a path may hold no colon and no line end.
const READ_FILES: &str = r#"n=$#
while [ "$n" -gt 0 ]; do
    f=$1; shift; n=$((n - 1))
    case $f in
    *:* | *"
"*) printf 'grep: %s: its name cannot be told apart\n' "$f" >&2 ;;
    *) set -- "$@" "$f" ;;
    esac
done
grep -H '' "$@""#;

/// How long the script waits, in seconds after its last deadline, for its answer to be taken.
const PATIENCE: u8 = 20;

/// The parts that stay the same on every host.
const FRAME: &str = include_str!("script.sh");

/// What the script needs to know about the host it will run on.
#[derive(Clone, Debug, Default)]
pub struct Errand {
    /// Where this host should be able to open TCP: address and port of its peers.
    pub peers: Vec<(String, u16)>,
    /// Registries to ask, as base URLs; a docker.io entry stands for the hub.
    pub registries: Vec<String>,
    /// Mirrors of docker.io the deployment will configure, as base URLs.
    pub mirrors: Vec<String>,
    /// The Python that the inventory names for Ansible's modules.
    pub python: Option<String>,
    /// Probes that stand in the user's own check files.
    pub own_probes: Vec<OwnProbe>,
}

/// A probe from a user's check file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnProbe {
    /// Names its section: the check's id behind `probe-`.
    pub name: String,
    /// Shell text of the user's own; runs in a shell of its own.
    pub run: String,
    /// The longest wait for its answer.
    pub deadline: Duration,
}

/// The probes joined: what of the script is the same on every host.
pub struct Script {
    probes: Vec<Probe>,
    /// A function for each.
    functions: String,
    processes: Vec<Process>,
    /// What starts them and waits for them, where the user has no probes.
    ending: String,
}

impl Script {
    /// Of these probes.
    pub fn new(probes: &[Probe]) -> Self {
        let mut functions = String::new();
        let mut processes: Vec<Process> = Vec::new();
        let mut light = Process::new("light", crate::facts::DEADLINE);
        let mut paths = Vec::new();
        for probe in probes {
            match probe.read {
                Read::Files(files) => paths.extend(files.iter().copied()),
                Read::Shell(text) => {
                    let function = function_name(probe.name);
                    let _ = writeln!(functions, "{function}() {{\n{}\n}}", text.trim_matches('\n'));
                    if probe.light {
                        light.probes.push((probe.name.to_owned(), function));
                        continue;
                    }
                    let process = Process::new(&function, probe.deadline).with(probe.name, &function);
                    processes.push(Process { needs: probe.needs, ..process });
                }
            }
        }
        paths.sort_unstable();
        paths.dedup();
        let _ = writeln!(functions, "p_files() {{\nset -- {}\n{READ_FILES}\n}}", paths.join(" \\\n"));
        processes.push(Process::new("p_files", crate::facts::DEADLINE).with("files", "p_files"));
        processes.push(light);
        let ending = ending(processes.clone());
        Script { probes: probes.to_vec(), functions, processes, ending }
    }

    /// What it asks.
    pub fn probes(&self) -> &[Probe] {
        &self.probes
    }

    /// The text for one host. `boundary` frames the answer; it must be one no host can guess.
    pub fn text(&self, boundary: &str, errand: &Errand) -> String {
        let mut script = String::with_capacity(FRAME.len() + self.functions.len() + self.ending.len() + 4096);
        // All of it in one function that the last line calls, in braces: what was cut on its way is a syntax error and
        // does nothing.
        let _ = writeln!(script, "airworthy__() {{\nmark__={}", shell_quote(boundary));
        script.push_str(FRAME);
        script.push_str("# What this host is asked about.\n");
        // One whose address is not known stands in the inventory as a template, in several words.
        let known = errand.peers.iter().filter(|(address, _)| !address.contains(char::is_whitespace));
        let peers = known.map(|(address, port)| format!("{address} {port}"));
        let _ = writeln!(script, "PEERS={}", shell_quote(&peers.collect::<Vec<_>>().join("\n")));
        let _ = writeln!(script, "REGISTRIES={}", shell_quote(&errand.registries.join("\n")));
        let _ = writeln!(script, "MIRRORS={}", shell_quote(&errand.mirrors.join("\n")));
        let _ = writeln!(script, "PYTHON={}", shell_quote(errand.python.as_deref().unwrap_or_default()));
        script.push_str(&self.functions);
        if errand.own_probes.is_empty() {
            script.push_str(&self.ending);
            return script;
        }
        let mut processes = self.processes.clone();
        for probe in &errand.own_probes {
            let function = function_name(&probe.name);
            let _ = writeln!(script, "{function}() {{\nsh -c {}\n}}", shell_quote(&probe.run));
            processes.push(Process::new(&function, probe.deadline).with(&probe.name, &function));
        }
        script.push_str(&ending(processes));
        script
    }
}

/// Starts the processes, waits for them and sends their answers.
fn ending(mut processes: Vec<Process>) -> String {
    // The slow ones first: they wait while the others compute.
    processes.sort_by_key(|process| std::cmp::Reverse(process.deadline));
    let starts: String = processes.iter().map(Process::start).collect();
    format!("{starts}{}}}\n{{ airworthy__ \"$@\"; }}\n", event_loop(&processes))
}

/// The longest the script can take: its probes' deadlines run side by side.
pub fn total_deadline(probes: &[Probe], errand: &Errand) -> Duration {
    probes
        .iter()
        .map(|probe| probe.deadline)
        .chain(errand.own_probes.iter().map(|probe| probe.deadline))
        .max()
        .unwrap_or(crate::facts::DEADLINE)
}

fn function_name(probe: &str) -> String {
    format!("p_{}", probe.replace(|c: char| !c.is_ascii_alphanumeric(), "_"))
}

/// One process on the host, and the probes that it runs one after the other.
#[derive(Clone)]
struct Process {
    /// A word of a shell variable's name.
    name: String,
    /// Name and function of each.
    probes: Vec<(String, String)>,
    needs: &'static [&'static str],
    deadline: Duration,
}

impl Process {
    fn new(name: &str, deadline: Duration) -> Self {
        Process { name: name.to_owned(), probes: Vec::new(), needs: &[], deadline }
    }

    fn with(mut self, probe: &str, function: &str) -> Self {
        self.probes.push((probe.to_owned(), function.to_owned()));
        self
    }

    fn start(&self) -> String {
        let mut go = format!("go {}", self.name);
        for (name, function) in &self.probes {
            let _ = write!(go, " \\\n    {name} {function}");
        }
        match (self.needs, self.probes.as_slice()) {
            ([], _) | (_, []) => go + "\n",
            (programs, [(name, _), ..]) => {
                format!("if any {}; then {go}\nelse begin {name}; close {name} 127; fi\n", programs.join(" "))
            }
        }
    }
}

/// Waits for each process's word or its deadline, whichever is first, then sends everything at once.
fn event_loop(processes: &[Process]) -> String {
    let mut deadlines: Vec<u128> = processes.iter().map(|process| process.deadline.as_millis()).collect();
    deadlines.sort_unstable();
    deadlines.dedup();

    let mut text = String::from("(\n    trap 'kill $s 2>/dev/null; exit 0' TERM\n");
    let mut waited = 0;
    for deadline in &deadlines {
        let step = deadline - waited;
        let _ = writeln!(
            text,
            "    sleep {}.{:03} & s=$!; wait $s; echo 'tick {deadline}' >&4",
            step / 1000,
            step % 1000
        );
        waited = *deadline;
    }
    // Nobody reads and nobody hangs up: the answer is not waited for any longer.
    let _ = writeln!(text, "    sleep {PATIENCE} & s=$!; wait $s; kill -TERM $$");
    text.push_str(") </dev/null >/dev/null 2>&1 &\ntimer__=$!\nwhile [ \"$left\" -gt 0 ]; do\n    read -r event name <&4 || break\n    case \"$event $name\" in\n");
    for Process { name, .. } in processes {
        let _ = writeln!(
            text,
            "    'done {name}') [ \"$open_{name}\" = 1 ] && left=$((left - 1)); open_{name}=0 ;;"
        );
    }
    for deadline in &deadlines {
        let _ = writeln!(text, "    'tick {deadline}')");
        for process in processes.iter().filter(|process| process.deadline.as_millis() == *deadline) {
            let probes: Vec<&str> = process.probes.iter().map(|(name, _)| name.as_str()).collect();
            let _ = writeln!(text, "        expire {} {deadline} {}", process.name, probes.join(" "));
        }
        text.push_str("        ;;\n");
    }
    // `wait` hears a signal where a command in the foreground would keep the shell from it.
    text.push_str("    esac\ndone\ncat \"$dir__\"/*.o \"$dir__\"/*.e &\nsender__=$!\nwait \"$sender__\"\n");
    text.push_str("printf '\\n@%s end\\n' \"$mark__\"\n");
    text
}
