//! Whether the login user becomes root, without a terminal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::circumstances::Circumstances;
use super::fact::Fact;
use super::transcript::Transcript;

/// Whether the login user becomes root, without a terminal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sudo {
    /// Whether it does.
    pub privilege: Fact<bool>,
    /// How: `root` (it is root), `nopasswd`, `password`; absent where it does not.
    pub method: Fact<String>,
    /// What sudo said when it refused.
    pub refusal: Fact<String>,
    /// Whether a password was given, so that one that is wrong is told from one that is missing.
    pub password_given: Fact<bool>,
}

/// Reads the subject out of a transcript.
pub fn parse(transcript: &Transcript, circumstances: &Circumstances) -> Sudo {
    const SOURCE: &str = "sudo -n true";
    let password_given = Fact::known(circumstances.sudo_password, "the command line and the inventory");
    let answer = transcript.answer("sudo");
    let Some(text) = answer.value().map(|answer| answer.out.trim().to_owned()) else {
        let unknown = || answer.clone().map(|_| String::new());
        return Sudo {
            privilege: answer.clone().map(|_| false),
            method: unknown(),
            refusal: unknown(),
            password_given,
        };
    };
    let (how, said) = text.split_once('\n').unwrap_or((&text, ""));
    match how {
        "root" | "nopasswd" | "password" => Sudo {
            privilege: Fact::known(true, SOURCE),
            method: Fact::known(how.to_owned(), SOURCE),
            refusal: Fact::absent(SOURCE),
            password_given,
        },
        _ => Sudo {
            privilege: Fact::known(false, SOURCE),
            method: Fact::absent(SOURCE),
            refusal: Fact::known(said.lines().last().unwrap_or("sudo refused").trim().to_owned(), SOURCE),
            password_given,
        },
    }
}
