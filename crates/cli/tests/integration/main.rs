//! Integration tests of the workspace and of the real binary, in one test program (one link).
//!
//! `edges` reads the workspace; everything else runs the binary as a user does, each test in a home folder of its own
//! that is a copy of one that the binary itself prepared (`home`), with servers as child processes (`process`).

#[cfg(test)]
mod api;
#[cfg(test)]
mod arrivals;
#[cfg(test)]
mod artefact;
#[cfg(test)]
mod capi;
#[cfg(test)]
mod checkpoint;
#[cfg(test)]
mod cold_start;
#[cfg(test)]
mod conf;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod dictionaries;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod embed;
#[cfg(test)]
mod embed_stores;
#[cfg(test)]
mod events;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod extract;
#[cfg(test)]
mod extract_parity;
#[cfg(test)]
mod finetune;
#[cfg(test)]
#[path = "../fresh/mod.rs"]
mod fresh;
mod gate;
#[cfg(test)]
mod history;
#[cfg(test)]
mod home;
#[cfg(test)]
mod interchange;
#[cfg(test)]
mod interrupt;
#[cfg(test)]
mod licences;
#[cfg(test)]
mod linear;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod nights;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod preparing;
#[cfg(test)]
mod process;
#[cfg(test)]
mod python;
#[cfg(test)]
mod rankers;
#[cfg(test)]
mod redis_rows;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod remote;
#[cfg(test)]
mod rollback;
#[cfg(test)]
mod sample_log;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod tasks;
#[cfg(test)]
mod tfserving;
#[cfg(test)]
mod tower;
#[cfg(test)]
mod tune;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod verbs;
#[cfg(test)]
mod warm;
