//! Names by pattern: `*` stands for any run of characters, `?` for one. What `train.freeze` is written in.

/// Whether `name` is of `pattern`.
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // reach[j]: whether the pattern so far fits the first j characters
    let mut reach = vec![false; name.len() + 1];
    reach[0] = true;
    for part in pattern {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match part {
                '*' => reach[at] || (at > 0 && next[at - 1]),
                '?' => at > 0 && reach[at - 1],
                other => at > 0 && reach[at - 1] && name[at - 1] == other,
            };
        }
        reach = next;
    }
    reach[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name) in [
            ("emb.*", "emb.user"),
            ("*", ""),
            ("hidden.?.weight", "hidden.0.weight"),
            ("*.bias", "output.bias"),
            ("a*b*c", "a1b2bc"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("emb.*", "wide.1"),
            ("?", ""),
            ("output", "output.bias"),
            ("a*b", "abc"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
