//! What a micro-batch asks for: changes sorted by the rules into rows to make, rows that are gone, dimensions that moved.
//!
//! The first half of the worker. The decision: of several changes of one key the last counts, and what the state says was
//! applied before is left out here, so that everything after may write without looking.

use std::collections::BTreeMap;

use super::change::{Change, Kind, Position};
use super::dead::Letter;
use super::moment;
use super::rules::Late;
use super::state::{Applied, Outcome, Pending, Reason};
use super::status::{DEAD, Status, Trace};
use super::worker::Worker;
use crate::error::PipelineError;

/// A row to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) position: Position,
    pub(crate) as_of: i64,
    pub(crate) received: i64,
    pub(crate) created: Option<i64>,
    /// It was there before the stream began: no rule asks how old it is.
    pub(crate) snapshot: bool,
    /// It was gone in this very batch: it is as old as it says itself.
    pub(crate) anew: bool,
    /// What asked for it, where that was not a change of its own.
    pub(crate) remake: Option<Pending>,
    pub(crate) before: Option<Applied>,
}

/// What a micro-batch asks for.
#[derive(Default)]
pub(crate) struct Work {
    pub(crate) wishes: BTreeMap<i64, Wish>,
    pub(crate) gone: BTreeMap<i64, (Position, i64)>,
    /// Those of `gone` that the join gave nothing for.
    pub(crate) unjoined: BTreeMap<i64, Wish>,
    pub(crate) dimensions: BTreeMap<(usize, String), (Position, i64)>,
    /// A dimension changed in a way that does not say which of its rows.
    pub(crate) unsettled: Option<(Position, i64)>,
    pub(crate) letters: Vec<Letter>,
    pub(crate) outcome: Outcome,
    pub(crate) news: Vec<Trace>,
    /// Those of `gone` whose time is over: when they came into being.
    pub(crate) expired: BTreeMap<i64, i64>,
}

impl Work {
    /// Takes the letter of a new change; where that names its item, the last items tell it.
    pub(crate) fn bury(&mut self, letter: Letter, received: i64) {
        if let Some(id) = letter.key {
            let position = Position::new(letter.lsn, letter.seq);
            let trace = Trace::new(id, DEAD, position, (letter.commit_time, received));
            let reason = format!("{}: {}", letter.stage, letter.reason);
            self.news.push(Trace { reason, ..trace });
        }
        self.letters.push(letter);
    }
}

impl Worker {
    /// The item that a change of the item table is about.
    pub(crate) fn key_of(&self, change: &Change) -> Option<i64> {
        change.text(&self.settings.item.1)?.parse().ok()
    }

    /// Puts changes of the item table that do not say which item to the dead letters.
    pub(crate) fn take_unnamed(&self, changes: &mut Vec<Change>, work: &mut Work) {
        let (table, column) = &self.settings.item;
        changes.retain(|change| {
            let named = change.kind == Kind::Truncate || self.key_of(change).is_some();
            let good = named || !same_table(table, &change.table);
            if !good {
                let got = change.text(column).unwrap_or("nothing");
                let reason = format!("column `{column}`: expected a whole number, got {got}");
                work.letters.push(self.letter_of("read", &reason, change));
            }
            good
        });
    }

    /// Sorts changes into rows to make, rows that are gone, and dimensions that moved.
    pub(crate) fn sort(&mut self, changes: &[Change], work: &mut Work) -> Result<(), PipelineError> {
        for change in changes {
            let of_items = same_table(&self.settings.item.0, &change.table);
            if of_items {
                self.sort_item(change, work)?;
            }
            let of_dimensions = self.sort_dimension(change, work);
            if !of_items && !of_dimensions {
                self.tell_unknown(&change.table);
            }
        }
        Ok(())
    }

    /// Tells, once, that changes come of a table that the configuration does not name: a slip there would leave the index empty.
    fn tell_unknown(&mut self, table: &str) {
        if !self.told.contains(table) {
            self.told.insert(table.to_owned());
            tracing::warn!(
                table,
                item = self.settings.item.0,
                "changes of a table that the configuration does not name are left out"
            );
        }
    }

    /// Notes which rows of dimensions a change moves; whether its table is one.
    pub(crate) fn sort_dimension(&self, change: &Change, work: &mut Work) -> bool {
        let mut found = false;
        for (at, dimension) in self.settings.dimensions.iter().enumerate() {
            if same_table(&dimension.table, &change.table) {
                found = true;
                let place = (change.position, change.commit_time);
                match change.text(&dimension.key) {
                    Some(key) => {
                        work.dimensions.insert((at, key.to_owned()), place);
                    }
                    // it was emptied, or does not say which row: whatever rests on it may have changed
                    None => work.unsettled = work.unsettled.max(Some(place)),
                }
            }
        }
        found
    }

    fn sort_item(&mut self, change: &Change, work: &mut Work) -> Result<(), PipelineError> {
        let place = (change.position, change.commit_time);
        let late = self.watermark.observe(&self.settings.rules, change.commit_time);
        Status::add(&self.status.late, usize::from(late));
        if change.kind == Kind::Truncate {
            return self.empty(place, work);
        }
        let Some(key) = self.key_of(change) else {
            return Ok(());
        };
        if change.kind == Kind::Delete {
            work.wishes.remove(&key);
            work.gone.insert(key, place);
            return Ok(());
        }
        if late && self.settings.rules.late == Late::Dead {
            let reason = "later than the watermark allows";
            let letter = self.letter("rules", reason, Some(key), change.position, change.commit_time);
            work.bury(letter, change.received);
            return Ok(());
        }
        let created = self
            .settings
            .created
            .as_deref()
            .and_then(|c| change.text(c))
            .and_then(moment::parse);
        // an earlier change of this batch may have brought what this one leaves out
        let waiting = work.wishes.get(&key).copied();
        let created = created.or_else(|| waiting.and_then(|wish| wish.created));
        let wanted =
            change.kind == Kind::Snapshot || self.settings.rules.is_eligible(created, change.commit_time);
        if !wanted {
            Status::add(&self.status.ineligible, 1);
            return Ok(());
        }
        let anew = work.gone.remove(&key).is_some() || waiting.is_some_and(|wish| wish.anew);
        let wish = Wish {
            position: change.position,
            as_of: change.commit_time,
            received: change.received,
            created,
            snapshot: change.kind == Kind::Snapshot || waiting.is_some_and(|wish| wish.snapshot),
            anew,
            remake: None,
            before: None,
        };
        work.wishes.insert(key, wish);
        Ok(())
    }

    /// The item table was emptied: everything that lives is gone.
    fn empty(&mut self, place: (Position, i64), work: &mut Work) -> Result<(), PipelineError> {
        let wishes = std::mem::take(&mut work.wishes);
        work.gone.extend(wishes.into_keys().map(|key| (key, place)));
        let mut after = None;
        loop {
            let live = self.state.live_after(after, 10_000)?;
            let Some(last) = live.last() else {
                return Ok(());
            };
            after = Some(last.0);
            work.gone.extend(live.iter().map(|(key, _)| (*key, place)));
        }
    }

    /// Leaves out what was applied before.
    pub(crate) fn drop_repeated(&mut self, work: &mut Work) -> Result<(), PipelineError> {
        let keys: Vec<i64> = work.wishes.keys().chain(work.gone.keys()).copied().collect();
        let applied: BTreeMap<i64, Applied> = keys
            .iter()
            .copied()
            .zip(self.state.applied(&keys)?)
            .filter_map(|(k, a)| Some((k, a?)))
            .collect();
        let before = work.wishes.len() + work.gone.len();
        let newer = |key: &i64, position: Position| applied.get(key).is_none_or(|a| position > a.position);
        work.wishes.retain(|key, wish| newer(key, wish.position));
        work.gone.retain(|key, (position, _)| newer(key, *position));
        let left = work.wishes.len() + work.gone.len();
        Status::add(&self.status.repeated, before - left);
        let rules = &self.settings.rules;
        work.wishes.retain(|key, wish| {
            wish.before = applied.get(key).copied();
            // a change that did not bring the column leaves it as it was
            let before = wish.before.filter(|_| !wish.anew);
            wish.created = wish.created.or(before.and_then(|before| before.created));
            wish.snapshot || rules.is_eligible(wish.created, wish.as_of)
        });
        Status::add(
            &self.status.ineligible,
            left - work.wishes.len() - work.gone.len(),
        );
        Ok(())
    }

    /// Turns waiting rows into wishes, where they still make sense.
    pub(crate) fn wishes_of(&mut self, pending: &[Pending], work: &mut Work) -> Result<(), PipelineError> {
        let keys: Vec<i64> = pending.iter().map(|p| p.key).collect();
        let now = (self.settings.clock)();
        for (one, before) in pending.iter().zip(self.state.applied(&keys)?) {
            let wanted = match (one.reason, before) {
                (Reason::Backfill | Reason::Replay, None) => true,
                (Reason::Backfill, Some(a)) => one.position > a.position,
                (Reason::Replay, Some(a)) => a.may_live() || one.position > a.position,
                (Reason::Dimension, Some(a)) => a.may_live() && one.position > a.position,
                (Reason::Refresh, Some(a)) => a.may_live() && one.as_of > a.as_of,
                (Reason::Dimension | Reason::Refresh, None) => false,
            };
            if !wanted {
                continue;
            }
            let as_of = if one.as_of == 0 { now } else { one.as_of };
            let wish = Wish {
                position: before.map_or(one.position, |a| later(a, one.position)),
                as_of: before.map_or(as_of, |a| a.as_of.max(as_of)),
                received: now,
                created: before.and_then(|a| a.created),
                snapshot: false,
                anew: false,
                remake: Some(*one),
                before,
            };
            work.wishes.insert(one.key, wish);
        }
        Ok(())
    }
}

/// The place of a row that is made again. A tombstone wins over a vector of its own place: what comes back stands one further.
fn later(before: Applied, asked: Position) -> Position {
    let Position { lsn, seq } = before.position;
    let own = if before.unjoined {
        Position::new(lsn, seq.saturating_add(1))
    } else {
        before.position
    };
    own.max(asked)
}

/// Whether the configuration's name of a table means the source's.
pub(crate) fn same_table(configured: &str, actual: &str) -> bool {
    if configured.contains('.') && actual.contains('.') {
        return configured == actual;
    }
    let bare = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    bare(configured) == bare(actual)
}
