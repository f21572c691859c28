//! Homes of the tests, and runs of the binary that end by themselves.
//!
//! `demo --once` prepares one home for the whole test program; every test works on a copy of it, because tests post
//! events and publish models. The folder lies in cargo's folder for tests and goes when its test program is gone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tempfile::TempDir;

/// The repository.
pub(crate) const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What a run of the binary left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Outcome {
    /// The run must have succeeded.
    pub(crate) fn good(self) -> Outcome {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The run must have failed with this code and said nothing on standard output.
    pub(crate) fn bad(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        self.stderr
    }

    /// Standard output as the one JSON value it must be.
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// The home all others are copies of, and how it came to be.
pub(crate) struct Prepared {
    /// Its folder; tests only read it.
    pub(crate) root: PathBuf,
    /// What `demo --once --json` printed.
    pub(crate) summary: Json,
    /// How long that took: the scale for interruptions.
    pub(crate) took: Duration,
}

/// The binary with `arguments`, in the repository, without the caller's settings; `RANKINE_BIN` names another one.
pub(crate) fn command(home: &Path, arguments: &[&str]) -> Command {
    let named = std::env::var_os("RANKINE_BIN");
    let mut command = Command::new(named.unwrap_or_else(|| env!("CARGO_BIN_EXE_rankine").into()));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RANKINE_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(REPOSITORY)
        .arg("--home")
        .arg(home)
        .args(arguments)
        .env("RANKINE_LISTEN_GRPC", "127.0.0.1:0")
        .stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
pub(crate) fn rankine(home: &Path, arguments: &[&str]) -> Outcome {
    let output = command(home, arguments).output().expect("the binary runs");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// The prepared home.
pub(crate) fn prepared() -> &'static Prepared {
    static PREPARED: OnceLock<Prepared> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        sweep(folder);
        let root = folder.join(format!("prepared-{}", std::process::id()));
        let begun = Instant::now();
        let summary = rankine(&root, &["demo", "--once", "--json"]).good().json();
        let took = begun.elapsed();
        Prepared { root, summary, took }
    })
}

/// Removes homes of test programs that are gone.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix("prepared-"));
        if process.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            std::fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// A copy of the prepared home.
pub(crate) fn home() -> TempDir {
    let home = TempDir::new().expect("a folder");
    copy(&prepared().root, home.path());
    home
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below a folder; hidden ones too.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// Waits for something another process does; fails after two minutes, which no working system needs.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    wait_for(what, || if done() { Ok(()) } else { Err(String::new()) });
}

/// Waits until something is so; `done` tells how far it is where it is not, which a test that waits in vain repeats.
pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> Result<(), String>) {
    let begun = Instant::now();
    while let Err(told) = done() {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "waited two minutes for {what}: {told}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
