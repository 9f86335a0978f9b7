//! The few of a kind that were used last.

use std::collections::VecDeque;

/// How many are kept: one a kind of machine and role, where nothing is a host's own.
const MOST: usize = 8;

/// The few that were used last.
#[derive(Debug)]
pub(crate) struct Recent<T> {
    latest_first: VecDeque<T>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Recent { latest_first: VecDeque::new() }
    }
}

impl<T> Recent<T> {
    /// The one that is meant, where it is among them; else what `make` makes, in place of the one that was not used for the
    /// longest time.
    ///
    /// # Errors
    /// Those of `make`.
    pub(crate) fn recall<E>(
        &mut self,
        is_meant: impl Fn(&T) -> bool,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        let one = match self.latest_first.iter().position(is_meant) {
            Some(0) => return Ok(&self.latest_first[0]),
            Some(at) => self.latest_first.remove(at),
            None => None,
        };
        let one = one.map_or_else(make, Ok)?;
        self.latest_first.truncate(MOST - 1);
        self.latest_first.push_front(one);
        Ok(&self.latest_first[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_is_kept_and_what_fails_costs_nothing() {
        let mut recent = Recent::default();
        let mut made = Vec::new();
        let mut recall = |one: usize| {
            let make = || {
                made.push(one);
                if one == 99 { Err("refused") } else { Ok(one) }
            };
            recent.recall(|known| *known == one, make).copied()
        };
        for one in 0..MOST {
            assert_eq!(recall(one), Ok(one));
        }
        assert_eq!(recall(0), Ok(0)); // now 1 is the oldest
        assert_eq!(recall(99), Err("refused"));
        assert_eq!(recall(100), Ok(100));
        for one in [0, 2, 100, MOST - 1] {
            assert_eq!(recall(one), Ok(one));
        }
        assert_eq!(recall(1), Ok(1));
        let wanted: Vec<usize> = (0..MOST).chain([99, 100, 1]).collect();
        assert_eq!(made, wanted);
    }
}
