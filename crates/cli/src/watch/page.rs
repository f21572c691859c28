//! The page: what changes is one fragment, sent whole; the script only puts it in place.

use rankine_train::report::live;

use super::state::{State, spoken};

/// Puts each fragment in place; says so when the run cannot be heard any more.
pub(super) const SCRIPT: &str = include_str!("watch.js");

const STYLE: &str = include_str!("watch.css");

/// The whole page, with what is known now.
pub(super) fn whole(state: &State) -> String {
    let name = live::escaped(&state.name);
    let network = if state.network.is_empty() {
        String::new()
    } else {
        format!(
            "<details><summary>Network</summary>\n{}</details>\n",
            state.network
        )
    };
    let again = if state.ended.is_none() {
        "<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>\n"
    } else {
        ""
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{again}\
         <title>{name} – training</title>\n<style>\n{STYLE}</style>\n<script src=\"/watch.js\" defer></script>\n</head>\n\
         <body>\n<main>\n<h1>{name}</h1>\n<p id=\"heard\"></p>\n<div id=\"run\" aria-live=\"off\">\n{}</div>\n{network}</main>\n\
         </body>\n</html>\n",
        changing(state)
    )
}

/// What changes while the run goes.
pub(super) fn changing(state: &State) -> String {
    let mut html = headline(state);
    if state.steps.is_empty() && state.epochs.is_empty() {
        return html + "<p>waiting for the first samples</p>\n";
    }
    html += &live::curves(&state.steps, &state.epochs);
    html += &live::epochs(&state.epochs);
    html
}

/// Epoch, speed, time left, and the figures now.
fn headline(state: &State) -> String {
    let mut told: Vec<(String, &str)> = Vec::new();
    if let Some(step) = &state.latest {
        let share = 100.0 * step.samples as f64 / step.total.max(1) as f64;
        told.push((format!("{} · {share:.0} %", step.epoch), "epoch"));
        told.push((format!("{:.4}", step.loss), "loss"));
        if step.auc.is_finite() {
            told.push((format!("{:.4}", step.auc), "ROC-AUC while training"));
        }
        told.push((format!("{:.0}", step.samples_per_s), "samples per second"));
        if state.ended.is_none() {
            told.push((spoken(step.eta_s), "left at most"));
        }
    }
    if let Some(ended) = &state.ended {
        told.push((ended.clone(), "ended"));
    }
    let item = |(value, name): &(String, &str)| {
        format!("<li><b>{}</b><span>{name}</span></li>\n", live::escaped(value))
    };
    format!(
        "<ul class=\"figures\">\n{}</ul>\n",
        told.iter().map(item).collect::<String>()
    )
}
