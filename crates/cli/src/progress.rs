//! Training progress for people: a bar with loss, AUC, samples per second and time left on a terminal, a line per epoch
//! elsewhere. All on standard error.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rankine_train::{EpochReport, Progress, StepReport};

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
        }
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
}

impl RunBar {
    /// Ends the bar with a word.
    pub(crate) fn done(&self, text: String) {
        self.bar.finish_with_message(text);
    }
}

impl Progress for RunBar {
    fn step(&mut self, r: &StepReport) {
        self.bar.set_length(r.total);
        self.bar.set_position(r.samples);
        self.bar.set_message(format!(
            "epoch {:>2}  loss {:.4}  auc {:.4}  {:.0} k samples/s  {:.0} s left",
            r.epoch,
            r.loss,
            r.auc,
            r.samples_per_s / 1e3,
            r.eta_s.ceil()
        ));
    }

    fn epoch(&mut self, r: &EpochReport) {
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
    fn only_what_was_measured_is_told() {
        let report = EpochReport {
            epoch: 1,
            loss: 0.25,
            auc: f64::NAN,
            valid_loss: f64::NAN,
            valid_auc: 0.5,
            samples_per_s: 1.0,
            elapsed_s: 1.0,
            cpu_s: None,
            best: false,
        };
        assert_eq!(measures(&report), "loss 0.2500, valid auc 0.5000, ");
    }
}
