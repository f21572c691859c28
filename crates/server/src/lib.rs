//! REST, pages, metrics, limits, shutdown: the online half of the platform in one process.
//!
//! A request enters through [`api`] or [`pages`], which only translate: both ask [`State`] the same questions.
//! `State` owns the live catalogue, users, feature rows and the event writer, and implements the ranking port of
//! `rankine-recommend` in process or against a remote predictor. The decision behind the crate: computing never
//! happens on the async runtime, it goes through [`compute::Pool`], which admits before it queues.

pub mod api;
pub mod arrivals;
pub mod compute;
pub mod config;
mod drain;
pub mod error;
pub mod grpc;
mod http;
mod listener;
pub mod metrics;
pub mod pages;
pub(crate) mod predict;
pub mod ranker;
mod samples;
pub mod serve;
pub mod settings;
pub mod state;
pub mod status;
pub mod stream;
pub mod tfserving;

pub use config::ServerConfig;
pub use error::{ApiError, ServerError};
pub use serve::{Listeners, StopHandle, serve, serve_state, stop_pair};
pub use state::State;
