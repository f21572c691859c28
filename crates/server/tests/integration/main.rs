//! The server as its clients see it: real listeners on port 0, the bundled MovieLens data, real artefacts.
//!
//! One binary for all themes, so that there is one link step; each file is a theme.

mod answers;
mod durability;
mod events;
mod faults;
mod home;
mod models;
mod operation;
mod remote;
