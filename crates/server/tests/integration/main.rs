//! The server as its clients see it: real listeners on port 0, the bundled MovieLens data, real artefacts.
//!
//! One binary for all themes, so that there is one link step; each file is a theme.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod coarse;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod events;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod grpc;
#[cfg(test)]
mod home;
#[cfg(test)]
mod models;
#[cfg(test)]
mod operation;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod remote;
#[cfg(test)]
mod unified;
