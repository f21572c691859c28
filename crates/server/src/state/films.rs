//! Questions about films: one, its page, those like it, those of a genre, those a search finds.
//!
//! Answers are copies; a film's static part is shared text, so a copy costs some counters.

use super::State;
use super::search::{TitleIndex, words_of};
use super::view::{Film, FilmDetails, FilmPage, GenreCount, Rating, SimilarFilm, SimilarFilms, SortBy};
use crate::config::{EMB, POPULARITY};
use crate::error::ApiError;
use rankine_recommend::{Item, Neighbour, Order, Shelf, similar};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The similarity that needs no vectors.
const GENRE: &str = "genre";

/// A score as it is shown.
fn single(score: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "rounding keeps the order")]
    let single = score as f32;
    single
}

impl State {
    /// One film with its live statistics.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    pub fn film(&self, id: i64) -> Result<Film, ApiError> {
        if let Some(item) = self.live.catalogue.item(id) {
            return Ok(self.with_stats(item));
        }
        let arrived = self.live.arrival(id).or_else(|| self.looked_up(id));
        let item = arrived.ok_or_else(|| ApiError::not_found("film", id))?;
        Ok(self.with_stats(&item))
    }

    /// A film's page: statistics, histogram, top ratings. A film that is neither in the catalogue nor among the new is asked for where
    /// the stream keeps its rows.
    ///
    /// # Errors
    /// [`ApiError::NotFound`].
    pub fn film_details(&self, id: i64) -> Result<FilmDetails, ApiError> {
        let record = self.live.film_record(id);
        if record.is_none() {
            self.look_up(id);
        }
        let film = self.film(id)?;
        let record = record.unwrap_or_else(|| self.live.told_of(id));
        Ok(FilmDetails {
            film,
            histogram: record.histogram,
            top_ratings: record.top.clone(),
        })
    }

    /// The highest ratings of each film, in the order of `ids`; none for an unknown one.
    pub(crate) fn top_ratings(&self, ids: &[i64]) -> Vec<Vec<Rating>> {
        let records = self.live.film_records(ids);
        ids.iter()
            .map(|id| {
                records
                    .get(id)
                    .map(|record| record.top.clone())
                    .unwrap_or_default()
            })
            .collect()
    }

    /// Appends the printed form of each film, in their order: what `print` makes of it and its highest ratings, kept
    /// until the film is rated again; `after` adds to it what belongs to this answer alone.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], and what `print` and `after` answer.
    pub(crate) fn append_printed(
        &self,
        ids: &[i64],
        out: &mut Vec<u8>,
        print: impl Fn(&Film, &[Rating]) -> Result<Vec<u8>, ApiError>,
        after: impl Fn(usize, &mut Vec<u8>) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let records = self.live.film_records(ids);
        let unknown = |id: &i64| ApiError::not_found("film", id);
        for (index, id) in ids.iter().enumerate() {
            let record = records.get(id).ok_or_else(|| unknown(id))?;
            // The statistics are read after the record and written before it: what is kept is never older than it.
            record.append_printed(out, |top| print(&self.film(*id)?, top))?;
            after(index, out)?;
        }
        Ok(())
    }

    /// Up to `n` films like `id`; `model` is `emb`, `genre`, or none for `emb`. A film without a vector is answered by
    /// `genre`, one without genres by `popularity`; the answer says by which.
    ///
    /// # Errors
    /// [`ApiError::NotFound`], [`ApiError::Parameter`] for another model, [`ApiError::ModelUnavailable`] where
    /// `emb` was asked for and no vectors are loaded.
    pub fn similar(&self, id: i64, n: usize, model: Option<&str>) -> Result<SimilarFilms, ApiError> {
        let film = self.film(id)?;
        match model {
            Some(GENRE) => Ok(self.similar_by_genre(film, n)),
            Some(EMB) => self.similar_by_vector(film, n),
            None => Ok(match self.similar_by_vector(film.clone(), n) {
                Ok(found) => found,
                Err(_) => self.similar_by_genre(film, n),
            }),
            Some(other) => Err(ApiError::parameter("model", "emb or genre", Some(other))),
        }
    }

    fn similar_by_genre(&self, of: Film, n: usize) -> SimilarFilms {
        let films = self.similar_films(similar::by_genre(&self.live.catalogue, of.id, n));
        if films.is_empty() {
            return self.popular_beside(of, n);
        }
        SimilarFilms {
            of,
            films,
            model: GENRE,
            version: 0,
        }
    }

    /// The films rated best, for a film of which nothing is known that others share.
    fn popular_beside(&self, of: Film, n: usize) -> SimilarFilms {
        let best = self
            .live
            .catalogue
            .walk(Shelf::All, Order::Rating, n, |id| id != of.id);
        let best = best.into_iter().map(|(id, smoothed)| (id, single(smoothed)));
        SimilarFilms {
            films: self.similar_films(best.collect()),
            of,
            model: POPULARITY,
            version: 0,
        }
    }

    fn similar_by_vector(&self, of: Film, n: usize) -> Result<SimilarFilms, ApiError> {
        let unavailable = || ApiError::ModelUnavailable {
            model: EMB.to_owned(),
            cause: "no item vectors are loaded".to_owned(),
        };
        let vectors = self.vectors.current(&self.predictor).ok_or_else(unavailable)?;
        let films = self.similar_films(similar::by_vector(&self.live.catalogue, &vectors, of.id, n));
        if films.is_empty() {
            return Ok(self.similar_by_genre(of, n));
        }
        Ok(SimilarFilms {
            of,
            films,
            model: EMB,
            version: vectors.version(),
        })
    }

    fn similar_films(&self, found: Vec<Neighbour>) -> Vec<SimilarFilm> {
        let film = |(id, score)| {
            Some(SimilarFilm {
                film: self.film(id).ok()?,
                score,
            })
        };
        found.into_iter().filter_map(film).collect()
    }

    /// Genres of the catalogue by name with their number of films, new ones counted.
    pub fn genres(&self) -> Vec<GenreCount> {
        let (catalogue, arrived) = (&self.live.catalogue, self.live.arrivals());
        let mut new: FxHashMap<&str, usize> = FxHashMap::default();
        for genre in arrived.values().flat_map(|item| &item.genres) {
            *new.entry(&**genre).or_default() += 1;
        }
        let count = |genre: &Arc<str>| GenreCount {
            genre: genre.clone(),
            films: catalogue.shelf_len(Shelf::Genre(genre)).unwrap_or(0)
                + new.get(&**genre).copied().unwrap_or(0),
        };
        catalogue.genres().iter().map(count).collect()
    }

    /// The newest of what a change stream has brought, by year, then by id; at most `n`.
    pub fn new_films(&self, n: usize) -> Vec<Film> {
        let arrived = self.live.arrivals();
        let mut items: Vec<&Arc<Item>> = arrived.values().collect();
        items.sort_by_key(|item| std::cmp::Reverse((item.year, item.id)));
        items.truncate(n);
        items.into_iter().map(|item| self.with_stats(item)).collect()
    }

    /// Films of a genre, new ones among them, ordered; `offset` and `n` cut the page. An offset beyond the end is an empty page.
    ///
    /// # Errors
    /// [`ApiError::Parameter`] for an unknown genre, with the genres there are.
    pub fn genre_films(
        &self,
        genre: &str,
        sort: SortBy,
        offset: usize,
        n: usize,
    ) -> Result<FilmPage, ApiError> {
        let (catalogue, new) = (&self.live.catalogue, self.new_of(genre));
        let old = catalogue.shelf_len(Shelf::Genre(genre));
        if old.is_none() && new.is_empty() {
            let known = format!("one of {}", catalogue.genres().join(", "));
            return Err(ApiError::parameter("genre", known, Some(genre)));
        }
        let total = old.unwrap_or(0) + new.len();
        let order = match sort {
            SortBy::Rating => Order::Rating,
            SortBy::ReleaseYear => Order::Year,
        };
        let mut head = catalogue.walk(Shelf::Genre(genre), order, offset.saturating_add(n), |_| true);
        if !new.is_empty() {
            head = self.merged(head, new, order);
        }
        let stands = head.into_iter().skip(offset).take(n);
        let stands = stands.filter_map(|(id, smoothed)| Some((self.film(id).ok()?, smoothed)));
        let stands = stands.map(|(film, smoothed)| match sort {
            SortBy::Rating => (film, Some(single(smoothed))),
            SortBy::ReleaseYear => {
                let year = film.year.map(|year| year as f32);
                (film, year)
            }
        });
        let (films, scores) = stands.unzip();
        Ok(FilmPage { films, scores, total })
    }

    /// Films of a genre that came into being after the catalogue was loaded, with their smoothed ratings.
    fn new_of(&self, genre: &str) -> Vec<(i64, f64)> {
        let arrived = self.live.arrivals();
        let of_genre = |item: &&Arc<Item>| item.genres.iter().any(|own| **own == *genre);
        let found = arrived.values().filter(of_genre);
        let rated = |item: &Arc<Item>| (item.id, self.live.catalogue.smooth(self.live.stats(item.id)));
        found.map(rated).collect()
    }

    /// The beginning of a shelf with the new films at their places, in the catalogue's own order.
    fn merged(&self, head: Vec<(i64, f64)>, new: Vec<(i64, f64)>, order: Order) -> Vec<(i64, f64)> {
        let arrived = self.live.arrivals();
        let year = |id: i64| match self.live.catalogue.item(id) {
            Some(item) => item.year,
            None => arrived.get(&id).and_then(|item| item.year),
        };
        let keyed = |(id, rating): (i64, f64)| match order {
            Order::Rating => (None, rating, id),
            Order::Year => (year(id), rating, id),
        };
        let mut all: Vec<_> = head.into_iter().chain(new).map(keyed).collect();
        all.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
        all.into_iter().map(|(_, rating, id)| (id, rating)).collect()
    }

    /// Films, those of a change stream among them, whose titles have all the words of `text` (the last one may be a beginning): the title
    /// that *is* the text first, then by number of ratings.
    pub fn search(&self, text: &str, offset: usize, n: usize) -> FilmPage {
        let mut found = self.titles.find(text);
        found.extend(self.arrived_titles.of(self.live.arrivals()).find(text));
        let words = words_of(text);
        let mut films = self.films(&found);
        if !words.is_empty() {
            films.extend(self.others_titled(text, &found));
        }
        films.sort_by_cached_key(|film| {
            (
                words_of(&film.title) != words,
                u64::MAX - film.rating_count,
                film.id,
            )
        });
        let total = films.len();
        FilmPage {
            scores: Vec::new(),
            films: films.into_iter().skip(offset).take(n).collect(),
            total,
        }
    }

    /// Films that only the stream knows by their titles.
    fn others_titled(&self, text: &str, found: &[i64]) -> Vec<Film> {
        let known = |item: &Item| found.contains(&item.id) || self.live.catalogue.position(item.id).is_some();
        // the stream's index may be a moment behind the row that it answers with
        let is_meant = |item: &Item| !TitleIndex::new([item]).find(text).is_empty();
        let items = self.titled_in_stream(text);
        let others = items.iter().filter(|item| !known(item) && is_meant(item));
        others.map(|item| self.with_stats(item)).collect()
    }

    fn films(&self, ids: &[i64]) -> Vec<Film> {
        ids.iter().filter_map(|&id| self.film(id).ok()).collect()
    }

    fn with_stats(&self, item: &Item) -> Film {
        let stats = self.live.stats(item.id);
        Film {
            id: item.id,
            title: item.title.clone(),
            year: item.year,
            genres: item.genres.clone(),
            imdb_id: item.imdb_id.clone(),
            tmdb_id: item.tmdb_id.clone(),
            rating_count: stats.count,
            average: stats.average(),
        }
    }
}
