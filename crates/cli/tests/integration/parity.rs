//! Offline features = online features, byte for byte: the same events replayed into samples and lived through by the
//! server give the same bytes for every (user, item, time), wherever the import ended and the live log began.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rankine_feature::{Part, Plan, Rows, Scratch, Side, Value, json};
use rankine_pipeline::sample::{SampleOptions, SampleReader, SampleRow};
use rankine_pipeline::{AggregateConfig, Catalogue, Event, Split, events, write_samples};
use rankine_predict::Row;
use rankine_server::state::view::NewEvent;
use rankine_server::{ServerConfig, State};
use serde_json::Value as Json;

use crate::artefact::{newest, predictions};
use crate::home::{copy, home, prepared};
use crate::process::Server;

/// Events lived through in process.
const LIVE: usize = 300;

/// (user, item, µs) → canonical bytes of all slots.
type Features = BTreeMap<(i64, i64, i64), Vec<u8>>;

fn plan() -> Arc<Plan> {
    newest(&prepared().root, "widedeep").plan().unwrap().clone()
}

fn history() -> (Catalogue, Vec<Event>) {
    let root = &prepared().root;
    let log = events::load(&root.join("events/base-1.parquet")).unwrap();
    (Catalogue::load(root).unwrap(), log)
}

fn encode(plan: &Plan, rows: Rows<'_>) -> Vec<u8> {
    let (mut scratch, mut bytes) = (Scratch::default(), Vec::new());
    let [mut common, mut item, mut cross] = <[Part; 3]>::default();
    plan.common(rows.user, rows.context, &mut scratch, &mut common);
    plan.item(rows.item, &mut scratch, &mut item);
    plan.cross(rows, &common, &item, &mut scratch, &mut cross);
    plan.encode(&common, &item, &cross, &mut bytes);
    bytes
}

/// Samples of `log` from `from` on, written to Parquet and read back `batch` rows at a time.
fn samples(plan: &Plan, (catalogue, log): (&Catalogue, &[Event]), from: i64, batch: usize) -> Vec<SampleRow> {
    let folder = tempfile::tempdir().unwrap();
    let split = Split::GlobalTime {
        valid: 0.1,
        test: 0.1,
    };
    write_samples(catalogue, log, &AggregateConfig::default(), &split, folder.path()).unwrap();
    let mut found = Vec::new();
    for part in ["train", "valid", "test"] {
        let path = folder.path().join(format!("{part}.parquet"));
        let options = SampleOptions::default();
        let mut reader = SampleReader::open(&path, plan.schema(), plan.sample_spec(), &options).unwrap();
        let mut rows = Vec::new();
        while reader.next(&mut rows, batch).unwrap() > 0 {
            found.extend(rows.drain(..).filter(|row| row.time >= from));
        }
    }
    found
}

fn offline(plan: &Plan, events: (&Catalogue, &[Event]), from: i64, batch: usize) -> Features {
    let bytes = |row: &SampleRow| {
        let rows = Rows {
            user: &row.user,
            item: &row.item,
            context: &row.context,
        };
        ((row.group, row.item_id, row.time), encode(plan, rows))
    };
    samples(plan, events, from, batch).iter().map(bytes).collect()
}

/// A server's state over a home, and its clock.
struct Living {
    state: Arc<State>,
    clock: Arc<AtomicI64>,
}

impl Living {
    fn open(home: &Path) -> Living {
        let clock = Arc::new(AtomicI64::new(0));
        let hand = clock.clone();
        let mut config = ServerConfig::for_home(home);
        config.threads = 1;
        let state = State::open(config, Arc::new(move || hand.load(Ordering::SeqCst))).unwrap();
        Living { state, clock }
    }

    /// The features that a request at this event's time would be scored with, then the event, as recorded.
    fn live_through(&self, plan: &Plan, event: &Event) -> (Event, Vec<u8>) {
        let rows = self.state.rows();
        let (user, item) = (
            rows.user(event.user).unwrap_or_default(),
            rows.item(event.item).unwrap().0,
        );
        self.clock.store(event.time, Ordering::SeqCst);
        let new = NewEvent {
            user: event.user,
            item: event.item,
            kind: event.kind.clone(),
            value: event.value,
            event_id: None,
        };
        let recorded = self.state.record_event(new).unwrap();
        let context = Row::of([("timestamp", Value::Time(recorded.time))]);
        let values = |side: Side, row: &Row| -> Vec<Value> {
            let fields = plan.schema().side(side).iter();
            fields
                .map(|field| row.get(&field.name).cloned().unwrap_or(Value::Missing))
                .collect()
        };
        let (user, item, context) = (
            values(Side::User, &user),
            values(Side::Item, &item),
            values(Side::Context, &context),
        );
        let rows = Rows {
            user: &user,
            item: &item,
            context: &context,
        };
        let event = Event {
            time: recorded.time,
            seq: recorded.seq,
            ..event.clone()
        };
        (event, encode(plan, rows))
    }
}

/// Lives through `events` after a home that was imported up to `base`, with a restart in the middle.
fn online(plan: &Plan, base: &[Event], events: &[Event]) -> (Vec<Event>, Features) {
    let home = tempfile::tempdir().unwrap();
    copy(&prepared().root.join("data"), &home.path().join("data"));
    events::save(&home.path().join("events/base-1.parquet"), base).unwrap();
    let (mut lived, mut features) = (Vec::new(), Features::new());
    for half in events.chunks(events.len().div_ceil(2)) {
        let living = Living::open(home.path());
        for event in half {
            let (event, bytes) = living.live_through(plan, event);
            features.insert((event.user, event.item, event.time), bytes);
            lived.push(event);
        }
    }
    (lived, features)
}

fn same(online: &Features, offline: &Features) {
    assert!(
        online.keys().eq(offline.keys()),
        "other samples online than offline"
    );
    let different: Vec<_> = online
        .iter()
        .filter(|(key, bytes)| offline[*key] != **bytes)
        .map(|(key, _)| key)
        .collect();
    assert!(
        different.is_empty(),
        "{} of {} differ, first {:?}",
        different.len(),
        online.len(),
        different[0]
    );
}

#[test]
fn lived_features_are_the_bytes_of_replayed_ones_wherever_live_begins() {
    let (plan, (catalogue, log)) = (plan(), history());
    let base = &log[..60_000];
    let (lived, features) = online(&plan, base, &log[60_000..60_000 + LIVE]);
    assert_eq!(features.len(), LIVE);
    let whole = [base, &lived].concat();
    let from = lived[0].time;
    for batch in [1, 100, 8_192] {
        same(&features, &offline(&plan, (&catalogue, &whole), from, batch));
    }
    let later = 60_000 + LIVE / 3;
    let (again, rest) = online(&plan, &whole[..later], &whole[later..]);
    assert_eq!(again, lived[LIVE / 3..], "the same events at the same times");
    let expected = features
        .into_iter()
        .filter(|((_, _, time), _)| *time >= again[0].time)
        .collect();
    same(&rest, &expected);
}

/// A JSON object of all fields of a sample.
fn instance(plan: &Plan, row: &SampleRow) -> Json {
    let sides = [
        (Side::User, &row.user),
        (Side::Item, &row.item),
        (Side::Context, &row.context),
    ];
    let pairs = sides
        .iter()
        .flat_map(|(side, values)| plan.schema().side(*side).iter().zip(values.iter()));
    Json::Object(
        pairs
            .map(|(field, value)| (field.name.to_string(), json::print(value)))
            .collect(),
    )
}

/// Posts some ratings and returns them as recorded.
fn post_some(server: &Server) -> Vec<Event> {
    let mut posted = Vec::new();
    for (user, item, value) in [
        (6, 318, 5.0),
        (6, 50, 1.0),
        (70_001, 1, 4.0),
        (15, 318, 2.5),
        (70_001, 2, 3.5),
        (6, 318, 4.5),
    ] {
        let recorded = server.site().rate(user, item, value);
        posted.push(Event {
            time: recorded["time"].as_i64().unwrap(),
            seq: recorded["seq"].as_u64().unwrap(),
            user,
            item,
            kind: "rating".to_owned(),
            value: Some(value),
            context: None,
        });
    }
    posted
}

/// One event for each of many pairs of user and film, all of one instant, so that none sees another.
fn questions(catalogue: &Catalogue, time: i64, first: u64) -> Vec<Event> {
    let mut users: Vec<i64> = catalogue.users.iter().step_by(7).map(|user| user.id).collect();
    users.extend([6, 15, 70_001, 70_002]);
    let items = catalogue
        .items
        .iter()
        .step_by(29)
        .map(|item| item.id)
        .chain([318, 50]);
    let pairs = items.zip(users.into_iter().cycle());
    let event = |(seq, (item, user)): (u64, (i64, i64))| Event {
        time,
        seq,
        user,
        item,
        kind: "rating".to_owned(),
        value: Some(4.0),
        context: None,
    };
    (first..).zip(pairs).map(event).collect()
}

#[test]
fn the_running_server_scores_ids_as_it_scores_the_fields_of_offline_samples() {
    let (home, plan, (catalogue, mut log)) = (home(), plan(), history());
    let server = Server::on(home.path());
    log.extend(post_some(&server));
    let last = log.last().unwrap();
    let (time, seq) = (last.time + 1_000_000, last.seq + 1);
    log.extend(questions(&catalogue, time, seq));
    let rows = samples(&plan, (&catalogue, &log), time, 8_192);
    assert!(rows.len() > 300, "{}", rows.len());
    let fields: Vec<Json> = rows.iter().map(|row| instance(&plan, row)).collect();
    let ids = |row: &SampleRow| serde_json::json!({ "userId": row.group, "movieId": row.item_id, "timestamp": time });
    let ids: Vec<Json> = rows.iter().map(ids).collect();
    for model in ["widedeep", "embeddingmlp"] {
        let scores = |instances: &[Json]| {
            let body = serde_json::json!({ "instances": instances }).to_string();
            predictions(
                &server
                    .rest()
                    .post(&format!("/v1/models/{model}:predict"), &body)
                    .good(),
            )
        };
        let (offline, online) = (scores(&fields), scores(&ids));
        let different = offline.iter().zip(&online).position(|(a, b)| a != b);
        assert_eq!(different.map(|at| &fields[at]), None, "{model}");
        assert!(offline.iter().collect::<std::collections::BTreeSet<_>>().len() > 200);
    }
}
