//! How weights move: one rule a file, written once over [`Arithmetic`] registers. A table's linear weights and its factors
//! follow the same rule at rates of their own.

mod adagrad;
mod adam;
mod adamw;
mod ftrl;
mod momentum;
mod rmsprop;
mod sgd;

pub(super) use adagrad::Adagrad;
pub(super) use adam::Adam;
pub(super) use adamw::AdamW;
pub(super) use ftrl::Ftrl;
pub(super) use momentum::Momentum;
pub(super) use rmsprop::RmsProp;
pub(super) use sgd::Sgd;

use crate::lanes::Arithmetic;
use crate::real::Real;

/// Rate and penalties of one sort of weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Learning rate.
    pub rate: f64,
    /// L1 strength; read by FTRL alone.
    pub l1: f64,
    /// L2 strength, added to the gradient at each use of a weight (FTRL: of its proximal step; not read by AdamW).
    pub l2: f64,
}

/// Which rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Plain gradient descent.
    Sgd,
    /// Adagrad with its first accumulator, above zero.
    Adagrad {
        /// First accumulator.
        initial: f64,
    },
    /// FTRL-Proximal.
    Ftrl {
        /// Smooths first steps; 1 in the paper.
        beta: f64,
    },
    /// Lazy Adam.
    Adam {
        /// Decays of both moments.
        beta: (f64, f64),
        /// Keeps quotients finite.
        epsilon: f64,
    },
    /// Lazy Adam with weight decay apart from the gradient.
    AdamW {
        /// Decays of both moments.
        beta: (f64, f64),
        /// Keeps quotients finite.
        epsilon: f64,
        /// Share of a weight (times the rate) that each of its steps removes.
        decay: f64,
    },
    /// Lazy heavy ball.
    Momentum {
        /// Share of the last velocity that is kept.
        momentum: f64,
    },
    /// Lazy RMSProp.
    RmsProp {
        /// Decay of the mean square.
        alpha: f64,
        /// Keeps quotients finite.
        epsilon: f64,
    },
}

impl Kind {
    /// Returns its name in model files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Sgd => "sgd",
            Kind::Adagrad { .. } => "adagrad",
            Kind::Ftrl { .. } => "ftrl",
            Kind::Adam { .. } => "adam",
            Kind::AdamW { .. } => "adamw",
            Kind::Momentum { .. } => "momentum",
            Kind::RmsProp { .. } => "rmsprop",
        }
    }
}

/// A rule with its rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Which.
    pub kind: Kind,
    /// Of linear weights and the bias.
    pub weight: Rates,
    /// Of factors.
    pub factor: Rates,
}

/// The least first accumulator of Adagrad.
const LEAST: f64 = 1e-12;

impl Rule {
    /// Returns the numbers of state beside each weight.
    #[must_use]
    pub fn states(&self) -> usize {
        match self.kind {
            Kind::Sgd => 0,
            Kind::Adagrad { .. } | Kind::Momentum { .. } | Kind::RmsProp { .. } => 1,
            Kind::Ftrl { .. } | Kind::Adam { .. } | Kind::AdamW { .. } => 2,
        }
    }

    /// Returns the same rule with both rates multiplied.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Rule {
        self.weight.rate *= factor;
        self.factor.rate *= factor;
        self
    }

    /// Returns the states a weight begins with; FTRL's z is such that the rule leaves the weight where it is.
    pub(super) fn start<T: Real>(&self, w: T, rates: &Rates) -> [T; 2] {
        match self.kind {
            Kind::Adagrad { initial } => [T::of(initial.max(LEAST)), T::ZERO],
            Kind::Ftrl { beta } => {
                let w = w.to_f64();
                let pull = if w == 0.0 { 0.0 } else { rates.l1.copysign(w) };
                [T::of(-w * (beta / rates.rate + rates.l2) - pull), T::ZERO]
            }
            Kind::Sgd
            | Kind::Adam { .. }
            | Kind::AdamW { .. }
            | Kind::Momentum { .. }
            | Kind::RmsProp { .. } => [T::ZERO; 2],
        }
    }
}

/// The numbers a rule reads at a step.
pub(crate) type Constants<T> = [T; 6];

/// A rule over registers.
pub(crate) trait Step<T: Real> {
    /// Numbers of state beside each weight.
    const STATES: usize;

    /// The constants at step `t`, from 1.
    fn constants(kind: &Kind, rates: &Rates, t: u64) -> Constants<T>;

    /// Moves one register of weights by gradient `g`.
    ///
    /// # Safety
    /// The machine has the instructions of L.
    unsafe fn step<L: Arithmetic<T>>(c: &[L; 6], w: L, g: L, s: [L; 2]) -> (L, [L; 2]);
}
