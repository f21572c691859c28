//! The year in a MovieLens title: "Toy Story (1995)" is Toy Story of 1995.
//!
//! The decision: only parentheses at the end count, holding a year or a span of years as series have
//! them ("(2006-2007)", "(1963– )"); the first year is taken, the title keeps the rest.

/// Splits a title from the year at its end.
#[must_use]
pub fn split_year(title: &str) -> (String, Option<i64>) {
    let title = title.trim();
    match year_at_end(title) {
        Some((rest, year)) if !rest.is_empty() => (rest.to_owned(), Some(year)),
        Some((_, year)) => (title.to_owned(), Some(year)),
        None => (title.to_owned(), None),
    }
}

fn year_at_end(title: &str) -> Option<(&str, i64)> {
    let (rest, inside) = title.strip_suffix(')')?.rsplit_once('(')?;
    let (first, behind) = inside.split_at_checked(4)?;
    let span_end = match behind.strip_prefix(['-', '–']) {
        Some(end) => end.trim(),
        None if behind.trim().is_empty() => "",
        None => return None,
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_year = digits(first) && digits(span_end) && matches!(span_end.len(), 0 | 2 | 4);
    let year = first.parse().ok().filter(|_| is_year)?;
    Some((rest.trim_end(), year))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_year_is_taken_from_the_end() {
        let cases = [
            ("Toy Story (1995)", "Toy Story", Some(1995)),
            (
                "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
                "City of Lost Children, The (Cité des enfants perdus, La)",
                Some(1995),
            ),
            (" Das Millionenspiel (1970) ", "Das Millionenspiel", Some(1970)),
            (
                "Death Note: Desu nôto (2006–2007)",
                "Death Note: Desu nôto",
                Some(2006),
            ),
            ("Doctor Who (1963- )", "Doctor Who", Some(1963)),
            ("Fawlty Towers (1975-79)", "Fawlty Towers", Some(1975)),
            ("Babylon 5", "Babylon 5", None),
            ("1984 (film)", "1984 (film)", None),
            ("Seven (1995a)", "Seven (1995a)", None),
            ("(1995)", "(1995)", Some(1995)),
            ("é(é1234)", "é(é1234)", None),
            ("", "", None),
        ];
        for (title, rest, year) in cases {
            assert_eq!(split_year(title), (rest.to_owned(), year), "{title}");
        }
    }

    proptest! {
        #[test]
        fn any_title_keeps_its_text(title in "[a-z(é–)0-9 -]{0,20}") {
            let (rest, year) = split_year(&title);
            prop_assert!(title.trim().starts_with(&rest));
            let kept = year.is_none_or(|year| title.contains(&format!("({year:04}")));
            prop_assert!(kept);
        }
    }
}
