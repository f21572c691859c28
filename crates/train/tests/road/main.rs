//! The whole road of this crate on made-up samples: conf and model file in, trained parameters out, served by the scorer.

#[cfg(test)]
mod average;
#[cfg(test)]
mod bars;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod events;
#[cfg(test)]
mod forged;
#[cfg(test)]
mod learn;
#[cfg(test)]
mod pace;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod stop;
#[cfg(test)]
mod threads;
#[cfg(test)]
mod warm;
