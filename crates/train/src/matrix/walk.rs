//! Random walks over a graph of items, as sentences for skip-gram: DeepWalk and node2vec.
//!
//! ```text
//! from t over v to x with odds  w(v, x)·( 1/p if x = t,  1 if t and x are neighbours,  1/q otherwise )
//! ```
//! Perozzi, Al-Rfou and Skiena 2014 (DeepWalk: Online Learning of Social Representations; p = q = 1), Grover and Leskovec
//! 2016 (node2vec: Scalable Feature Learning for Networks). Edges join items that a user met one after the other, or users
//! and the items they met; of the latter's walks the items are kept. Decision: a step is drawn by weight and accepted by its
//! odds (Yang et al. 2019, KnightKing), so no table per pair of neighbours is made.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::interactions::number;
use super::{Interactions, Sparse};

/// What edges join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// Items met one after the other.
    Items,
    /// Users and the items they met.
    Users,
}

/// How walks go.
#[derive(Clone, Debug, PartialEq)]
pub struct WalkConfig {
    /// What edges join.
    pub edges: Edges,
    /// Walks from each node.
    pub walks: usize,
    /// Items of a walk.
    pub length: usize,
    /// p: the higher, the rarer a walk turns back.
    pub back: f64,
    /// q: the higher, the nearer a walk stays.
    pub out: f64,
    /// Seed of every draw.
    pub seed: u64,
}

impl Default for WalkConfig {
    fn default() -> Self {
        Self {
            edges: Edges::Items,
            walks: 10,
            length: 40,
            back: 1.0,
            out: 1.0,
            seed: 1,
        }
    }
}

/// A weighted graph; items are its first nodes.
struct Graph {
    edges: Sparse,
    /// Sums of each row's weights up to and with each edge.
    sums: Vec<f64>,
}

impl Graph {
    fn of(x: &Interactions, edges: Edges) -> Graph {
        let items = number(x.items.len());
        let mut both = Vec::new();
        match edges {
            Edges::Items => {
                for pair in x.sentences.iter().flat_map(|sentence| sentence.windows(2)) {
                    if pair[0] != pair[1] {
                        both.extend([(pair[0], pair[1], 1.0), (pair[1], pair[0], 1.0)]);
                    }
                }
                Graph::new(x.items.len(), both)
            }
            Edges::Users => {
                for user in 0..x.users.len() {
                    let (ids, weights) = x.by_user.row(user);
                    for (item, weight) in ids.iter().zip(weights) {
                        let node = items + number(user);
                        both.extend([(*item, node, *weight), (node, *item, *weight)]);
                    }
                }
                Graph::new(x.items.len() + x.users.len(), both)
            }
        }
    }

    fn new(nodes: usize, entries: Vec<(u32, u32, f32)>) -> Graph {
        let edges = Sparse::new(nodes, entries);
        let mut sums = Vec::with_capacity(edges.ids.len());
        for node in 0..nodes {
            let mut sum = 0.0;
            sums.extend(edges.row(node).1.iter().map(|weight| {
                sum += f64::from(*weight);
                sum
            }));
        }
        Graph { edges, sums }
    }

    /// A neighbour by weight.
    fn neighbour(&self, node: u32, random: &mut Xoshiro256PlusPlus) -> Option<u32> {
        let range = self.edges.offsets[node as usize]..self.edges.offsets[node as usize + 1];
        let sums = &self.sums[range.clone()];
        let drawn = random.random::<f64>() * sums.last()?;
        let place = sums.partition_point(|sum| *sum <= drawn).min(sums.len() - 1);
        self.edges.ids.get(range.start + place).copied()
    }

    /// The next node of a walk that came from `before` to `node`.
    fn step(
        &self,
        (before, node): (Option<u32>, u32),
        c: &WalkConfig,
        random: &mut Xoshiro256PlusPlus,
    ) -> Option<u32> {
        let most = (1.0 / c.back).max(1.0).max(1.0 / c.out);
        loop {
            let next = self.neighbour(node, random)?;
            let odds = match before {
                None => return Some(next),
                Some(before) if before == next => 1.0 / c.back,
                Some(before) if self.edges.has(before as usize, next) => 1.0,
                Some(_) => 1.0 / c.out,
            };
            if odds >= most || random.random::<f64>() * most < odds {
                return Some(next);
            }
        }
    }
}

/// Walks of items (numbers as in [`Interactions::items`]): `walks` from every item, in an order of each round's own.
#[must_use]
pub fn sentences(x: &Interactions, config: &WalkConfig) -> Vec<Vec<i64>> {
    let graph = Graph::of(x, config.edges);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(config.seed);
    let mut starts: Vec<u32> = (0..number(x.items.len())).collect();
    let mut walks = Vec::with_capacity(starts.len() * config.walks);
    for _ in 0..config.walks {
        starts.shuffle(&mut random);
        walks.extend(
            starts
                .iter()
                .map(|start| walk(&graph, (*start, x.items.len()), config, &mut random)),
        );
    }
    walks
}

/// One walk from an item; of its nodes the items.
fn walk(
    graph: &Graph,
    (start, items): (u32, usize),
    config: &WalkConfig,
    random: &mut Xoshiro256PlusPlus,
) -> Vec<i64> {
    let (mut before, mut node) = (None, start);
    let mut items_met = vec![i64::from(start)];
    while items_met.len() < config.length {
        let Some(next) = graph.step((before, node), config, random) else {
            break;
        };
        (before, node) = (Some(node), next);
        if (next as usize) < items {
            items_met.push(i64::from(next));
        }
    }
    items_met
}

#[cfg(test)]
mod tests {
    use super::super::testing::two_worlds;
    use super::*;

    /// Items 0 — 1 — 2 in a row and 0 — 2, the user met them once around; 3 hangs on 1.
    fn square() -> Interactions {
        let events = [(0, 0), (0, 1), (0, 2), (0, 0), (1, 1), (1, 3)];
        Interactions::of_events((0..).zip(events).map(|(t, (u, i))| (u, i, 1.0, t))).unwrap()
    }

    #[test]
    fn walks_stay_on_edges_and_within_their_world() {
        for edges in [Edges::Items, Edges::Users] {
            let x = two_worlds();
            let config = WalkConfig {
                edges,
                walks: 2,
                length: 12,
                ..WalkConfig::default()
            };
            let walks = sentences(&x, &config);
            assert_eq!(walks.len(), 2 * x.items.len());
            for walk in &walks {
                assert_eq!(walk.len(), 12);
                assert!(walk.iter().all(|item| (*item < 20) == (walk[0] < 20)), "{walk:?}");
            }
            assert_eq!(walks, sentences(&x, &config));
        }
    }

    #[test]
    fn steps_follow_weights_and_odds() {
        let (x, c) = (
            square(),
            WalkConfig {
                back: 4.0,
                out: 0.5,
                ..WalkConfig::default()
            },
        );
        let graph = Graph::of(&x, Edges::Items);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
        let mut seen = [0_u32; 4];
        for _ in 0..40_000 {
            seen[graph.step((Some(0), 1), &c, &mut random).unwrap() as usize] += 1;
        }
        // from 0 over 1: back to 0 with 1/4, to 2 (a neighbour of 0) with 1, to 3 with 2
        let total = 0.25 + 1.0 + 2.0;
        for (node, odds) in [(0, 0.25), (2, 1.0), (3, 2.0)] {
            let share = f64::from(seen[node]) / 40_000.0;
            assert!((share - odds / total).abs() < 0.01, "{node}: {share}");
        }
    }

    #[test]
    fn a_lonely_item_walks_nowhere() {
        let x = Interactions::of_events([(1, 5, 1.0, 0)]).unwrap();
        let config = WalkConfig {
            walks: 1,
            ..WalkConfig::default()
        };
        assert_eq!(sentences(&x, &config), [vec![0]]);
    }
}
