//! Lines of text that keep to a width: words, tones, hanging indents. Knows nothing of reports.

use unicode_width::UnicodeWidthChar;

use crate::report::escape;

/// Below this, indents leave no room for words; narrower terminals get lines of this width.
const NARROWEST: usize = 20;

/// What a piece of text is to the eye; a colour only where colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
    Caution,
    Doubt,
}

impl Tone {
    /// The parameters of the SGR sequence that starts it. Only the eight colours that every
    /// terminal lets its user choose.
    fn sgr(self) -> Option<&'static str> {
        match self {
            Tone::Plain => None,
            Tone::Strong => Some("1"),
            Tone::Faint => Some("2"),
            Tone::Good => Some("1;32"),
            Tone::Bad => Some("1;31"),
            Tone::Caution => Some("1;33"),
            Tone::Doubt => Some("1;35"),
        }
    }
}

/// A run of text in several tones. Everything is escaped on its way in, so that nothing which
/// acts on a terminal can reach the paper.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    cells: Vec<(char, Tone)>,
}

impl Text {
    /// Text in one tone.
    pub(super) fn of(tone: Tone, text: &str) -> Text {
        Text::default().and(tone, text)
    }

    /// Text in no particular tone.
    pub(super) fn plain(text: &str) -> Text {
        Text::of(Tone::Plain, text)
    }

    /// More text behind it.
    pub(super) fn and(mut self, tone: Tone, text: &str) -> Text {
        self.cells.extend(escape::clean(text).chars().map(|c| (c, tone)));
        self
    }

    /// How many columns it takes in one line.
    pub(super) fn width(&self) -> usize {
        width_of(&self.cells)
    }

    /// Its words, each with the number of spaces before it. With `whole_commands`, what stands
    /// between two backticks is one word.
    fn words(&self, whole_commands: bool) -> Vec<(usize, &[(char, Tone)])> {
        let mut words = Vec::new();
        let mut at = 0;
        while at < self.cells.len() {
            let gap = self.cells[at..].iter().take_while(|(c, _)| *c == ' ').count();
            let start = at + gap;
            let mut end = start;
            while end < self.cells.len() && self.cells[end].0 != ' ' {
                let tick = whole_commands && self.cells[end].0 == '`';
                let closing = tick.then(|| self.cells[end + 1..].iter().position(|(c, _)| *c == '`'));
                end += closing.flatten().map_or(1, |length| length + 2);
            }
            if end > start {
                words.push((gap, &self.cells[start..end]));
            }
            at = end;
        }
        words
    }
}

/// What to do with a word that is longer than a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Long {
    /// Break it where the line ends.
    Broken,
    /// Let it stand out on a line of its own: a broken command is worse than a long line. Words
    /// are then also what stands between two backticks.
    Whole,
    /// Do not even wrap at spaces: the line is a command.
    Verbatim,
}

/// The paper that is written on.
pub(super) struct Paper {
    width: usize,
    color: bool,
    text: String,
}

impl Paper {
    /// Empty paper of a width.
    pub(super) fn new(width: usize, color: bool) -> Paper {
        Paper { width: width.max(NARROWEST), color, text: String::new() }
    }

    /// How many columns a line may take.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Whether tones are shown as colours.
    pub(super) fn color(&self) -> bool {
        self.color
    }

    /// Everything written so far.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// An empty line; never two of them, and none at the top.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A paragraph whose first line starts in column `first` and whose others in column `rest`.
    pub(super) fn write(&mut self, first: usize, rest: usize, text: &Text, long: Long) {
        // Indents give way on narrow paper before words have to.
        let most = self.width / 3;
        let (first, rest) = (first.min(most), rest.min(most));
        let mut line: Vec<(char, Tone)> = vec![(' ', Tone::Plain); first];
        let mut used = first;
        let mut fresh = true;
        for (gap, word) in text.words(long != Long::Broken) {
            // A command keeps the spaces that it begins with.
            let (mut word, gap) = (word, if fresh && long != Long::Verbatim { 0 } else { gap });
            if !fresh && long != Long::Verbatim && used + gap + width_of(word) > self.width {
                self.put(&line);
                line = vec![(' ', Tone::Plain); rest];
                used = rest;
            } else {
                line.extend(vec![(' ', Tone::Plain); gap]);
                used += gap;
            }
            while long == Long::Broken && used + width_of(word) > self.width {
                let fits = prefix(word, self.width - used);
                line.extend(&word[..fits]);
                self.put(&line);
                line = vec![(' ', Tone::Plain); rest];
                used = rest;
                word = &word[fits..];
            }
            line.extend(word);
            used += width_of(word);
            fresh = false;
        }
        if !fresh {
            self.put(&line);
        }
    }

    /// A paragraph that starts in column `indent`, with a label before it in column `first`.
    pub(super) fn write_labelled(
        &mut self,
        first: usize,
        label: &Text,
        indent: usize,
        rest: usize,
        text: Text,
    ) {
        if label.cells.is_empty() {
            return self.write(indent, rest, &text, Long::Broken);
        }
        let mut line = label.clone();
        let taken = first.min(self.width / 3) + label.width();
        let gap = indent.min(self.width / 3).saturating_sub(taken).max(1);
        line = line.and(Tone::Plain, &" ".repeat(gap));
        line.cells.extend(text.cells);
        self.write(first, rest, &line, Long::Broken);
    }

    /// Lines that were laid out elsewhere, of text that is clean.
    pub(super) fn paste(&mut self, lines: &str) {
        self.text.push_str(lines);
    }

    /// One line, its tones as SGR sequences where colours are wanted.
    fn put(&mut self, line: &[(char, Tone)]) {
        let mut now = Tone::Plain;
        for &(c, tone) in line {
            if self.color && tone != now && c != ' ' {
                if now != Tone::Plain {
                    self.text.push_str("\x1b[0m");
                }
                if let Some(sgr) = tone.sgr() {
                    self.text.push_str("\x1b[");
                    self.text.push_str(sgr);
                    self.text.push('m');
                }
                now = tone;
            }
            self.text.push(c);
        }
        if now != Tone::Plain {
            self.text.push_str("\x1b[0m");
        }
        self.text.push('\n');
    }
}

fn width_of(cells: &[(char, Tone)]) -> usize {
    cells.iter().map(|(c, _)| c.width().unwrap_or(0)).sum()
}

/// How many of the characters fit; at least one, so that breaking comes to an end.
fn prefix(word: &[(char, Tone)], room: usize) -> usize {
    let mut used = 0;
    let fits = word.iter().take_while(|(c, _)| {
        used += c.width().unwrap_or(0);
        used <= room
    });
    fits.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(width: usize, text: &str, long: Long) -> String {
        let mut paper = Paper::new(width, false);
        paper.write(2, 4, &Text::plain(text), long);
        paper.into_text()
    }

    #[test]
    fn words_wrap_with_a_hanging_indent() {
        assert_eq!(
            written(20, "one two three four  five", Long::Broken),
            "  one two three four\n    five\n".to_owned()
        );
        assert_eq!(written(30, "a = 1  (b)", Long::Broken), "  a = 1  (b)\n");
        assert_eq!(written(30, "   ", Long::Broken), "");
    }

    #[test]
    fn long_words_are_broken_by_columns() {
        assert_eq!(
            written(20, &"x".repeat(40), Long::Broken),
            "  xxxxxxxxxxxxxxxxxx\n    xxxxxxxxxxxxxxxx\n    xxxxxx\n"
        );
        assert_eq!(written(20, &"京".repeat(10), Long::Broken), "  京京京京京京京京京\n    京\n");
    }

    #[test]
    fn commands_stay_whole() {
        assert_eq!(
            written(20, "run `systemctl restart docker now` then go", Long::Whole),
            "  run\n    `systemctl restart docker now`\n    then go\n"
        );
        assert_eq!(
            written(20, "a ` lone tick wraps as usual", Long::Whole),
            "  a ` lone tick\n    wraps as usual\n"
        );
        let command = "sudo systemctl restart docker";
        assert_eq!(written(20, command, Long::Verbatim), format!("  {command}\n"));
        assert_eq!(written(20, "  eth0:", Long::Verbatim), "    eth0:\n");
    }

    #[test]
    fn colours_are_ours_alone() {
        let mut paper = Paper::new(40, true);
        paper.write(0, 0, &Text::of(Tone::Bad, "FAIL").and(Tone::Plain, " \x1b[32mok"), Long::Broken);
        assert_eq!(paper.into_text(), "\x1b[1;31mFAIL \x1b[0m␛[32mok\n");
    }
}
