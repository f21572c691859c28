//! A real redis-server for tests and benchmarks; it keeps nothing.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::free_port;
use crate::{RedisOptions, RedisRows, StoreError};

const PROGRAM: &str = "redis-server";

/// A running redis-server, killed on drop.
#[derive(Debug)]
pub struct RedisServer {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl RedisServer {
    /// Starts `redis-server` on a free port with `folder` as its working folder and waits until it answers.
    ///
    /// # Errors
    /// [`StoreError::Start`] if the program is missing, exits, or does not answer within 10 s.
    pub fn start(folder: &Path) -> Result<RedisServer, StoreError> {
        let mut last = refuse("no free port");
        for _ in 0..5 {
            match RedisServer::start_on(free_port(PROGRAM)?, folder) {
                Ok(server) => return Ok(server),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Starts on a given port, as a restarted server would.
    ///
    /// # Errors
    /// As [`RedisServer::start`].
    pub fn start_on(port: u16, folder: &Path) -> Result<RedisServer, StoreError> {
        let process = Command::new(PROGRAM)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| refuse(&error.to_string()))?;
        let mut server = RedisServer {
            process,
            port,
            folder: folder.to_owned(),
        };
        server.wait_ready()?;
        Ok(server)
    }

    fn wait_ready(&mut self) -> Result<(), StoreError> {
        let mut last = String::new();
        for _ in 0..200 {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(refuse(&format!("exited at once with {status}")));
            }
            match RedisRows::connect(RedisOptions::new(&self.url())) {
                Ok(_) => return Ok(()),
                Err(error) => last = error.to_string(),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(refuse(&last))
    }

    /// The address for [`RedisOptions::new`].
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server and starts an empty one on the same port.
    ///
    /// # Errors
    /// As [`RedisServer::start`].
    pub fn restart(mut self) -> Result<RedisServer, StoreError> {
        self.kill();
        RedisServer::start_on(self.port, &self.folder)
    }

    fn kill(&mut self) {
        // Either fails only if the process is gone already, which is what is wanted.
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn refuse(reason: &str) -> StoreError {
    super::refuse(PROGRAM, reason)
}
