//! `GET /search.html?q=&page=`: films by words of their titles.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::card::{Card, counted};
use super::fault::Fault;
use super::paging::{self, PER_PAGE, Paging};
use super::shell::{Shell, render};
use super::visit::{Page, Visit, answer};
use crate::error::ApiError;
use crate::state::State as Live;

#[derive(Template)]
#[template(path = "search.html")]
struct Search {
    shell: Shell,
    text: String,
    films: String,
    cards: Vec<Card>,
    paging: Paging,
}

pub(super) async fn get(State(state): State<Arc<Live>>, visit: Visit) -> Result<Page, Fault> {
    answer(state, visit, page).await
}

fn page(state: &Live, visit: &Visit) -> Result<Page, ApiError> {
    let text = visit.parameters.text("q").unwrap_or_default().trim();
    let number = paging::asked(visit)?;
    let found = state.search(text, (number - 1).saturating_mul(PER_PAGE), PER_PAGE);
    let mut shell = Shell::new("Search", visit.user(state), "");
    shell.query = text.to_owned();
    let page = Search {
        shell,
        text: text.to_owned(),
        films: counted(found.total as u64, "film"),
        cards: Card::all(&found.films),
        paging: Paging::new(number, found.total, &visit.address)?,
    };
    render(&page).map(Page::new)
}
