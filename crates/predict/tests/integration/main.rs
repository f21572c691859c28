//! The predictor over real artefacts, published and opened as in production.

mod faults;
mod fixture;
mod reload;
mod scores;
mod versions;
