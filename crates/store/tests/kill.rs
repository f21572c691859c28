//! Kill at any point: a process that appends is killed with SIGKILL again and again, and no acknowledged event
//! may be lost, repeated, or out of order.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its servers and files must fail"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use rankine_store::{EventLog, LogOptions};

const FOLDER: &str = "RANKINE_TEST_KILL_FOLDER";

fn body() -> serde_json::Map<String, serde_json::Value> {
    serde_json::json!({ "kind": "click" })
        .as_object()
        .unwrap()
        .clone()
}

fn open(folder: &Path) -> (EventLog, Vec<u64>) {
    let mut options = LogOptions::default();
    options.rotate_at = 4096;
    let (sender, receiver) = std::sync::mpsc::channel();
    let observer = Box::new(move |record: &rankine_store::LogRecord| {
        let _nobody_listens_later = sender.send(record.seq);
    });
    let (log, _) = EventLog::open(folder, options, observer).unwrap();
    (log, receiver.try_iter().collect())
}

/// Not a test of its own: the process that is killed. Prints each sequence number once it is acknowledged.
#[test]
#[ignore = "started by killed_writers_lose_nothing"]
fn writer() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let (log, _) = open(Path::new(&folder));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    println!("acknowledged {}", log.append(0, None, body()).unwrap().seq);
                }
            });
        }
    });
}

/// Runs the writer until it has acknowledged `count` events, kills it, and returns what it acknowledged.
fn killed_after(folder: &Path, count: usize) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["writer", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    for line in lines.map_while(Result::ok) {
        let number = line
            .rsplit_once("acknowledged ")
            .and_then(|(_, number)| number.parse::<u64>().ok());
        acknowledged.extend(number);
        if acknowledged.len() == count {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    acknowledged
}

#[test]
fn killed_writers_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..5 {
        let more = killed_after(folder.path(), 20 + 37 * round);
        assert!(
            more.len() >= 20 + 37 * round,
            "the writer stopped early: {more:?}"
        );
        for seq in more {
            assert!(acknowledged.insert(seq), "number {seq} was given twice");
        }
        let (_log, kept) = open(folder.path());
        assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
        let kept = BTreeSet::from_iter(kept);
        assert!(
            acknowledged.is_subset(&kept),
            "lost: {:?}",
            acknowledged.difference(&kept)
        );
    }
}
