//! Learning rates from step to step: a factor on all of them, after a warm-up in a line.
//!
//! `cosine` is Loshchilov and Hutter's (2017, "SGDR") without restarts; `exponential` and `step` speak of epochs, as decays usually
//! do, and act step by step and epoch by epoch. `train.lr_decay` multiplies whatever comes out here.

use rankine_model::config::{Schedule, ScheduleKind};

/// Where a run is: what a factor depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Steps of the whole run so far, this one included.
    pub step: u64,
    /// Steps of an epoch.
    pub per_epoch: u64,
    /// Epochs at most.
    pub epochs: usize,
}

/// A schedule with every default resolved.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Pace {
    kind: ScheduleKind,
    warmup: u64,
    every: u32,
    factor: f64,
    floor: f64,
}

impl Pace {
    /// The schedule of a model file.
    #[must_use]
    pub fn new(schedule: &Schedule) -> Self {
        let value =
            |given: &Option<rankine_config::Located<f64>>, usual| given.as_ref().map_or(usual, |v| v.value);
        Self {
            kind: schedule.kind,
            warmup: schedule.warmup.as_ref().map_or(0, |v| v.value),
            every: schedule.every.as_ref().map_or(1, |v| v.value.max(1)),
            factor: value(&schedule.factor, 0.1),
            floor: value(&schedule.floor, 0.0),
        }
    }

    /// Whether rates change at all.
    #[must_use]
    pub fn is_steady(&self) -> bool {
        self.kind == ScheduleKind::Constant && self.warmup == 0
    }

    /// Whether the factors of the first epoch rest on how many steps it has.
    #[must_use]
    pub fn rests_on_length(&self) -> bool {
        matches!(self.kind, ScheduleKind::Exponential | ScheduleKind::Cosine)
    }

    /// The factor on learning rates.
    #[must_use]
    pub fn factor(&self, at: Moment) -> f64 {
        if at.step <= self.warmup {
            return at.step as f64 / self.warmup as f64;
        }
        let (gone, per_epoch) = (at.step - self.warmup, at.per_epoch.max(1));
        let factor = match self.kind {
            ScheduleKind::Constant => return 1.0,
            ScheduleKind::Step => {
                let changes = (at.step - 1) / per_epoch / u64::from(self.every.max(1));
                self.factor.powi(i32::try_from(changes).unwrap_or(i32::MAX))
            }
            ScheduleKind::Exponential => self.factor.powf((at.step - 1) as f64 / per_epoch as f64),
            ScheduleKind::Cosine => {
                let all = per_epoch.saturating_mul(at.epochs as u64);
                let total = all.saturating_sub(self.warmup).max(1);
                let share = (gone as f64 / total as f64).min(1.0);
                return self.floor + (1.0 - self.floor) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos());
            }
        };
        factor.max(self.floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_model::ModelConfig;

    fn factors(schedule: &str, steps: &[u64]) -> Vec<f64> {
        let text = format!(
            "format = 1\nkind = \"embeddingmlp\"\nconf = \"c\"\ndense = {{ slots = [1] }}\ntrain.schedule = {schedule}\n"
        );
        let config = ModelConfig::parse(&text, "m.toml").unwrap();
        let pace = Pace::new(config.train.schedule.as_ref().unwrap());
        let at = |&step| Moment {
            step,
            per_epoch: 10,
            epochs: 4,
        };
        let round = |x: f64| (x * 1e6).round() / 1e6;
        steps.iter().map(|step| round(pace.factor(at(step)))).collect()
    }

    #[test]
    fn each_kind_is_what_it_says() {
        assert_eq!(
            Pace::default().factor(Moment {
                step: 9,
                per_epoch: 1,
                epochs: 1
            }),
            1.0
        );
        assert_eq!(
            factors("{ warmup = 4 }", &[1, 2, 4, 5, 40]),
            [0.25, 0.5, 1.0, 1.0, 1.0]
        );
        let step = "{ kind = \"step\", every = 2, factor = 0.5, floor = 0.3 }";
        assert_eq!(factors(step, &[1, 20, 21, 40, 41]), [1.0, 1.0, 0.5, 0.5, 0.3]);
        let exponential = "{ kind = \"exponential\", factor = 0.25 }";
        assert_eq!(factors(exponential, &[1, 6, 11, 21]), [1.0, 0.5, 0.25, 0.0625]);
        let cosine = "{ kind = \"cosine\", floor = 0.1 }";
        assert_eq!(factors(cosine, &[20, 40, 80]), [0.55, 0.1, 0.1]);
    }
}
