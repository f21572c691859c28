//! The live road: log, aggregates, rows; killed and replayed, the rows are the same.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its files must fail")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use rankine_feature::Value;
use rankine_pipeline::aggregate::FieldSpec;
use rankine_pipeline::aggregate::live::{body_of, event_of};
use rankine_pipeline::{AggregateConfig, Aggregates, Catalogue, Event, Item};
use rankine_store::{EventLog, LogOptions, LogRecord};

fn catalogue() -> Catalogue {
    let item = |id| Item {
        id,
        release_year: Some(1990 + id),
        genres: vec![format!("g{}", id % 3)],
        ..Item::default()
    };
    Catalogue::new((1..=9).map(item).collect(), Vec::new())
}

/// Opens the log so that every record, old or new, goes through the same observer.
fn open(folder: &Path, base: &[Event]) -> (EventLog, Arc<Mutex<Aggregates>>) {
    let mut aggregates = Aggregates::new(&catalogue(), AggregateConfig::default());
    base.iter().for_each(|event| aggregates.observe(event));
    let aggregates = Arc::new(Mutex::new(aggregates));
    let shared = Arc::clone(&aggregates);
    let observer =
        Box::new(move |record: &LogRecord| shared.lock().unwrap().observe(&event_of(record).unwrap()));
    let mut options = LogOptions::default();
    options.last_time = base.last().map_or(i64::MIN, |event| event.time);
    options.first_seq = base.last().map_or(1, |event| event.seq + 1);
    let (log, _) = EventLog::open(folder, options, observer).unwrap();
    (log, aggregates)
}

fn event(n: i64) -> Event {
    let value = (n % 4 != 3).then_some(1.0 + (n % 5) as f64);
    let kind = if value.is_some() { "rating" } else { "click" };
    Event {
        time: n / 3,
        seq: n.cast_unsigned() + 1,
        user: n % 4,
        item: 1 + n % 9,
        kind: kind.into(),
        value,
        context: None,
    }
}

#[test]
fn rows_after_a_restart_are_the_rows_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let base: Vec<Event> = (0..30).map(event).collect();
    let (log, live) = open(folder.path(), &base);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || {
                for n in 0..25 {
                    log.append(n, None, body_of(&event(thread * 25 + n))).unwrap();
                }
            });
        }
    });
    drop(log);
    let (_log, replayed) = open(folder.path(), &base);
    let (live, replayed) = (live.lock().unwrap(), replayed.lock().unwrap());
    for user in 0..4 {
        assert_eq!(live.user_row(user), replayed.user_row(user));
    }
    for item in 1..=9 {
        assert_eq!(live.item_row(item), replayed.item_row(item));
    }
}

#[test]
fn an_acknowledged_event_is_in_the_next_row() {
    let folder = tempfile::tempdir().unwrap();
    let (log, live) = open(folder.path(), &[]);
    let rating = Event {
        value: Some(4.5),
        kind: "rating".into(),
        ..event(0)
    };
    log.append(0, Some("once"), body_of(&rating)).unwrap();
    log.append(0, Some("once"), body_of(&rating)).unwrap();
    let live = live.lock().unwrap();
    let of = |fields: &[FieldSpec], row: Vec<Value>, name| {
        row[fields.iter().position(|field| field.0 == name).unwrap()].clone()
    };
    let history = of(Aggregates::user_fields(), live.user_row(0), "userHistory");
    assert_eq!(history, Value::ints(&[1]));
    let count = of(Aggregates::item_fields(), live.item_row(1), "movieRatingCount");
    assert_eq!(count, Value::Int(1));
}
