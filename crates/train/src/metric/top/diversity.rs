//! Diversity of a list: how little its items have in common, two by two (Ziegler et al. 2005, intra-list similarity).
//!
//! `1 − mean cos(i, j)` over all pairs, cos being the share of users who met both: `|U_i ∩ U_j| / √(|U_i|·|U_j|)`. It needs
//! nothing but who met what, so it can be computed for any data set.

/// The mean dissimilarity of all pairs of a list; `users(i)` gives the users who met item i, ascending. None below two items.
#[must_use]
pub fn diversity<'u>(list: &[u32], users: impl Fn(u32) -> &'u [u32]) -> Option<f64> {
    let (mut sum, mut pairs) = (0.0, 0_u32);
    for (at, item) in list.iter().enumerate() {
        for other in &list[..at] {
            sum += 1.0 - cosine(users(*item), users(*other));
            pairs += 1;
        }
    }
    (pairs > 0).then(|| sum / f64::from(pairs))
}

/// The cosine of two sets that ascend; 0 where one is empty.
fn cosine(a: &[u32], b: &[u32]) -> f64 {
    let (mut i, mut j, mut both) = (0, 0, 0.0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        both += f64::from(u8::from(x == y));
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    if both > 0.0 {
        both / ((a.len() * b.len()) as f64).sqrt()
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_over_pairs() {
        let users = [vec![1, 2, 3, 4], vec![3], vec![9]];
        // cos(0, 1) = 1 / √4, all others 0: 1 − 0.5 / 3
        let found = diversity(&[0, 1, 2], |item| &users[item as usize]).unwrap();
        assert!((found - (1.0 - 0.5 / 3.0)).abs() < 1e-15, "{found}");
        assert_eq!(diversity(&[0], |item| &users[item as usize]), None);
    }
}
