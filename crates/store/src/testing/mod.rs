//! The servers that tests and benchmarks talk to: the programs themselves, never a stand-in.
//!
//! Each listens on a free port of 127.0.0.1 and dies with its handle. A missing program is an error, and so a failed
//! test; `setup.sh` installs them.

mod postgres;
mod redis;

pub use self::postgres::{Durability, PostgresServer};
pub use self::redis::RedisServer;

use std::net::{Ipv4Addr, TcpListener};

use crate::StoreError;

/// A port that nobody listens on now.
fn free_port(program: &str) -> Result<u16, StoreError> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(port.map_err(|error| refuse(program, &error.to_string()))?.port())
}

fn refuse(program: &str, reason: &str) -> StoreError {
    StoreError::Start {
        program: program.to_owned(),
        reason: reason.to_owned(),
    }
}
