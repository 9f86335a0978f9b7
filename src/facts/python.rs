//! The Python that Ansible's modules will run with on the host.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
use super::probe::Probe;
use super::transcript::Transcript;

/// The Python that Ansible's modules will run with on the host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Python {
    /// The interpreter that the inventory names (`ansible_python_interpreter`), else the one that Ansible finds by itself: its
    /// path; absent where it is not there.
    pub interpreter: Fact<String>,
    /// Its version as far as its name tells (`3.8`), else as it says itself (`3.8.10`).
    pub version: Fact<String>,
}

const SOURCE: &str = "ansible_python_interpreter, else Ansible's list of interpreters";

/// What the subject reads: what the inventory names, else of Ansible's list the distribution's own before versioned names. What `/usr/bin/python3` leads to tells its
/// version without a process.
pub const PROBES: &[Probe] = &[Probe::shell(
    "python",
    SOURCE,
    r#"case $PYTHON in
*'{{'* | *'{%'*) echo "template $PYTHON"; return 45 ;;
'' | auto*) set -- /usr/bin/python3 /usr/libexec/platform-python python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 \
    python3.8 python3.7 python3.6 python3.5 python3 /usr/bin/python python2.7 python ;;
*) set -- "${PYTHON%% *}" ;;
esac
for f in "$@"; do
    path_of "$f"
    case $path in /*) f=$path; break ;; esac
    f=
done
[ -n "$f" ] || return 44
echo "$f"
for t in 3.14 3.13 3.12 3.11 3.10 3.9 3.8 3.7 3.6 3.5 2.7; do
    if [ "/usr/bin/python$t" -ef "$f" ] || [ "/usr/libexec/platform-python$t" -ef "$f" ]; then echo "Python $t"; return 0; fi
done
# What the inventory names may be a user's own: it is not run by root.
if [ "$who__" = 0 ]; then
    word=$(readlink -f "$f")
    look_up "$word"
    is_alone "$word" || { echo "it is not run as root: others than root may change $loose__"; return 0; }
    f=$word
fi
"$f" -V 2>&1"#,
)
.light()];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Python {
    let answer = transcript.answer("python");
    let reading = match &answer.reading {
        Reading::Known(answer) => match (answer.status, answer.out.lines().next().map(str::trim)) {
            (44, _) => Reading::Absent,
            (45, _) => Reading::Unknown("the inventory's ansible_python_interpreter is not known".to_owned()),
            (_, Some(path)) if path.starts_with('/') => Reading::Known(path.to_owned()),
            (status, _) => Reading::Unknown(format!("looking for it ended with status {status}")),
        },
        Reading::Absent => Reading::Absent,
        Reading::Unknown(reason) => Reading::Unknown(reason.clone()),
    };
    let interpreter = Fact::new(reading, answer.source.clone());
    let version = match (&interpreter.reading, answer.value()) {
        (Reading::Known(path), Some(answer)) => {
            let told = answer.out.lines().nth(1).unwrap_or_default().trim();
            match told
                .strip_prefix("Python ")
                .filter(|version| version.starts_with(|c: char| c.is_ascii_digit()))
            {
                Some(version) => Fact::known(version.to_owned(), format!("{path} -V")),
                None => Fact::unknown(format!("it does not tell its version: {told}"), format!("{path} -V")),
            }
        }
        _ => interpreter.clone(),
    };
    Python { interpreter, version }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::recorded::Recorded;
    use crate::facts::transcript::Ended;

    #[test]
    fn the_interpreter_and_its_version() {
        let read = |out: &str| parse(&Recorded::default().answer("python", out).transcript());
        let found = read("/usr/bin/python3.8\nPython 3.8\n");
        assert_eq!(found.interpreter.value().map(String::as_str), Some("/usr/bin/python3.8"));
        assert_eq!(found.version.value().map(String::as_str), Some("3.8"));
        let found = read("/usr/bin/python\nPython 2.7.12\n");
        assert_eq!(found.version.value().map(String::as_str), Some("2.7.12"));
        let broken = read("/usr/bin/python3\n/usr/bin/python3: error while loading shared libraries\n");
        assert!(matches!(broken.version.reading, Reading::Unknown(_)), "{broken:?}");
        let none = Recorded::default().ended("python", Ended::Exited(44), "", "").transcript();
        assert_eq!(
            (parse(&none).interpreter.reading, parse(&none).version.reading),
            (Reading::Absent, Reading::Absent)
        );
        let template =
            Recorded::default().ended("python", Ended::Exited(45), "template {{ x }}\n", "").transcript();
        assert!(matches!(parse(&template).interpreter.reading, Reading::Unknown(_)));
        let unasked = parse(&Recorded::default().transcript());
        assert!(matches!(unasked.interpreter.reading, Reading::Unknown(_)));
    }
}
