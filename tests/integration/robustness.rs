//! Whatever bytes come: an error, never a panic.

use airworthy::checks::{
    Check, CheckFile, Config, LoadError, Profile, Profiles, Source, compile, shipped, yaml,
};
use airworthy::facts::saved::SavedHost;
use airworthy::facts::{self, Circumstances};
use airworthy::gather;
use proptest::prelude::*;

fn profiles() -> Profiles<'static> {
    Profiles { shipped: shipped::PROFILES }
}

fn profile() -> Profile {
    profiles().named("openpai").expect("it ships")
}

fn compiled(text: &str, profile: &Profile) -> Result<Check, LoadError> {
    compile(&Source { file: "own.yaml", id: "own", text }, profile)
}

/// A place lies within the text.
fn placed(error: &LoadError) {
    if let Some((line, column)) = error.at {
        assert!(line >= 1 && column >= 1, "{error}");
        assert!(line <= error.text.lines().count() + 1, "{error}");
    }
    let _ = error.to_string();
}

/// Sound text with some of it cut out, doubled or replaced.
fn mangled(of: &'static [(&'static str, &'static str)]) -> impl Strategy<Value = String> {
    let text = (0..of.len()).prop_map(move |at| of[at].1.to_owned());
    let pieces = prop_oneof![
        Just(String::new()),
        "[\\PC\\n\\t]{0,12}",
        "[-:{}\\[\\]!&*|>'\"#, \\n()=<.]{1,10}",
        Just("\n".to_owned()),
    ];
    (text, prop::collection::vec((any::<prop::sample::Index>(), 0usize..40, pieces), 1..4)).prop_map(
        |(mut text, edits)| {
            for (at, length, with) in edits {
                let floor = |mut at: usize, text: &str| {
                    at = at.min(text.len());
                    while !text.is_char_boundary(at) {
                        at -= 1;
                    }
                    at
                };
                let start = floor(at.index(text.len() + 1), &text);
                let end = floor(start + length, &text);
                text.replace_range(start..end.max(start), &with);
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_text_is_no_check_file(text in "[\\PC\\n\\t]{0,200}") {
        if let Err(error) = compiled(&text, &profile()) {
            placed(&error);
        }
        for error in [
            yaml::<CheckFile>("own.yaml", &text).err(),
            Config::parse("airworthy.yaml", &text).err(),
            profiles().in_file("mine.yaml", &text).err(),
        ].into_iter().flatten() {
            placed(&error);
        }
    }

    #[test]
    fn mangled_check_files_are_errors_with_a_place(text in mangled(shipped::CHECKS)) {
        if let Err(error) = compiled(&text, &profile()) {
            placed(&error);
        }
    }

    #[test]
    fn mangled_profiles_are_errors_with_a_place(text in mangled(shipped::PROFILES)) {
        if let Err(error) = profiles().in_file("mine.yaml", &text) {
            placed(&error);
        }
    }

    #[test]
    fn arbitrary_conditions_are_errors_with_a_place(
        condition in "[a-z0-9.()\\[\\]!&|<>=?:+*/%\"', -]{0,80}",
    ) {
        let text = format!(
            "title: T\nseverity: error\nroles: [worker]\nrequire: |-\n  x{condition}\nwhy: w\nremediation: r\n"
        );
        if let Err(error) = compiled(&text, &profile()) {
            placed(&error);
        }
    }

    #[test]
    fn arbitrary_bytes_are_no_saved_facts_and_no_transcript(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        cut in any::<prop::sample::Index>(),
    ) {
        let _ = SavedHost::parse(&String::from_utf8_lossy(&bytes));
        let probes = facts::host::probes();
        let boundary = "00112233445566778899aabbccddeeff";
        let whole = format!(
            "\n@{boundary} airworthy 1 1700000000.5\n\n@{boundary} out os\nID=ubuntu\n\n@{boundary} exit os 0\n\n\
             @{boundary} err os\n\n@{boundary} end\n"
        );
        let mut heard = whole.into_bytes();
        let at = cut.index(heard.len());
        heard.splice(at..at, bytes);
        if let Ok(boundary) = gather::boundary_of(&heard)
            && let Ok(answered) = gather::take_apart(heard, &boundary, &probes)
        {
            let _ = facts::host::parse(&answered.transcript, &Circumstances::default());
        }
    }
}
