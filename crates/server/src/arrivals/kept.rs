//! Answers that are kept for a moment, so that the lists of one user ask the stream once and not each.
//!
//! A list asks what is new and near its user; between two changes of the stream and two deeds of the user the answer is the same. The
//! decision: it is kept for `arrivals.keep_ms` at most, and given up as soon as the stream is heard to have moved (asked every
//! `arrivals.poll_ms`) or the user has done something: so the list after a deed knows of it, as without this.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rankine_recommend::recall::Candidate;
use rustc_hash::FxHashMap;

/// Users whose answers are kept.
const USERS: usize = 10_000;

/// What an answer is of: the user, how much the user had done, how many items were asked for.
pub(super) type Asked = (i64, usize, usize);

/// See the module.
#[derive(Default)]
pub(super) struct Kept {
    lasts: Duration,
    /// Grows with every change that is heard of.
    turn: AtomicU64,
    answers: Mutex<FxHashMap<i64, One>>,
    asked: AtomicU64,
    again: AtomicU64,
}

struct One {
    of: Asked,
    turn: u64,
    at: Instant,
    candidates: Vec<Candidate>,
}

impl Kept {
    /// Keeps answers for so long; nothing where that is zero.
    pub(super) fn new(lasts: Duration) -> Kept {
        Kept {
            lasts,
            ..Kept::default()
        }
    }

    /// The answer that is kept, or what `ask` says.
    pub(super) fn answer(&self, of: Asked, ask: impl FnOnce() -> Vec<Candidate>) -> Vec<Candidate> {
        // read first: what moves while it is asked makes the answer old
        let turn = self.turn.load(Ordering::Acquire);
        if let Some(candidates) = self.find(of, turn) {
            self.again.fetch_add(1, Ordering::Relaxed);
            return candidates;
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let candidates = ask();
        if !self.lasts.is_zero() {
            self.keep(One {
                of,
                turn,
                at: Instant::now(),
                candidates: candidates.clone(),
            });
        }
        candidates
    }

    /// The stream has moved: what is kept is old.
    pub(super) fn moved(&self) {
        self.turn.fetch_add(1, Ordering::Release);
    }

    /// How many answers were asked for, and how many were kept ones.
    pub(super) fn counts(&self) -> [u64; 2] {
        [&self.asked, &self.again].map(|count| count.load(Ordering::Relaxed))
    }

    fn find(&self, of: Asked, turn: u64) -> Option<Vec<Candidate>> {
        let all = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let one = all
            .get(&of.0)
            .filter(|one| self.holds(one, turn) && one.of == of)?;
        Some(one.candidates.clone())
    }

    fn holds(&self, one: &One, turn: u64) -> bool {
        one.turn == turn && one.at.elapsed() < self.lasts
    }

    fn keep(&self, one: One) {
        let mut all = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= USERS && !all.contains_key(&one.of.0) {
            all.retain(|_, old| self.holds(old, one.turn));
            if all.len() >= USERS {
                all.clear();
            }
        }
        all.insert(one.of.0, one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_recommend::recall::Reason;

    fn candidates(item: i64) -> Vec<Candidate> {
        vec![Candidate {
            item,
            score: 1.0,
            reason: Reason::Arrival,
        }]
    }

    /// The answer's first item, by an answer that would be `item` if it were asked for.
    fn asked(kept: &Kept, of: Asked, item: i64) -> i64 {
        kept.answer(of, || candidates(item))[0].item
    }

    #[test]
    fn an_answer_is_kept_until_the_stream_moves_or_the_user_does_something() {
        let kept = Kept::new(Duration::from_secs(3600));
        assert_eq!(asked(&kept, (6, 4, 10), 1), 1);
        assert_eq!(asked(&kept, (6, 4, 10), 2), 1, "nothing has happened");
        assert_eq!(asked(&kept, (7, 4, 10), 3), 3, "another user");
        assert_eq!(asked(&kept, (6, 5, 10), 4), 4, "the user has done something");
        assert_eq!(asked(&kept, (6, 5, 20), 5), 5, "more are asked for");
        kept.moved();
        assert_eq!(asked(&kept, (6, 5, 20), 6), 6, "the stream has moved");
        assert_eq!(kept.counts(), [5, 1]);
    }

    #[test]
    fn what_moves_while_it_is_asked_makes_the_answer_old() {
        let kept = Kept::new(Duration::from_secs(3600));
        kept.answer((6, 0, 1), || {
            kept.moved();
            candidates(1)
        });
        assert_eq!(asked(&kept, (6, 0, 1), 2), 2);
    }

    #[test]
    fn nothing_is_kept_longer_than_said_and_nothing_without_a_time() {
        let kept = Kept::new(Duration::from_nanos(1));
        asked(&kept, (6, 0, 1), 1);
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(asked(&kept, (6, 0, 1), 2), 2);
        let none = Kept::new(Duration::ZERO);
        asked(&none, (6, 0, 1), 1);
        assert_eq!((asked(&none, (6, 0, 1), 2), none.counts()), (2, [2, 0]));
        assert!(none.answers.lock().unwrap().is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let kept = Kept::new(Duration::from_secs(3600));
        for user in 0..25_000 {
            asked(&kept, (user, 0, 1), user);
        }
        assert!(kept.answers.lock().unwrap().len() <= USERS);
    }
}
