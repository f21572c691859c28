//! The whole road of this crate on made-up samples: conf and model file in, trained parameters out, served by the scorer.

mod learn;
mod samples;
mod serve;
mod stop;
