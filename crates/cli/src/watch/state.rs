//! What is known of a run: its reports, thinned where there are many.

use rankine_train::{EpochReport, StepReport};

/// Points of a curve within epochs; beyond it every other one is dropped.
const MOST: usize = 600;

/// A run so far.
#[derive(Clone, Default)]
pub(crate) struct State {
    /// Counts changes.
    pub(crate) version: u64,
    /// The model's name.
    pub(crate) name: String,
    /// A picture of its network, or nothing.
    pub(crate) network: String,
    /// The latest report within an epoch.
    pub(crate) latest: Option<StepReport>,
    /// (epochs, loss, AUC) within epochs.
    pub(crate) steps: Vec<(f64, f64, f64)>,
    /// Reports of ended epochs.
    pub(crate) epochs: Vec<EpochReport>,
    /// What the run said at its end.
    pub(crate) ended: Option<String>,
}

impl State {
    /// Takes a report within an epoch.
    pub(crate) fn step(&mut self, report: &StepReport) {
        if self.steps.len() >= MOST {
            let mut place = 0;
            self.steps.retain(|_| {
                place += 1;
                place % 2 == 1
            });
        }
        let share = report.samples as f64 / report.total.max(1) as f64;
        let at = report.epoch as f64 - 1.0 + share.clamp(0.0, 1.0);
        self.steps.push((at, report.loss, report.auc));
        self.latest = Some(*report);
    }

    /// Takes a report of an epoch. A first epoch after others is another training, on all samples: curves go on.
    pub(crate) fn epoch(&mut self, report: &EpochReport) {
        self.epochs.push(*report);
    }
}

/// Seconds as people say them.
pub(crate) fn spoken(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "–".to_owned();
    }
    let whole = seconds.max(0.0).ceil();
    let (minutes, rest) = ((whole / 60.0).floor(), whole % 60.0);
    match minutes {
        m if m < 1.0 => format!("{rest:.0} s"),
        m if m < 60.0 => format!("{m:.0} min {rest:.0} s"),
        m => format!("{:.0} h {:.0} min", (m / 60.0).floor(), m % 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_points_are_thinned_and_the_last_kept() {
        let mut state = State::default();
        for samples in 0..5000 {
            state.step(&StepReport {
                epoch: 2,
                samples,
                total: 5000,
                loss: 0.5,
                auc: 0.5,
                samples_per_s: 1.0,
                eta_s: 1.0,
            });
        }
        assert!((MOST / 2..=MOST).contains(&state.steps.len()));
        let last = state.steps.last().unwrap().0;
        assert!((last - 1.9998).abs() < 1e-9, "{last}");
        assert!(state.steps.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn seconds_are_spoken() {
        let found = [0.2, 59.0, 60.0, 3599.5, 3720.0, f64::NAN].map(spoken);
        assert_eq!(found, ["1 s", "59 s", "1 min 0 s", "1 h 0 min", "1 h 2 min", "–"]);
    }
}
