//! One process of the script, as shell text: how it starts, how it ends, what happens at its deadline.

use std::fmt::Write as _;
use std::time::Duration;

use crate::facts::{Probe, Read};

use super::quote::shell_quote;

/// One process on the host, and the probes that it runs one after the other.
#[derive(Clone)]
pub(super) struct Process {
    /// A word of a shell variable's name.
    pub(super) name: String,
    /// Name and function of each.
    probes: Vec<(String, String)>,
    /// Those functions' text: only the process itself defines them, for each costs the shell a copy.
    pub(super) functions: String,
    needs: &'static [&'static str],
    pub(super) deadline: Duration,
    /// The helper's probe that it waits for.
    pub(super) stands_in_for: Option<&'static str>,
    /// Whether it runs a program that airworthy brings along.
    pub(super) is_helper: bool,
}

impl Process {
    pub(super) fn new(name: &str, deadline: Duration) -> Self {
        Process {
            name: name.to_owned(),
            probes: Vec::new(),
            functions: String::new(),
            needs: &[],
            deadline,
            stands_in_for: None,
            is_helper: false,
        }
    }

    /// For one probe, which `function` runs, whose text is `text`.
    pub(super) fn of(probe: &Probe, function: &str, text: &str) -> Self {
        Process {
            needs: probe.needs,
            stands_in_for: probe.stands_in_for,
            is_helper: matches!(probe.read, Read::Helper { .. }),
            ..Process::new(function, probe.deadline).with(probe.name, function, text)
        }
    }

    pub(super) fn with(mut self, probe: &str, function: &str, text: &str) -> Self {
        self.take(probe, function, text);
        self
    }

    /// Runs one more probe, behind those that it has.
    pub(super) fn take(&mut self, probe: &str, function: &str, text: &str) {
        self.probes.push((probe.to_owned(), function.to_owned()));
        let _ = writeln!(self.functions, "{function}() {{\n{}\n}}", text.trim_matches('\n'));
    }

    /// Runs one more probe, behind all but the last, which is the one that may hang. One of which more than the longest
    /// answer comes takes only that one along.
    pub(super) fn take_ahead_of_last(&mut self, probe: &str, function: &str, text: &str) {
        let last = self.probes.pop();
        self.take(probe, function, text);
        self.probes.extend(last);
    }

    /// Whether it starts with the others: neither a helper, which has been asked for before, nor in another's stead.
    pub(super) fn is_started_at_once(&self) -> bool {
        !self.is_helper && self.stands_in_for.is_none()
    }

    pub(super) fn start(&self) -> String {
        self.start_with("")
    }

    /// Starts it with a clock of its own.
    pub(super) fn start_late(&self) -> String {
        let millis = self.deadline.as_millis();
        self.start_with(&format!("\n    watch {} {}.{:03}", self.name, millis / 1000, millis % 1000))
    }

    fn start_with(&self, clock: &str) -> String {
        let name = &self.name;
        let mut go = format!("(\nwrites {name}\n{}", self.functions);
        for (probe, function) in &self.probes {
            let _ = writeln!(go, "ask {probe} {function}");
        }
        let _ = write!(go, "finished {name}\n) &\nstarted {name}{clock}");
        match self.needs {
            [] => format!("# Process {name}\n{go}\n"),
            programs => {
                let (programs, declined) = (programs.join(" "), self.decline(""));
                format!("# Process {name}\nif any {programs}; then\n{go}\nelse\n{declined}fi\n")
            }
        }
    }

    /// Tells why it does not start.
    pub(super) fn decline(&self, reason: &str) -> String {
        let reason = shell_quote(reason);
        self.probes.iter().map(|(name, _)| format!("decline {name} {reason}\n")).collect()
    }

    /// What the event loop does with its word.
    pub(super) fn ends(&self, processes: &[Process]) -> String {
        let name = &self.name;
        let mut text = String::new();
        if self.is_helper {
            let declined: String = self
                .stand_ins(processes)
                .map(|process| process.decline("not asked: the helper answered"))
                .collect();
            let _ = writeln!(
                text,
                "    'done {name}') if [ \"$open_{name}\" = 1 ]; then\n        open_{name}=0; left=$((left - 1))\n{declined}    fi ;;\n    \
                 'lack {name}') if [ \"$open_{name}\" = 1 ]; then open_{name}=0; left=$((left - 1)); instead_of_{name}; fi ;;"
            );
        }
        if self.stands_in_for.is_some() {
            let _ = writeln!(text, "    'late {name}') {} ;;", self.expire());
        }
        text
    }

    /// What the event loop does at its deadline.
    pub(super) fn expires(&self) -> String {
        match self.is_helper {
            true => format!(
                "        [ \"$open_{0}\" = 1 ] && {{ {1}; instead_of_{0}; }}\n",
                self.name,
                self.expire()
            ),
            false => format!("        {}\n", self.expire()),
        }
    }

    fn expire(&self) -> String {
        let probes: Vec<&str> = self.probes.iter().map(|(name, _)| name.as_str()).collect();
        format!("expire {} {} {}", self.name, self.deadline.as_millis(), probes.join(" "))
    }

    fn stand_ins<'p>(&self, processes: &'p [Process]) -> impl Iterator<Item = &'p Process> {
        let names: Vec<&str> = self.probes.iter().map(|(name, _)| name.as_str()).collect();
        processes
            .iter()
            .filter(move |process| process.stands_in_for.is_some_and(|helper| names.contains(&helper)))
    }
}
