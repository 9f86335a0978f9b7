//! What the terminal is like: width, colour, and the two streams. Nothing else writes to them, so that all they get is safe
//! (see [`super::safe_output`]).

use std::env;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use crate::input;

use super::safe_output::{Kind, SafeWriter, safe};

/// What stands for stdin or stdout where a file is named.
pub(super) const STDIO: &str = "-";

/// Columns of a table where nobody tells: a file or a pipe.
const PIPE_WIDTH: usize = 120;

/// The columns a table may take.
pub(super) fn width() -> usize {
    let told = env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
    let seen = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    seen.or(told).filter(|width| *width > 0).unwrap_or(PIPE_WIDTH)
}

/// Whether a stream wants colour: `NO_COLOR`, `CLICOLOR_FORCE` and `TERM=dumb` are obeyed.
pub(super) fn color(is_terminal: bool) -> bool {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if set("NO_COLOR") {
        return false;
    }
    if set("CLICOLOR_FORCE") && env::var("CLICOLOR_FORCE").is_ok_and(|value| value != "0") {
        return true;
    }
    is_terminal && env::var("TERM").is_ok_and(|term| term != "dumb")
}

/// Writes text to stdout; a reader that went away is not an error.
pub(super) fn out(text: &str) -> io::Result<()> {
    stream(Kind::Text, |into| into.write_all(text.as_bytes()))
}

/// Writes JSON to stdout; a reader that went away is not an error.
pub(super) fn json(text: &str) -> io::Result<()> {
    stream(Kind::Json, |into| into.write_all(text.as_bytes()))
}

/// Writes a script to stdout, byte for byte: it is run, and holds no text but ours and shell-quoted words.
pub(super) fn script(text: &str) -> io::Result<()> {
    ended(io::stdout().lock().write_all(text.as_bytes()))
}

/// Writes to stdout piece by piece; a reader that went away is not an error.
pub(super) fn stream(kind: Kind, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let stdout = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let mut into = SafeWriter::new(stdout, kind);
    ended(write(&mut into).and_then(|()| into.flush()))
}

fn ended(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a line to stderr.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{}", safe(text, Kind::Text));
}

/// Writes a question to stderr, without a line end.
pub(super) fn ask(text: &str) -> io::Result<()> {
    write!(io::stderr(), "{}", safe(text, Kind::Text)).and_then(|()| io::stderr().flush())
}

/// Writes an error that was laid out, perhaps in colours, to stderr.
pub(super) fn error(text: &str, color: bool) {
    let kind = if color { Kind::Styled } else { Kind::Text };
    let _ = writeln!(io::stderr(), "{}", safe(text, kind));
}

/// Writes what clap says of the command line to the stream it is for.
pub(super) fn clap(words: &clap::Error) {
    let is_error = words.use_stderr();
    let color = color(if is_error { stderr_is_terminal() } else { stdout_is_terminal() });
    let text = words.render();
    let (text, kind) = match color {
        true => (text.ansi().to_string(), Kind::Styled),
        false => (text.to_string(), Kind::Text),
    };
    let text = safe(&text, kind);
    let _ = match is_error {
        true => io::stderr().write_all(text.as_bytes()),
        false => io::stdout().write_all(text.as_bytes()), // a reader that went away is not an error
    };
}

/// The bytes of a file, or for `-` those of stdin; at most `limit`.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    match path.as_os_str() == STDIO {
        true => input::read_stdin(limit),
        false => input::read_named(path, limit),
    }
}

/// Whether stdout is a terminal.
pub(super) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether stderr is a terminal.
pub(super) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}
