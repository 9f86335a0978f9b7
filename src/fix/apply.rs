//! A plan's way to the host: the script that carries it out, and what became of it.

use secrecy::SecretString;

use super::look::{Look, probes};
use super::plan::{Plan, state};
use crate::facts::{Ended, Transcript};
use crate::gather::{self, Errand, Script, pare, shell_quote};
use crate::inventory::Host;
use crate::redact;
use crate::transport::{Transport, TransportError};

/// The parts that stay the same on every host.
const SCRIPT: &str =
    concat!(include_str!("../gather/trust.sh"), include_str!("lock.sh"), include_str!("apply.sh"));

/// How long the script is waited for, in seconds. It takes three as a rule; what takes longer goes on by itself and is asked about.
pub const LONGEST: u64 = 240;

/// One plan, ready to be carried out.
#[derive(Clone, Debug)]
pub struct Order<'p> {
    /// What was shown.
    pub plan: &'p Plan,
    /// Names the backup: the time as `20260731T101500Z`.
    pub stamp: &'p str,
    /// Whether Docker may be restarted where a reload is not enough.
    pub allow_restart: bool,
}

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// In a word.
    pub outcome: Outcome,
    /// In a sentence; empty where all went well.
    pub reason: String,
    /// Which file is there now.
    pub file: FileNow,
    /// Docker's default runtime; `None` where it does not answer or nobody asked.
    pub default_runtime: Option<String>,
    /// The last step that was begun.
    pub step: String,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// As planned, and verified.
    Fixed,
    /// The host said no before anything was begun.
    Refused,
    /// Nothing was changed: it failed before the file was replaced.
    Failed,
    /// It failed afterwards, and the old file is back.
    Restored,
    /// It failed afterwards, and the old file is not back.
    Stuck,
    /// The host was lost on the way.
    #[default]
    Lost,
}

/// Which file is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileNow {
    /// The one that was planned from.
    Old,
    /// The one that was planned.
    New,
    /// Neither.
    Other,
    /// Nobody could tell.
    #[default]
    Unknown,
}

impl Order<'_> {
    /// The script's text. All of it in one function that the last line calls, in braces: what was cut on its way does
    /// nothing. What changes the host runs in a session of its own, which ends neither with the connection nor with sudo.
    pub fn text(&self, boundary: &str) -> String {
        let (settings, script) = (self.settings(), pare(SCRIPT));
        let inner = shell_quote(&format!("airworthy__() {{\n{settings}{script}}}\n{{ airworthy__; }}\n"));
        let mark = shell_quote(boundary);
        format!(
            "airworthy__() {{\nmark={mark}\npath__=${{path__:-$PATH}}; export path__\ntrap '' HUP INT QUIT TERM PIPE\n\
             printf '\\n@%s airworthy 1 %s %s\\n\\n@%s out apply\\n' \"$mark\" \"$(date +%s)\" \"${{1:-user}}\" \"$mark\"\n\
             if command -v setsid >/dev/null 2>&1; then set -- setsid; else set --; fi\n\
             printf '%s\\n' {inner} | \"$@\" sh -c 'eval \"$(cat)\"' airworthy\n\
             printf '\\n@%s exit apply %s\\n\\n@%s end\\n' \"$mark\" \"$?\" \"$mark\"\n}}\n{{ airworthy__ \"$@\"; }}\n"
        )
    }

    fn settings(&self) -> String {
        let plan = self.plan;
        let (old, new) = (state(plan.before.as_deref()), state(plan.after.as_deref()));
        let text = plan.after.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let flag = |set: bool| if set { "1" } else { "" };
        let backup = self.backup();
        [
            ("asked", plan.asked.as_str()),
            ("file", &plan.path),
            ("old", &old),
            ("new", &new),
            ("text", &text),
            ("backup", backup.as_deref().unwrap_or_default()),
            ("spent", plan.spends.as_deref().unwrap_or_default()),
            ("want", plan.runtime.as_deref().unwrap_or_default()),
            ("validate", flag(plan.validates)),
            ("restart", flag(self.allow_restart)),
        ]
        .iter()
        .map(|(name, value)| format!("{name}={}\n", shell_quote(value)))
        .collect()
    }

    /// Where the old file will be; `None` where the file does not change.
    pub fn backup(&self) -> Option<String> {
        self.plan.writes().then(|| self.plan.backup(self.stamp))
    }

    /// Carries the plan out on its host. Where the host is lost on the way, [`Applied::outcome`] says so.
    pub fn apply(
        &self,
        transport: &dyn Transport,
        host: &Host,
        sudo_password: Option<&SecretString>,
    ) -> Applied {
        match gather::converse(transport, host, &[], |boundary| self.text(boundary), sudo_password) {
            Ok(gathered) => Applied::parse(&gathered.answered.transcript),
            Err(error) => {
                Applied { reason: redact::text(&error.to_string()).into_owned(), ..Applied::default() }
            }
        }
    }
}

impl Applied {
    /// Reads the script's words.
    pub fn parse(transcript: &Transcript) -> Applied {
        let Some(section) = transcript.sections().get("apply") else {
            return Applied { reason: "the script did not answer".to_owned(), ..Applied::default() };
        };
        let text = String::from_utf8_lossy(&section.out);
        let mut applied = Applied::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            match key {
                "step" => value.clone_into(&mut applied.step),
                // dockerd quotes its configuration when it refuses it.
                "reason" => applied.reason = redact::text(value).into_owned(),
                "default" => applied.default_runtime = Some(value.to_owned()),
                "file" => {
                    applied.file = match value {
                        "old" => FileNow::Old,
                        "new" => FileNow::New,
                        _ => FileNow::Other,
                    };
                }
                "outcome" => {
                    applied.outcome = match value {
                        "fixed" => Outcome::Fixed,
                        "refused" => Outcome::Refused,
                        "failed" => Outcome::Failed,
                        "restored" => Outcome::Restored,
                        "stuck" => Outcome::Stuck,
                        _ => Outcome::Lost,
                    };
                }
                _ => {}
            }
        }
        if applied.outcome == Outcome::Lost && applied.reason.is_empty() {
            let status = match section.ended {
                Ended::Exited(status) => format!("with status {status}"),
                Ended::TimedOut(ms) => format!("after {ms} ms"),
                Ended::TooLong => "after more than it has to say".to_owned(),
            };
            let step = if applied.step.is_empty() { "its first step" } else { &applied.step };
            applied.reason = format!("the script ended {status} at {step}");
        }
        applied
    }

    /// Puts in which file a later look found.
    pub fn settle(&mut self, plan: &Plan, look: &Look) {
        let now = state(look.bytes.as_deref());
        self.file = if now == state(plan.after.as_deref()) {
            FileNow::New
        } else if now == state(plan.before.as_deref()) {
            FileNow::Old
        } else {
            FileNow::Other
        };
    }
}

/// Visits a host and looks at what a plan needs.
///
/// # Errors
/// Where it could not be reached or did not answer whole.
pub fn look(
    transport: &dyn Transport,
    host: &Host,
    sudo_password: Option<&SecretString>,
) -> Result<Result<Look, String>, TransportError> {
    let script = Script::new(&probes());
    let gathered = gather::visit(transport, host, &script, &Errand::default(), sudo_password)?;
    Ok(Look::parse(&gathered.answered.transcript))
}
