//! Regular expressions: Ansible's filters and tests, by the regex crate. What only Python's engine knows
//! (look-around, backreferences) stops the template.

use regex::{Regex, RegexBuilder};

use super::evaluate::{Args, Evaluation};
use super::made::TextBuilder;
use super::stop::{Stop, Yield, short};
use super::value::Val;

/// Longer texts are not searched.
const LONGEST: usize = 1024 * 1024;
/// How many expressions an evaluation keeps compiled.
const MOST_COMPILED: usize = 64;

/// `regex_replace`, `regex_search`, `regex_findall`, `regex_escape`.
pub(super) fn apply<'v>(
    own: &mut Evaluation<'v, '_>,
    name: &str,
    text: &str,
    args: &Args<'v>,
) -> Yield<Val<'v>> {
    is_searchable(text)?;
    match name {
        "regex_escape" => Err(Stop::undecidable("the filter `regex_escape`")),
        "regex_replace" => {
            args.only(2, &["pattern", "replacement", "ignorecase", "multiline"])?;
            let regex = compile(own, args)?;
            let replacement = match args.get(1, "replacement") {
                Some(value) => own.str_of(value)?.to_string(),
                None => String::new(),
            };
            own.scan(replacement.len())?;
            replace(own, &regex, text, &pieces(&replacement)?)
        }
        "regex_search" => {
            args.only(1, &["pattern", "ignorecase", "multiline"])?;
            let regex = compile(own, args)?;
            match own.timed(|| regex.find(text))? {
                Some(found) => own.text(found.as_str()),
                None => Ok(Val::Null),
            }
        }
        _ => {
            args.only(1, &["pattern", "ignorecase", "multiline"])?;
            let regex = compile(own, args)?;
            if regex.captures_len() > 1 {
                return Err(Stop::undecidable("`regex_findall` with groups"));
            }
            let mut matches = regex.find_iter(text);
            let mut found = Vec::new();
            while let Some(next) = own.timed(|| matches.next())? {
                found.push(next.as_str());
            }
            own.texts(found)
        }
    }
}

fn replace<'v>(
    own: &mut Evaluation<'v, '_>,
    regex: &Regex,
    text: &str,
    replacement: &[Piece<'_>],
) -> Yield<Val<'v>> {
    let mut replaced = TextBuilder::default();
    let mut matches = regex.captures_iter(text);
    let mut end = 0;
    // One by one, because the text to be made is paid for before it is made.
    while let Some(captures) = own.timed(|| matches.next())? {
        let Some(whole) = captures.get(0) else { break };
        replaced.push(own, &text[end..whole.start()])?;
        for piece in replacement {
            let piece = match piece {
                Piece::Literal(text) => Some(*text),
                Piece::Group(name) => {
                    let numbered = name.parse().ok().and_then(|number| captures.get(number));
                    numbered.or_else(|| captures.name(name)).map(|group| group.as_str())
                }
            };
            replaced.push(own, piece.unwrap_or_default())?;
        }
        end = whole.end();
    }
    replaced.push(own, &text[end..])?;
    Ok(Val::Text(replaced.finish()))
}

/// The tests `match`, `search` and `regex`.
pub(super) fn tests<'v>(
    own: &mut Evaluation<'v, '_>,
    name: &str,
    text: &str,
    args: &Args<'v>,
) -> Yield<bool> {
    is_searchable(text)?;
    args.only(1, &["pattern", "ignorecase", "multiline"])?;
    let regex = compile(own, args)?;
    let found = own.timed(|| regex.find(text).map(|found| found.start()))?;
    Ok(if name == "match" { found == Some(0) || at_start(own, text, args)? } else { found.is_some() })
}

/// `match` may find a later alternative at the start where a search finds an earlier one elsewhere.
fn at_start<'v>(own: &mut Evaluation<'v, '_>, text: &str, args: &Args<'v>) -> Yield<bool> {
    let pattern = format!(r"\A(?:{})", pattern_of(own, args)?);
    let regex = build(own, pattern, args)?;
    own.timed(|| regex.is_match(text))
}

fn is_searchable(text: &str) -> Yield<()> {
    match text.len() {
        0..=LONGEST => Ok(()),
        length => Err(Stop::undecidable(format!("a regular expression on a text of {length} bytes"))),
    }
}

fn pattern_of<'v>(own: &mut Evaluation<'v, '_>, args: &Args<'v>) -> Yield<String> {
    let pattern = args.get(0, "pattern").ok_or_else(|| Stop::failed("a regular expression is missing"))?;
    let pattern = own.str_of(pattern)?;
    own.scan(pattern.len())?;
    match pattern.len() {
        0..=MAX_PATTERN => Ok(pattern.to_string()),
        length => Err(Stop::undecidable(format!("a regular expression of {length} bytes"))),
    }
}

/// Longer expressions are not compiled.
const MAX_PATTERN: usize = 16 * 1024;

fn compile<'v>(own: &mut Evaluation<'v, '_>, args: &Args<'v>) -> Yield<Regex> {
    let pattern = pattern_of(own, args)?;
    build(own, pattern, args)
}

fn build(own: &mut Evaluation<'_, '_>, pattern: String, args: &Args<'_>) -> Yield<Regex> {
    let flag = |wanted: &str| {
        args.named.iter().find(|(name, _)| name == wanted).map_or(Ok(false), |(_, value)| value.is_true())
    };
    let key = (pattern, flag("ignorecase")?, flag("multiline")?);
    if let Some(known) = own.patterns.get(&key) {
        return Ok(known.clone());
    }
    let (pattern, ignores_case, knows_lines) = &key;
    let built = own.timed(|| {
        let python = pattern.replace(r"\Z", r"\z");
        RegexBuilder::new(&python)
            .case_insensitive(*ignores_case)
            .multi_line(*knows_lines)
            .size_limit(1 << 20)
            .build()
    })?;
    let regex =
        built.map_err(|_| Stop::undecidable(format!("the regular expression `{}`", short(pattern))))?;
    if own.patterns.len() < MOST_COMPILED {
        own.patterns.insert(key, regex.clone());
    }
    Ok(regex)
}

/// A part of what replaces a match.
enum Piece<'r> {
    Literal(&'r str),
    /// A group's number or name.
    Group(&'r str),
}

/// Python's replacement: `\1`, `\g<name>`.
fn pieces(replacement: &str) -> Yield<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = replacement;
    while let Some(at) = rest.find('\\') {
        pieces.push(Piece::Literal(&rest[..at]));
        rest = &rest[at + 1..];
        let (name, after) = match rest.strip_prefix("g<").and_then(|group| group.split_once('>')) {
            Some((name, after)) => (name, after),
            None => rest.split_at(rest.bytes().take(2).take_while(u8::is_ascii_digit).count()),
        };
        if !name.is_empty() {
            pieces.push(Piece::Group(name));
            rest = after;
        } else if rest.starts_with('\\') {
            pieces.push(Piece::Literal("\\"));
            rest = &rest[1..];
        } else {
            return Err(Stop::undecidable("such an escape in a replacement"));
        }
    }
    pieces.push(Piece::Literal(rest));
    Ok(pieces)
}
