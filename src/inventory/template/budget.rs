//! What evaluating templates may cost: steps and bytes of one evaluation, and all evaluations of an inventory together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::evaluate::Evaluation;
use super::stop::{Stop, Yield};

/// Steps that one evaluation may take: each takes about as long as looking up a name, or as reading [`BYTES_A_STEP`] bytes.
const MAX_STEPS: usize = 2_000_000;
/// Bytes that one evaluation may allocate, those included that it frees again.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of text that are read in one step.
const BYTES_A_STEP: usize = 8;

/// What the templates of an inventory have cost so far, on all threads.
#[derive(Clone, Debug, Default)]
pub(in crate::inventory) struct RunCost(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    steps: AtomicU64,
    results: AtomicU64,
}

/// Steps and bytes of results that all templates of an inventory may come to, and those that each host adds. An inventory of
/// 5,000 hosts whose templates walk over all hosts takes a tenth of them.
const RUN_STEPS: (u64, u64) = (1_000_000_000, 500_000);
const RUN_RESULTS: (u64, u64) = (64 * 1024 * 1024, 128 * 1024);
/// A result of so many bytes is kept also when the inventory's are spent.
const SMALL_RESULT: u64 = 1024;
/// Steps that an evaluation may take when the inventory's are spent: enough for a value that is no template.
const STEPS_WHEN_SPENT: usize = 2_000;

/// What one evaluation may still cost.
pub(super) struct Budget {
    steps: usize,
    bytes: usize,
    run: RunCost,
    hosts: u64,
    is_run_spent: bool,
}

impl Budget {
    /// The budget of one evaluation in an inventory of so many hosts.
    pub(super) fn new(run: &RunCost, hosts: usize) -> Budget {
        let run = run.clone();
        let hosts = u64::try_from(hosts).unwrap_or(u64::MAX);
        let is_run_spent =
            is_over(&run.0.steps, RUN_STEPS, hosts) || is_over(&run.0.results, RUN_RESULTS, hosts);
        let steps = if is_run_spent { STEPS_WHEN_SPENT } else { MAX_STEPS };
        Budget { steps, bytes: MAX_BYTES, run, hosts, is_run_spent }
    }

    fn spend(&mut self, steps: usize) -> Yield<()> {
        let Some(left) = self.steps.checked_sub(steps) else {
            // What is left is too little for this step and for whatever would go on without it.
            self.steps = 0;
            return Err(Stop::undecidable(match self.is_run_spent {
                true => "the templates of this inventory together cost more than any inventory's should"
                    .to_owned(),
                false => "the template costs more than any inventory's should".to_owned(),
            }));
        };
        self.steps = left;
        Ok(())
    }

    /// Counts a result of so many bytes among those of the inventory.
    pub(super) fn keep(&mut self, bytes: usize) -> Yield<()> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if bytes > SMALL_RESULT && is_over(&self.run.0.results, RUN_RESULTS, self.hosts) {
            return Err(Stop::undecidable(
                "the templates of this inventory together make more than any inventory's should",
            ));
        }
        self.run.0.results.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Pays for so many bytes before they are allocated.
    pub(super) fn pay(&mut self, bytes: usize) -> Yield<()> {
        let Some(left) = self.bytes.checked_sub(bytes) else {
            self.bytes = 0;
            return Err(too_large(MAX_BYTES));
        };
        self.bytes = left;
        self.spend(1 + bytes / BYTES_A_STEP / 4)
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        if !self.is_run_spent {
            let used = u64::try_from(MAX_STEPS - self.steps).unwrap_or(u64::MAX);
            self.run.0.steps.fetch_add(used, Ordering::Relaxed);
        }
    }
}

fn is_over(so_far: &AtomicU64, (base, by_host): (u64, u64), hosts: u64) -> bool {
    so_far.load(Ordering::Relaxed) > base.saturating_add(by_host.saturating_mul(hosts))
}

/// What this thread has taken of the processor so far. Other programs do not change it, as they do a wall clock.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// The reason of a template that makes too much.
pub(super) fn too_large(bytes: usize) -> Stop {
    Stop::undecidable(format!("the template costs too much: it makes more than {bytes} bytes"))
}

impl Evaluation<'_, '_> {
    /// Accounts for work, so that no template runs for ever.
    pub(super) fn spend(&mut self, steps: usize) -> Yield<()> {
        self.budget.spend(steps)
    }

    /// Accounts for reading texts of so many bytes.
    pub(super) fn scan(&mut self, bytes: usize) -> Yield<()> {
        self.budget.spend(1 + bytes / BYTES_A_STEP)
    }

    /// Accounts for work whose cost only the processor's clock tells: a tenth of a microsecond is a step.
    pub(super) fn timed<T>(&mut self, work: impl FnOnce() -> T) -> Yield<T> {
        let begun = processor_time();
        let made = work();
        let taken = processor_time().saturating_sub(begun);
        self.budget.spend(1 + usize::try_from(taken.as_nanos() / 100).unwrap_or(usize::MAX))?;
        Ok(made)
    }
}
