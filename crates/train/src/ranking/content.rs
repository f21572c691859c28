//! Baselines of content alone: the tf-idf profile of what a user liked, and a ridge from content to factors.
//!
//! ```text
//! x_i  = idf · weight by sign, of length 1          idf = ln((1 + n) / (1 + items with the sign)) + 1, over items met
//! profile     s_ui = (Σ_{j liked} x_j) · x_i
//! ridge       s_ui = p_u · (W x_i)                  W = argmin Σ_{i met} |W x_i − q_i|² + λ|W|²
//! ```
//! p and q are the factors of who liked what ([`crate::matrix::ials`] as its defaults are). Decision: content is the signs of the
//! slots that a model file calls an item's content; numbers have no frequency, so they are not read.

use std::collections::BTreeMap;

use rankine_feature::{Group, Part, Plan, Scratch, SlotKind};
use rankine_kernel::{Real, dense};
use rustc_hash::FxHashMap;

use super::ridge::{Ridge, solve};
use super::world::{Asked, World, number};
use crate::TrainError;
use crate::matrix::{Interactions, Sparse, ials};

/// Items by the signs of their content.
pub(super) struct Content {
    rows: Sparse,
    columns: usize,
    /// Items that each user liked.
    liked: BTreeMap<i64, Vec<u32>>,
}

/// Factors of users by group, and those that items have by their content.
pub(super) struct Factors {
    users: FxHashMap<i64, usize>,
    of_users: Vec<f32>,
    of_items: Vec<f32>,
    dim: usize,
}

impl Content {
    /// The content of a world's items; none where its slots hold no sign.
    pub(super) fn new(plan: &Plan, world: &World, slots: &[u32], positive: f32) -> Option<Content> {
        let specs = slots.iter().filter_map(|slot| plan.slot(*slot));
        let signs = |kind: &SlotKind| matches!(kind, SlotKind::Sparse);
        let specs: Vec<_> = specs
            .filter(|s| s.group == Group::Item && signs(&s.kind))
            .collect();
        let (mut scratch, mut part) = (Scratch::default(), Part::default());
        let (mut places, mut entries) = (FxHashMap::default(), Vec::new());
        for (row, values) in world.rows().iter().enumerate() {
            plan.item(values, &mut scratch, &mut part);
            for spec in &specs {
                let (signs, weights) = part.sparse(spec.index);
                for (sign, weight) in signs.iter().zip(weights) {
                    let next = number(places.len());
                    let column = *places.entry((spec.slot, *sign)).or_insert(next);
                    entries.push((number(row), column, *weight));
                }
            }
        }
        let mut rows = Sparse::new(world.rows().len(), entries);
        weigh(&mut rows, places.len(), |row| !world.met_by(row).is_empty());
        (!rows.ids.is_empty()).then(|| Content {
            rows,
            columns: places.len(),
            liked: world.liked(positive),
        })
    }

    /// Scores all items by the profile of what the user liked.
    pub(super) fn profile(&self, asked: &Asked, scores: &mut [f32]) {
        let mut profile = vec![0.0; self.columns];
        for item in self.liked.get(&asked.group).into_iter().flatten() {
            let (columns, weights) = self.rows.row(*item as usize);
            for (column, weight) in columns.iter().zip(weights) {
                profile[*column as usize] += *weight;
            }
        }
        for (row, score) in scores.iter_mut().enumerate() {
            let (columns, weights) = self.rows.row(row);
            let each = columns
                .iter()
                .zip(weights)
                .map(|(c, w)| profile[*c as usize] * *w);
            *score = each.sum();
        }
    }

    /// Factors of who liked what, those of items told by content.
    ///
    /// # Errors
    /// What factorisation reports.
    pub(super) fn factors(&self, seed: u64) -> Result<Factors, TrainError> {
        let liked = self.liked.iter();
        let events = liked.flat_map(|(user, items)| {
            let user = user.cast_unsigned();
            items.iter().map(move |item| (user, u64::from(*item), 1.0, 0))
        });
        let met = Interactions::of_events(events)?;
        let config = ials::IalsConfig {
            seed,
            ..ials::IalsConfig::default()
        };
        let found = ials::fit(&met, &config, ials::first(&met, &config), |_, _| Ok(()))?;
        let rows: Vec<usize> = met
            .items
            .iter()
            .map(|item| usize::try_from(*item).unwrap_or(usize::MAX))
            .collect();
        let weights = solve(&Ridge {
            rows: &self.rows,
            columns: self.columns,
            learnt: &rows,
            targets: &found.items,
            dim: found.dim,
        });
        let users = met.users.iter().enumerate();
        Ok(Factors {
            users: users.map(|(row, user)| (user.cast_signed(), row)).collect(),
            of_users: found.users,
            of_items: super::ridge::times(&self.rows, &weights, found.dim),
            dim: found.dim,
        })
    }
}

impl Factors {
    /// Scores all items by their content's factors; zeros for a user who liked nothing.
    pub(super) fn scores(&self, asked: &Asked, scores: &mut [f32]) {
        scores.fill(0.0);
        if let Some(row) = self.users.get(&asked.group) {
            let own = &self.of_users[row * self.dim..(row + 1) * self.dim];
            let items = self.of_items.chunks_exact(self.dim);
            for (score, item) in scores.iter_mut().zip(items) {
                *score = dense::dot(own, item);
            }
        }
    }
}

/// Makes weights tf-idf of length 1; frequencies are those of the rows that `counts` names.
fn weigh(rows: &mut Sparse, columns: usize, counts: impl Fn(u32) -> bool) {
    let (mut frequency, mut n) = (vec![0.0_f64; columns], 0.0);
    for row in (0..rows.rows()).filter(|row| counts(number(*row))) {
        n += 1.0;
        for column in rows.row(row).0 {
            frequency[*column as usize] += 1.0;
        }
    }
    for row in 0..rows.rows() {
        let span = rows.offsets[row]..rows.offsets[row + 1];
        let weights = &mut rows.weights[span.clone()];
        for (weight, column) in weights.iter_mut().zip(&rows.ids[span]) {
            let idf = ((1.0 + n) / (1.0 + frequency[*column as usize])).ln() + 1.0;
            *weight *= f32::of(idf);
        }
        let length = dense::dot(weights, weights).sqrt();
        if length > 0.0 {
            dense::scale(1.0 / length, weights);
        }
    }
}
