//! What a user is like, from the user's ratings: genres, decades, generosity, and a sentence that says it.
//!
//! The sentence names only what the numbers carry: nothing is said of a user with fewer than five ratings.

use super::record::UserRecord;
use super::view::{GenreTaste, Taste};
use rankine_recommend::{Catalogue, Item, POSITIVE};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Ratings below which the sentence says nothing but their number.
const FEW: usize = 5;
/// Difference in stars from which a user is called generous or strict.
const MARKED: f64 = 0.25;

/// Computes a user's taste.
pub(crate) fn taste(catalogue: &Catalogue, user: &UserRecord) -> Taste {
    let rated: Vec<(&Item, f64)> = user
        .ratings()
        .filter_map(|(event, score)| Some((catalogue.item(event.item)?, score)))
        .collect();
    let mut taste = Taste {
        genres: genres(&rated),
        decades: decades(&rated),
        generosity: generosity(catalogue, &rated),
        summary: String::new(),
    };
    taste.summary = summary(&taste, rated.len());
    taste
}

fn genres(rated: &[(&Item, f64)]) -> Vec<GenreTaste> {
    let mut sums: BTreeMap<&Arc<str>, (u32, u32, f64)> = BTreeMap::new();
    for (item, score) in rated {
        for genre in &item.genres {
            let (count, liked, sum) = sums.entry(genre).or_default();
            *count += 1;
            *liked += u32::from(*score >= POSITIVE);
            *sum += score;
        }
    }
    let taste = |(genre, (rated, liked, sum)): (&Arc<str>, (u32, u32, f64))| GenreTaste {
        genre: genre.clone(),
        rated,
        liked,
        average: sum / f64::from(rated.max(1)),
    };
    let mut genres: Vec<GenreTaste> = sums.into_iter().map(taste).collect();
    genres.sort_by(|a, b| b.liked.cmp(&a.liked).then_with(|| a.genre.cmp(&b.genre)));
    genres
}

fn decades(rated: &[(&Item, f64)]) -> Vec<(i64, u32)> {
    let mut counts: BTreeMap<i64, u32> = BTreeMap::new();
    for year in rated
        .iter()
        .filter(|(_, score)| *score >= POSITIVE)
        .filter_map(|(item, _)| item.year)
    {
        *counts.entry(year.div_euclid(10) * 10).or_default() += 1;
    }
    let mut decades: Vec<(i64, u32)> = counts.into_iter().collect();
    decades.sort_by(|a, b| b.1.cmp(&a.1).then(b.0.cmp(&a.0)));
    decades
}

/// Mean over the ratings of the score minus the film's mean; 0 where there is none.
fn generosity(catalogue: &Catalogue, rated: &[(&Item, f64)]) -> f64 {
    let mean = |item: &Item| catalogue.stats(item.id).unwrap_or_default().average();
    let sum: f64 = rated.iter().map(|(item, score)| score - mean(item)).sum();
    sum / rated.len().max(1) as f64
}

fn summary(taste: &Taste, ratings: usize) -> String {
    if ratings < FEW {
        return format!(
            "{ratings} rating{} so far: too few to tell.",
            if ratings == 1 { "" } else { "s" }
        );
    }
    let liked: Vec<&str> = taste
        .genres
        .iter()
        .filter(|g| g.liked > 0)
        .take(3)
        .map(|g| &*g.genre)
        .collect();
    let mut text = if liked.is_empty() {
        "Likes little so far".to_owned()
    } else {
        format!("Likes {}", listed(&liked))
    };
    if let Some((decade, _)) = taste.decades.first() {
        text.push_str(&format!(", mostly of the {decade}s"));
    }
    match taste.generosity {
        g if g > MARKED => text.push_str(&format!("; rates {g:.1} stars above others.")),
        g if g < -MARKED => text.push_str(&format!("; rates {:.1} stars below others.", -g)),
        _ => text.push_str("; rates about as others do."),
    }
    text
}

/// `a`, `a and b`, `a, b and c`.
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_pipeline::Event;

    fn world(ratings: &[(i64, f64)]) -> Taste {
        let film = |id: i64, genre: &str, year| Item::new(id, "x").with_genres(&[genre]).with_year(year);
        let mut films: Vec<Item> = (1..5).map(|id| film(id, "Drama", 1990 + id)).collect();
        films.extend((5..9).map(|id| film(id, "War", 1970 + id)));
        let catalogue = Catalogue::new(films, (1..9).map(|id| (id, 3.0)));
        let mut user = UserRecord::new(1);
        for (time, &(item, score)) in (0..).zip(ratings) {
            let kind = "rating".to_owned();
            let event = Event {
                time,
                seq: 0,
                user: 1,
                item,
                kind,
                value: Some(score),
                context: None,
            };
            user.observe(&catalogue, &event, &"rating".into(), true);
        }
        taste(&catalogue, &user)
    }

    #[test]
    fn it_is_computed_from_the_ratings() {
        let taste = world(&[(1, 5.0), (2, 4.0), (3, 4.5), (5, 1.0), (6, 4.0)]);
        assert_eq!(
            (
                &*taste.genres[0].genre,
                taste.genres[0].liked,
                taste.genres[0].rated
            ),
            ("Drama", 3, 3)
        );
        assert!((taste.genres[0].average - 4.5).abs() < 1e-12);
        assert_eq!(taste.decades, [(1990, 3), (1970, 1)]);
        assert!((taste.generosity - 0.7).abs() < 1e-12);
        assert_eq!(
            taste.summary,
            "Likes Drama and War, mostly of the 1990s; rates 0.7 stars above others."
        );
    }

    #[test]
    fn few_ratings_say_nothing() {
        assert_eq!(world(&[(1, 5.0)]).summary, "1 rating so far: too few to tell.");
        assert_eq!(world(&[]).summary, "0 ratings so far: too few to tell.");
    }

    #[test]
    fn a_user_who_likes_nothing_is_said_so() {
        let taste = world(&[(1, 1.0), (2, 1.0), (3, 1.0), (4, 1.0), (5, 1.0)]);
        assert_eq!(
            taste.summary,
            "Likes little so far; rates 2.0 stars below others."
        );
    }
}
