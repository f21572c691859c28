//! One item of the catalogue: what is known of it before anybody rates it.
//!
//! Texts are `Arc<str>` because every answer copies them; a copy is then a counter.

use std::sync::Arc;

/// An item (a film).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Id, unique in the catalogue.
    pub id: i64,
    /// Title without the year.
    pub title: Arc<str>,
    /// Year of release, where known.
    pub year: Option<i64>,
    /// Genres, in the data's order, without duplicates.
    pub genres: Vec<Arc<str>>,
    /// IMDb id, where the data has it.
    pub imdb_id: Option<Arc<str>>,
    /// TMDB id, where the data has it.
    pub tmdb_id: Option<Arc<str>>,
}

impl Item {
    /// An item with a title and nothing else.
    pub fn new(id: i64, title: &str) -> Self {
        Item {
            id,
            title: title.into(),
            year: None,
            genres: Vec::new(),
            imdb_id: None,
            tmdb_id: None,
        }
    }

    /// Sets the year of release.
    pub fn with_year(mut self, year: i64) -> Self {
        self.year = Some(year);
        self
    }

    /// Sets the genres.
    pub fn with_genres(mut self, genres: &[&str]) -> Self {
        self.genres = genres.iter().map(|&g| g.into()).collect();
        self
    }
}
