//! What the state answers: plain values that the API prints as JSON and the pages print as HTML.
//!
//! Every value is a copy taken under a short lock; nothing here refers back to the live state. Times are seconds
//! since 1970 UTC where SparrowRecSys has them (`timestamp`), microseconds elsewhere (`_us`).

use serde::Serialize;
use std::sync::Arc;

/// One rating as SparrowRecSys prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rating {
    /// Film.
    pub movie_id: i64,
    /// User.
    pub user_id: i64,
    /// Value, 0.5 to 5 in MovieLens.
    pub score: f64,
    /// Seconds since 1970 UTC.
    pub timestamp: i64,
}

/// A film with its live rating statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct Film {
    /// Id.
    pub id: i64,
    /// Title without the year.
    pub title: Arc<str>,
    /// Year of release, where known.
    pub year: Option<i64>,
    /// Genres in the catalogue's order.
    pub genres: Vec<Arc<str>>,
    /// IMDb id, where the data has it.
    pub imdb_id: Option<Arc<str>>,
    /// TMDB id, where the data has it.
    pub tmdb_id: Option<Arc<str>>,
    /// Number of ratings so far.
    pub rating_count: u64,
    /// Mean rating so far; 0 when there is none.
    pub average: f64,
}

/// Everything a film's page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct FilmDetails {
    /// The film.
    pub film: Film,
    /// Ratings per half star: index 0 is 0.5, index 9 is 5.0; values between are rounded to the nearest half.
    pub histogram: [u32; 10],
    /// Up to ten highest ratings, highest first, latest first among equals.
    pub top_ratings: Vec<Rating>,
}

/// A film that is like another one, with the score of the measure that said so (higher is more alike).
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarFilm {
    /// The other film.
    pub film: Film,
    /// Similarity.
    pub score: f32,
}

/// Films like one film, and which model found them.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarFilms {
    /// What they are like.
    pub of: Film,
    /// Most alike first; ties by id.
    pub films: Vec<SimilarFilm>,
    /// `emb` (item2vec neighbours) or `genre` (shared genres and rating).
    pub model: &'static str,
    /// Version of the vectors; 0 for `genre`.
    pub version: u64,
}

/// A genre and how many films carry it.
#[derive(Debug, Clone, PartialEq)]
pub struct GenreCount {
    /// Its name.
    pub genre: Arc<str>,
    /// Number of films.
    pub films: usize,
}

/// How a list of films is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// Smoothed mean rating, best first.
    #[default]
    Rating,
    /// Year of release, latest first; unknown years last.
    ReleaseYear,
}

/// One page of a longer list of films.
#[derive(Debug, Clone, PartialEq)]
pub struct FilmPage {
    /// The films of this page.
    pub films: Vec<Film>,
    /// What each film stands there for: its smoothed rating or its year, as the list is ordered; none where it has
    /// no year, and none at all for a search.
    pub scores: Vec<Option<f32>>,
    /// Films in the whole list.
    pub total: usize,
}

/// One event in a user's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The film.
    pub film: Film,
    /// `rating` or `click`.
    pub kind: Arc<str>,
    /// The rating; none for a click.
    pub score: Option<f64>,
    /// When, microseconds since 1970 UTC.
    pub time_us: i64,
}

/// What a user thinks of one genre.
#[derive(Debug, Clone, PartialEq)]
pub struct GenreTaste {
    /// Genre.
    pub genre: Arc<str>,
    /// Ratings given to films of the genre.
    pub rated: u32,
    /// Of these, the positive ones (≥ 3.5).
    pub liked: u32,
    /// Mean rating given to films of the genre.
    pub average: f64,
}

/// What a user is like, computed from the ratings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Taste {
    /// Genres by number of positive ratings, most first.
    pub genres: Vec<GenreTaste>,
    /// Decades (1990 stands for 1990–1999) by number of positive ratings, most first.
    pub decades: Vec<(i64, u32)>,
    /// Own mean rating minus the mean rating of the films rated: below zero is a strict critic.
    pub generosity: f64,
    /// One sentence that says the above.
    pub summary: String,
}

/// A user with statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Id.
    pub id: i64,
    /// Number of ratings.
    pub rating_count: u64,
    /// Mean rating; 0 when there is none.
    pub average: f64,
    /// Highest rating given; 0 when there is none.
    pub highest: f64,
    /// Lowest rating given; 0 when there is none.
    pub lowest: f64,
    /// Taste, computed.
    pub taste: Taste,
}

/// Why a film was fetched: one recall strategy's reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Why {
    /// Name of the recall strategy: `popularity`, `genre`, `newest`, `item2vec`, `tower`, `arrivals`.
    pub source: &'static str,
    /// The history film it is a neighbour of, if that is the reason: id and title.
    pub film: Option<(i64, Arc<str>)>,
    /// The genre of the user's taste it was fetched for, if that is the reason.
    pub genre: Option<Arc<str>>,
    /// The reason in words: `like Heat (1995), which you rated 5`.
    pub text: String,
}

/// One recommended film.
#[derive(Debug, Clone, PartialEq)]
pub struct Pick {
    /// The film.
    pub film: Film,
    /// The ranker's score; higher is better; NaN where the ranker could not score it.
    pub score: f32,
    /// The coarse ranker's, where one chose what was ranked.
    pub coarse: Option<f32>,
    /// Whether it stands in a place that is kept for new items.
    pub explored: bool,
    /// All recalls that found it, in the order of the strategies; never empty.
    pub why: Vec<Why>,
}

/// A recommendation.
#[derive(Debug, Clone, PartialEq)]
pub struct Picks {
    /// For whom.
    pub user: i64,
    /// Best first.
    pub picks: Vec<Pick>,
    /// Name of the model that ranked (the canonical one: `neuralcf` where `nerualcf` was asked).
    pub model: String,
    /// Its version; 0 for the two rankers without an artefact of their own.
    pub version: u64,
    /// How many candidates were recalled.
    pub candidates: usize,
    /// How many of them were ranked: fewer where a coarse ranker chose.
    pub ranked: usize,
    /// Set where the model asked for could not rank this user and another did, or where the coarse ranker could not
    /// choose, with the reason.
    pub note: Option<String>,
}

/// The new films nearest to a user.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arrived {
    /// Nearest first, with the inner product.
    pub films: Vec<(Film, f32)>,
    /// Version of the vectors; 0 where nothing could be searched.
    pub version: u64,
    /// Why nothing could be.
    pub fault: Option<String>,
}

/// An event as it arrives.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Who.
    pub user: i64,
    /// What.
    pub item: i64,
    /// `rating` or `click`.
    pub kind: String,
    /// The rating; none for a click.
    pub value: Option<f64>,
    /// The client's id for it: sending the same one again changes nothing.
    pub event_id: Option<String>,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recorded {
    /// Its time, microseconds since 1970 UTC: later than any earlier event's.
    pub time: i64,
    /// Its sequence number.
    pub seq: u64,
    /// Whether its `event_id` was known already, so that nothing changed.
    pub duplicate: bool,
}
