//! One task: some items of a question, every conf, every model.
//!
//! The decision here: an item's features are made once per conf and read by all its models; a part that one model has
//! kept serves the others. Bits do not depend on any of this: each score is a fixed order of sums over its own item.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rankine_feature::{Part, Rows, Scratch, Value};
use rankine_model::{Hidden, ScoreScratch};

use super::answer::{Absence, ItemScore, Reason};
use super::group::{Group, Member};
use super::question::{Question, QuestionItem};
use super::shelves::Shelves;
use super::side::RowPlaces;
use crate::cache::Fresh;
use crate::made;
use crate::row::Row;
use crate::rows::FeatureRows;
use crate::score::{Extracted, KeptPart};
use crate::spare::Spares;

/// Scores of a task: per group, per member, per item.
pub(super) type TaskScores = Vec<Vec<Vec<ItemScore>>>;

/// What all tasks of a question share.
pub(super) struct Job<'a> {
    pub(super) question: &'a Question,
    pub(super) groups: &'a [Group<'a>],
    /// Rows that complete the items.
    pub(super) rows: Option<&'a dyn FeatureRows>,
    /// Memory for tasks.
    pub(super) pads: &'a Pads,
}

/// Memory that tasks reuse.
pub(crate) type Pads = Spares<Pad>;

/// Memory of one task.
#[derive(Default)]
pub(crate) struct Pad {
    features: Scratch,
    score: ScoreScratch,
    rows: RowPlaces,
    /// Values and features of items that no model has kept, by place in the task.
    own: Vec<Extracted>,
    crosses: Vec<Part>,
    members: Vec<MemberPad>,
    /// Models that have not kept the item at hand.
    unkept: Vec<usize>,
    /// What a model made of items that it had not kept.
    made: Vec<Hidden>,
    /// Places of the items that a model scores, and their scores.
    ready: Vec<usize>,
    scores: Vec<f32>,
}

/// Memory of one model in a task.
#[derive(Default)]
struct MemberPad {
    hiddens: Vec<Hidden>,
    at: Vec<At>,
    /// Items whose part is to be made.
    missing: Vec<Missing>,
    /// Parts to be kept.
    fresh: Vec<Fresh<KeptPart>>,
}

/// An item whose part a model has not kept.
#[derive(Clone, Copy)]
struct Missing {
    place: usize,
    id: i64,
    /// Of its row; 0: not to be kept.
    version: u64,
    kept: Option<Kept>,
}

/// Values and features that another model of the group has kept: the model, and where.
type Kept = (usize, usize);

/// Where an item's part for a model is.
enum At {
    /// At this place of the model's shelf.
    Shelf(usize),
    /// In the pad.
    Own,
    /// Nowhere, and why.
    Absent(Absence),
}

impl Job<'_> {
    /// Scores the items of `range`.
    pub(super) fn run(&self, range: Range<usize>) -> TaskScores {
        self.pads.with(|pad| {
            let group = |group| self.group(group, range.clone(), pad);
            self.groups.iter().map(group).collect()
        })
    }

    fn group(&self, group: &Group<'_>, range: Range<usize>, pad: &mut Pad) -> Vec<Vec<ItemScore>> {
        pad.make_room(group, range.len());
        let shelves = Shelves::of(group);
        for (place, index) in range.clone().enumerate() {
            let item = &self.question.items[index];
            let work = AssertUnwindSafe(|| self.item((group, &shelves), (index, place), pad));
            let outcome = catch_unwind(work).unwrap_or_else(|_| {
                pad.forget(place);
                Err(broken("extracting"))
            });
            if let Err(absence) = outcome {
                pad.absent(group, item, place, &absence);
            }
        }
        let items = range.len();
        let score = |m| {
            if !anew((group, &shelves), m, items, pad) {
                make((group, &shelves), m, pad);
                score((group, &shelves), m, items, pad);
            }
            pad.take(m, items)
        };
        let scores = (0..group.members.len()).map(score).collect();
        // nothing is put while a shelf is read
        drop(shelves);
        for (member, pad) in group.members.iter().zip(&mut pad.members) {
            member.engine.scoring.cache.put(pad.fresh.drain(..));
        }
        scores
    }

    /// Finds an item's parts for every model that wants it, or extracts what they are made of.
    fn item(
        &self,
        (group, shelves): (&Group<'_>, &Shelves<'_>),
        (index, place): (usize, usize),
        pad: &mut Pad,
    ) -> Result<(), Absence> {
        let item = &self.question.items[index];
        let row = self.rows.and_then(|rows| rows.item(item.id));
        let given = item.given.iter().any(Option::is_some);
        let version = match &row {
            Some((_, version)) if !given => group.bound.version(*version),
            _ => 0,
        };
        let ahead = !given || self.question.items_as_stored;
        let kept = find((group, shelves), item, (place, version, ahead), pad);
        let tapped = self.question.tap.is_some() && group.members.iter().any(|member| member.wanted(item));
        if kept.is_none() && pad.unkept.is_empty() && !tapped {
            return Ok(());
        }
        if kept.is_none() {
            let row = row.as_ref().map(|(row, _)| row);
            extract(group, (item, row), place, pad)?;
        }
        let Pad { unkept, members, .. } = pad;
        for m in unkept.drain(..) {
            let id = item.id;
            members[m].missing.push(Missing {
                place,
                id,
                version,
                kept,
            });
        }
        self.cross((group, shelves), (index, place), kept, pad);
        Ok(())
    }

    /// Makes the item's cross features where a model or the tap reads them, and shows the tap what it was scored with.
    fn cross(
        &self,
        (group, shelves): (&Group<'_>, &Shelves<'_>),
        (index, place): (usize, usize),
        kept: Option<Kept>,
        pad: &mut Pad,
    ) {
        let item = &self.question.items[index];
        let tap = self.question.tap.as_deref();
        let crossed = |member: &Member<'_>| member.engine.scorer.has_cross() && member.wanted(item);
        if tap.is_none() && !group.members.iter().any(crossed) {
            return;
        }
        let (values, part) = parts(kept, shelves, &pad.own[place]);
        let rows = Rows {
            user: &group.user,
            item: values,
            context: &group.context,
        };
        let (plan, cross) = (&group.bound.plan, &mut pad.crosses[place]);
        plan.cross(rows, &group.common, part, &mut pad.features, cross);
        if let Some(tap) = tap {
            let sides = [&group.user[..], values, &group.context[..]];
            let parts = [&group.common, part, &pad.crosses[place]];
            tap.keep(index, (&group.conf.hash, &group.bound.plan), sides, parts);
        }
    }
}

/// Extracts an item's features into its place.
fn extract(
    group: &Group<'_>,
    (item, row): (&QuestionItem, Option<&Row>),
    place: usize,
    pad: &mut Pad,
) -> Result<(), Absence> {
    let own = &mut pad.own[place];
    let filled = group.item(item, (&mut pad.rows, row), &mut own.values);
    filled.map_err(|misfit| Absence {
        reason: Reason::BadItem,
        message: misfit.to_string(),
    })?;
    group
        .bound
        .plan
        .item(&own.values, &mut pad.features, &mut own.part);
    Ok(())
}

/// Looks for the item's kept parts: one of them; leaves the models that have none in `unkept`. With `ahead`, a vector made
/// ahead may stand for the item.
fn find(
    (group, shelves): (&Group<'_>, &Shelves<'_>),
    item: &QuestionItem,
    (place, version, ahead): (usize, u64, bool),
    pad: &mut Pad,
) -> Option<Kept> {
    let mut kept = None;
    pad.unkept.clear();
    for (m, member) in group.members.iter().enumerate() {
        let MemberPad { hiddens, at, .. } = &mut pad.members[m];
        let at = &mut at[place];
        if !member.wanted(item) {
            *at = At::Absent(not_asked());
            continue;
        }
        if ahead && member.engine.stored(item.id, &mut hiddens[place]) {
            continue;
        }
        match shelves.find(m, item.id, version) {
            Some(found) => {
                *at = At::Shelf(found);
                kept = kept.or(Some((m, found)));
            }
            None => pad.unkept.push(m),
        }
    }
    kept
}

/// Values and features of an item: kept ones, or those just extracted.
fn parts<'a>(kept: Option<Kept>, shelves: &'a Shelves<'_>, own: &'a Extracted) -> (&'a [Value], &'a Part) {
    match kept {
        Some((m, at)) => {
            let Extracted { values, part } = &*shelves.part(m, at).features;
            (values, part)
        }
        None => (&own.values, &own.part),
    }
}

/// Scores a task of which no item has a part of this model or is to keep one, without making any; false, and nothing is done,
/// for other tasks and models.
fn anew((group, shelves): (&Group<'_>, &Shelves<'_>), m: usize, items: usize, pad: &mut Pad) -> bool {
    pad.make_ready(m, items);
    let Pad {
        own,
        members,
        score,
        ready,
        scores,
        ..
    } = pad;
    let (member, missing) = (&group.members[m], &members[m].missing);
    let kept = |item: &Missing| item.version != 0 && member.engine.scoring.cache.keeps();
    if missing.iter().any(kept) || !missing.iter().map(|item| &item.place).eq(ready.iter()) {
        return false;
    }
    let part = |i: usize| parts(missing[i].kept, shelves, &own[missing[i].place]).1;
    made::score_anew(member.engine.scorer, &member.hidden, &part, score, scores)
}

/// Makes a model's parts of all items that it has not kept.
fn make((group, shelves): (&Group<'_>, &Shelves<'_>), m: usize, pad: &mut Pad) {
    let Pad {
        own,
        members,
        made,
        score,
        ..
    } = pad;
    let (member, pad) = (&group.members[m], &mut members[m]);
    let missing = std::mem::take(&mut pad.missing);
    if made.len() < missing.len() {
        made.resize_with(missing.len(), Hidden::default);
    }
    let part = |i: usize| parts(missing[i].kept, shelves, &own[missing[i].place]).1;
    let broken_ones = made::make(member.engine.scorer, &part, score, &mut made[..missing.len()]);
    for (i, item) in missing.iter().enumerate() {
        if broken_ones.contains(&i) {
            pad.at[item.place] = At::Absent(broken("scoring the item"));
            continue;
        }
        let hidden = &mut pad.hiddens[item.place];
        std::mem::swap(hidden, &mut made[i]);
        if item.version != 0 && member.engine.scoring.cache.keeps() {
            let features = lasting(item.kept, shelves, &own[item.place]);
            pad.fresh
                .push(keep(member, (item.id, item.version), features, hidden));
        }
    }
    pad.missing = missing;
    pad.missing.clear();
}

/// A part to keep; features that another model has kept are shared with it.
fn keep(member: &Member<'_>, id: (i64, u64), features: Arc<Extracted>, hidden: &Hidden) -> Fresh<KeptPart> {
    let hidden = hidden.clone();
    Fresh::of(id, KeptPart { features, hidden }, member.engine.scoring)
}

/// Features that outlive the task.
fn lasting(kept: Option<Kept>, shelves: &Shelves<'_>, own: &Extracted) -> Arc<Extracted> {
    match kept {
        Some((m, at)) => Arc::clone(&shelves.part(m, at).features),
        None => Arc::new(Extracted {
            values: own.values.clone(),
            part: own.part.clone(),
        }),
    }
}

/// Scores the items that are ready; all at once, and one by one where that panicked.
fn score((group, shelves): (&Group<'_>, &Shelves<'_>), m: usize, items: usize, pad: &mut Pad) {
    pad.make_ready(m, items);
    let Pad {
        score: scratch,
        crosses,
        members,
        ready,
        scores,
        ..
    } = pad;
    let member = &group.members[m];
    let MemberPad { hiddens, at, .. } = &mut members[m];
    let candidate = |i: usize| {
        let place = ready[i];
        let hidden = match &at[place] {
            At::Shelf(kept) => &shelves.part(m, *kept).hidden,
            At::Own | At::Absent(_) => &hiddens[place],
        };
        (hidden, &crosses[place])
    };
    made::score(member.engine.judge(), &member.hidden, &candidate, scratch, scores);
}

fn finite(score: f32) -> ItemScore {
    if score.is_finite() {
        return Ok(score);
    }
    Err(Absence {
        reason: Reason::NotFinite,
        message: format!("score is {score}, not a finite number"),
    })
}

fn not_asked() -> Absence {
    Absence {
        reason: Reason::NotAsked,
        message: String::new(),
    }
}

/// A fault in the code, caught around an item.
pub(super) fn broken(what: &str) -> Absence {
    Absence {
        reason: Reason::Internal,
        message: format!("internal fault while {what}"),
    }
}

impl Pad {
    /// Room for a task of `items` items and a group's models; nothing of what it held is read.
    fn make_room(&mut self, group: &Group<'_>, items: usize) {
        self.rows = RowPlaces::default();
        if self.own.len() < items {
            self.own.resize_with(items, Extracted::default);
            self.crosses.resize_with(items, Part::default);
        }
        if self.members.len() < group.members.len() {
            self.members.resize_with(group.members.len(), MemberPad::default);
        }
        for member in &mut self.members[..group.members.len()] {
            if member.hiddens.len() < items {
                member.hiddens.resize_with(items, Hidden::default);
            }
            member.missing.clear();
            member.fresh.clear();
            member.at.clear();
            member.at.resize_with(items, || At::Own);
        }
    }

    /// Lists the items that a model scores, and makes room for their scores.
    fn make_ready(&mut self, m: usize, items: usize) {
        let at = &self.members[m].at;
        self.ready.clear();
        self.ready
            .extend((0..items).filter(|place| !matches!(at[*place], At::Absent(_))));
        self.scores.clear();
        self.scores.resize(self.ready.len(), f32::NAN);
    }

    /// A model's scores, one per item of the task.
    fn take(&mut self, m: usize, items: usize) -> Vec<ItemScore> {
        let mut scored = self.scores.iter().copied();
        let take = |at: &mut At| match std::mem::replace(at, At::Own) {
            At::Absent(absence) => Err(absence),
            At::Shelf(_) | At::Own => finite(scored.next().unwrap_or(f32::NAN)),
        };
        self.members[m].at[..items].iter_mut().map(take).collect()
    }

    /// Lets go of what a panic left half-made.
    fn forget(&mut self, place: usize) {
        self.features = Scratch::default();
        self.own[place] = Extracted::default();
        self.crosses[place] = Part::default();
    }

    /// Says for every model that wants the item why it has no score.
    fn absent(&mut self, group: &Group<'_>, item: &QuestionItem, place: usize, absence: &Absence) {
        for (member, pad) in group.members.iter().zip(&mut self.members) {
            let absence = if member.wanted(item) {
                absence.clone()
            } else {
                not_asked()
            };
            pad.at[place] = At::Absent(absence);
        }
    }
}
