//! Text that came from a file, made one inert word of shell.

/// Quotes `text` so that POSIX `sh` reads it as one word, whatever it holds.
pub fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::shell_quote;

    #[test]
    fn quotes_end_and_begin_again() {
        assert_eq!(shell_quote("a'b $(c) `d`"), r"'a'\''b $(c) `d`'");
        assert_eq!(shell_quote(""), "''");
    }
}
