//! Regular expressions: Ansible's filters and tests, by the regex crate. What only Python's engine knows
//! (look-around, backreferences) stops the template.

use regex::{Regex, RegexBuilder};

use super::evaluate::{Args, Evaluation};
use super::python::str_of;
use super::stop::{Stop, Yield};
use super::value::Val;

/// `regex_replace`, `regex_search`, `regex_findall`, `regex_escape`.
pub(super) fn apply<'v>(
    own: &mut Evaluation<'v, '_>,
    name: &str,
    text: &str,
    args: &Args<'v>,
) -> Yield<Val<'v>> {
    own.spend(text.len())?;
    match name {
        "regex_escape" => Err(Stop::undecidable("the filter `regex_escape`")),
        "regex_replace" => {
            args.only(2, &["pattern", "replacement", "ignorecase", "multiline"])?;
            let regex = compile(args)?;
            let replacement = match args.get(1, "replacement") {
                Some(value) => str_of(value)?,
                None => String::new(),
            };
            let replaced = regex.replace_all(text, template(&replacement)?.as_str()).into_owned();
            own.spend(replaced.len())?;
            Ok(Val::text(replaced))
        }
        "regex_search" => {
            args.only(1, &["pattern", "ignorecase", "multiline"])?;
            Ok(compile(args)?.find(text).map_or(Val::Null, |found| Val::text(found.as_str())))
        }
        _ => {
            args.only(1, &["pattern", "ignorecase", "multiline"])?;
            let regex = compile(args)?;
            if regex.captures_len() > 1 {
                return Err(Stop::undecidable("`regex_findall` with groups"));
            }
            Ok(Val::list(regex.find_iter(text).map(|found| Val::text(found.as_str())).collect()))
        }
    }
}

/// The tests `match`, `search` and `regex`.
pub(super) fn tests(name: &str, text: &str, args: &Args<'_>) -> Yield<bool> {
    args.only(1, &["pattern", "ignorecase", "multiline"])?;
    let found = compile(args)?.find(text).map(|found| found.start());
    Ok(if name == "match" { found == Some(0) || at_start(text, args)? } else { found.is_some() })
}

/// `match` may find a later alternative at the start where a search finds an earlier one elsewhere.
fn at_start(text: &str, args: &Args<'_>) -> Yield<bool> {
    let pattern = format!(r"\A(?:{})", pattern_of(args)?);
    Ok(build(&pattern, args)?.is_match(text))
}

fn pattern_of(args: &Args<'_>) -> Yield<String> {
    str_of(args.get(0, "pattern").ok_or_else(|| Stop::failed("a regular expression is missing"))?)
}

fn compile(args: &Args<'_>) -> Yield<Regex> {
    build(&pattern_of(args)?, args)
}

fn build(pattern: &str, args: &Args<'_>) -> Yield<Regex> {
    let flag = |wanted: &str| {
        args.named.iter().find(|(name, _)| name == wanted).map_or(Ok(false), |(_, value)| value.is_true())
    };
    let python = pattern.replace(r"\Z", r"\z");
    RegexBuilder::new(&python)
        .case_insensitive(flag("ignorecase")?)
        .multi_line(flag("multiline")?)
        .size_limit(1 << 20)
        .build()
        .map_err(|_| Stop::undecidable(format!("the regular expression `{pattern}`")))
}

/// Python's replacement (`\1`, `\g<name>`) in the regex crate's words.
fn template(replacement: &str) -> Yield<String> {
    let mut words = String::new();
    let mut rest = replacement;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '$' => words.push_str("$$"),
            '\\' => {
                let name = match rest.strip_prefix("g<").and_then(|group| group.split_once('>')) {
                    Some((name, after)) => {
                        rest = after;
                        name
                    }
                    None => {
                        let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
                        let (name, after) = rest.split_at(digits);
                        rest = after;
                        name
                    }
                };
                match name {
                    "" if rest.starts_with('\\') => {
                        rest = &rest[1..];
                        words.push('\\');
                    }
                    "" => return Err(Stop::undecidable("such an escape in a replacement")),
                    name => words.push_str(&format!("${{{name}}}")),
                }
            }
            c => words.push(c),
        }
    }
    Ok(words)
}
