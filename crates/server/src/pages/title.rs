//! Titles as people read them: `Godfather, The` is shown as `The Godfather`.
//!
//! Catalogues write articles last to sort by the word that counts. Only what is shown changes; the API, search and the
//! order of lists keep the catalogue's title.

/// Articles that catalogues move to the end.
const ARTICLES: [&str; 24] = [
    "The", "A", "An", "Le", "La", "Les", "L'", "Un", "Une", "Il", "Lo", "I", "Gli", "El", "Los", "Las",
    "Der", "Die", "Das", "Ein", "Eine", "Den", "Det", "O",
];

/// A title with its article in front, in the alternative title in parentheses too.
pub(super) fn reading_order(title: &str) -> String {
    match title.split_once(" (") {
        Some((main, rest)) => {
            let rest = match rest.strip_suffix(')') {
                Some(inner) if !inner.contains(['(', ')']) => format!("{})", article_first(inner)),
                _ => rest.to_owned(),
            };
            format!("{} ({rest}", article_first(main))
        }
        None => article_first(title),
    }
}

fn article_first(text: &str) -> String {
    match text.rsplit_once(", ") {
        Some((rest, article)) if ARTICLES.contains(&article) && !rest.is_empty() => {
            let space = if article.ends_with('\'') { "" } else { " " };
            format!("{article}{space}{rest}")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn articles_come_first() {
        let cases = [
            ("Godfather, The", "The Godfather"),
            ("Avventura, L'", "L'Avventura"),
            (
                "City of Lost Children, The (Cité des enfants perdus, La)",
                "The City of Lost Children (La Cité des enfants perdus)",
            ),
            (
                "Good, the Bad and the Ugly, The",
                "The Good, the Bad and the Ugly",
            ),
            ("Love, Actually", "Love, Actually"),
            ("Up (a (b), The)", "Up (a (b), The)"),
            (", The", ", The"),
        ];
        for (catalogued, read) in cases {
            assert_eq!(reading_order(catalogued), read);
        }
    }

    proptest! {
        #[test]
        fn no_word_is_lost(title in "[A-Za-z,'() ]{0,60}") {
            let letters = |text: &str| {
                let mut all: Vec<char> = text.chars().filter(|c| c.is_alphabetic()).collect();
                all.sort_unstable();
                all
            };
            prop_assert_eq!(letters(&reading_order(&title)), letters(&title));
        }
    }
}
