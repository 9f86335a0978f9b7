//! Shows an error to a person, with the place in the file where there is one.

use std::fmt;

use textwrap::{WordSeparator, WordSplitter};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use super::error::RunError;
use crate::{escape, redact};

/// A snippet with longer lines, in bytes, is no help.
const LONGEST_LINE: usize = 400;

/// One complaint about one place.
struct Complaint {
    message: String,
    help: Option<String>,
    source: Option<NamedSource<String>>,
    offset: usize,
}

impl fmt::Debug for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Complaint {}

impl Diagnostic for Complaint {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.source.as_ref()?;
        Some(Box::new(std::iter::once(LabeledSpan::new(None, self.offset, 1))))
    }
}

/// An error as it goes to stderr.
pub(super) fn render(error: &RunError, color: bool, width: usize) -> String {
    let complaints: Vec<Complaint> = match error {
        RunError::Inventory(inner) if !inner.diagnostics().is_empty() => inner
            .diagnostics()
            .iter()
            .map(|diagnostic| Complaint {
                message: clean(&diagnostic.message),
                help: Some(clean(&diagnostic.help)).filter(|help| !help.is_empty()),
                source: Some(NamedSource::new(
                    escape::line(&diagnostic.file.display().to_string()),
                    escape::of_same_length(&diagnostic.source),
                )),
                offset: diagnostic.offset,
            })
            .collect(),
        RunError::Load(load) => {
            let shown = load.at.filter(|(line, _)| {
                load.text.lines().skip(line.saturating_sub(2)).take(3).all(|line| line.len() <= LONGEST_LINE)
            });
            vec![Complaint {
                message: match (shown, load.at) {
                    (Some(_), _) => clean(&load.message),
                    (None, Some((line, column))) => {
                        format!("{}:{line}:{column}: {}", clean(&load.file), clean(&load.message))
                    }
                    (None, None) => format!("{}: {}", clean(&load.file), clean(&load.message)),
                },
                help: load.help.as_deref().map(clean),
                source: shown.map(|_| NamedSource::new(escape::line(&load.file), snippet(&load.text))),
                offset: load.at.map_or(0, |(line, column)| offset(&load.text, line, column)),
            }]
        }
        RunError::File { path, reason, help } => vec![Complaint {
            message: clean(&format!("{}: {reason}", path.display())),
            help: help.as_deref().map(clean),
            source: None,
            offset: 0,
        }],
        other => vec![Complaint { message: clean(&other.to_string()), help: None, source: None, offset: 0 }],
    };
    let mut theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    // Every error begins as clap's do, so that one word finds them all in a log.
    theme.characters.error = "error:".to_owned();
    // What is to be pasted (`docker-running`, a path) is not broken at its hyphens.
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width.max(40))
        .with_break_words(false)
        .with_word_separator(WordSeparator::AsciiSpace)
        .with_word_splitter(WordSplitter::NoHyphenation);
    let mut text = String::new();
    for complaint in complaints {
        let mut shown = String::new();
        if handler.render_report(&mut shown, &complaint).is_err() {
            shown = format!("error: {}", complaint.message);
        }
        text.push_str(shown.trim_start());
        text.push('\n');
    }
    text
}

/// A sentence as it may be shown, before it is laid out; line ends stay.
fn clean(text: &str) -> String {
    escape::lines(&redact::shown(text)).into_owned()
}

/// A file's text as it may be shown, byte for byte as long as it was, so that offsets still fit.
fn snippet(text: &str) -> String {
    escape::of_same_length(&redact::of_same_length(text))
}

fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let within: usize =
        text[start.min(text.len())..].chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
    (start + within).min(text.len())
}
