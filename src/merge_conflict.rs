//! Merge conflicts that git left in a file: the reason why it cannot be read, whatever a parser says.

/// What to do about one.
pub(crate) const HELP: &str =
    "keep one side, and remove the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`";

/// The lines that git puts around the two sides, and around what both come from.
const MARKERS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// A line that git put there.
#[derive(Debug, PartialEq)]
pub(crate) struct Marker<'a> {
    /// Its number, counted from 1.
    pub(crate) number: usize,
    text: &'a str,
}

impl<'a> Marker<'a> {
    /// The first one in a text.
    pub(crate) fn first(text: &'a str) -> Option<Marker<'a>> {
        let is_marker = |line: &str| {
            let rest = MARKERS.iter().find_map(|marker| line.strip_prefix(marker));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let (index, text) = text.lines().enumerate().find(|(_, line)| is_marker(line))?;
        Some(Marker { number: index + 1, text })
    }

    /// What is wrong.
    pub(crate) fn message(&self) -> String {
        format!("a merge conflict that is not resolved: `{}`", self.text.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gits_markers_are_found_and_nothing_else() {
        let found = |text| Marker::first(text).map(|marker| (marker.number, marker.message()));
        let message = |text: &str| format!("a merge conflict that is not resolved: `{text}`");
        let conflict = "a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> theirs\n";
        assert_eq!(found(conflict), Some((2, message("<<<<<<< HEAD"))));
        assert_eq!(found("a\r\n=======\r\nb\r\n"), Some((2, message("======="))));
        assert_eq!(found("x\n>>>>>>> theirs"), Some((2, message(">>>>>>> theirs"))));
        assert_eq!(found("||||||| base\n"), Some((1, message("||||||| base"))));
        for text in ["<<<<<< a", "<<<<<<<<", " <<<<<<< HEAD", "========", "# =======", "<<: *a", ">>>>>>>>x"]
        {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
