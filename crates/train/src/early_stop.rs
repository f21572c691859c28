//! When to stop, and which weights to keep: the best epoch's, not the last one's.
//!
//! The watcher only compares numbers; the loop copies the weights when told that an epoch is the best so far. A
//! validation figure that is not a number (one class only) counts neither as better nor as worse: where there is none, all epochs
//! are run and the last one's weights stay.

use crate::TrainError;
use crate::checkpoint::tape::Tape;

/// What to do after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The best epoch so far: keep its weights.
    Best,
    /// Not better, patience left.
    Continue,
    /// Not better, patience used up: stop and restore the best weights.
    Stop,
}

/// Watches one validation figure over the epochs.
#[derive(Clone, Debug)]
pub struct EarlyStop {
    patience: Option<usize>,
    higher_is_better: bool,
    best: Option<(usize, f64)>,
    waited: usize,
}

impl EarlyStop {
    /// Watches a figure; `patience` epochs without improvement end the run (`None`: never).
    #[must_use]
    pub fn new(patience: Option<usize>, higher_is_better: bool) -> Self {
        Self {
            patience,
            higher_is_better,
            best: None,
            waited: 0,
        }
    }

    /// Writes or reads back what it has seen.
    pub(crate) fn exchange(&mut self, tape: &mut Tape<'_>) {
        tape.option(&mut self.best, |tape, (epoch, figure)| {
            tape.count(epoch);
            tape.real(figure);
        });
        tape.count(&mut self.waited);
    }

    /// The best epoch and its figure so far.
    #[must_use]
    pub fn best(&self) -> Option<(usize, f64)> {
        self.best
    }

    /// Takes the figure of `epoch` and says what follows; an epoch without a figure is none to wait for.
    pub fn observe(&mut self, epoch: usize, figure: f64) -> Verdict {
        if figure.is_nan() {
            return Verdict::Continue;
        }
        let better = match self.best {
            None => true,
            Some((_, best)) if self.higher_is_better => figure > best,
            Some((_, best)) => figure < best,
        };
        if better {
            self.best = Some((epoch, figure));
            self.waited = 0;
            return Verdict::Best;
        }
        self.waited += 1;
        if self
            .patience
            .is_some_and(|patience| self.waited >= patience.max(1))
        {
            Verdict::Stop
        } else {
            Verdict::Continue
        }
    }
}

/// What a training is refused by that is to stop early and has nothing to watch.
#[must_use]
pub fn unwatched() -> TrainError {
    TrainError::Config {
        key: "train.early_stop".to_owned(),
        detail: "it watches validation samples, and there are none: name some (`--valid`), hold some out (`--hold-out`), or leave \
                 the key out"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stop: &mut EarlyStop, figures: &[f64]) -> Vec<Verdict> {
        figures
            .iter()
            .enumerate()
            .map(|(i, &f)| stop.observe(i + 1, f))
            .collect()
    }

    #[test]
    fn stops_after_patience_and_remembers_the_best() {
        let mut stop = EarlyStop::new(Some(2), true);
        use Verdict::{Best, Continue, Stop};
        assert_eq!(
            run(&mut stop, &[0.6, 0.7, 0.69, 0.71, 0.71, 0.70]),
            [Best, Best, Continue, Best, Continue, Stop]
        );
        assert_eq!(stop.best(), Some((4, 0.71)));
    }

    #[test]
    fn a_loss_is_better_when_lower_and_nan_never_is() {
        let mut stop = EarlyStop::new(None, false);
        use Verdict::{Best, Continue};
        assert_eq!(
            run(&mut stop, &[f64::NAN, 0.5, f64::NAN, 0.4, 0.6]),
            [Continue, Best, Continue, Best, Continue]
        );
    }

    #[test]
    fn what_has_no_figure_is_not_waited_for() {
        let mut stop = EarlyStop::new(Some(1), true);
        use Verdict::{Best, Continue, Stop};
        assert_eq!(run(&mut stop, &[f64::NAN; 5]), [Continue; 5]);
        assert_eq!(stop.best(), None);
        assert_eq!(run(&mut stop, &[0.5, f64::NAN, 0.4]), [Best, Continue, Stop]);
    }
}
