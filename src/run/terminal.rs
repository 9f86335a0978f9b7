//! What the terminal is like: width, colour, and the two streams.

use std::env;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use crate::input;

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

/// Writes to stdout; a reader that went away is not an error.
pub(super) fn out(text: &str) -> io::Result<()> {
    stream(|into| into.write_all(text.as_bytes()))
}

/// Writes to stdout piece by piece; a reader that went away is not an error.
pub(super) fn stream(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut stdout = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a line to stderr, without what could drive a terminal.
pub(super) fn note(text: &str) {
    let clean: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    let _ = writeln!(io::stderr(), "{clean}");
}

/// Writes an error that was made safe already, colour and all.
pub(super) fn error(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
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
