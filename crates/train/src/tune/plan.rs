//! Which trials there are: their values, and for how many epochs each is trained, rung by rung.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::journal::Trial;
use super::{Strategy, TuneConfig};

/// A training that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The trial's number, from 0.
    pub trial: usize,
    /// The rung, from 0.
    pub rung: usize,
    /// Epochs at most.
    pub epochs: u32,
}

/// The values of a trial, `key=value` each; they depend on the seed and the trial's number alone.
pub fn values(config: &TuneConfig, trial: usize) -> Vec<String> {
    let mixed = config.seed ^ (trial as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(mixed);
    let set = config.space.iter().map(|(key, choice)| {
        let share: f64 = random.random_range(0.0..1.0);
        format!("{key}={}", choice.value.at(share))
    });
    set.collect()
}

/// Epochs and number of trials of each rung.
pub fn rungs(config: &TuneConfig, most: u32) -> Vec<(u32, usize)> {
    let trials = config.trials.value;
    if config.strategy == Strategy::Random {
        return vec![(most, trials)];
    }
    let eta = config.eta.as_ref().map_or(3, |eta| eta.value);
    let mut epochs = config
        .first
        .as_ref()
        .map_or(1, |first| first.value.max(1))
        .min(most);
    let (mut left, mut rungs) = (trials, Vec::new());
    loop {
        rungs.push((epochs, left));
        if epochs >= most || left <= 1 {
            return rungs;
        }
        epochs = epochs
            .saturating_mul(u32::try_from(eta).unwrap_or(u32::MAX))
            .min(most);
        left = (left / eta).max(1);
    }
}

/// The next training that the ended ones do not answer; none at the end.
pub fn next(config: &TuneConfig, most: u32, ended: &[Trial]) -> Option<Next> {
    let mut going: Vec<usize> = (0..config.trials.value).collect();
    for (rung, (epochs, count)) in rungs(config, most).into_iter().enumerate() {
        going.truncate(count);
        let of = |trial: usize| ended.iter().find(|t| (t.trial, t.rung) == (trial, rung));
        if let Some(&trial) = going.iter().find(|trial| of(**trial).is_none()) {
            return Some(Next { trial, rung, epochs });
        }
        let mut ranked: Vec<(f64, usize)> = going
            .iter()
            .map(|trial| (of(*trial).map_or(f64::NAN, |t| t.rank(config.higher())), *trial))
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        going = ranked.into_iter().map(|(_, trial)| trial).collect();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &str) -> TuneConfig {
        let text = format!(
            "format = 1\nmodel = \"m.toml\"\n{more}\n[space]\nseed = {{ low = 0, high = 1000000, kind = \"integer\" }}\n"
        );
        TuneConfig::parse(&text, "t.toml").unwrap()
    }

    fn ended(next: &Next, figure: f64) -> Trial {
        Trial {
            trial: next.trial,
            rung: next.rung,
            epochs: next.epochs,
            values: Vec::new(),
            figure: Some(figure),
            best_epoch: 1,
            seconds: 0.0,
            fault: None,
        }
    }

    #[test]
    fn halving_gives_the_best_more_epochs() {
        let config = config("trials = 9\nstrategy = \"halving\"");
        assert_eq!(rungs(&config, 9), [(1, 9), (3, 3), (9, 1)]);
        let mut done = Vec::new();
        while let Some(next) = next(&config, 9, &done) {
            // trials 4, 7 and 2 are the best, in this order
            let figure = [0.1, 0.1, 0.6, 0.1, 0.9, 0.1, 0.1, 0.7, 0.1][next.trial];
            done.push(ended(&next, figure));
        }
        let later: Vec<(usize, usize)> = done[9..].iter().map(|t| (t.rung, t.trial)).collect();
        assert_eq!(later, [(1, 4), (1, 7), (1, 2), (2, 4)]);
    }

    #[test]
    fn a_search_that_goes_on_makes_the_trials_it_would_have_made() {
        let config = config("trials = 4");
        let done = [0, 1, 3].map(|trial| {
            ended(
                &Next {
                    trial,
                    rung: 0,
                    epochs: 5,
                },
                0.5,
            )
        });
        let found = next(&config, 5, &done).unwrap();
        assert_eq!((found.trial, found.epochs), (2, 5));
        assert_eq!(values(&config, 2), values(&config, 2));
        assert_ne!(values(&config, 2), values(&config, 3));
    }

    #[test]
    fn a_trial_that_failed_never_goes_on() {
        let config = config("trials = 3\nstrategy = \"halving\"");
        let mut done: Vec<Trial> = (0..3)
            .map(|trial| {
                let next = Next {
                    trial,
                    rung: 0,
                    epochs: 1,
                };
                ended(&next, 0.5)
            })
            .collect();
        done[0].figure = None;
        assert_eq!(next(&config, 3, &done).map(|n| (n.rung, n.trial)), Some((1, 1)));
    }
}
