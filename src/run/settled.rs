//! A host that was judged, and what is kept of it.

use crate::checks::{Judge, Verdict};
use crate::facts::HostRecord;
use crate::facts::fleet::Essence;

/// A host that was judged.
pub(super) struct Settled {
    record: HostRecord<Essence>,
    whole: Option<HostRecord>,
    verdicts: Vec<Verdict>,
}

impl Settled {
    /// Judges a host and lets go of its facts, unless they are `wanted` as a whole.
    pub(super) fn of(judge: &Judge<'_>, record: HostRecord, wanted: bool) -> Settled {
        let verdicts = judge.host(&record);
        let whole = wanted.then(|| record.clone());
        Settled { record: record.map(Essence::from), whole, verdicts }
    }
}

/// What is compared of each host, the hosts as a whole where they are wanted, and the verdicts.
pub(super) fn parts(settled: Vec<Settled>) -> (Vec<HostRecord<Essence>>, Vec<HostRecord>, Vec<Vec<Verdict>>) {
    let mut parts = (Vec::with_capacity(settled.len()), Vec::new(), Vec::with_capacity(settled.len()));
    for Settled { record, whole, verdicts } in settled {
        parts.0.push(record);
        parts.1.extend(whole);
        parts.2.push(verdicts);
    }
    parts
}
