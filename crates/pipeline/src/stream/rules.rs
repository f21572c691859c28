//! The three rules, each of its own: what is embedded, how long a vector stays, what removes it.
//!
//! Asked by the worker for every change. The decision: time is the source's (commit times and the watermark they push),
//! never this machine's, so that a replay decides as the first run did.

use super::moment::SECOND;

/// What to do with a change that comes after its watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Late {
    /// Process it like any other, and count it.
    #[default]
    Keep,
    /// Put it to the dead letters. Deletes are processed all the same.
    Dead,
}

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How late a change may be, in microseconds.
    pub watermark: i64,
    /// What to do with later ones.
    pub late: Late,
    /// An insert or update is embedded when the item came into being at most this long before it; none: always.
    pub eligible: Option<i64>,
    /// How long a vector stays after the item came into being; none: for ever.
    pub kept: Option<i64>,
    /// How long a tombstone stays; none: for ever.
    pub tombstones: Option<i64>,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            watermark: 300 * SECOND,
            late: Late::Keep,
            eligible: Some(24 * 3600 * SECOND),
            kept: None,
            tombstones: None,
        }
    }
}

impl Rules {
    /// Whether a change at `time` of an item that came into being at `created` is embedded. An item that does not say when
    /// is taken for new.
    #[must_use]
    pub fn is_eligible(&self, created: Option<i64>, time: i64) -> bool {
        match (self.eligible, created) {
            (Some(window), Some(created)) => created >= time.saturating_sub(window),
            _ => true,
        }
    }
}

/// The time up to which the source is taken to be complete; it never goes back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Watermark {
    latest: Option<i64>,
    /// The latest time that an earlier run has seen.
    kept: Option<i64>,
}

impl Watermark {
    /// One that goes on ageing what is kept from the latest time of an earlier run, and calls nothing late because of that.
    #[must_use]
    pub fn resumed(kept: Option<i64>) -> Watermark {
        Watermark { latest: None, kept }
    }

    /// The latest time seen, in earlier runs, too.
    #[must_use]
    pub fn latest(&self) -> Option<i64> {
        self.latest.max(self.kept)
    }

    /// Where it stands for the age of what is kept; none before the very first change.
    #[must_use]
    pub fn age(&self, rules: &Rules) -> Option<i64> {
        self.latest().map(|latest| latest.saturating_sub(rules.watermark))
    }

    /// Takes a change's time; whether it comes too late.
    pub fn observe(&mut self, rules: &Rules, time: i64) -> bool {
        let late = self.at(rules).is_some_and(|mark| time < mark);
        self.latest = self.latest.max(Some(time));
        late
    }

    /// Where it stands; none before the first change of this run.
    #[must_use]
    pub fn at(&self, rules: &Rules) -> Option<i64> {
        self.latest.map(|latest| latest.saturating_sub(rules.watermark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600 * SECOND;

    #[test]
    fn an_item_is_eligible_within_the_window_of_its_event() {
        let rules = Rules::default();
        let now = 1000 * HOUR;
        assert!(rules.is_eligible(Some(now), now));
        assert!(rules.is_eligible(Some(now - 24 * HOUR), now));
        assert!(!rules.is_eligible(Some(now - 24 * HOUR - 1), now));
        assert!(rules.is_eligible(None, now));
        let always = Rules {
            eligible: None,
            ..rules
        };
        assert!(always.is_eligible(Some(0), now));
    }

    #[test]
    fn the_watermark_follows_the_latest_change_and_never_goes_back() {
        let (rules, mut mark) = (Rules::default(), Watermark::default());
        assert!(!mark.observe(&rules, HOUR));
        assert!(!mark.observe(&rules, HOUR - 300 * SECOND));
        assert!(mark.observe(&rules, HOUR - 300 * SECOND - 1));
        assert_eq!(mark.at(&rules), Some(HOUR - 300 * SECOND));
    }

    #[test]
    fn an_earlier_run_ages_what_is_kept_and_makes_no_change_late() {
        let rules = Rules::default();
        let mut mark = Watermark::resumed(Some(9 * HOUR));
        assert!(
            !mark.observe(&rules, HOUR),
            "a replay decides as the first run did"
        );
        assert_eq!(mark.at(&rules), Some(HOUR - 300 * SECOND));
        assert_eq!(mark.age(&rules), Some(9 * HOUR - 300 * SECOND));
        assert_eq!(mark.latest(), Some(9 * HOUR));
    }
}
