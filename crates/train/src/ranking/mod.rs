//! Rankings: a model's lists over all items, and of one true item among sampled others, beside popularity and chance.
//!
//! Flow: learnt samples → [`World`] (items with their rows, who met what) → held-out samples → one request per user, as it
//! stood at his first held-out sample → the serving scorer over all items he has not met → [`Ranking`]. Decision: any model
//! that scores is ranked like this, equal scores in an order of lot ([`Ties`]); sampled figures follow He et al. 2017 (one held-out item and n others that the user never
//! met) and are printed because others print them, though they favour models that know little (Krichene and Rendle 2020).

mod by_user;
mod content;
mod gate;
mod report;
mod ridge;
mod split;
mod ties;
mod world;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_feature::{Part, Plan, Rows, Scratch, Value};
use rankine_model::{Hidden, ScoreScratch, Scorer};

use crate::TrainError;
use crate::bootstrap::Bootstrap;
use crate::metric::top;
use crate::source::SampleSource;
use by_user::{ByUser, bounds};
use content::Content;
pub use gate::Verdict;
pub(crate) use report::RankingTable;
pub use report::{Figures, ListIntervals, Ranking, RankingLine, Sampled, SampledIntervals};
pub use split::{
    COLD_ITEMS, FREQUENT_ITEMS, KNOWN_USERS, NEW_USERS, RARE_ITEMS, Split, SplitFigures, SplitIntervals,
    WARM_ITEMS,
};
use split::{Share, Told};
use ties::{Ties, first};
pub use world::World;
use world::{Asked, number};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankingOptions {
    /// Places of a list that count.
    pub k: usize,
    /// Others that each held-out item is ranked among; 0: none of these figures.
    pub negatives: usize,
    /// Seed of those, and of the list by chance.
    pub seed: u64,
    /// Labels of at least this are relevant.
    pub positive: f32,
    /// How intervals are made, users drawn with replacement; without resamples there are none. Of very many users there are fewer
    /// resamples ([`Bootstrap::bounded`], for eight figures).
    pub bootstrap: Bootstrap,
}

impl Default for RankingOptions {
    fn default() -> Self {
        Self {
            k: 10,
            negatives: 99,
            seed: 1,
            positive: 0.5,
            bootstrap: Bootstrap::default(),
        }
    }
}

/// Ranks all items of `world` for every user who has something relevant among the `held` samples, by the model and by the
/// baselines `popularity` (of likes alone, as the kind counts) and `chance`; where the world knows items by content also by `content profile` and `content factors`.
///
/// # Errors
/// What the source and a factorisation report.
pub fn rank(
    title: &str,
    (name, plan, scorer): (&str, &Plan, &Scorer),
    world: &mut World,
    held: &mut dyn SampleSource,
    options: &RankingOptions,
) -> Result<Ranking, TrainError> {
    let asked = world.ask(held, options.positive)?;
    let mut model = Model::new(plan, scorer, world);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(options.seed);
    let mut chance = |_: &Asked, scores: &mut [f32]| {
        scores.iter_mut().for_each(|score| *score = random.random());
    };
    let counts = world.popularity(options.positive);
    let mut popular = |_: &Asked, scores: &mut [f32]| scores.copy_from_slice(&counts);
    let content = Content::new(plan, world, world.content(), options.positive);
    let factors = content.as_ref().map(|content| content.factors(options.seed));
    let factors = factors.transpose()?;
    let shares = Share::all(world, &asked);
    let judge = Judge {
        world,
        options,
        bootstrap: options.bootstrap.bounded(8 * asked.len()),
        asked: &asked,
        shares: &shares,
    };
    let mut lines = vec![
        judge.line((name, false), &mut |asked, scores| model.scores(asked, scores)),
        judge.line(("popularity", true), &mut popular),
        judge.line(("chance", true), &mut chance),
    ];
    lines.extend(content.iter().map(|content| {
        judge.line(("content profile", true), &mut |asked, scores| {
            content.profile(asked, scores)
        })
    }));
    lines.extend(factors.iter().map(|factors| {
        judge.line(("content factors", true), &mut |asked, scores| {
            factors.scores(asked, scores)
        })
    }));
    Ok(Ranking {
        title: title.to_owned(),
        k: options.k,
        negatives: options.negatives,
        users: asked.len(),
        items: world.items(),
        relevant: asked.iter().map(|a| a.relevant.len()).sum(),
        splits: shares.iter().map(|share| share.about(&asked)).collect(),
        bootstrap: judge.bootstrap,
        lines,
    })
}

/// A model over all items of a world.
struct Model<'a> {
    plan: &'a Plan,
    scorer: &'a Scorer,
    rows: &'a [Vec<Value>],
    parts: Vec<Part>,
    hidden: Vec<Hidden>,
    scratch: Scratch,
    score: ScoreScratch,
    common: (Part, Hidden),
    crosses: Vec<Part>,
}

impl<'a> Model<'a> {
    fn new(plan: &'a Plan, scorer: &'a Scorer, world: &'a World) -> Model<'a> {
        let rows = world.rows();
        let (mut scratch, mut score) = (Scratch::default(), ScoreScratch::default());
        let mut parts = vec![Part::default(); rows.len()];
        for (row, part) in rows.iter().zip(&mut parts) {
            plan.item(row, &mut scratch, part);
        }
        let mut hidden = vec![Hidden::default(); rows.len()];
        scorer.items(&|i| &parts[i], &mut score, &mut hidden);
        let crosses = if scorer.has_cross() {
            vec![Part::default(); rows.len()]
        } else {
            vec![Part::default()]
        };
        Model {
            plan,
            scorer,
            rows,
            parts,
            hidden,
            scratch,
            score,
            common: (Part::default(), Hidden::default()),
            crosses,
        }
    }

    fn scores(&mut self, asked: &Asked, out: &mut [f32]) {
        let (part, common) = &mut self.common;
        self.plan
            .common(&asked.user, &asked.context, &mut self.scratch, part);
        self.scorer.common(part, common);
        let crossed = self.scorer.has_cross();
        if crossed {
            for (i, cross) in self.crosses.iter_mut().enumerate() {
                let rows = Rows {
                    user: &asked.user,
                    item: &self.rows[i],
                    context: &asked.context,
                };
                self.plan
                    .cross(rows, part, &self.parts[i], &mut self.scratch, cross);
            }
        }
        let (hidden, crosses) = (&self.hidden, &self.crosses);
        let candidate = |i: usize| (&hidden[i], &crosses[if crossed { i } else { 0 }]);
        self.scorer.score_many(common, &candidate, &mut self.score, out);
    }
}

/// What all lines are measured by.
struct Judge<'a> {
    world: &'a World,
    options: &'a RankingOptions,
    bootstrap: Bootstrap,
    asked: &'a [Asked],
    shares: &'a [Share],
}

impl Judge<'_> {
    fn line(&self, (name, baseline): (&str, bool), score: &mut dyn FnMut(&Asked, &mut [f32])) -> RankingLine {
        let mut scores = vec![0.0; self.world.items()];
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.options.seed ^ 0x5DEE_CE66);
        let (mut lists, mut places) = (Vec::with_capacity(self.asked.len()), Vec::new());
        let mut told = vec![Told::default(); self.shares.len()];
        for (at, asked) in self.asked.iter().enumerate() {
            score(asked, &mut scores);
            places.push(self.places(asked, &scores, &mut random));
            let ties = Ties::of(self.options.seed, asked.group, self.world.ids());
            let list = self.list((asked, &ties), &mut scores);
            for (share, told) in self.shares.iter().zip(&mut told) {
                share.tell((at, asked), (&list, &scores), (self.options.k, &ties), told);
            }
            lists.push(list);
        }
        let (all, intervals) = self.figures(&lists);
        let sampled = || Sampled::of(&places, self.options.k, &self.bootstrap);
        let shares = self.shares.iter().zip(&told);
        RankingLine {
            name: name.to_owned(),
            baseline,
            all,
            intervals,
            sampled: (self.options.negatives > 0).then(sampled),
            splits: shares
                .map(|(share, told)| share.figures(told, &self.bootstrap))
                .collect(),
        }
    }

    /// The first k of what the user has not met; leaves NaN as the scores of what he has.
    fn list(&self, (asked, ties): (&Asked, &Ties<'_>), scores: &mut [f32]) -> Vec<u32> {
        for item in &asked.met {
            scores[*item as usize] = f32::NAN;
        }
        let list = first(scores, self.options.k, |at| ties.lot(number(at)));
        list.into_iter().map(number).collect()
    }

    /// The place of each relevant item among others the user never met, from 0; of equal scores half stand before.
    fn places(&self, asked: &Asked, scores: &[f32], random: &mut Xoshiro256PlusPlus) -> Vec<usize> {
        let free = self.world.items() - asked.met.len() - asked.relevant.len();
        let wanted = self.options.negatives.min(free);
        let each = asked.relevant.iter().map(|item| {
            let own = scores[*item as usize];
            let (mut above, mut equal) = (0, 0);
            for other in self.others(asked, wanted, random) {
                let score = scores[other as usize];
                above += usize::from(score > own);
                equal += usize::from(score == own);
            }
            above + equal / 2
        });
        each.collect()
    }

    /// Distinct items, drawn evenly, that the user never met.
    fn others(&self, asked: &Asked, wanted: usize, random: &mut Xoshiro256PlusPlus) -> Vec<u32> {
        let mut drawn = Vec::with_capacity(wanted);
        while drawn.len() < wanted {
            let item = number(random.random_range(0..self.world.items()));
            let known = asked.met.binary_search(&item).is_ok() || asked.relevant.binary_search(&item).is_ok();
            if !known && !drawn.contains(&item) {
                drawn.push(item);
            }
        }
        drawn
    }

    fn figures(&self, lists: &[Vec<u32>]) -> (Figures, ListIntervals) {
        let (k, world) = (self.options.k, self.world);
        let mut told: [ByUser; 8] = Default::default();
        for (list, asked) in lists.iter().zip(self.asked) {
            let relevant = &asked.relevant;
            let values = [
                Some(top::hit_rate(list, relevant)),
                Some(top::recall(list, relevant)),
                Some(top::precision(list, relevant, k)),
                Some(top::ndcg(list, relevant, k)),
                Some(top::average_precision(list, relevant, k)),
                Some(top::reciprocal_rank(list, relevant)),
                top::diversity(list, |i| world.met_by(i)),
                top::novelty(list, |i| world.met_by(i).len(), world.users()),
            ];
            for (told, value) in told.iter_mut().zip(values) {
                told.user(value);
            }
        }
        let coverage = top::coverage(lists.iter().map(Vec::as_slice), world.items());
        let intervals = ListIntervals::of(bounds(&told, &self.bootstrap));
        (Figures::of(&told.map(|told| told.mean()), coverage), intervals)
    }
}

#[cfg(test)]
pub(crate) mod tests;
