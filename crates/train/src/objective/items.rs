//! The items of the training samples: how often each was met and liked, one sample of each to run the item tower on, and
//! draws from them.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_model::config::{Draw, Hits};
use rustc_hash::FxHashMap;

use super::identity::Identity;
use crate::encode::{Cache, Lists, Stored};

/// What positives weigh when items are drawn by frequency; Mikolov et al. 2013.
const POWER: f64 = 0.75;

/// The items, numbered in the order in which they were met.
#[derive(Clone, Debug)]
pub(super) struct Items {
    numbers: FxHashMap<u64, u32>,
    keys: Vec<u64>,
    /// Samples, and samples of label above 0, by item.
    met: Vec<u32>,
    liked: Vec<u32>,
    samples: u64,
    /// The first sample of each item.
    pool: Cache,
    /// Each user's items of label above 0, where they are never held against that user.
    users: FxHashMap<u64, Vec<u64>>,
    /// Chance of being drawn, and the chances up to and with each item.
    chances: Vec<f64>,
    upto: Vec<f64>,
}

impl Items {
    /// No items yet of samples like those of `cache`.
    pub(super) fn new(cache: &Cache) -> Items {
        Items {
            numbers: FxHashMap::default(),
            keys: Vec::new(),
            met: Vec::new(),
            liked: Vec::new(),
            samples: 0,
            pool: emptied(cache),
            users: FxHashMap::default(),
            chances: Vec::new(),
            upto: Vec::new(),
        }
    }

    /// Counts the samples of `cache`.
    pub(super) fn observe(&mut self, cache: &Cache, (user, item): (&Identity, &Identity), hits: Hits) {
        let mut firsts = Vec::new();
        for (i, number) in (0..cache.len()).zip(0_u32..) {
            let key = item.of(cache, i);
            let next = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
            let at = *self.numbers.entry(key).or_insert(next);
            if at == next {
                self.keys.push(key);
                self.met.push(0);
                self.liked.push(0);
                firsts.push(number);
            }
            let liked = cache.labels[i] > 0.0;
            self.met[at as usize] += 1;
            self.liked[at as usize] += u32::from(liked);
            if liked && hits == Hits::All {
                self.users.entry(user.of(cache, i)).or_default().push(key);
            }
        }
        self.samples += cache.len() as u64;
        append(&mut self.pool, cache, &firsts);
    }

    /// Fixes the chances of being drawn.
    pub(super) fn finish(&mut self, draw: Draw) {
        let weight = |liked: &u32| match draw {
            Draw::Uniform => 1.0,
            Draw::Frequency => f64::from(*liked).powf(POWER),
        };
        let weights: Vec<f64> = self.liked.iter().map(weight).collect();
        let total: f64 = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        self.chances = weights.iter().map(|w| w / total).collect();
        let mut sum = 0.0;
        self.upto = self
            .chances
            .iter()
            .map(|chance| {
                sum += chance;
                sum
            })
            .collect();
        for items in self.users.values_mut() {
            items.sort_unstable();
            items.dedup();
        }
    }

    /// A sample of each item, by number.
    pub(super) fn pool(&self) -> &Cache {
        &self.pool
    }

    /// The identity of an item.
    pub(super) fn key(&self, number: u32) -> u64 {
        self.keys[number as usize]
    }

    /// Draws `count` items with replacement.
    pub(super) fn draw(&self, count: usize, random: &mut Xoshiro256PlusPlus) -> Vec<u32> {
        let last = self.upto.len().saturating_sub(1);
        let one = |_| {
            let at: f64 = random.random_range(0.0..1.0);
            let found = self.upto.partition_point(|upto| *upto <= at).min(last);
            u32::try_from(found).unwrap_or(u32::MAX)
        };
        (0..count).map(one).collect()
    }

    /// How often an item is expected among `own` samples met by chance and `drawn` drawn items.
    pub(super) fn expected(&self, key: u64, own: usize, drawn: usize) -> f64 {
        let Some(&at) = self.numbers.get(&key) else {
            return 0.0;
        };
        let met = f64::from(self.met[at as usize]) / self.samples.max(1) as f64;
        own as f64 * met + drawn as f64 * self.chances[at as usize]
    }

    /// A user's liked items in all training samples, where they are kept.
    pub(super) fn of_user(&self, user: u64) -> &[u64] {
        self.users.get(&user).map_or(&[], Vec::as_slice)
    }
}

/// An empty cache of the same columns.
fn emptied(cache: &Cache) -> Cache {
    let column = |stored: &Stored| match stored {
        Stored::Single(at) => Stored::Single(*at),
        Stored::Lists(_) => Stored::Lists(Lists::default()),
    };
    Cache {
        columns: cache.columns.iter().map(column).collect(),
        stride: cache.stride,
        dense_width: cache.dense_width,
        others_width: cache.others_width,
        ..Cache::default()
    }
}

/// Appends some samples of a cache of the same columns.
fn append(to: &mut Cache, from: &Cache, indices: &[u32]) {
    for i in indices.iter().map(|i| *i as usize) {
        to.singles.extend_from_slice(from.record(i));
        to.dense.extend_from_slice(from.dense(i));
        to.others.extend_from_slice(from.others(i));
        to.labels.push(from.labels[i]);
        to.weights.push(from.weights[i]);
        for (to, from) in to.columns.iter_mut().zip(&from.columns) {
            if let (Stored::Lists(to), Stored::Lists(from)) = (to, from) {
                let (rows, weights) = from.of(i);
                to.rows.extend_from_slice(rows);
                to.weights.extend_from_slice(weights);
                to.ends.push(to.rows.len());
            }
        }
    }
}
