//! `GET /movie.html?movieId=`: a film, how it was rated and by whom, films like it, and what it means for the visitor.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::card::{Card, Control, day};
use super::fault::Fault;
use super::rate::notice;
use super::shell::{Shell, render};
use super::visit::{Page, Visit, answer};
use super::{drawing, link};
use crate::error::ApiError;
use crate::state::State as Live;
use crate::state::view::{FilmDetails, Rating, SimilarFilms};

/// Similar films shown.
const SIMILAR: usize = 12;
/// Next picks shown.
const NEXT: usize = 7;

struct Genre {
    name: String,
    href: String,
}

struct Rater {
    user: i64,
    href: String,
    score: f64,
    day: String,
}

#[derive(Template)]
#[template(path = "movie.html")]
struct Movie {
    shell: Shell,
    card: Card,
    genres: Vec<Genre>,
    ids: String,
    histogram: String,
    raters: Vec<Rater>,
    control: Option<Control>,
    notice: Option<String>,
    next: Vec<Card>,
    next_href: String,
    similar: Vec<Card>,
    similar_by: &'static str,
}

pub(super) async fn get(State(state): State<Arc<Live>>, visit: Visit) -> Result<Page, Fault> {
    answer(state, visit, page).await
}

fn page(state: &Live, visit: &Visit) -> Result<Page, ApiError> {
    let details = state.film_details(visit.parameters.id("movieId")?)?;
    let card = Card::new(&details.film);
    let user = visit.user(state);
    let similar = state.similar(card.id, SIMILAR, None)?;
    let back = link::film(card.id);
    let page = Movie {
        shell: Shell::new(&card.title, user, ""),
        genres: genres(&details),
        ids: ids(&details),
        histogram: drawing::ratings(&details.histogram),
        raters: details.top_ratings.iter().map(rater).collect(),
        control: user.map(|user| Control::new(user, &card, &back, state.rating_of(user, card.id))),
        notice: user.and_then(|user| notice(state, visit, user)),
        next: user.map(|user| next(state, user)).unwrap_or_default(),
        next_href: user.map(|user| link::user(user, None)).unwrap_or_default(),
        similar_by: found_by(&similar),
        similar: Card::all(similar.films.iter().map(|found| &found.film)),
        card,
    };
    render(&page).map(Page::new)
}

fn genres(details: &FilmDetails) -> Vec<Genre> {
    let genre = |name: &Arc<str>| Genre {
        name: name.to_string(),
        href: link::genre(name),
    };
    details.film.genres.iter().map(genre).collect()
}

/// The film's numbers in other catalogues, as text: pages lead nowhere outside the machine.
fn ids(details: &FilmDetails) -> String {
    let film = &details.film;
    let named = [("IMDb", &film.imdb_id), ("TMDB", &film.tmdb_id)];
    let known = named
        .into_iter()
        .filter_map(|(name, id)| Some(format!("{name} {}", id.as_deref()?)));
    std::iter::once(format!("No. {}", film.id))
        .chain(known)
        .collect::<Vec<_>>()
        .join(" · ")
}

fn rater(rating: &Rating) -> Rater {
    Rater {
        user: rating.user_id,
        href: link::user(rating.user_id, None),
        score: rating.score,
        day: day(rating.timestamp.saturating_mul(1_000_000)),
    }
}

fn found_by(similar: &SimilarFilms) -> &'static str {
    match similar.model {
        "emb" => "Liked by the same people",
        "popularity" => "Rated well by many",
        _ => "Of the same genres",
    }
}

/// What the visitor is recommended now; empty where no model answers.
fn next(state: &Live, user: i64) -> Vec<Card> {
    let picks = state
        .recommend(user, None, NEXT)
        .map(|picks| picks.picks)
        .unwrap_or_default();
    Card::all(picks.iter().map(|pick| &pick.film))
}
