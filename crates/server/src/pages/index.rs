//! `GET /index.html`: a few picks for the visitor, what a change stream has brought, then a row of the best films per genre.
//!
//! Genres come in the order of the visitor's taste; those left come by their number of films.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::card::{Card, counted};
use super::fault::Fault;
use super::link;
use super::shell::{Shell, render};
use super::visit::{Page, Visit, answer};
use crate::error::ApiError;
use crate::state::State as Live;
use crate::state::view::{GenreCount, SortBy};

/// Picks shown.
const PICKS: usize = 12;
/// Films of a genre's row.
const ROW: usize = 14;

struct Row {
    name: String,
    href: String,
    films: String,
    cards: Vec<Card>,
}

struct Picked {
    user: i64,
    href: String,
    cards: Vec<Card>,
}

#[derive(Template)]
#[template(path = "index.html")]
struct Index {
    shell: Shell,
    films: String,
    picked: Option<Picked>,
    new: Vec<Card>,
    rows: Vec<Row>,
}

pub(super) async fn get(State(state): State<Arc<Live>>, visit: Visit) -> Result<Page, Fault> {
    answer(state, visit, page).await
}

fn page(state: &Live, visit: &Visit) -> Result<Page, ApiError> {
    let user = visit.user(state);
    let page = Index {
        shell: Shell::new("Films", user, "index"),
        films: counted(state.status().films as u64, "film"),
        picked: user.and_then(|user| picked(state, user)),
        new: Card::all(&state.new_films(ROW)),
        rows: genres(state, user)
            .iter()
            .map(|genre| row(state, genre))
            .collect::<Result<_, _>>()?,
    };
    render(&page).map(Page::new)
}

/// The visitor's picks; none where no model answers or nothing is known of the user.
fn picked(state: &Live, user: i64) -> Option<Picked> {
    let picks = state.recommend(user, None, PICKS).ok()?;
    let cards = Card::all(picks.picks.iter().map(|pick| &pick.film));
    Some(Picked {
        user,
        href: link::user(user, None),
        cards,
    })
}

fn genres(state: &Live, user: Option<i64>) -> Vec<GenreCount> {
    let taste = user
        .and_then(|user| state.profile(user).ok())
        .map(|profile| profile.taste.genres);
    let taste = taste.unwrap_or_default();
    let place = |genre: &GenreCount| taste.iter().position(|liked| liked.genre == genre.genre);
    let mut genres = state.genres();
    genres.sort_by_key(|genre| (place(genre).unwrap_or(usize::MAX), usize::MAX - genre.films));
    genres
}

fn row(state: &Live, genre: &GenreCount) -> Result<Row, ApiError> {
    let films = state.genre_films(&genre.genre, SortBy::Rating, 0, ROW)?.films;
    Ok(Row {
        name: genre.genre.to_string(),
        href: link::genre(&genre.genre),
        films: counted(genre.films as u64, "film"),
        cards: Card::all(&films),
    })
}
