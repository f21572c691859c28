//! Training: from labelled samples to a model's parameters.
//!
//! `SampleSource` → [`encode`] (signs become table rows, once) → batches → [`backward`] (hand-written gradients) →
//! optimiser steps on the rows of the batch → early stopping → the same `Parameters` that serving reads. Metrics,
//! baselines and cards judge the outcome. Nothing here knows of servers or of how samples came to be.
//!
//! One decision runs through the crate: everything is generic over f32 and f64, so the code that trains is the code
//! that the gradient checks and the f64 oracles examine.

pub mod average;
pub mod backward;
pub mod baseline;
mod block_file;
pub mod bootstrap;
pub mod card;
#[cfg(test)]
pub(crate) mod check;
pub mod checkpoint;
pub mod chronicle;
mod crew;
pub mod early_stop;
pub mod encode;
pub mod error;
pub mod evaluate;
pub mod graph;
mod held;
pub mod item2vec;
mod judge;
pub mod linear;
pub mod loss;
pub mod matrix;
pub mod metric;
pub mod model;
pub mod objective;
pub mod optimise;
pub mod pattern;
pub mod places;
pub mod progress;
pub mod ranking;
pub mod report;
pub mod run;
pub mod schedule;
pub mod source;
mod standing;
mod sweeps;
pub mod table;
pub mod tensorboard;
pub mod tune;
pub mod vectors;
pub mod warm;

pub use encode::fitted;
pub use error::TrainError;
pub use evaluate::{Asked, Beside, Scored, asked, evaluate, evaluate_output, score};
pub use progress::{EpochReport, Progress, Silent, StepReport, process_cpu_seconds, thread_cpu_seconds};
pub use run::{Frame, Trained, train, train_in};
pub use source::{Names, RowsSource, SampleRow, SampleSource};
