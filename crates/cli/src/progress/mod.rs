//! Training progress for people: a bar with loss, AUC, samples per second and time left on a terminal, with the curves so far
//! below it where there is one run alone; a line per epoch elsewhere. All on standard error.

mod dots;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rankine_train::{EpochReport, Progress, StepReport};

use crate::watch::state::{State, spoken};

/// Where several runs draw their bars.
pub(crate) struct Bars {
    all: MultiProgress,
    plain: bool,
}

impl Bars {
    /// Bars on standard error; silent with `--json` unless it is a terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let plain = all.is_hidden() && !quiet;
        Self { all, plain }
    }

    /// A bar for the run called `name`.
    pub(crate) fn run(&self, name: &str) -> RunBar {
        let bar = self.all.add(ProgressBar::new(1));
        bar.set_style(style());
        bar.set_prefix(format!("{name:<14}"));
        RunBar {
            bar,
            name: name.to_owned(),
            plain: self.plain,
            curves: None,
        }
    }

    /// The same with curves below the bar.
    pub(crate) fn dashboard(&self, name: &str) -> RunBar {
        RunBar {
            curves: (!self.all.is_hidden()).then(Curves::default),
            ..self.run(name)
        }
    }
}

/// What the curves of a dashboard are drawn from.
#[derive(Default)]
struct Curves {
    state: State,
    epochs: Vec<String>,
}

impl Curves {
    /// Characters of a curve.
    const SIZE: (usize, usize) = (34, 6);
    /// Ended epochs that are listed.
    const LISTED: usize = 5;

    /// The lines below the bar.
    fn lines(&self) -> String {
        let loss: Vec<(f64, f64)> = self.state.steps.iter().map(|s| (s.0, s.1)).collect();
        let valid = self.state.epochs.iter().map(|e| (e.epoch as f64, e.valid_auc));
        let running = self.state.steps.iter().map(|s| (s.0, s.2));
        let mut auc: Vec<(f64, f64)> = valid.filter(|point| point.1.is_finite()).collect();
        let title = if auc.is_empty() {
            "ROC-AUC while training"
        } else {
            "ROC-AUC, validation"
        };
        if auc.is_empty() {
            auc = running.collect();
        }
        let drawn = dots::beside(
            &dots::curve("loss", &loss, Self::SIZE),
            &dots::curve(title, &auc, Self::SIZE),
        );
        let listed = self.epochs.iter().rev().take(Self::LISTED).rev();
        listed.fold(drawn, |text, epoch| format!("{text}\n  {epoch}"))
    }
}

/// A run that several listen to.
pub(crate) struct Listeners<'a>(pub(crate) Vec<&'a mut dyn Progress>);

impl Progress for Listeners<'_> {
    fn step(&mut self, report: &StepReport) {
        self.0.iter_mut().for_each(|listener| listener.step(report));
    }

    fn epoch(&mut self, report: &EpochReport) {
        self.0.iter_mut().for_each(|listener| listener.epoch(report));
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} {bar:24.cyan/dim} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

/// The bar of one training run.
pub(crate) struct RunBar {
    bar: ProgressBar,
    name: String,
    plain: bool,
    curves: Option<Curves>,
}

impl RunBar {
    /// Ends the bar with a word.
    pub(crate) fn done(&self, text: String) {
        let curves = self.curves.as_ref().map(|curves| format!("\n{}", curves.lines()));
        self.bar.finish_with_message(text + &curves.unwrap_or_default());
    }
}

impl Progress for RunBar {
    fn step(&mut self, r: &StepReport) {
        self.bar.set_length(r.total);
        self.bar.set_position(r.samples);
        let mut message = format!(
            "epoch {:>2}  loss {:.4}  auc {:.4}  {:.0} k samples/s  {} left",
            r.epoch,
            r.loss,
            r.auc,
            r.samples_per_s / 1e3,
            spoken(r.eta_s)
        );
        if let Some(curves) = &mut self.curves {
            curves.state.step(r);
            message += &format!("\n{}", curves.lines());
        }
        self.bar.set_message(message);
    }

    fn epoch(&mut self, r: &EpochReport) {
        if let Some(curves) = &mut self.curves {
            curves.state.epoch(r);
            let best = if r.best { "best so far" } else { "" };
            curves.epochs.push(format!(
                "epoch {}: {}",
                r.epoch,
                (measures(r) + best).trim_end_matches(", ")
            ));
        }
        if self.plain {
            eprintln!(
                "{}: epoch {}: {}{:.0} k samples/s{}",
                self.name,
                r.epoch,
                measures(r),
                r.samples_per_s / 1e3,
                if r.best { ", best so far" } else { "" }
            );
        }
    }
}

/// What was measured, each followed by a comma; a run without labels has a loss and no more.
fn measures(r: &EpochReport) -> String {
    let all = [
        ("loss", r.loss),
        ("auc", r.auc),
        ("valid loss", r.valid_loss),
        ("valid auc", r.valid_auc),
        ("valid accuracy", r.valid_accuracy.unwrap_or(f64::NAN)),
    ];
    let known = all.iter().filter(|(_, value)| value.is_finite());
    known
        .map(|(name, value)| format!("{name} {value:.4}, "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dashboard_has_curves_and_the_latest_epochs() {
        let mut curves = Curves::default();
        for epoch in 1..=7 {
            curves.epochs.push(format!("epoch {epoch}"));
        }
        let text = curves.lines();
        assert_eq!(text.lines().count(), 1 + 6 + 5, "{text}");
        assert!(
            text.contains("loss") && text.contains("epoch 7") && !text.contains("epoch 2"),
            "{text}"
        );
    }

    #[test]
    fn only_what_was_measured_is_told() {
        let report = EpochReport {
            epoch: 1,
            loss: 0.25,
            auc: f64::NAN,
            valid_loss: f64::NAN,
            valid_auc: 0.5,
            samples_per_s: 1.0,
            elapsed_s: 1.0,
            ..EpochReport::default()
        };
        assert_eq!(measures(&report), "loss 0.2500, valid auc 0.5000, ");
    }
}
