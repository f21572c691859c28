//! The log as a whole: durability, order, idempotence, rotation, and damage at every byte.

use std::path::Path;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

type Seen = Arc<Mutex<Vec<LogRecord>>>;

fn body(user: i64) -> Map<String, Value> {
    json!({ "user": user, "item": 7, "kind": "rating", "value": 4.5 })
        .as_object()
        .unwrap()
        .clone()
}

fn open_with(folder: &Path, options: LogOptions) -> Result<(EventLog, ReplaySummary, Seen), StoreError> {
    let seen = Seen::default();
    let copy = Arc::clone(&seen);
    let observer = Box::new(move |record: &LogRecord| copy.lock().unwrap().push(record.clone()));
    EventLog::open(folder, options, observer).map(|(log, summary)| (log, summary, seen))
}

fn open(folder: &Path) -> (EventLog, ReplaySummary, Seen) {
    open_with(folder, LogOptions::default()).unwrap()
}

/// A folder with one log file of `count` records; returns the file's bytes and each record's start.
fn written(folder: &Path, count: i64) -> (Vec<u8>, Vec<usize>) {
    let (log, _, _) = open(folder);
    let mut starts = Vec::new();
    for user in 0..count {
        starts.push(std::fs::read(folder.join("live-1.log")).unwrap().len());
        log.append(user * 10, Some(&format!("id-{user}")), body(user))
            .unwrap();
    }
    (std::fs::read(folder.join("live-1.log")).unwrap(), starts)
}

#[test]
fn what_is_answered_is_read_back_and_observed() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _, seen) = open(folder.path());
    let first = log.append(100, None, body(1)).unwrap();
    let second = log.append(50, None, body(2)).unwrap();
    assert_eq!((first.seq, first.time), (0, 100));
    assert_eq!((second.seq, second.time), (1, 101));
    let live = seen.lock().unwrap().clone();
    drop(log);
    let (_log, summary, replayed) = open(folder.path());
    assert_eq!(summary.records, 2);
    assert_eq!(*replayed.lock().unwrap(), live);
    assert_eq!(live[1].body["user"], 2);
}

#[test]
fn numbers_go_on_after_reopening_and_after_the_base() {
    let folder = tempfile::tempdir().unwrap();
    let options = LogOptions {
        first_seq: 100_004,
        last_time: 5_000,
        ..LogOptions::default()
    };
    let (log, _, _) = open_with(folder.path(), options.clone()).unwrap();
    let first = log.append(10, None, body(1)).unwrap();
    assert_eq!((first.seq, first.time), (100_004, 5_001));
    drop(log);
    let (log, _, _) = open_with(folder.path(), options).unwrap();
    let second = log.append(10, None, body(1)).unwrap();
    assert_eq!((second.seq, second.time), (100_005, 5_002));
}

#[test]
fn an_event_id_is_written_once_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _, _) = open(folder.path());
    let first = log.append(1, Some("a"), body(1)).unwrap();
    let again = log.append(9, Some("a"), body(1)).unwrap();
    assert_eq!(
        again,
        Appended {
            duplicate: true,
            ..first
        }
    );
    assert_eq!(
        log.stats(),
        LogStats {
            appended: 1,
            duplicates: 1,
            syncs: 1
        }
    );
    drop(log);
    let (log, summary, _) = open(folder.path());
    assert_eq!(summary.records, 1);
    assert!(log.append(9, Some("a"), body(1)).unwrap().duplicate);
}

#[test]
fn the_same_event_id_of_another_user_is_another_event_over_restarts() {
    let of = |user: i64| serde_json::Map::from_iter([("user".to_owned(), user.into())]);
    let folder = tempfile::tempdir().unwrap();
    let (log, _, _) = open(folder.path());
    let first = log.append(1, Some("1"), of(6)).unwrap();
    let other = log.append(2, Some("1"), of(7)).unwrap();
    assert_eq!((first.duplicate, other.duplicate), (false, false));
    assert!(other.seq > first.seq);
    drop(log);
    let (log, summary, _) = open(folder.path());
    assert_eq!(summary.records, 2);
    let again = [6, 7, 8].map(|user| log.append(9, Some("1"), of(user)).unwrap());
    assert_eq!(again.map(|a| a.duplicate), [true, true, false]);
    assert_eq!((again[0].seq, again[1].seq), (first.seq, other.seq));
}

#[test]
fn threads_share_syncs_and_the_observer_sees_log_order() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _, seen) = open(folder.path());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let log = &log;
            scope.spawn(move || {
                for n in 0..50 {
                    let id = format!("{}", (thread / 2) * 50 + n);
                    log.append(n, Some(&id), body(thread / 2)).unwrap();
                }
            });
        }
    });
    let stats = log.stats();
    assert_eq!((stats.appended, stats.duplicates), (200, 200));
    assert!(stats.syncs <= 200);
    let live = seen.lock().unwrap().clone();
    assert!(live.iter().map(|record| record.seq).eq(0..200));
    assert!(live.windows(2).all(|pair| pair[0].time < pair[1].time));
    drop(log);
    assert_eq!(*open(folder.path()).2.lock().unwrap(), live);
}

#[test]
fn a_group_is_synced_once() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Arc::new(std::sync::Barrier::new(2));
    let inner = Arc::clone(&gate);
    let mut first = true;
    let observer = Box::new(move |_: &LogRecord| {
        if std::mem::take(&mut first) {
            inner.wait();
            inner.wait();
        }
    });
    let (log, _) = EventLog::open(folder.path(), LogOptions::default(), observer).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| log.append(0, None, body(0)).unwrap());
        gate.wait();
        // The leader is inside its batch: all of these queue up behind it.
        for user in 1..=5 {
            let log = &log;
            scope.spawn(move || log.append(0, None, body(user)).unwrap());
        }
        while log.stats().appended < 6 {
            std::thread::yield_now();
        }
        gate.wait();
    });
    assert_eq!(
        log.stats(),
        LogStats {
            appended: 6,
            duplicates: 0,
            syncs: 2
        }
    );
}

#[test]
fn files_rotate_and_replay_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let options = LogOptions {
        rotate_at: 200,
        ..LogOptions::default()
    };
    let (log, _, seen) = open_with(folder.path(), options.clone()).unwrap();
    for user in 0..40 {
        log.append(user, None, body(user)).unwrap();
    }
    let live = seen.lock().unwrap().clone();
    drop(log);
    assert!(folder.path().join("live-10.log").exists());
    let (log, summary, replayed) = open_with(folder.path(), options).unwrap();
    assert!(summary.files > 10 && summary.records == 40);
    assert_eq!(*replayed.lock().unwrap(), live);
    assert_eq!(log.append(0, None, body(0)).unwrap().seq, 40);
}

#[test]
fn an_earlier_file_cut_short_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let options = LogOptions {
        rotate_at: 1,
        ..LogOptions::default()
    };
    let (log, _, _) = open_with(folder.path(), options).unwrap();
    log.append(0, None, body(0)).unwrap();
    log.append(0, None, body(1)).unwrap();
    drop(log);
    let path = folder.path().join("live-1.log");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let error = open_with(folder.path(), LogOptions::default()).err().unwrap();
    assert!(
        error.to_string().contains("live-1.log: damaged at byte 8"),
        "{error}"
    );
}

#[test]
fn a_record_repeated_by_a_copy_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bytes, starts) = written(folder.path(), 2);
    let copy = bytes[starts[0]..starts[1]].to_vec();
    let at = bytes.len();
    bytes.extend(copy);
    std::fs::write(folder.path().join("live-1.log"), bytes).unwrap();
    let error = open_with(folder.path(), LogOptions::default()).err().unwrap();
    assert!(
        error
            .to_string()
            .contains(&format!("damaged at byte {at}: record 0")),
        "{error}"
    );
}

#[test]
fn large_events_and_own_names_are_refused_and_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let options = LogOptions {
        max_record: 200,
        ..LogOptions::default()
    };
    let (log, _, _) = open_with(folder.path(), options).unwrap();
    let big = json!({ "context": "x".repeat(300) }).as_object().unwrap().clone();
    assert!(matches!(
        log.append(0, Some("a"), big),
        Err(StoreError::EventTooLarge { limit: 200, .. })
    ));
    let own = json!({ "seq": 1 }).as_object().unwrap().clone();
    assert!(matches!(
        log.append(0, None, own),
        Err(StoreError::EventRefused { .. })
    ));
    assert_eq!(
        log.append(0, Some("a"), body(1)).unwrap(),
        Appended {
            seq: 0,
            time: 0,
            duplicate: false
        }
    );
}

#[test]
fn a_second_writer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_log, _, _) = open(folder.path());
    let second = open_with(folder.path(), LogOptions::default());
    assert!(matches!(second, Err(StoreError::LogLocked { .. })));
}

#[test]
fn a_failed_write_stops_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let options = LogOptions {
        rotate_at: 1,
        ..LogOptions::default()
    };
    let (log, _, seen) = open_with(folder.path(), options).unwrap();
    log.append(0, None, body(0)).unwrap();
    // The next append must begin file 2, and cannot.
    std::fs::create_dir(folder.path().join("live-2.log")).unwrap();
    for _ in 0..2 {
        let error = log.append(0, None, body(1)).unwrap_err();
        assert!(
            matches!(&error, StoreError::LogStopped { reason, .. } if reason.contains("live-2.log")),
            "{error}"
        );
    }
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn a_panicking_observer_stops_the_log_instead_of_hanging_it() {
    let folder = tempfile::tempdir().unwrap();
    let observer = Box::new(|_: &LogRecord| panic!("observer"));
    let (log, _) = EventLog::open(folder.path(), LogOptions::default(), observer).unwrap();
    let panicked = std::thread::scope(|scope| scope.spawn(|| log.append(0, None, body(0))).join());
    assert!(panicked.is_err());
    assert!(matches!(
        log.append(0, None, body(1)),
        Err(StoreError::LogStopped { .. })
    ));
}

#[test]
fn reading_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, _) = written(folder.path(), 3);
    let path = folder.path().join("live-1.log");
    let cut = &bytes[..bytes.len() - 5];
    std::fs::write(&path, cut).unwrap();
    let mut users = Vec::new();
    let summary = EventLog::read(folder.path(), 1 << 16, &mut |record| {
        users.push(record.body["user"].clone())
    })
    .unwrap();
    assert_eq!((users, summary.torn.is_some()), (vec![json!(0), json!(1)], true));
    assert_eq!(std::fs::read(&path).unwrap(), cut);
    let nothing = EventLog::read(&folder.path().join("none"), 1 << 16, &mut |_| {}).unwrap();
    assert_eq!(nothing, ReplaySummary::default());
}

#[test]
fn cutting_at_every_byte_keeps_exactly_the_complete_records() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, starts) = written(folder.path(), 3);
    let ends: Vec<usize> = starts[1..].iter().copied().chain([bytes.len()]).collect();
    for cut in 0..=bytes.len() {
        let path = folder.path().join("live-1.log");
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let complete = ends.iter().filter(|end| **end <= cut).count();
        let (log, summary, _) = open(folder.path());
        assert_eq!(summary.records, complete as u64, "cut at {cut}");
        let clean = cut == 8 || cut == 0 || ends.contains(&cut);
        assert_eq!(summary.torn.is_none(), clean, "cut at {cut}");
        assert_eq!(log.append(1000, None, body(9)).unwrap().seq, complete as u64);
        drop(log);
        let (_log, again, _) = open(folder.path());
        assert_eq!(
            (again.records, again.torn),
            (complete as u64 + 1, None),
            "cut at {cut}"
        );
    }
}

#[test]
fn any_flipped_bit_is_found_at_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, starts) = written(folder.path(), 3);
    let path = folder.path().join("live-1.log");
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            std::fs::write(&path, &damaged).unwrap();
            let offset = starts
                .iter()
                .rev()
                .find(|start| **start <= at)
                .copied()
                .unwrap_or(0);
            let error = EventLog::read(folder.path(), 1 << 16, &mut |_| {}).err();
            let found =
                matches!(&error, Some(StoreError::LogDamaged { offset: o, .. }) if *o == offset as u64);
            assert!(found, "byte {at} bit {bit}: {error:?}");
        }
    }
    assert!(open_with(folder.path(), LogOptions::default()).is_err());
    assert_eq!(
        std::fs::read(&path).unwrap().len(),
        bytes.len(),
        "a damaged log is left as it is"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_scribble_never_panics_and_never_invents_an_event(
        at in any::<prop::sample::Index>(),
        scribble in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut bytes, _) = written(folder.path(), 4);
        let at = at.index(bytes.len());
        for (target, byte) in bytes[at..].iter_mut().zip(&scribble) {
            *target = *byte;
        }
        std::fs::write(folder.path().join("live-1.log"), &bytes).unwrap();
        let mut users = Vec::new();
        let _outcome = EventLog::read(folder.path(), 1 << 16, &mut |r| users.push(r.body["user"].as_i64()));
        let expected: Vec<_> = (0..4).map(Some).take(users.len()).collect();
        prop_assert_eq!(users, expected);
    }
}
