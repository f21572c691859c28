//! The predictor over real artefacts, published and opened as in production.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure here is a failed test"
)]

mod ask;
mod confs;
mod dictionaries;
mod dssm;
mod faults;
mod fixture;
mod reload;
mod scores;
mod versions;
