//! A film as lists show it, and the control that rates it.

use super::{link, title};
use crate::state::view::Film;

/// A film in a list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Card {
    /// Id.
    pub(super) id: i64,
    /// Title as people read it.
    pub(super) title: String,
    /// Year of release or nothing.
    pub(super) year: String,
    /// Genres, joined.
    pub(super) genres: String,
    /// Mean rating with one decimal; a dash where there is none.
    pub(super) average: String,
    /// `1 rating`, `324 ratings`, `not rated yet`.
    pub(super) ratings: String,
    /// Address of its page.
    pub(super) href: String,
}

impl Card {
    /// The card of a film.
    pub(super) fn new(film: &Film) -> Self {
        let genres: Vec<&str> = film.genres.iter().map(|genre| &**genre).collect();
        Card {
            id: film.id,
            title: title::reading_order(&film.title),
            year: film.year.map(|year| year.to_string()).unwrap_or_default(),
            genres: genres.join(", "),
            average: if film.rating_count == 0 {
                "–".to_owned()
            } else {
                format!("{:.1}", film.average)
            },
            ratings: counted(film.rating_count, "rating"),
            href: link::film(film.id),
        }
    }

    /// The cards of films.
    pub(super) fn all<'a>(films: impl IntoIterator<Item = &'a Film>) -> Vec<Card> {
        films.into_iter().map(Card::new).collect()
    }
}

/// The control that rates a film: five buttons of a form.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Control {
    /// In whose name.
    pub(super) user: i64,
    /// The film.
    pub(super) item: i64,
    /// Its title.
    pub(super) title: String,
    /// Where to go afterwards.
    pub(super) back: String,
    /// The rating given last, in words, if any.
    pub(super) given: Option<String>,
    /// Stars lit: the rating given last, rounded.
    pub(super) lit: u8,
}

/// Values of the buttons.
const STARS: [u8; 5] = [1, 2, 3, 4, 5];

impl Control {
    /// A control for a film that the user rated `given`, or not yet.
    pub(super) fn new(user: i64, card: &Card, back: &str, given: Option<f64>) -> Self {
        Control {
            user,
            item: card.id,
            title: card.title.clone(),
            back: back.to_owned(),
            lit: given.map_or(0, |value| {
                STARS
                    .into_iter()
                    .filter(|&star| f64::from(star) <= value + 0.5)
                    .max()
                    .unwrap_or(0)
            }),
            given: given.map(|value| format!("{value}")),
        }
    }

    /// The buttons, lowest first.
    pub(super) fn stars(&self) -> [u8; 5] {
        STARS
    }
}

/// `no ratings`, `1 rating`, `2 ratings`; thousands apart.
pub(super) fn counted(n: u64, what: &str) -> String {
    match n {
        0 => format!("no {what}s yet"),
        1 => format!("1 {what}"),
        n => format!("{} {what}s", thousands(n)),
    }
}

/// `1,234,567`.
pub(super) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|g| std::str::from_utf8(g).ok())
        .collect();
    groups.join(",")
}

/// `2 January 2006` from microseconds since 1970 UTC (civil-from-days, Howard Hinnant's algorithm).
pub(super) fn day(time_us: i64) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let days = time_us.div_euclid(86_400_000_000) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 2 } else { shifted - 10 };
    let year = year_of_era + era * 400 + i64::from(month < 2);
    let name = usize::try_from(month)
        .ok()
        .and_then(|m| MONTHS.get(m))
        .copied()
        .unwrap_or("");
    format!("{day} {name} {year}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(counted(0, "rating"), "no ratings yet");
        assert_eq!(counted(1, "rating"), "1 rating");
        assert_eq!(counted(1_000, "film"), "1,000 films");
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day(0), "1 January 1970");
        assert_eq!(day(951_782_400_000_000), "29 February 2000");
        assert_eq!(day(1_795_000_000_000_000), "18 November 2026");
        assert_eq!(day(-1), "31 December 1969");
    }

    #[test]
    fn the_lit_stars_are_the_rating_rounded() {
        let film = Film {
            id: 1,
            title: "Heat".into(),
            year: None,
            genres: vec![],
            imdb_id: None,
            tmdb_id: None,
            rating_count: 0,
            average: 0.0,
        };
        let lit = |given| Control::new(6, &Card::new(&film), "/", given).lit;
        assert_eq!(
            [lit(None), lit(Some(0.5)), lit(Some(3.5)), lit(Some(5.0))],
            [0, 1, 4, 5]
        );
        assert_eq!(Card::new(&film).average, "–");
    }
}
