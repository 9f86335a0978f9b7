//! Verdicts as they stand in a JSON report. Many hosts share all of one but the host: that is laid out once.

use std::collections::HashMap;
use std::io;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;

use crate::checks::{Conclusion, Verdict};

/// What stands around the verdicts of a report.
pub(super) const BEFORE: &str = "\n  \"results\": [";
pub(super) const BEHIND: &str = "\n  ]";
/// What stands around the host of a verdict, and the host of none. In JSON no text holds a line end, so that line
/// stands nowhere else.
const HOST: &str = "\n      \"host\": ";
const NO_HOST: &str = "\n      \"host\": null,";

/// The conclusions of a report's verdicts, laid out.
#[derive(Default)]
pub(super) struct Layouts<'r> {
    /// By where a conclusion lies: while the report lives, no other lies there.
    known: RwLock<HashMap<usize, Arc<Layout>>>,
    of: PhantomData<&'r [Verdict]>,
}

/// A verdict's text before and behind its host.
struct Layout {
    before: String,
    behind: String,
}

impl<'r> Layouts<'r> {
    /// These verdicts as they stand in a report, from the line end before the first to the last one's brace.
    ///
    /// # Errors
    /// Never, as long as a verdict holds nothing but text, numbers and maps.
    pub(super) fn lay_out(&self, verdicts: &'r [Verdict]) -> io::Result<Vec<u8>> {
        let mut text = Vec::with_capacity(verdicts.len() * 2048);
        for (at, verdict) in verdicts.iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            let layout = self.layout(verdict.conclusion())?;
            text.extend_from_slice(layout.before.as_bytes());
            text.extend_from_slice(HOST.as_bytes());
            serde_json::to_writer(&mut text, &verdict.host)?;
            text.push(b',');
            text.extend_from_slice(layout.behind.as_bytes());
        }
        Ok(text)
    }

    fn layout(&self, conclusion: &'r Arc<Conclusion>) -> io::Result<Arc<Layout>> {
        if Arc::strong_count(conclusion) == 1 {
            return Ok(Arc::new(Layout::of(conclusion)?)); // one host's alone
        }
        let place = Arc::as_ptr(conclusion).addr();
        if let Some(layout) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&place) {
            return Ok(Arc::clone(layout));
        }
        let layout = Arc::new(Layout::of(conclusion)?);
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(place, Arc::clone(&layout));
        Ok(layout)
    }
}

impl Layout {
    fn of(conclusion: &Arc<Conclusion>) -> io::Result<Layout> {
        #[derive(Serialize)]
        struct Results {
            results: [Verdict; 1],
        }
        let nobodys = Verdict::new(None, Arc::clone(conclusion));
        let text = serde_json::to_string_pretty(&Results { results: [nobodys] })?;
        let text = text.strip_prefix("{").and_then(|text| text.strip_prefix(BEFORE));
        let text = text.and_then(|text| text.strip_suffix("\n}")?.strip_suffix(BEHIND));
        let halves = text.and_then(|text| text.split_once(NO_HOST));
        let (before, behind) = halves.ok_or_else(|| io::Error::other("a verdict is laid out otherwise"))?;
        Ok(Layout { before: before.to_owned(), behind: behind.to_owned() })
    }
}
