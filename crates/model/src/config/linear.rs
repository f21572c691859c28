//! `linear`, `optimizer.linear`, `optimizer.factor`: the parts of the kinds `lr`, `fm` and `ffm`.

use super::{Checker, Kind, ModelConfig, number};
use rankine_config::Located;
use rankine_kernel::factor::{Rates, Rule, RuleKind, Shape};
use serde::{Deserialize, Serialize};

/// `linear`: the slots of a linear model, and what goes beyond one weight per sign.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LinearConfig {
    /// The slots, sparse or dense; each is a field of an FFM, in this order.
    pub slots: Vec<Located<u32>>,
    /// Factors per sign (`fm`) or per sign and field (`ffm`).
    #[serde(default)]
    pub k: Option<Located<usize>>,
    /// Signs share 2^hash_bits rows; absent: every sign has a row of its own.
    #[serde(default)]
    pub hash_bits: Option<Located<u32>>,
    /// Whether an empty sparse slot reads a row of its own; otherwise it contributes nothing.
    #[serde(default = "yes")]
    pub missing: bool,
    /// First factors are drawn evenly from ± this / √k; 0.1 unless given.
    #[serde(default)]
    pub init: Option<Located<f64>>,
}

impl LinearConfig {
    /// Returns the bound of first factors.
    #[must_use]
    pub fn init(&self) -> f64 {
        let k = self.k.as_ref().map_or(1, |k| k.value.max(1));
        number(self.init.as_ref(), 0.1) / (k as f64).sqrt()
    }
}

/// The rules `optimizer.linear` may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum LinearOptimizerKind {
    /// Plain gradient descent.
    Sgd,
    /// Adagrad.
    #[default]
    Adagrad,
    /// FTRL-Proximal.
    Ftrl,
    /// Lazy Adam.
    Adam,
    /// Limited-memory BFGS over all samples at once (`lr` only).
    Lbfgs,
}

/// `optimizer.linear`: the rule, and the rates of linear weights and the bias.
#[derive(Debug, Clone, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct LinearOptimizer {
    /// Which.
    pub kind: LinearOptimizerKind,
    /// Learning rate; 0.1 (`adam` 0.001) unless given.
    pub lr: Option<Located<f64>>,
    /// L1 strength (`ftrl` only); 0 unless given.
    pub l1: Option<Located<f64>>,
    /// L2 strength; 0 unless given.
    pub l2: Option<Located<f64>>,
    /// First accumulator of `adagrad`; 1 unless given.
    pub initial: Option<Located<f64>>,
    /// `beta` of `ftrl`; 1 unless given.
    pub beta: Option<Located<f64>>,
}

/// `optimizer.factor`: rates of factors where they differ.
#[derive(Debug, Clone, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct FactorRates {
    /// Learning rate; as `optimizer.linear` unless given.
    pub lr: Option<Located<f64>>,
    /// L1 strength; 0 unless given.
    pub l1: Option<Located<f64>>,
    /// L2 strength; as `optimizer.linear` unless given.
    pub l2: Option<Located<f64>>,
}

impl ModelConfig {
    /// Returns how rows of the kinds `lr`, `fm` and `ffm` move.
    #[must_use]
    pub fn linear_rule(&self) -> Rule {
        let (linear, factor) = (&self.optimizer.linear, &self.optimizer.factor);
        let default = if linear.kind == LinearOptimizerKind::Adam {
            1e-3
        } else {
            0.1
        };
        let weight = Rates {
            rate: number(linear.lr.as_ref(), default),
            l1: number(linear.l1.as_ref(), 0.0),
            l2: number(linear.l2.as_ref(), 0.0),
        };
        let kind = match linear.kind {
            // By `lbfgs` rows are set, not moved: they need no states.
            LinearOptimizerKind::Sgd | LinearOptimizerKind::Lbfgs => RuleKind::Sgd,
            LinearOptimizerKind::Adagrad => RuleKind::Adagrad {
                initial: number(linear.initial.as_ref(), 1.0),
            },
            LinearOptimizerKind::Ftrl => RuleKind::Ftrl {
                beta: number(linear.beta.as_ref(), 1.0),
            },
            LinearOptimizerKind::Adam => RuleKind::Adam {
                beta: (0.9, 0.999),
                epsilon: 1e-8,
            },
        };
        let factor = Rates {
            rate: number(factor.lr.as_ref(), weight.rate),
            l1: number(factor.l1.as_ref(), 0.0),
            l2: number(factor.l2.as_ref(), weight.l2),
        };
        Rule { kind, weight, factor }
    }
}

impl Checker<'_> {
    /// Sizes and rates of the linear kinds.
    pub(super) fn linear(&mut self) {
        let config = self.config;
        let train = &config.train;
        if let Some(threads) = &train.threads {
            self.within(threads, "threads", (1, 256));
        }
        if let Some(linear) = &config.linear {
            self.part(linear);
        }
        self.rules();
    }

    fn part(&mut self, linear: &LinearConfig) {
        let kind = self.config.kind();
        match (&linear.k, kind) {
            (None, Kind::Fm | Kind::Ffm) => {
                let message = format!("kind `{}` needs `k`", kind.name());
                self.fault(&self.config.kind, "k", message);
            }
            (Some(k), Kind::Lr) => self.fault(k, "k", "kind `lr` has no factors, so no `k`"),
            (Some(k), _) => {
                self.within(k, "k", (1, 4096));
                let fields = if kind == Kind::Ffm { linear.slots.len() } else { 1 };
                if !(Shape { fields, k: k.value }).fits() {
                    self.fault(
                        k,
                        "k",
                        format!("{fields} fields of {} factors are too many for a row", k.value),
                    );
                }
            }
            (None, _) => {}
        }
        if linear.slots.is_empty() {
            self.fault(&self.config.kind, "slots", "`linear` has no slots");
        }
        if let Some(bits) = &linear.hash_bits {
            self.within(bits, "hash_bits", (1, 31));
        }
        if let Some(init) = &linear.init {
            self.within(init, "init", (0.0, 1e3));
        }
    }

    /// `lbfgs`: one weight per sign, no rate, one thread.
    fn at_once(&mut self) {
        let (config, linear) = (self.config, &self.config.optimizer.linear);
        if linear.kind != LinearOptimizerKind::Lbfgs {
            return;
        }
        if matches!(config.kind(), Kind::Fm | Kind::Ffm) {
            let message = format!("kind `{}` has no `lbfgs`; only `lr` has", config.kind().name());
            self.fault(&config.kind, "optimizer.linear", message);
        }
        if let Some(lr) = &linear.lr {
            self.fault(
                lr,
                "lr",
                "`lbfgs` finds the length of its steps, so it has no `lr`",
            );
        }
        if let Some(threads) = config.train.threads.as_ref().filter(|t| t.value > 1) {
            self.fault(threads, "threads", "`lbfgs` learns on one thread");
        }
    }

    fn rules(&mut self) {
        let (linear, factor) = (&self.config.optimizer.linear, &self.config.optimizer.factor);
        let bounds = [
            (&linear.lr, "lr", (1e-12, 1e3)),
            (&linear.l1, "l1", (0.0, 1e6)),
            (&linear.l2, "l2", (0.0, 1e6)),
            (&linear.initial, "initial", (1e-9, 1e6)),
            (&linear.beta, "beta", (0.0, 1e6)),
            (&factor.lr, "lr", (1e-12, 1e3)),
            (&factor.l1, "l1", (0.0, 1e6)),
            (&factor.l2, "l2", (0.0, 1e6)),
        ];
        for (value, key, bound) in bounds {
            if let Some(value) = value {
                self.within(value, key, bound);
            }
        }
        self.at_once();
        for l1 in [&linear.l1, &factor.l1].into_iter().flatten() {
            if linear.kind != LinearOptimizerKind::Ftrl && l1.value > 0.0 {
                self.fault(l1, "l1", "only `ftrl` has `l1`");
            }
        }
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(kind: &str, k: &str, rule: &str) -> String {
        let text = format!(
            "format = 1\nkind = \"{kind}\"\nconf = \"c\"\nlinear = {{ slots = [1]{k} }}\noptimizer.linear = {{ kind = \"lbfgs\"{rule} }}\n"
        );
        match ModelConfig::parse(&text, "m.toml") {
            Ok(_) => String::new(),
            Err(faults) => faults.to_string(),
        }
    }

    #[test]
    fn only_one_weight_per_sign_learns_from_all_samples_at_once() {
        assert_eq!(faults("lr", "", ", l2 = 2"), "");
        assert!(faults("fm", ", k = 2", "").contains("kind `fm` has no `lbfgs`; only `lr` has"));
        assert!(faults("lr", "", ", lr = 0.1").contains("it has no `lr`"));
    }
}
