//! Coverage: the share of all items that some list shows.

use std::collections::BTreeSet;

/// Distinct items of all lists over the items there are; 0 without items.
#[must_use]
pub fn coverage<'l>(lists: impl IntoIterator<Item = &'l [u32]>, items: usize) -> f64 {
    let shown: BTreeSet<u32> = lists.into_iter().flatten().copied().collect();
    shown.len() as f64 / items.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_counts_once() {
        let lists = [vec![1, 2], vec![2, 3]];
        assert!((coverage(lists.iter().map(Vec::as_slice), 12) - 0.25).abs() < 1e-15);
    }
}
