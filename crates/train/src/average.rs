//! The average of a network's weights over epochs: what is judged and kept where a model file asks for it.
//!
//! Weights that still move from step to step hover around a point better than each of them; the mean of several epochs'
//! is nearer to it (Polyak and Juditsky 1992; for networks: Izmailov et al. 2018, "Averaging weights leads to wider optima
//! and better generalization"). An exponential mean, `m ← a·m + (1−a)·w` after each epoch, the first epoch's weights to
//! begin with: it forgets the first epochs, and takes one copy of the weights where a window would take many.

use rankine_kernel::Real;

use crate::checkpoint::tape::Tape;
use crate::model::{Net, Snapshot};

/// A running average; between [`Average::show`] and [`Average::hide`] the network has the averaged weights.
#[derive(Clone, Debug)]
pub struct Average<T> {
    /// What an epoch leaves of the mean before it.
    keep: T,
    mean: Snapshot<T>,
    /// The network's own weights, while the mean is shown.
    own: Snapshot<T>,
    shown: bool,
}

impl<T: Real> Average<T> {
    /// An average that keeps `keep` of itself each epoch; none for 0, which would be the network's own weights.
    #[must_use]
    pub fn new(keep: f64) -> Option<Self> {
        (keep > 0.0).then(|| Self {
            keep: T::of(keep),
            mean: Snapshot::default(),
            own: Snapshot::default(),
            shown: false,
        })
    }

    /// Takes an epoch's weights in and gives the network the average.
    pub fn show(&mut self, net: &mut Net<T>) {
        net.save(&mut self.own);
        self.mean.approach(&self.own, self.keep);
        net.restore(&self.mean);
        self.shown = true;
    }

    /// The mean so far.
    pub(crate) fn mean(&self) -> &Snapshot<T> {
        &self.mean
    }

    /// Writes or reads back the mean; the network must have its own weights.
    pub(crate) fn exchange(&mut self, tape: &mut Tape<'_>) {
        self.mean.exchange(tape);
    }

    /// Gives the network its own weights back, to go on learning from.
    pub fn hide(&mut self, net: &mut Net<T>) {
        if std::mem::take(&mut self.shown) {
            net.restore(&self.own);
        }
    }
}
