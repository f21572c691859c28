//! Parts of a page about a run that still goes: its curves so far, its epochs so far.

use rankine_chart::{Curve, Frame, Panels, escape};

use super::page::table;
use crate::progress::EpochReport;

/// Text as it may stand in a page.
#[must_use]
pub fn escaped(text: &str) -> String {
    escape(text)
}

/// Loss and ROC-AUC, from (epochs, loss, AUC) within epochs and the reports of ended ones.
#[must_use]
pub fn curves(steps: &[(f64, f64, f64)], epochs: &[EpochReport]) -> String {
    let frame = |title: &str| Frame::new(title).x_axis("epochs").size(520.0, 320.0);
    let within = |figure: fn(&(f64, f64, f64)) -> f64| {
        let points = steps.iter().map(|step| (step.0, figure(step)));
        points.collect::<Vec<_>>()
    };
    let after = |figure: fn(&EpochReport) -> f64| {
        let points = epochs.iter().map(|e| (e.epoch as f64, figure(e)));
        points.collect::<Vec<_>>()
    };
    let chart = |title: &str, running: Vec<(f64, f64)>, training: Vec<(f64, f64)>, valid: Vec<(f64, f64)>| {
        let mut chart = Curve::new(frame(title))
            .series("training", &training)
            .series("validation", &valid);
        if running.iter().any(|point| point.1.is_finite()) {
            chart = chart.series("within the epoch", &running);
        }
        chart
    };
    Panels::new("The run so far", 2)
        .with(chart(
            "Loss",
            within(|s| s.1),
            after(|e| e.loss),
            after(|e| e.valid_loss),
        ))
        .with(chart(
            "ROC-AUC",
            within(|s| s.2),
            after(|e| e.auc),
            after(|e| e.valid_auc),
        ))
        .svg()
}

/// A table with a line per epoch, the latest first.
#[must_use]
pub fn epochs(epochs: &[EpochReport]) -> String {
    if epochs.is_empty() {
        return String::new();
    }
    table("", &HEAD, epochs.iter().rev().map(row))
}

/// Heads of the columns of [`row`].
pub(super) const HEAD: [&str; 10] = [
    "epoch",
    "loss",
    "AUC",
    "accuracy",
    "validation loss",
    "validation AUC",
    "validation accuracy",
    "samples/s",
    "seconds",
    "",
];

/// An epoch's figures as cells.
pub(super) fn row(e: &EpochReport) -> Vec<String> {
    let number = |v: f64| {
        if v.is_finite() {
            format!("{v:.4}")
        } else {
            "–".to_owned()
        }
    };
    let mut row = vec![e.epoch.to_string()];
    let told = |figure: Option<f64>| figure.unwrap_or(f64::NAN);
    let learnt = [e.loss, e.auc, told(e.accuracy)];
    let held = [e.valid_loss, e.valid_auc, told(e.valid_accuracy)];
    row.extend(learnt.into_iter().chain(held).map(number));
    row.extend([format!("{:.0}", e.samples_per_s), format!("{:.1}", e.elapsed_s)]);
    row.push(if e.best { "best so far" } else { "" }.to_owned());
    row
}
