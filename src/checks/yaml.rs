//! Reads one of our own YAML files, with the place of a mistake.

use saphyr_parser::{Event, Parser, Tag};
use serde::de::DeserializeOwned;

use super::error::{LoadError, nearest};
use crate::merge_conflict::{self, Marker};

/// The largest file of ours, in bytes.
const LARGEST: usize = 256 * 1024;
/// Values deeper in the file than this are not told apart by their path.
const DEEPEST_PATH: usize = 4;

/// Reads `text` as a `T`.
///
/// # Errors
/// With line and column: not YAML, a key that does not exist (and the nearest that does), a wrong
/// type, a tag.
pub fn yaml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, LoadError> {
    if text.len() > LARGEST {
        return Err(LoadError::new(file, "", format!("the file is larger than {} KiB", LARGEST / 1024))
            .help("split it"));
    }
    if let Some(offset) = first_tag(text) {
        return Err(LoadError::new(file, text, "a YAML tag stands here")
            .help(
                "YAML reads a leading `!` as a tag: write the condition as a block, `require: |-` and the condition \
                 on the next line; put other text into quotes",
            )
            .at_offset(offset));
    }
    serde_saphyr::from_str(text).map_err(|error| {
        if let Some(marker) = Marker::first(text) {
            let error = LoadError::new(file, text, marker.message()).help(merge_conflict::HELP);
            return error.at(marker.number, 1);
        }
        let at = error.location().map(|at| (at.line() as usize, at.column() as usize));
        let (message, help) = explain(&first_sentence(&error.without_snippet().to_string()));
        // What is missing from the whole file stands nowhere.
        let is_missing = message.starts_with("the key `") && message.ends_with("is missing");
        let at = at.map(|at| if is_missing && at.1 == 1 { (1, 1) } else { at });
        LoadError { at: at.filter(|_| !text.is_empty()), help, ..LoadError::new(file, text, message) }
    })
}

/// The reader's words in ours, and advice.
fn explain(said: &str) -> (String, Option<String>) {
    let after =
        |head: &str| said.strip_prefix(head).map(|rest| rest.trim_matches(['`', '\'', ' ']).to_owned());
    if let Some((wrong, names)) = one_of(said, "unknown field `") {
        return (format!("there is no key `{wrong}`"), Some(choice(&wrong, &names)));
    }
    if let Some((wrong, names)) = one_of(said, "unknown variant `") {
        return (format!("`{wrong}` is none of the words that may stand here"), Some(choice(&wrong, &names)));
    }
    if let Some(key) = after("missing field ") {
        return (
            format!("the key `{key}` is missing"),
            Some("`airworthy schema` tells what each key means (check, profile, config)".to_owned()),
        );
    }
    if let Some(rest) = after("duplicate mapping key: ") {
        let key = rest.split(", set ").next().unwrap_or_default().to_owned();
        return (format!("the key `{key}` stands here a second time"), Some("keep one of them".to_owned()));
    }
    let (message, help) = match said {
        _ if said.contains("null into string") => (
            "the value is missing",
            "write it behind the colon; a text that looks like null goes into quotes",
        ),
        _ if said.starts_with("expected mapping start") => ("`key: value` lines are expected here", ""),
        _ if said.starts_with("expected sequence start") => {
            ("a list is expected here", "write it as `[a, b]`")
        }
        _ if said.starts_with("expected string scalar") => ("a text is expected here", "put it into quotes"),
        _ if said.starts_with("multiple YAML documents") => {
            ("a second YAML document begins here", "a file holds one: remove the `---` line and what follows")
        }
        _ if said.contains("did not find expected") => {
            (said, "mend what stands here or just before: indentation, a quote, a bracket or a colon")
        }
        _ if said.ends_with(" is not a date") => (said, "write the last day as 2026-12-31"),
        _ if said.contains("tabs disallowed") => (said, "YAML is indented with spaces"),
        _ if said.starts_with("unexpected end of input") => ("the file is empty", ""),
        _ => (said, ""),
    };
    (message.to_owned(), Some(help.to_owned()).filter(|help| !help.is_empty()))
}

/// serde's "unknown field `x`, expected one of a, b": x, and those.
fn one_of(said: &str, head: &str) -> Option<(String, Vec<String>)> {
    let (wrong, rest) = said.split_once(head)?.1.split_once('`')?;
    let rest = rest.trim_start_matches(", expected ").trim_start_matches("one of ");
    let names = rest.split([',', ' ']).map(|name| name.trim_matches('`').to_owned());
    Some((wrong.to_owned(), names.filter(|name| !name.is_empty() && name != "or").collect()))
}

fn choice(wrong: &str, names: &[String]) -> String {
    match nearest(wrong, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", names.join(", ")),
    }
}

/// Without the position, which is told apart.
fn first_sentence(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message.to_owned(),
    }
}

/// The byte at which the first tag stands; none of our files has a use for one, and a silent one would turn
/// `! docker.running` into its contrary.
fn first_tag(text: &str) -> Option<usize> {
    let may_have_one = memchr::memchr_iter(b'!', text.as_bytes()).any(|at| may_be_tag(text, at));
    if may_have_one { tag_found(text) } else { None }
}

/// The same, by reading the whole text.
fn tag_found(text: &str) -> Option<usize> {
    let mut parser = Parser::new_from_str(text);
    while let Some(Ok((event, span))) = parser.next_event() {
        let tag: Option<&Tag> = match &event {
            Event::Scalar(_, _, _, tag) | Event::SequenceStart(_, tag) | Event::MappingStart(_, tag) => {
                tag.as_deref()
            }
            Event::StreamEnd => None,
            _ => continue,
        };
        if tag.is_some() {
            // The span begins behind the tag, on this line or one before.
            let start = byte_of(text, span.start.index());
            return text[..start].rfind('!').or(Some(start));
        }
        if event == Event::StreamEnd {
            break;
        }
    }
    None
}

/// Whether the `!` at a byte stands where a value may begin: first in its line, behind an indicator or behind an anchor.
/// All others, such as those of `a != b`, are text, and most files need not be read once more.
fn may_be_tag(text: &str, at: usize) -> bool {
    let line = text[..at].rsplit(['\n', '\r']).next().unwrap_or_default();
    let line = line.trim_start_matches('\u{feff}').trim_end();
    let word = line.rsplit([' ', '\t']).next().unwrap_or_default();
    line.is_empty() || line.ends_with([':', '-', '?', '[', '{', ',', '!', '>']) || word.contains('&')
}

/// The byte at which a value stands, by its path: `require`, `examples.0`.
pub(super) fn value_offset(text: &str, path: &str) -> Option<usize> {
    let wanted: Vec<&str> = path.split('.').collect();
    let mut open: Vec<Open> = Vec::new();
    let mut parser = Parser::new_from_str(text);
    while let Some(Ok((event, span))) = parser.next_event() {
        match &event {
            Event::StreamEnd => return None,
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
                advance(&mut open);
                continue;
            }
            Event::Scalar(..) | Event::Alias(_) | Event::SequenceStart(..) | Event::MappingStart(..) => {}
            _ => continue,
        }
        // A scalar where a key is due is the key.
        if let (Some(Open::Mapping(key @ None)), Event::Scalar(name, ..)) = (open.last_mut(), &event) {
            *key = Some(name.to_string());
            continue;
        }
        let here = open.len() == wanted.len() && open.len() <= DEEPEST_PATH;
        if here
            && open.iter().zip(&wanted).all(|(open, step)| match open {
                Open::Sequence(at) => at.to_string() == **step,
                Open::Mapping(key) => key.as_deref() == Some(*step),
            })
        {
            return Some(byte_of(text, span.start.index()));
        }
        match event {
            Event::SequenceStart(..) => open.push(Open::Sequence(0)),
            Event::MappingStart(..) => open.push(Open::Mapping(None)),
            _ => advance(&mut open),
        }
    }
    None
}

/// A collection that is open: the index of what comes, or the key whose value comes.
enum Open {
    Sequence(usize),
    Mapping(Option<String>),
}

/// A value is over.
fn advance(open: &mut [Open]) {
    match open.last_mut() {
        Some(Open::Sequence(at)) => *at += 1,
        Some(Open::Mapping(key)) => *key = None,
        None => {}
    }
}

/// The byte within the file at which a character of a scalar stands, counted from 0: folding and indentation
/// change white space alone, quoting adds characters.
pub(super) fn offset_in_scalar(text: &str, path: &str, value: &str, character: usize) -> Option<usize> {
    let start = value_offset(text, path)?;
    let raw = &text[start..];
    // The `|-` of a block is not its text.
    let header = match raw.starts_with(['|', '>']) {
        true => raw.find('\n')? + 1,
        false => 0,
    };
    let mut rest = raw[header..].char_indices();
    let mut found = None;
    for (at, c) in value.chars().enumerate() {
        if at > character && found.is_some() {
            break;
        }
        if !c.is_whitespace() {
            found = Some(rest.find(|(_, raw)| *raw == c)?.0);
        }
    }
    found.map(|offset| start + header + offset)
}

fn byte_of(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn soup() -> impl Strategy<Value = String> {
        let words = [
            "!",
            "!x ",
            "!!str ",
            "!<y> ",
            "&a ",
            "&a",
            "*a",
            "require",
            ": ",
            ":",
            "- ",
            "-",
            "? ",
            "[",
            "]",
            "{",
            "}",
            ",",
            "\"k\"",
            "'k'",
            "|",
            ">",
            "|-",
            "a",
            " ",
            "  ",
            "\t",
            "\n",
            "\r",
            "\r\n",
            "# c",
            "---",
            "--- ",
            "...",
            "\u{feff}",
            "&&",
            "!=",
            "%TAG ! x\n",
            "\u{85}",
            "\u{2028}",
        ];
        proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..12)
            .prop_map(|words| words.concat())
    }

    #[test]
    fn a_merge_conflict_is_named_as_such() {
        let text = "title: x\n<<<<<<< HEAD\nprofile: base\n=======\nprofile: openpai\n>>>>>>> theirs\n";
        let error = yaml::<serde_json::Value>("airworthy.yaml", text).expect_err("no YAML");
        assert_eq!(error.at, Some((2, 1)));
        assert!(error.message.contains("a merge conflict that is not resolved: `<<<<<<< HEAD`"), "{error}");
        assert!(error.help.is_some_and(|help| help.contains("keep one side")));
        let text = "text: |\n  a\n=======\n";
        assert_eq!(yaml::<serde_json::Value>("own.yaml", text).expect_err("no YAML").at, Some((3, 1)));
        assert!(yaml::<serde_json::Value>("own.yaml", "text: |\n  =======\n").is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// A tag that is overlooked may turn a condition into its contrary.
        #[test]
        fn no_tag_is_overlooked(text in soup()) {
            prop_assert_eq!(first_tag(&text), tag_found(&text));
        }
    }
}
