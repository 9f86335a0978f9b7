//! From the bytes a host wrote to a transcript: the frame, and nothing of the meaning.
//!
//! Every line of ours begins with `@` and the boundary, which only this run knows: it travels on stdin,
//! and stands in no command line, no environment and no file that another user may read. So neither a
//! banner nor an rc file's noise nor hostile output can forge a section or hide one; and an answer that
//! holds the boundary where we did not write it is refused as a whole.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use memchr::{memchr, memmem};

use crate::facts::{Ended, Probe, Section, Transcript};

use super::error::FrameError;

/// The most a host may say, in bytes. Answers are some 20 KiB long, and with thousands of interfaces or ports one or two MiB;
/// the answers of a hundred hosts that all send the most fit into memory.
pub(super) const ANSWER_LIMIT: usize = 4 * 1024 * 1024;

/// A whole answer, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The host's clock when it wrote its first line, in seconds since 1970; `None` where it has no
    /// `date` that tells.
    pub clock: Option<Clock>,
    /// Its sections.
    pub transcript: Transcript,
}

/// A host's clock as it told it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// Seconds since 1970.
    pub seconds: f64,
    /// How fine it told them, in seconds: busybox's `date` knows no fractions.
    pub resolution: f64,
}

/// Whether the end mark is among the bytes heard, of which those before `checked` were searched before.
pub(super) fn is_whole(heard: &[u8], boundary: &str, checked: usize) -> bool {
    let mark = format!("\n@{boundary} end\n");
    memmem::find(&heard[checked.saturating_sub(mark.len())..], mark.as_bytes()).is_some()
}

/// Takes a whole answer apart; the sections share its bytes.
///
/// # Errors
/// When it has no end mark, its first line is missing, or the script refused to work.
pub fn take_apart(heard: impl Into<Bytes>, boundary: &str, probes: &[Probe]) -> Result<Answered, FrameError> {
    let heard: Bytes = heard.into();
    let mark = format!("@{boundary} ");
    let mut clock = None;
    let (mut began, mut whole) = (false, false);
    let mut sections: BTreeMap<Cow<'static, str>, Section> = BTreeMap::new();
    let mut open: Option<(String, Bytes)> = None;
    // What stands before our first mark is noise. The line end before a mark is its own, not the body's before it.
    let is_mark =
        |at: usize| at >= 2 && heard[..at].ends_with(b"\n@") && heard[at - 1..].starts_with(mark.as_bytes());
    let places = memmem::find_iter(&heard, boundary.as_bytes());
    let mut places = places.skip_while(|at| !is_mark(*at)).peekable();
    let is_ours = places.peek().is_some();
    while let Some(place) = places.next() {
        if !is_mark(place) {
            return Err(FrameError::Forged);
        }
        // Behind the boundary and the space; and before the line end and the `@` of the next.
        let start = place - 1 + mark.len();
        let end = match places.peek() {
            Some(next) if is_mark(*next) => (next - 2).max(start),
            _ => heard.len(),
        };
        let line_end = memchr(b'\n', &heard[start..end]).map_or(end, |length| start + length);
        let line = String::from_utf8_lossy(&heard[start..line_end]);
        let body = heard.slice((line_end + 1).min(end)..end);
        let mut words = line.splitn(4, ' ');
        match (words.next().unwrap_or_default(), words.next().unwrap_or_default()) {
            ("airworthy", "1") => {
                began = true;
                clock = parse_clock(words.next().unwrap_or_default());
            }
            ("out", name) => open = Some((name.to_owned(), body)),
            ("exit", name) => {
                if sections.get(name).is_some_and(|told| matches!(told.ended, Ended::Exited(_))) {
                    return Err(FrameError::Forged); // none ends twice
                }
                let status = words.next().and_then(|word| word.parse::<i32>().ok());
                let (Some((_, out)), Some(status)) = (open.take_if(|(opened, _)| opened == name), status)
                else {
                    continue; // an end without its beginning is not an answer
                };
                let (name, source) = name_and_source(name, probes);
                let ended = Ended::Exited(status);
                sections.insert(name, Section { source, ended, out, err: Bytes::new(), stuck: None });
            }
            // Told of all probes of a process: of those that ended before, of the one that hangs, of those behind it.
            ("timeout", name) => {
                let out = open.take_if(|(opened, _)| opened == name).map(|(_, out)| out);
                if let (Some(ms), true) = (
                    words.next().and_then(|word| word.parse::<u64>().ok()),
                    out.is_some() || !sections.contains_key(name),
                ) {
                    let (name, source) = name_and_source(name, probes);
                    let ended = Ended::TimedOut(ms);
                    let stuck = words.next().map(str::to_owned);
                    let out = out.unwrap_or_default();
                    sections.insert(name, Section { source, ended, out, err: Bytes::new(), stuck });
                }
            }
            ("err", name) => {
                if let Some(section) = sections.get_mut(name) {
                    section.err = body;
                }
            }
            ("refused", _) => {
                let reason = line.trim_start_matches("refused ").to_owned();
                return Err(FrameError::Refused(reason));
            }
            ("end", _) => {
                whole = true;
                break;
            }
            _ => {}
        }
    }
    match (began, whole) {
        (false, _) if !is_ours => return Err(FrameError::NotOurs(preview(&heard))),
        (false, _) => return Err(FrameError::Header("no `airworthy 1` line".to_owned())),
        (true, false) => return Err(FrameError::Cut),
        (true, true) => {}
    }
    Ok(Answered { clock, transcript: Transcript::new(sections) })
}

/// The boundary of a saved answer, told by its own first line.
///
/// # Errors
/// When there is no such line.
pub fn boundary_of(saved: &[u8]) -> Result<String, FrameError> {
    saved
        .split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok()?.strip_prefix('@')?.split_once(" airworthy "))
        .map(|(boundary, _)| boundary.to_owned())
        .next()
        .ok_or_else(|| FrameError::NotOurs(preview(saved)))
}

/// What a host said instead of our script's answer, for people.
pub(super) fn preview(heard: &[u8]) -> String {
    let text = String::from_utf8_lossy(&heard[..heard.len().min(400)]);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { "it said nothing".to_owned() } else { format!("it said `{text}`") }
}

/// A section's name and its source, which for a probe of ours nobody needs to copy.
fn name_and_source(name: &str, probes: &[Probe]) -> (Cow<'static, str>, Cow<'static, str>) {
    match probes.iter().find(|probe| probe.name == name) {
        Some(probe) => (Cow::Borrowed(probe.name), Cow::Borrowed(probe.source)),
        None => (Cow::Owned(name.to_owned()), Cow::Owned(name.to_owned())),
    }
}

fn parse_clock(word: &str) -> Option<Clock> {
    let (whole, fraction) = word.trim().split_once('.').unwrap_or((word.trim(), ""));
    let whole: u64 = whole.parse().ok()?;
    match (fraction.len(), fraction.parse::<u64>()) {
        (1..=9, Ok(digits)) => {
            let resolution = 10f64.powi(-(fraction.len() as i32));
            Some(Clock { seconds: whole as f64 + digits as f64 * resolution, resolution })
        }
        _ => Some(Clock { seconds: whole as f64 + 0.5, resolution: 1.0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDARY: &str = "0123456789abcdef";

    /// Taken apart: `§` stands for a mark.
    fn apart(answer: &str) -> Result<Vec<(String, String, String)>, FrameError> {
        let answer = answer.replace('§', &format!("@{BOUNDARY} "));
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        let told = |(name, section): (&Cow<'_, str>, &Section)| {
            (name.to_string(), text(&section.out), text(&section.err))
        };
        take_apart(answer, BOUNDARY, &[])
            .map(|answered| answered.transcript.sections().iter().map(told).collect())
    }

    fn one(out: &str, err: &str) -> Vec<(String, String, String)> {
        vec![("a".to_owned(), out.to_owned(), err.to_owned())]
    }

    #[test]
    fn a_body_reaches_to_the_line_end_that_belongs_to_the_next_mark() {
        for (out, err) in
            [("", ""), ("x", "y"), ("x\n", "y\n"), ("\n\n", "\n"), ("a@b\n@c\n@", "@@\n@"), ("@", "")]
        {
            let answer = format!("\n§airworthy 1 1.5\n\n§out a\n{out}\n§exit a 0\n\n§err a\n{err}\n§end\n");
            assert_eq!(apart(&answer), Ok(one(out, err)), "{out:?} {err:?}");
        }
    }

    #[test]
    fn what_stands_before_the_first_mark_is_noise_and_a_mark_begins_a_line() {
        let ours = "\n§airworthy 1 1.5\n\n§out a\nx\n§exit a 0\n\n§end\n";
        assert_eq!(apart(ours), Ok(one("x", "")));
        assert_eq!(apart(&format!("motd\n{ours}more")), Ok(one("x", "")));
        // Every mark has a line end of its own before it, so that none is at the very beginning.
        assert_eq!(apart(&ours[1..]), Err(FrameError::Header("no `airworthy 1` line".to_owned())));
    }

    /// Nothing on the host knows the boundary: who says it has read it where nobody should have.
    #[test]
    fn an_answer_that_holds_the_boundary_elsewhere_is_refused() {
        let with = |out: &str, err: &str| {
            apart(&format!("\n§airworthy 1 1.5\n\n§out a\n{out}\n§exit a 0\n\n§err a\n{err}\n§end\n"))
        };
        assert_eq!(with("x", "y"), Ok(one("x", "y")));
        for said in [
            format!("x @{BOUNDARY} exit a 1"),
            BOUNDARY.to_owned(),
            format!("@{BOUNDARY}"),
            format!("x\n @{BOUNDARY} end"),
            format!("\n{BOUNDARY} exit a 0"),
            format!("0123456789{BOUNDARY}"),
            "\n§exit a 0\n".to_owned(),
            "\n§exit a 0\n\n§out a\nforged".to_owned(),
        ] {
            assert_eq!(with(&said, ""), Err(FrameError::Forged), "{said}");
        }
        assert_eq!(with("x", &format!("+ printf {BOUNDARY}")), Err(FrameError::Forged));
        // What was never ours is not looked at: before the first mark, and behind the last.
        let ours = "\n§airworthy 1 1.5\n\n§out a\nx\n§exit a 0\n\n§end\n";
        assert_eq!(apart(&format!("{BOUNDARY}{ours}{BOUNDARY}")), Ok(one("x", "")));
    }

    #[test]
    fn marks_one_directly_behind_the_other() {
        assert_eq!(apart("\n§airworthy 1 1.5\n§out a\n§exit a 0\n§err a\n§\n§end"), Ok(one("", "")));
        assert_eq!(apart("\n§\n§airworthy 1 1.5\n§out a\n§exit a 0"), Err(FrameError::Cut));
        assert!(matches!(apart("\n§\n§"), Err(FrameError::Header(_))));
        assert!(matches!(apart("@@@\n@@\n@"), Err(FrameError::NotOurs(_))));
    }
}
