//! `GET /insert.html`, `POST /insert`: a film is typed, written into the stream's source, and followed until it stands in a
//! chosen user's row; edited or deleted, and that is followed, too.
//!
//! A form like the one that rates, and guarded like it: only a page of this server may send it, and only where `[insert]` is
//! configured. The answer goes back to the page, which shows what is known by then and, with the script, what comes.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::Redirect;

use super::card::Card;
use super::fault::Fault;
use super::shell::{Shell, render};
use super::stream::{died_of, span, steps};
use super::visit::{Page, Visit, answer};
use super::{link, rate, title};
use crate::api::parameters::Parameters;
use crate::arrivals::{Deed, Watched};
use crate::error::ApiError;
use crate::state::State as Live;

/// Longest title, in characters; most genres, and the longest.
const TITLE: usize = 200;
const GENRES: usize = 10;
const GENRE: usize = 40;

struct Stage {
    name: String,
    took: String,
    at: String,
}

struct Change {
    heading: String,
    href: String,
    stages: Vec<Stage>,
    waits: String,
}

struct Own {
    id: i64,
    title: String,
    genres: String,
}

#[derive(Template)]
#[template(path = "insert.html")]
struct InsertPage {
    shell: Shell,
    user: String,
    genres: Vec<String>,
    /// Genres of which the example in the form is made.
    example: String,
    change: Option<Change>,
    own: Vec<Own>,
    row: Vec<Card>,
    row_of: String,
    refresh: bool,
}

pub(super) async fn get(State(state): State<Arc<Live>>, visit: Visit) -> Result<Page, Fault> {
    answer(state, visit, page).await
}

pub(super) async fn post(
    State(state): State<Arc<Live>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Redirect, Fault> {
    if !rate::own(&headers) {
        return Err(Fault::foreign());
    }
    let limit = state.config().event_bytes();
    let body = body.map_err(|_| ApiError::TooLarge { limit })?;
    let change = parse(&body)?;
    let user = change.user;
    state.block(move |state| state.write_film(change)).await?;
    Ok(Redirect::to(&format!("/insert.html?user={user}")))
}

/// Reads the form: `deed`, `user`, `title` and `genres`, `id` of a film that is there.
fn parse(body: &[u8]) -> Result<Watched, ApiError> {
    let form = Parameters::of_form(body)?;
    let deed = match form.text("deed") {
        Some("insert") => Deed::Insert,
        Some("edit") => Deed::Edit,
        Some("delete") => Deed::Delete,
        other => return Err(ApiError::parameter("deed", "insert, edit or delete", other)),
    };
    let (title, genres) = match deed {
        Deed::Delete => (String::new(), Vec::new()),
        Deed::Insert | Deed::Edit => (title_of(&form)?, genres_of(&form)?),
    };
    Ok(Watched {
        id: if deed == Deed::Insert { 0 } else { form.id("id")? },
        deed,
        title,
        genres,
        user: form.id("user")?,
        begun: 0,
        written: 0,
        trace: None,
        shown: None,
        place: None,
        over: false,
    })
}

fn title_of(form: &Parameters) -> Result<String, ApiError> {
    let expected = format!("1 to {TITLE} characters");
    let title = form.required("title", &expected)?.trim();
    let fits = title.chars().count() <= TITLE && !title.chars().any(char::is_control);
    fits.then(|| title.to_owned())
        .ok_or_else(|| ApiError::parameter("title", expected, Some(title)))
}

fn genres_of(form: &Parameters) -> Result<Vec<String>, ApiError> {
    let expected = format!("1 to {GENRES} words between commas, each up to {GENRE} characters");
    let text = form.required("genres", &expected)?;
    let mut genres: Vec<String> = Vec::new();
    for word in text
        .split([',', '|'])
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        if !genres.iter().any(|known| known == word) {
            genres.push(word.to_owned());
        }
    }
    let short = |word: &String| word.chars().count() <= GENRE && !word.chars().any(char::is_control);
    let fits = (1..=GENRES).contains(&genres.len()) && genres.iter().all(short);
    fits.then_some(genres)
        .ok_or_else(|| ApiError::parameter("genres", expected, Some(text)))
}

fn page(state: &Live, visit: &Visit) -> Result<Page, ApiError> {
    let written = state.written_films()?;
    let user = match visit.parameters.text("user") {
        Some(_) => Some(visit.parameters.id("user")?),
        None => visit.user(state),
    };
    let newest = written.first();
    let arrived = match user {
        Some(user) => state.arrivals_for(user, state.config().arrivals.row)?,
        None => None,
    };
    let genres: Vec<String> = state
        .genres()
        .iter()
        .map(|genre| genre.genre.to_string())
        .collect();
    let page = InsertPage {
        shell: Shell::new("Insert a film", visit.user(state), ""),
        user: user.map(|user| user.to_string()).unwrap_or_default(),
        example: genres.iter().take(2).cloned().collect::<Vec<_>>().join(", "),
        genres,
        change: newest.map(|change| told(state, change)),
        own: own(&written),
        row: arrived
            .iter()
            .flat_map(|row| &row.films)
            .map(|(film, _)| Card::new(film))
            .collect(),
        row_of: user.map(|user| format!("user {user}")).unwrap_or_default(),
        refresh: newest.is_some_and(|change| !change.over),
    };
    render(&page).map(Page::new)
}

/// Films of the form that are still there, newest first, as they were typed last.
fn own(written: &[Watched]) -> Vec<Own> {
    let mut seen: Vec<i64> = Vec::new();
    let mut own = Vec::new();
    for change in written {
        if seen.contains(&change.id) {
            continue;
        }
        seen.push(change.id);
        if change.deed != Deed::Delete {
            own.push(Own {
                id: change.id,
                title: change.title.clone(),
                genres: change.genres.join(", "),
            });
        }
    }
    own
}

/// The newest change, stage by stage.
fn told(state: &Live, change: &Watched) -> Change {
    let name = match change.deed {
        Deed::Delete => format!("Film {}", change.id),
        Deed::Insert | Deed::Edit => title::reading_order(&change.title),
    };
    let done = match change.deed {
        Deed::Insert => "inserted",
        Deed::Edit => "edited",
        Deed::Delete => "deleted",
    };
    Change {
        heading: format!("{name}: {done}"),
        href: state
            .film(change.id)
            .map(|film| link::film(film.id))
            .unwrap_or_default(),
        stages: stages(change),
        waits: waits(change),
    }
}

fn stages(change: &Watched) -> Vec<Stage> {
    let stage = |name: &str, took: i64, at: i64| Stage {
        name: name.to_owned(),
        took: span(took.max(0)),
        at: span((at - change.begun).max(0)),
    };
    let written = change.written - change.begun;
    let mut stages = vec![stage("written into the source", written, change.written)];
    if let Some(trace) = &change.trace {
        let mut at = trace["committed"].as_i64().unwrap_or(0);
        let known = if died_of(trace).is_some() { 1 } else { 4 };
        for (name, took) in steps(trace).into_iter().take(known) {
            at += took;
            stages.push(stage(name, took, at));
        }
    }
    if let Some(shown) = change.shown {
        let before = change
            .trace
            .as_ref()
            .and_then(|trace| trace["searchable"].as_i64());
        let name = match (change.deed, change.place) {
            (Deed::Delete, _) => format!("gone from the list of user {}", change.user),
            (_, Some(place)) => format!("number {place} among the new for user {}", change.user),
            (_, None) => format!("in the list of user {}", change.user),
        };
        stages.push(stage(&name, shown - before.unwrap_or(change.written), shown));
    }
    stages
}

fn waits(change: &Watched) -> String {
    if let Some(reason) = change.trace.as_ref().and_then(died_of) {
        return format!("the stream cannot process it: it is a dead letter ({reason})");
    }
    match (change.shown, change.over) {
        (Some(_), _) => String::new(),
        (None, false) => "on its way …".to_owned(),
        (None, true) => format!("not seen in the list of user {} within 30 s", change.user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_form_is_read() {
        let change = parse(b"deed=insert&user=6&title=+New+one+(2026)&genres=Drama%2C+War%7CDrama").unwrap();
        assert_eq!(
            (change.deed, change.user, change.title.as_str()),
            (Deed::Insert, 6, "New one (2026)")
        );
        assert_eq!(change.genres, ["Drama", "War"]);
        let change = parse(b"deed=delete&user=6&id=7").unwrap();
        assert_eq!((change.deed, change.id), (Deed::Delete, 7));
    }

    #[test]
    fn each_fault_names_its_field() {
        let long = format!("deed=insert&user=6&genres=a&title={}", "x".repeat(201));
        let many = format!(
            "deed=insert&user=6&title=x&genres={}",
            (0..11).map(|n| format!("g{n},")).collect::<String>()
        );
        for (body, field) in [
            ("user=6&title=x&genres=a", "deed"),
            ("deed=insert&title=x&genres=a", "user"),
            ("deed=insert&user=6&genres=a", "title"),
            ("deed=insert&user=6&title=x&genres=+,", "genres"),
            ("deed=insert&user=6&title=a%00b&genres=a", "title"),
            ("deed=edit&user=6&title=x&genres=a", "id"),
            (&long, "title"),
            (&many, "genres"),
        ] {
            let fault = parse(body.as_bytes()).unwrap_err().body();
            assert_eq!(fault["error"]["parameter"], field, "{body}");
        }
    }

    #[test]
    fn stages_are_told_in_their_order() {
        let mut change = parse(b"deed=insert&user=6&title=x&genres=a").unwrap();
        (change.begun, change.written) = (1_000, 2_000);
        assert_eq!(
            (stages(&change).len(), waits(&change).as_str()),
            (1, "on its way …")
        );
        change.trace = Some(
            json!({"committed": 1_500, "received": 2_500, "joined": 3_500, "embedded": 4_000, "searchable": 9_000}),
        );
        (change.shown, change.place) = (Some(11_000), Some(3));
        let told: Vec<_> = stages(&change)
            .into_iter()
            .map(|s| (s.name, s.took, s.at))
            .collect();
        let last = (
            "number 3 among the new for user 6".to_owned(),
            "2.0 ms".to_owned(),
            "10.0 ms".to_owned(),
        );
        assert_eq!((told.len(), told.last()), (6, Some(&last)));
        assert_eq!(told[4].2, "8.0 ms");
        change.shown = None;
        change.trace = Some(
            json!({"outcome": "dead", "reason": "embed: no words for it", "committed": 1_500, "received": 2_500}),
        );
        let told: Vec<_> = stages(&change).into_iter().map(|s| s.name).collect();
        assert_eq!(told, ["written into the source", "read from the source"]);
        assert_eq!(
            waits(&change),
            "the stream cannot process it: it is a dead letter (embed: no words for it)"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..120)) {
            prop_assert!(parse(&body).is_err());
        }
    }
}
