//! One line of ssh_config: its keyword and what stands behind it.

/// The keywords whose value is the rest of the line, as it is.
const WHOLE: [&str; 4] = ["proxycommand", "proxyjump", "localcommand", "remotecommand"];

/// A line taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// In lowercase.
    pub(super) keyword: String,
    /// The words behind it; one for a keyword that takes the rest of the line.
    pub(super) words: Vec<String>,
}

impl Line {
    /// `None` for an empty line and a comment.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{c}');
        if text.is_empty() || text.starts_with('#') {
            return None;
        }
        let (keyword, rest) = match text.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
            Some((keyword, rest)) => (keyword, rest),
            None => {
                text.split_at(text.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(text.len()))
            }
        };
        let keyword = keyword.to_ascii_lowercase();
        let rest = rest.trim_start();
        if WHOLE.contains(&keyword.as_str()) {
            let rest = rest.trim_start_matches(|c: char| c == '=' || c.is_ascii_whitespace());
            return Some(Line { keyword, words: vec![rest.to_owned()] });
        }
        let rest = rest.strip_prefix('=').unwrap_or(rest);
        Some(Line { keyword, words: words(rest) })
    }
}

/// Words as OpenSSH has them: quotes of both kinds, a backslash before a quote, a backslash or a blank, and `#` at the
/// start of a word for a comment. A quote that is not closed ends with the line.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, quote) {
            (' ' | '\t', None) => words.extend(word.take()),
            ('#', None) if word.is_none() => break,
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            ('\\', _) => {
                let escapes =
                    |next: &char| matches!(next, '\'' | '"' | '\\') || (*next == ' ' && quote.is_none());
                let taken = characters.next_if(escapes).unwrap_or('\\');
                word.get_or_insert_default().push(taken);
            }
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
