//! AppArmor: switched on in the kernel, and the parser that profiles are loaded with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fact::{Fact, Reading};
use super::probe::Probe;
use super::transcript::Transcript;

/// AppArmor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Apparmor {
    /// Whether the running kernel has it switched on.
    pub enabled: Fact<bool>,
    /// Where `apparmor_parser` is; absent where it is not.
    pub parser: Fact<String>,
}

/// What the subject reads: built-ins only.
pub const PROBES: &[Probe] = &[Probe::shell(
    "apparmor",
    "/sys/module/apparmor/parameters/enabled, command -v apparmor_parser",
    r#"f=/sys/module/apparmor/parameters/enabled
word=N
if [ -e "$f" ]; then read -r word <"$f" || return 2; fi
echo "enabled $word"
path_of apparmor_parser
[ -z "$path" ] || echo "parser $path""#,
)
.light()];

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript) -> Apparmor {
    let answer = transcript.answer("apparmor").try_map(|answer| {
        let word = |key: &str| {
            answer.out.lines().find_map(|line| line.strip_prefix(key)).map(|rest| rest.trim().to_owned())
        };
        match (answer.status, word("enabled ")) {
            (0, Some(enabled)) => Ok((enabled == "Y", word("parser "))),
            (status, _) => Err(format!("reading it ended with status {status}{}", answer.complaint())),
        }
    });
    let parser = Fact {
        reading: match &answer.reading {
            Reading::Known((_, Some(path))) => Reading::Known(path.clone()),
            Reading::Known((_, None)) | Reading::Absent => Reading::Absent,
            Reading::Unknown(reason) => Reading::Unknown(reason.clone()),
        },
        source: "command -v apparmor_parser".into(),
        omitted: 0,
    };
    Apparmor { enabled: answer.map(|(enabled, _)| enabled), parser }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::recorded::Recorded;

    #[test]
    fn the_kernels_switch_and_the_parser() {
        let read = |out: &str| parse(&Recorded::default().answer("apparmor", out).transcript());
        let whole = read("enabled Y\nparser /sbin/apparmor_parser\n");
        assert_eq!(whole.enabled.value(), Some(&true));
        assert_eq!(whole.parser.value().map(String::as_str), Some("/sbin/apparmor_parser"));
        let (off, bare) = (read("enabled N\n"), read("enabled Y\n"));
        assert_eq!((off.enabled.value(), &bare.parser.reading), (Some(&false), &Reading::Absent));
        let unread = read("");
        assert!(matches!(
            (&unread.enabled.reading, &unread.parser.reading),
            (Reading::Unknown(_), Reading::Unknown(_))
        ));
    }
}
