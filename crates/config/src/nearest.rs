//! The known name that a mistyped one probably meant.
//!
//! Decision: edit distance with swaps (optimal string alignment), accepted up to a third of the length but less than all of it: a guess that is
//! usually wrong is worse than none.

/// Names longer than this are not compared (foreign text; the distance is quadratic).
const LONGEST: usize = 64;

/// The candidate nearest to `name`; of equally near ones the first. None if none is near or `name` is itself known.
#[must_use]
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if name.len() > LONGEST {
        return None;
    }
    let length = name.chars().count();
    let limit = (length / 3).max(1).min(length.saturating_sub(1));
    let lower = name.to_lowercase();
    let scored = known.into_iter().filter(|k| k.len() <= LONGEST);
    let scored = scored.map(|k| (strsim::osa_distance(&lower, &k.to_lowercase()), k));
    scored
        .filter(|(distance, k)| *distance <= limit && *k != name)
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn swaps_cases_and_small_slips_are_near() {
        let known = ["movieId", "userId", "rating"];
        assert_eq!(nearest("movieid", known), Some("movieId"));
        assert_eq!(nearest("muvieId", known), Some("movieId"));
        assert_eq!(nearest("ratnig", known), Some("rating"));
        assert_eq!(nearest("genre", known), None);
        assert_eq!(nearest("rating", known), None);
        assert_eq!(nearest("x", ["u"]), None, "nothing of it is left");
        assert_eq!(nearest(&"x".repeat(1000), known), None);
    }
}
