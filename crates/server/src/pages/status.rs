//! `GET /status.html`: models with their versions and generations, request rates, latencies drawn.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::card::{day, thousands};
use super::drawing;
use super::fault::Fault;
use super::shell::{Shell, render};
use super::visit::{Page, Visit, answer};
use crate::error::ApiError;
use crate::state::State as Live;
use crate::status::{ModelStatus, RouteStatus, Status};

/// Histograms drawn: the routes asked for most.
const DRAWN: usize = 6;
/// Routes of files, which every page asks for and nobody waits for; listed, not drawn.
const FILES: [&str; 4] = ["/cover/{file}", "/static/{file}", "/favicon.svg", "/favicon.ico"];

struct Tile {
    name: &'static str,
    value: String,
    note: String,
}

struct Model {
    name: String,
    aliases: String,
    version: String,
    generation: u64,
    loaded: String,
    error: Option<String>,
}

struct Route {
    name: String,
    count: String,
    rate: String,
    errors: String,
    p50: String,
    p99: String,
}

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage {
    shell: Shell,
    release: &'static str,
    has_arrivals: bool,
    tiles: Vec<Tile>,
    models: Vec<Model>,
    routes: Vec<Route>,
    drawings: Vec<String>,
}

pub(super) async fn get(State(state): State<Arc<Live>>, visit: Visit) -> Result<Page, Fault> {
    answer(state, visit, page).await
}

fn page(state: &Live, visit: &Visit) -> Result<Page, ApiError> {
    let status = state.status();
    let page = StatusPage {
        shell: Shell::new("Status", visit.user(state), "status"),
        release: status.release,
        has_arrivals: state.has_arrivals(),
        tiles: tiles(&status),
        models: status.models.iter().map(model).collect(),
        routes: status.routes.iter().map(route).collect(),
        drawings: drawings(&status),
    };
    render(&page).map(Page::new)
}

fn tiles(status: &Status) -> Vec<Tile> {
    let events = &status.events;
    let rate: f64 = status.routes.iter().map(|route| route.rate).sum();
    let tile = |name, value, note| Tile { name, value, note };
    vec![
        tile(
            "Up",
            duration(status.uptime_s),
            format!("since {}", day(status.started)),
        ),
        tile(
            "Requests a second",
            format!("{rate:.1}"),
            "over the last minute".to_owned(),
        ),
        tile(
            "At work",
            format!("{} of {}", status.busy, status.permits),
            "permits taken".to_owned(),
        ),
        tile(
            "Films",
            thousands(status.films as u64),
            format!("{} users", thousands(status.users as u64)),
        ),
        tile(
            "Events",
            thousands(events.base + events.live),
            format!("{} since the import", thousands(events.live)),
        ),
        tile(
            "Ranker",
            status.ranker.to_owned(),
            format!("feature rows: {}", status.store),
        ),
    ]
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3_600.0),
    }
}

fn model(model: &ModelStatus) -> Model {
    Model {
        name: model.name.clone(),
        aliases: model.aliases.join(", "),
        version: model
            .version
            .map_or_else(|| "not loaded".to_owned(), |version| version.to_string()),
        generation: model.generation,
        loaded: model.loaded_at.map(moment).unwrap_or_default(),
        error: model.error.clone(),
    }
}

/// `2 January 2006, 15:04:05 UTC`.
fn moment(time_us: i64) -> String {
    let second = time_us.div_euclid(1_000_000).rem_euclid(86_400);
    format!(
        "{}, {:02}:{:02}:{:02} UTC",
        day(time_us),
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

fn route(route: &RouteStatus) -> Route {
    Route {
        name: route.route.clone(),
        count: thousands(route.count),
        rate: format!("{:.2}", route.rate),
        errors: format!("{} / {}", route.client_errors, route.server_errors),
        p50: format!("{:.2}", route.p50_ms),
        p99: format!("{:.2}", route.p99_ms),
    }
}

fn drawings(status: &Status) -> Vec<String> {
    let worked = |route: &&RouteStatus| route.count > 0 && !FILES.contains(&route.route.as_str());
    let mut routes: Vec<&RouteStatus> = status.routes.iter().filter(worked).collect();
    routes.sort_by_key(|route| u64::MAX - route.count);
    routes
        .iter()
        .take(DRAWN)
        .map(|route| drawing::latencies(&route.route, &route.buckets))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_readable() {
        assert_eq!(moment(1_000_000), "1 January 1970, 00:00:01 UTC");
        assert_eq!(
            [duration(7.2), duration(600.0), duration(90_000.0)],
            ["7 s", "10 min", "25 h"]
        );
    }
}
