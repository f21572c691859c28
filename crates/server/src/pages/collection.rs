//! `GET /collection.html?type=genre&value=&sort=&page=`: all films of a genre, a page at a time.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::card::{Card, counted};
use super::fault::Fault;
use super::link;
use super::paging::{self, PER_PAGE, Paging};
use super::shell::{Shell, render};
use super::visit::{Page, Visit, answer};
use crate::error::ApiError;
use crate::state::State as Live;
use crate::state::view::SortBy;

struct Order {
    name: &'static str,
    href: String,
    current: bool,
}

#[derive(Template)]
#[template(path = "collection.html")]
struct Collection {
    shell: Shell,
    genre: String,
    films: String,
    orders: Vec<Order>,
    cards: Vec<Card>,
    paging: Paging,
}

pub(super) async fn get(State(state): State<Arc<Live>>, visit: Visit) -> Result<Page, Fault> {
    answer(state, visit, page).await
}

fn page(state: &Live, visit: &Visit) -> Result<Page, ApiError> {
    let genre = genre(visit)?;
    let (sort, number) = (sort(visit)?, paging::asked(visit)?);
    let found = state.genre_films(genre, sort, (number - 1).saturating_mul(PER_PAGE), PER_PAGE)?;
    let page = Collection {
        shell: Shell::new(genre, visit.user(state), ""),
        genre: genre.to_owned(),
        films: counted(found.total as u64, "film"),
        orders: orders(genre, sort),
        cards: Card::all(&found.films),
        paging: Paging::new(number, found.total, &visit.address)?,
    };
    render(&page).map(Page::new)
}

fn genre(visit: &Visit) -> Result<&str, ApiError> {
    match visit.parameters.text("type") {
        None | Some("genre") => visit.parameters.required("value", "the name of a genre"),
        other => Err(ApiError::parameter("type", "genre", other)),
    }
}

fn sort(visit: &Visit) -> Result<SortBy, ApiError> {
    match visit.parameters.text("sort") {
        None | Some("rating") => Ok(SortBy::Rating),
        Some("releaseYear") => Ok(SortBy::ReleaseYear),
        other => Err(ApiError::parameter("sort", "rating or releaseYear", other)),
    }
}

fn orders(genre: &str, now: SortBy) -> Vec<Order> {
    let order = |(name, value, sort)| Order {
        name,
        href: link::with(&link::genre(genre), "sort", value),
        current: sort == now,
    };
    [
        ("Best rated", "rating", SortBy::Rating),
        ("Newest", "releaseYear", SortBy::ReleaseYear),
    ]
    .map(order)
    .into()
}
