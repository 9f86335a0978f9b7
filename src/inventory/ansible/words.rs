//! Words of a line, quoting and comments as Python's `shlex.split(line, comments=True)` has them.

/// A word, and the character (from 0) at which it starts.
#[derive(Debug, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) column: usize,
}

/// A quote that is never closed, or a backslash with nothing behind it: what, and the character it is at.
#[derive(Debug, PartialEq)]
pub(super) struct Unclosed {
    pub(super) what: &'static str,
    pub(super) column: usize,
}

/// The words of a line. `#` starts a comment everywhere outside quotes, also inside a word.
pub(super) fn split(line: &str) -> Result<Vec<Word>, Unclosed> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut characters = line.chars().enumerate();
    while let Some((column, c)) = characters.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '#' => break,
            _ => {
                let text = &mut word.get_or_insert_with(|| Word { text: String::new(), column }).text;
                match c {
                    '\\' => match characters.next() {
                        Some((_, escaped)) => text.push(escaped),
                        None => return Err(Unclosed { what: "a backslash at the end of the line", column }),
                    },
                    '\'' | '"' => quoted(text, c, &mut characters)
                        .ok_or(Unclosed { what: "a quote that is not closed", column })?,
                    _ => text.push(c),
                }
            }
        }
    }
    words.extend(word);
    Ok(words)
}

/// The rest of a quoted part; `None` where its end is missing.
fn quoted(
    text: &mut String,
    quote: char,
    characters: &mut impl Iterator<Item = (usize, char)>,
) -> Option<()> {
    loop {
        match characters.next()?.1 {
            c if c == quote => return Some(()),
            '\\' if quote == '"' => match characters.next()?.1 {
                c @ ('"' | '\\') => text.push(c),
                c => text.extend(['\\', c]),
            },
            c => text.push(c),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).unwrap().into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_those_of_shlex() {
        assert_eq!(texts("a b=\"c d\" e='f \"g\"'"), ["a", "b=c d", "e=f \"g\""]);
        assert_eq!(texts("a b=c#d e"), ["a", "b=c"]);
        assert_eq!(texts(r#"a b=x\ y c="\d\"""#), ["a", "b=x y", r#"c=\d""#]);
        assert_eq!(texts("a '' # comment"), ["a", ""]);
        assert_eq!(split("n a='b").unwrap_err().column, 4);
        assert!(split("n a=b\\").is_err());
    }
}
