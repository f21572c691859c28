//! `GET /user.html?id=&model=&size=`: what a user is guessed to like and why, the user's taste and watch history.
//!
//! The order of the list is the API's, film by film; the model switch is a row of links. `page` turns the history.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::card::{Card, Control, counted, day};
use super::fault::Fault;
use super::rate::notice;
use super::shell::{Shell, render};
use super::visit::{Page, Visit, answer};
use super::{link, title};
use crate::error::ApiError;
use crate::state::State as Live;
use crate::state::view::{Picks, Profile, Seen, Why};

/// Films without a `size`, as the API's.
const DEFAULT_SIZE: usize = 32;
/// Events of one page of history.
const HISTORY: usize = 24;
/// Genres drawn.
const GENRES: usize = 7;
/// Decades drawn.
const DECADES: usize = 6;

struct Model {
    name: String,
    href: String,
    current: bool,
}

struct Reason {
    source: &'static str,
    before: String,
    linked: String,
    href: String,
    after: String,
}

struct Choice {
    card: Card,
    score: String,
    share: u8,
    why: Vec<Reason>,
    explored: bool,
    control: Control,
}

struct Share {
    name: String,
    href: String,
    percent: u8,
    note: String,
}

struct Watched {
    card: Card,
    did: String,
    day: String,
    control: Control,
}

/// The row of what is new.
struct Arrived {
    cards: Vec<Card>,
    /// By what it was searched.
    by: String,
    /// What is said instead of films.
    instead: String,
}

#[derive(Template)]
#[template(path = "user.html")]
struct User {
    shell: Shell,
    user: i64,
    models: Vec<Model>,
    ranked_by: String,
    note: Option<String>,
    notice: Option<String>,
    arrived: Option<Arrived>,
    picks: Vec<Choice>,
    profile: Profile,
    ratings: String,
    genres: Vec<Share>,
    decades: Vec<Share>,
    history: Vec<Watched>,
    newer: Option<String>,
    older: Option<String>,
}

pub(super) async fn get(State(state): State<Arc<Live>>, visit: Visit) -> Result<Page, Fault> {
    answer(state, visit, page).await
}

fn page(state: &Live, visit: &Visit) -> Result<Page, ApiError> {
    let user = visit.parameters.id("id")?;
    let model = state.canonical_model(visit.parameters.text("model"))?;
    let size = visit
        .parameters
        .size("size", DEFAULT_SIZE, state.config().limits.size)?;
    let turned = visit.parameters.size("page", 1, 100_000)?;
    let profile = state.profile(user)?;
    let picks = state.recommend(user, Some(&model), size)?;
    let seen = state.history(user, (turned - 1) * HISTORY, HISTORY + 1)?;
    let back = link::user(user, Some(&model));
    let to = |page: usize| format!("{}#history", link::with(&back, "page", &page.to_string()));
    let page = User {
        shell: Shell::new(format!("User {user}"), Some(user), "user"),
        user,
        models: models(state, user, &model),
        ranked_by: ranked_by(&picks),
        note: picks.note.clone(),
        notice: notice(state, visit, user),
        arrived: arrived(state, user)?,
        ratings: counted(profile.rating_count, "rating"),
        genres: genres(&profile),
        decades: decades(&profile),
        newer: (turned > 1).then(|| to(turned - 1)),
        older: (seen.len() > HISTORY).then(|| to(turned + 1)),
        history: seen
            .iter()
            .take(HISTORY)
            .map(|seen| watched(state, user, seen, &back))
            .collect(),
        picks: choices(state, &picks, &back),
        profile,
    };
    render(&page).map(|html| Page::of(html, user))
}

/// The row of what is new, where a stream is configured; counted as shown.
fn arrived(state: &Live, user: i64) -> Result<Option<Arrived>, ApiError> {
    let row = state.arrivals_for(user, state.config().arrivals.row)?;
    Ok(row.map(|row| {
        state.count_arrivals(user, &row);
        Arrived {
            cards: Card::all(row.films.iter().map(|(film, _)| film)),
            by: match row.version {
                0 => "the change stream".to_owned(),
                version => format!("vectors of version {version}"),
            },
            instead: row
                .fault
                .unwrap_or_else(|| "Nothing new at the moment.".to_owned()),
        }
    }))
}

fn models(state: &Live, user: i64, now: &str) -> Vec<Model> {
    let model = |name: String| Model {
        href: link::user(user, Some(&name)),
        current: name == now,
        name,
    };
    state.model_names().into_iter().map(model).collect()
}

fn ranked_by(picks: &Picks) -> String {
    let version = if picks.version > 0 {
        format!(", version {}", picks.version)
    } else {
        String::new()
    };
    format!(
        "{}{version}, out of {}",
        picks.model,
        counted(picks.candidates as u64, "candidate")
    )
}

fn choices(state: &Live, picks: &Picks, back: &str) -> Vec<Choice> {
    let scores = picks
        .picks
        .iter()
        .map(|pick| pick.score)
        .filter(|score| score.is_finite());
    let (least, most) = scores.fold((f32::MAX, f32::MIN), |(low, high), s| (low.min(s), high.max(s)));
    let choice = |pick: &crate::state::view::Pick| {
        let card = Card::new(&pick.film);
        Choice {
            score: if pick.score.is_finite() {
                format!("{:.3}", pick.score)
            } else {
                "–".to_owned()
            },
            share: share(pick.score, least, most),
            explored: pick.explored,
            why: pick
                .why
                .iter()
                .map(|why| reason(state, picks.user, why))
                .collect(),
            control: Control::new(picks.user, &card, back, None),
            card,
        }
    };
    picks.picks.iter().map(choice).collect()
}

/// Length of a score's bar, 20 to 100 from the least to the most of the list.
fn share(score: f32, least: f32, most: f32) -> u8 {
    let place = if most > least {
        (score - least) / (most - least)
    } else {
        1.0
    };
    percent(0.2 + 0.8 * f64::from(place))
}

fn percent(share: f64) -> u8 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped; not a number is 0"
    )]
    let percent = (100.0 * share).round().clamp(0.0, 100.0) as u8;
    percent
}

/// A recall's reason with the film or genre it speaks of as a link.
fn reason(state: &Live, user: i64, why: &Why) -> Reason {
    let plain = Reason {
        source: why.source,
        before: String::new(),
        linked: String::new(),
        href: String::new(),
        after: String::new(),
    };
    if let Some((id, name)) = &why.film {
        let after = match state.rating_of(user, *id) {
            Some(value) => format!(", which you rated {value}"),
            None => ", which you looked at".to_owned(),
        };
        let (linked, href) = (title::reading_order(name), link::film(*id));
        return Reason {
            before: "like ".to_owned(),
            linked,
            href,
            after,
            ..plain
        };
    }
    match &why.genre {
        Some(genre) => {
            let (before, after) = ("among the best of ".to_owned(), ", which you like".to_owned());
            Reason {
                before,
                linked: genre.to_string(),
                href: link::genre(genre),
                after,
                ..plain
            }
        }
        None => Reason {
            before: why.text.clone(),
            ..plain
        },
    }
}

fn genres(profile: &Profile) -> Vec<Share> {
    let liked = profile.taste.genres.iter().filter(|genre| genre.liked > 0);
    let most = profile
        .taste
        .genres
        .iter()
        .map(|genre| genre.liked)
        .max()
        .unwrap_or(1)
        .max(1);
    let share = |genre: &crate::state::view::GenreTaste| Share {
        name: genre.genre.to_string(),
        href: link::genre(&genre.genre),
        percent: percent(f64::from(genre.liked) / f64::from(most)),
        note: format!("{} of {} liked, ★ {:.1}", genre.liked, genre.rated, genre.average),
    };
    liked.take(GENRES).map(share).collect()
}

fn decades(profile: &Profile) -> Vec<Share> {
    let most = profile
        .taste
        .decades
        .iter()
        .map(|decade| decade.1)
        .max()
        .unwrap_or(1)
        .max(1);
    let share = |&(decade, liked): &(i64, u32)| Share {
        name: format!("{decade}s"),
        href: String::new(),
        percent: percent(f64::from(liked) / f64::from(most)),
        note: format!("{liked} liked"),
    };
    let mut decades: Vec<Share> = profile.taste.decades.iter().take(DECADES).map(share).collect();
    decades.sort_by(|a, b| a.name.cmp(&b.name));
    decades
}

fn watched(state: &Live, user: i64, seen: &Seen, back: &str) -> Watched {
    let card = Card::new(&seen.film);
    Watched {
        did: seen
            .score
            .map_or_else(|| "looked at".to_owned(), |score| format!("★ {score}")),
        day: day(seen.time_us),
        control: Control::new(user, &card, back, state.rating_of(user, card.id)),
        card,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_go_from_least_to_most_and_never_out() {
        assert_eq!(share(0.2, 0.2, 0.8), 20);
        assert_eq!(share(0.8, 0.2, 0.8), 100);
        assert_eq!(share(0.5, 0.5, 0.5), 100);
        assert_eq!(share(f32::NAN, 0.2, 0.8), 0);
    }
}
