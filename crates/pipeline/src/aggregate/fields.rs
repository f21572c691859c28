//! Names and types of the aggregated fields, in the order of their rows.
//!
//! SparrowRecSys's names, so that its confs, Redis hashes and models fit, and a few that it lacks: the whole
//! genre list, a longer history, the time of the last event.

use rankine_feature::FieldType::{self, Float, Int, IntList, String, StringList, Timestamp};

/// A field's name and type.
pub type FieldSpec = (&'static str, FieldType);

/// Latest positive items that have a field of their own.
pub(super) const RATED: usize = 5;

/// Favourite genres that have a field of their own.
pub(super) const USER_GENRES: usize = 5;

/// Genres of an item that have a field of their own.
pub(super) const ITEM_GENRES: usize = 3;

/// Fields of a user's row.
pub(super) const USER: [FieldSpec; 18] = [
    ("userId", Int),
    ("userRatedMovie1", Int),
    ("userRatedMovie2", Int),
    ("userRatedMovie3", Int),
    ("userRatedMovie4", Int),
    ("userRatedMovie5", Int),
    ("userRatingCount", Int),
    ("userAvgReleaseYear", Float),
    ("userReleaseYearStddev", Float),
    ("userAvgRating", Float),
    ("userRatingStddev", Float),
    ("userGenre1", String),
    ("userGenre2", String),
    ("userGenre3", String),
    ("userGenre4", String),
    ("userGenre5", String),
    ("userHistory", IntList),
    ("userLastTime", Timestamp),
];

/// Fields of an item's row.
pub(super) const ITEM: [FieldSpec; 9] = [
    ("movieId", Int),
    ("releaseYear", Int),
    ("movieGenre1", String),
    ("movieGenre2", String),
    ("movieGenre3", String),
    ("genres", StringList),
    ("movieRatingCount", Int),
    ("movieAvgRating", Float),
    ("movieRatingStddev", Float),
];

/// Fields of the context: the time of the request, or of the event a sample is made of.
pub(super) const CONTEXT: [FieldSpec; 1] = [("timestamp", Timestamp)];
