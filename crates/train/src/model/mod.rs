//! Which parts a model has: from a model file and a plan to the blueprint of a network.
//!
//! One file per kind says what that kind demands and adds; the network itself ([`Net`]) is shared. The blueprint is
//! complete: columns, tables, widths, optimisers and regularisation are resolved once, every fault is named by its key.

mod net;

pub use net::{Net, Snapshot};

use rankine_kernel::activation::Activation;
use rankine_kernel::optimiser::Optimiser;

use crate::encode::Layout;
use crate::loss::Loss;
use crate::progress::EpochReport;

/// One table of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSpec {
    /// The table's name in artefacts.
    pub name: String,
    /// Weights per row.
    pub dim: usize,
    /// Standard deviation of the first weights; 0 for a wide table.
    pub deviation: f64,
    /// L2 strength per use of a row.
    pub l2: f64,
    /// What moves its rows.
    pub optimiser: Optimiser,
}

/// The product of factors: columns of both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GmfSpec {
    /// Name of its weights in artefacts.
    pub name: String,
    /// Columns of the user side.
    pub user: Vec<usize>,
    /// Columns of the item side.
    pub item: Vec<usize>,
}

/// What early stopping watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// ROC-AUC on the validation samples.
    Auc,
    /// Mean loss on the validation samples.
    Loss,
}

/// Everything a network is built from and trained with.
#[derive(Clone, Debug, PartialEq)]
pub struct Blueprint {
    /// Columns and tables the encoder prepares.
    pub layout: Layout,
    /// One per table of the layout, in its order.
    pub tables: Vec<TableSpec>,
    /// Columns of the deep part's input, in order.
    pub deep: Vec<usize>,
    /// Columns of the wide part.
    pub wide: Vec<usize>,
    /// The product of factors.
    pub gmf: Option<GmfSpec>,
    /// Outputs of each hidden layer.
    pub hidden: Vec<usize>,
    /// Activation of the hidden layers.
    pub activation: Activation,
    /// Dropout after each hidden layer.
    pub dropout: f64,
    /// Dropout on the deep part's input.
    pub input_dropout: f64,
    /// What moves the dense tensors.
    pub dense_optimiser: Optimiser,
    /// L2 strength on dense weights.
    pub dense_l2: f64,
    /// What is minimised.
    pub loss: Loss,
    /// Seed of weights, masks and order.
    pub seed: u64,
    /// Samples per step.
    pub batch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Epochs without improvement before the run ends; `None`: never.
    pub patience: Option<usize>,
    /// What early stopping watches.
    pub watch: Watch,
    /// Factor on all learning rates after each epoch.
    pub rate_decay: f64,
}

impl Blueprint {
    /// Whether a higher validation figure is better.
    #[must_use]
    pub fn higher_is_better(&self) -> bool {
        self.watch == Watch::Auc
    }

    /// The validation figure of a report.
    #[must_use]
    pub fn figure(&self, report: &EpochReport) -> f64 {
        match self.watch {
            Watch::Auc => report.valid_auc,
            Watch::Loss => report.valid_loss,
        }
    }

    /// The factor on learning rates in `epoch` (from 1).
    #[must_use]
    pub fn rate_factor(&self, epoch: usize) -> f64 {
        self.rate_decay.powi(i32::try_from(epoch).unwrap_or(i32::MAX).saturating_sub(1))
    }
}
