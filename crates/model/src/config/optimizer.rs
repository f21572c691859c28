//! `optimizer.embedding`, `optimizer.dense`, `optimizer.wide`: a kind, a learning rate, and settings few will touch.

use super::{FactorRates, LinearOptimizer, number};
use rankine_config::Located;
use rankine_kernel::optimiser::Optimiser;
use serde::{Deserialize, Serialize};

/// The optimisers a model file may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Plain gradient descent.
    Sgd,
    /// Heavy ball.
    Momentum,
    /// Nesterov's momentum.
    Nesterov,
    /// Adagrad.
    Adagrad,
    /// Adam; lazy on tables.
    #[default]
    Adam,
    /// Adam with decoupled weight decay.
    Adamw,
    /// RMSProp.
    Rmsprop,
    /// FTRL-Proximal.
    Ftrl,
}

impl OptimizerKind {
    /// Returns whether a key of its settings, beside `kind`, `lr` and `l2`, changes anything.
    #[must_use]
    pub fn reads(self, key: &str) -> bool {
        match key {
            "momentum" => matches!(self, Self::Momentum | Self::Nesterov),
            "decay" => self == Self::Adamw,
            "initial" => self == Self::Adagrad,
            "epsilon" => matches!(self, Self::Adagrad | Self::Adam | Self::Adamw | Self::Rmsprop),
            "l1" | "beta" => self == Self::Ftrl,
            _ => true,
        }
    }
}

/// One optimiser's settings; what is absent has the default of PyTorch.
#[derive(Debug, Clone, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerSettings {
    /// Which.
    pub kind: OptimizerKind,
    /// Learning rate; 0.001 (`ftrl` 0.1) unless given.
    pub lr: Option<Located<f64>>,
    /// L2 strength; 0 unless given.
    pub l2: Option<Located<f64>>,
    /// Momentum of `momentum` and `nesterov`; 0.9 unless given.
    pub momentum: Option<Located<f64>>,
    /// Weight decay of `adamw`; 0.01 unless given.
    pub decay: Option<Located<f64>>,
    /// First accumulator of `adagrad`; 0.1 unless given.
    pub initial: Option<Located<f64>>,
    /// Keeps quotients finite; 1e-8 (`adagrad` 1e-10) unless given.
    pub epsilon: Option<Located<f64>>,
    /// L1 strength of `ftrl`; 0 unless given.
    pub l1: Option<Located<f64>>,
    /// `beta` of `ftrl`; 1 unless given.
    pub beta: Option<Located<f64>>,
}

impl OptimizerSettings {
    /// Returns the learning rate.
    #[must_use]
    pub fn lr(&self) -> f64 {
        let usual = if self.kind == OptimizerKind::Ftrl {
            0.1
        } else {
            1e-3
        };
        number(self.lr.as_ref(), usual)
    }

    /// Returns the L2 strength.
    #[must_use]
    pub fn l2(&self) -> f64 {
        number(self.l2.as_ref(), 0.0)
    }

    /// Returns the share of the last velocity that `momentum` and `nesterov` keep.
    #[must_use]
    pub fn momentum(&self) -> f64 {
        number(self.momentum.as_ref(), 0.9)
    }

    /// Returns the weight decay of `adamw`.
    #[must_use]
    pub fn decay(&self) -> f64 {
        number(self.decay.as_ref(), 0.01)
    }

    /// Returns the first accumulator of `adagrad`.
    #[must_use]
    pub fn initial(&self) -> f64 {
        number(self.initial.as_ref(), 0.1)
    }

    /// Returns what keeps quotients finite.
    #[must_use]
    pub fn epsilon(&self) -> f64 {
        let adagrad = self.kind == OptimizerKind::Adagrad;
        number(self.epsilon.as_ref(), if adagrad { 1e-10 } else { 1e-8 })
    }

    /// Returns the L1 strength of `ftrl`.
    #[must_use]
    pub fn l1(&self) -> f64 {
        number(self.l1.as_ref(), 0.0)
    }

    /// Returns `beta` of `ftrl`.
    #[must_use]
    pub fn beta(&self) -> f64 {
        number(self.beta.as_ref(), 1.0)
    }

    /// Returns the optimiser at `factor` times the learning rate.
    #[must_use]
    pub fn build(&self, factor: f64) -> Optimiser {
        let rate = self.lr() * factor;
        let (momentum, epsilon) = (self.momentum(), self.epsilon());
        let beta = (0.9, 0.999);
        match self.kind {
            OptimizerKind::Sgd => Optimiser::Sgd { rate },
            OptimizerKind::Momentum => Optimiser::Momentum { rate, momentum },
            OptimizerKind::Nesterov => Optimiser::Nesterov { rate, momentum },
            OptimizerKind::Adagrad => Optimiser::Adagrad {
                rate,
                initial: self.initial(),
                epsilon,
            },
            OptimizerKind::Adam => Optimiser::Adam { rate, beta, epsilon },
            OptimizerKind::Adamw => Optimiser::AdamW {
                rate,
                beta,
                epsilon,
                decay: self.decay(),
            },
            OptimizerKind::Rmsprop => Optimiser::RmsProp {
                rate,
                alpha: 0.99,
                epsilon,
            },
            OptimizerKind::Ftrl => Optimiser::Ftrl {
                rate,
                beta: self.beta(),
                l1: self.l1(),
                l2: 0.0,
            },
        }
    }
}

/// `optimizer`: by the parameters they move. Tables of the wide part and of biases follow `wide`.
#[derive(Debug, Clone, Deserialize, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Optimizers {
    /// Embedding and product tables.
    pub embedding: OptimizerSettings,
    /// Dense layers.
    pub dense: OptimizerSettings,
    /// Wide and bias tables; as `embedding` where absent.
    pub wide: Option<OptimizerSettings>,
    /// Linear weights of `lr`, `fm` and `ffm`, and the rule of their factors.
    pub linear: LinearOptimizer,
    /// Rates of factors where they differ.
    pub factor: FactorRates,
}

impl Optimizers {
    /// Returns the settings of wide and bias tables.
    #[must_use]
    pub fn wide(&self) -> &OptimizerSettings {
        self.wide.as_ref().unwrap_or(&self.embedding)
    }
}
