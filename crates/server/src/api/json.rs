//! The JSON forms of SparrowRecSys, field for field, with what this server adds.
//!
//! Added: `score`, `recall`, `model`, `modelVersion`. A value the data does not have is null. A list of ratings wraps
//! each one as `{"rating": …}`, as there.

use crate::error::ApiError;
use crate::state::view::{Film, Pick, Picks, Profile, Rating, Why};
use serde::Serialize;

/// `{"rating": {…}}`.
#[derive(Debug, Serialize)]
pub struct Wrapped {
    /// The rating.
    pub rating: Rating,
}

/// Wraps ratings.
pub fn wrap(ratings: Vec<Rating>) -> Vec<Wrapped> {
    ratings.into_iter().map(|rating| Wrapped { rating }).collect()
}

/// A film.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilmJson<'a> {
    movie_id: i64,
    title: &'a str,
    release_year: Option<i64>,
    imdb_id: Option<&'a str>,
    tmdb_id: Option<&'a str>,
    genres: Vec<&'a str>,
    rating_number: u64,
    average_rating: f64,
    top_ratings: Vec<Wrapped>,
    #[serde(flatten)]
    added: Added<'a>,
}

/// What a list adds to its films.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Added<'a> {
    /// Score by which the list is ordered; null where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Option<f32>>,
    /// Score of the coarse ranking, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coarse_score: Option<f32>,
    /// True where it stands in a place kept for new items.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub explored: bool,
    /// Who fetched it and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<Vec<RecallJson<'a>>>,
    /// Model that scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<&'a str>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_version: Option<u64>,
}

/// A film's form without its closing brace: what [`add`] goes on from.
pub(super) fn print(film: &Film, top_ratings: &[Rating]) -> Result<Vec<u8>, ApiError> {
    let form = FilmJson::new(film, top_ratings.to_vec(), Added::default());
    let mut printed = serde_json::to_vec(&form).map_err(fault)?;
    printed.pop();
    Ok(printed)
}

/// Ends a form that [`print`] began, with what a list adds; it adds at least a score.
pub(super) fn add(added: &Added<'_>, out: &mut Vec<u8>) -> Result<(), ApiError> {
    let at = out.len();
    serde_json::to_writer(&mut *out, added).map_err(fault)?;
    out[at] = b',';
    Ok(())
}

fn fault(error: serde_json::Error) -> ApiError {
    ApiError::Internal {
        cause: error.to_string(),
    }
}

/// A recall strategy and its reason.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecallJson<'a> {
    /// Name of the strategy.
    pub source: &'a str,
    /// The reason in words.
    pub reason: &'a str,
    /// The film it is like, if that is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub movie_id: Option<i64>,
    /// The genre it was fetched for, if that is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub genre: Option<&'a str>,
}

impl<'a> FilmJson<'a> {
    /// A film's form.
    pub fn new(film: &'a Film, top_ratings: Vec<Rating>, added: Added<'a>) -> Self {
        FilmJson {
            movie_id: film.id,
            title: &film.title,
            release_year: film.year,
            imdb_id: film.imdb_id.as_deref(),
            tmdb_id: film.tmdb_id.as_deref(),
            genres: film.genres.iter().map(|genre| &**genre).collect(),
            rating_number: film.rating_count,
            average_rating: film.average,
            top_ratings: wrap(top_ratings),
            added,
        }
    }
}

impl<'a> Added<'a> {
    /// What a recommendation adds to one of its films.
    pub fn pick(picks: &'a Picks, pick: &'a Pick) -> Self {
        Added {
            score: Some(Some(pick.score)),
            coarse_score: pick.coarse,
            explored: pick.explored,
            recall: Some(pick.why.iter().map(recall).collect()),
            model: Some(&picks.model),
            model_version: Some(picks.version),
        }
    }
}

fn recall(why: &Why) -> RecallJson<'_> {
    RecallJson {
        source: why.source,
        reason: &why.text,
        movie_id: why.film.as_ref().map(|film| film.0),
        genre: why.genre.as_deref(),
    }
}

/// A user.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserJson {
    user_id: i64,
    average_rating: f64,
    highest_rating: f64,
    lowest_rating: f64,
    rating_count: u64,
    ratings: Vec<Wrapped>,
}

impl UserJson {
    /// A user's form.
    pub fn new(profile: &Profile, ratings: Vec<Rating>) -> Self {
        UserJson {
            user_id: profile.id,
            average_rating: profile.average,
            highest_rating: profile.highest,
            lowest_rating: profile.lowest,
            rating_count: profile.rating_count,
            ratings: wrap(ratings),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn film() -> Film {
        Film {
            id: 6,
            title: "Heat <b>".into(),
            year: Some(1995),
            genres: vec!["Action".into()],
            imdb_id: None,
            tmdb_id: Some("949".into()),
            rating_count: 2,
            average: 4.25,
        }
    }

    #[test]
    fn a_film_has_the_known_names() {
        let top = vec![Rating {
            movie_id: 6,
            user_id: 1,
            score: 5.0,
            timestamp: 9,
        }];
        let printed = serde_json::to_value(FilmJson::new(&film(), top, Added::default())).unwrap();
        let expected = json!({
            "movieId": 6, "title": "Heat <b>", "releaseYear": 1995, "imdbId": null, "tmdbId": "949",
            "genres": ["Action"], "ratingNumber": 2, "averageRating": 4.25,
            "topRatings": [{"rating": {"movieId": 6, "userId": 1, "score": 5.0, "timestamp": 9}}],
        });
        assert_eq!(printed, expected);
    }

    #[test]
    fn a_pick_says_score_recall_and_version() {
        let why = Why {
            source: "item2vec",
            film: Some((1, "Up".into())),
            genre: None,
            text: "like Up".to_owned(),
        };
        let pick = Pick {
            film: film(),
            score: f32::NAN,
            coarse: Some(0.5),
            explored: false,
            why: vec![why],
        };
        let (model, note) = ("widedeep".to_owned(), None);
        let picks = Picks {
            user: 6,
            picks: vec![pick],
            model,
            version: 3,
            candidates: 800,
            ranked: 200,
            note,
        };
        let added = || Added::pick(&picks, &picks.picks[0]);
        let printed = FilmJson::new(&picks.picks[0].film, vec![], added());
        let mut in_two = print(&picks.picks[0].film, &[]).unwrap();
        add(&added(), &mut in_two).unwrap();
        assert_eq!(in_two, serde_json::to_vec(&printed).unwrap());
        let printed = serde_json::to_value(printed).unwrap();
        assert!(printed["score"].is_null(), "not a number is null");
        assert_eq!(printed["coarseScore"], 0.5);
        assert_eq!(
            (&printed["model"], &printed["modelVersion"]),
            (&json!("widedeep"), &json!(3))
        );
        assert_eq!(
            printed["recall"],
            json!([{"source": "item2vec", "reason": "like Up", "movieId": 1}])
        );
    }
}
