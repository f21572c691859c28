//! The order in which features run: each after those it depends on, otherwise as written.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// An order of execution, and the cycles that have none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Every feature once; those on cycles, and those that rest on them, last.
    pub(super) order: Vec<usize>,
    /// Cycles, each once, each feature depending on the next and the last on the first.
    pub(super) cycles: Vec<Vec<usize>>,
}

/// Sorts features, given for each the features it depends on. Of several that are ready the one written first goes first.
pub(super) fn sort(depends: &[Vec<usize>]) -> Order {
    let mut dependents = vec![Vec::new(); depends.len()];
    for (feature, on) in depends.iter().enumerate() {
        on.iter().for_each(|d| dependents[*d].push(feature));
    }
    let mut waits: Vec<usize> = depends.iter().map(Vec::len).collect();
    let ready = (0..depends.len()).filter(|feature| waits[*feature] == 0);
    let mut ready: BinaryHeap<Reverse<usize>> = ready.map(Reverse).collect();
    let mut order = Vec::with_capacity(depends.len());
    while let Some(Reverse(feature)) = ready.pop() {
        order.push(feature);
        for dependent in &dependents[feature] {
            waits[*dependent] -= 1;
            if waits[*dependent] == 0 {
                ready.push(Reverse(*dependent));
            }
        }
    }
    let cycles = cycles(depends, &waits);
    order.extend((0..depends.len()).filter(|feature| waits[*feature] > 0));
    Order { order, cycles }
}

/// Walks from each feature that still waits along what it waits for; a walk that meets itself has found a cycle. Every
/// feature is walked over once, so this is linear.
fn cycles(depends: &[Vec<usize>], waits: &[usize]) -> Vec<Vec<usize>> {
    let mut walk_of = vec![0; depends.len()];
    let mut cycles = Vec::new();
    for start in (0..depends.len()).filter(|feature| waits[*feature] > 0) {
        let (mut path, mut at) = (Vec::new(), start);
        while walk_of[at] == 0 {
            walk_of[at] = start + 1;
            path.push(at);
            match depends[at].iter().find(|d| waits[**d] > 0) {
                Some(next) => at = *next,
                None => break,
            }
        }
        let met = path.iter().position(|feature| *feature == at);
        if let (true, Some(from)) = (walk_of[at] == start + 1, met) {
            cycles.push(path.split_off(from));
        }
    }
    cycles
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn written_order_is_kept_where_it_may_be() {
        let order = sort(&[vec![], vec![3], vec![], vec![0]]);
        assert_eq!(
            order,
            Order {
                order: vec![0, 2, 3, 1],
                cycles: vec![]
            }
        );
    }

    #[test]
    fn cycles_are_found_once_and_what_rests_on_them_is_not_one() {
        let order = sort(&[vec![1], vec![2], vec![1], vec![3], vec![]]);
        assert_eq!(order.cycles, [vec![1, 2], vec![3]]);
        assert_eq!(order.order, [4, 0, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn dependencies_come_first_or_there_is_a_cycle(
            edges in proptest::collection::vec((0usize..12, 0usize..12), 0..30),
        ) {
            let mut depends = vec![Vec::new(); 12];
            edges.iter().for_each(|(from, to)| depends[*from].push(*to));
            let Order { order, cycles } = sort(&depends);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..12).collect::<Vec<_>>());
            let place = |f: usize| order.iter().position(|x| *x == f);
            if cycles.is_empty() {
                prop_assert!(edges.iter().all(|(from, to)| place(*to) < place(*from)));
            }
            for cycle in cycles {
                let next = cycle.iter().cycle().skip(1);
                prop_assert!(cycle.iter().zip(next).all(|(f, on)| depends[*f].contains(on)));
            }
        }
    }
}
