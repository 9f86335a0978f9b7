//! A point in time that a stage may not pass, and what to say when it does.

use std::time::{Duration, Instant};

use super::{Stage, TransportError};

/// The longest wait that is ever computed with: an `Instant` cannot hold `Duration::MAX`.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The end of a whole visit.
#[derive(Clone, Copy, Debug)]
pub(super) struct VisitEnd {
    limit: Duration,
    at: Instant,
}

impl VisitEnd {
    /// `limit` from now.
    pub(super) fn within(limit: Duration) -> Self {
        VisitEnd { limit, at: Instant::now() + limit.min(FOREVER) }
    }

    /// The end of `stage`: `limit` from now, or the end of the visit where that comes first.
    pub(super) fn stage(&self, stage: Stage, limit: Duration) -> Deadline {
        let at = Instant::now() + limit.min(FOREVER);
        Deadline { stage, limit, at, visit: *self }
    }

    /// Time that people took does not count as the host's.
    pub(super) fn extend(&mut self, by: Duration) {
        self.at += by.min(FOREVER);
    }
}

/// The end of one stage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    stage: Stage,
    limit: Duration,
    at: Instant,
    visit: VisitEnd,
}

impl Deadline {
    /// What is left; the error once nothing is.
    pub(super) fn left(&self) -> Result<Duration, TransportError> {
        let left = self.at.min(self.visit.at).saturating_duration_since(Instant::now());
        if left.is_zero() { Err(self.passed()) } else { Ok(left) }
    }

    /// The error for having passed it.
    pub(super) fn passed(&self) -> TransportError {
        if self.visit.at < self.at {
            let limit = self.visit.limit.as_secs_f64();
            TransportError::new(self.stage, format!("the host's total time of {limit:.1} s was used up"))
        } else {
            TransportError::timed_out(self.stage, self.limit)
        }
    }

    /// The same end for a later stage, which shares the time.
    pub(super) fn shared_by(&self, stage: Stage) -> Deadline {
        Deadline { stage, ..*self }
    }

    /// The stage it ends.
    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Time that people took (typing a passphrase) does not count as the host's.
    pub(super) fn extend(&mut self, by: Duration) {
        self.at += by.min(FOREVER);
        self.visit.extend(by);
    }

    /// The command has a good reason to take longer.
    pub(super) fn prolong(&mut self, by: Duration) {
        self.limit += by;
        self.visit.limit = self.visit.limit.saturating_add(by);
        self.extend(by);
    }

    /// The end of the visit as this stage leaves it.
    pub(super) fn visit(&self) -> VisitEnd {
        self.visit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_that_share_a_deadline_end_together() {
        let end = VisitEnd::within(Duration::from_secs(60));
        let opening = end.stage(Stage::Connect, Duration::from_millis(30));
        std::thread::sleep(Duration::from_millis(20));
        let handshake = opening.shared_by(Stage::Handshake);
        assert!(handshake.left().expect("some time") <= Duration::from_millis(10));
        std::thread::sleep(Duration::from_millis(20));
        let passed = handshake.left().expect_err("all of it is used up");
        assert_eq!(passed, TransportError::timed_out(Stage::Handshake, Duration::from_millis(30)));
    }
}
