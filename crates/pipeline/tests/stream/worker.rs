//! The whole stream but its model: from changes to vectors, over replays, restarts, a killed database, a new version.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ::postgres::{Client, NoTls};
use rankine_feature::FieldType;
use rankine_pipeline::PipelineError;
use rankine_pipeline::stream::dead::{DeadLetters, Letter, Replay};
use rankine_pipeline::stream::features::{FeatureRows, PostgresFeatures, StoredFeatures};
use rankine_pipeline::stream::file::FileSource;
use rankine_pipeline::stream::joined::Types;
use rankine_pipeline::stream::lookup_postgres::{PostgresLookup, PostgresLookupOptions};
use rankine_pipeline::stream::lookup_sqlite::{SqliteLookup, SqliteLookupOptions};
use rankine_pipeline::stream::postgres::{PostgresOptions, PostgresSource};
use rankine_pipeline::stream::rules::Rules;
use rankine_pipeline::stream::state::{Moved, Outcome};
use rankine_pipeline::stream::users::PostgresUsers;
use rankine_pipeline::stream::{
    Dimension, Embedded, Embedder, Embedders, Found, Identity, JoinedRow, Lookup, Opened, Parts, Position,
    Resting, Settings, State, Status, Users, run,
};
use rankine_store::MemoryRows;
use rankine_store::testing::{Durability, PostgresServer};
use rankine_store::vectors::{EmbeddedVectors, Generation, Search, VectorRow, VectorSearch, VectorStore};
use xxhash_rust::xxh3::xxh3_64;

const WIDTH: usize = 4;

fn clock() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "a stream runs by the time of day")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_micros()).unwrap()
}

/// A model of the port's contract: the same row and version give the same bits, another version others.
struct Hashed(u64);

fn vector(version: u64, row: &JoinedRow) -> Vec<f32> {
    let number = |place: usize| {
        let text = format!(
            "{version} {place} {}",
            serde_json::Value::Object(row.cells.clone())
        );
        let low = u16::try_from(xxh3_64(text.as_bytes()) & 0xFFFF).unwrap();
        f32::from(low) / 65_536.0
    };
    // the first number tells the version
    let told = f32::from(u16::try_from(version).unwrap());
    std::iter::once(told).chain((1..WIDTH).map(number)).collect()
}

impl Embedder for Hashed {
    fn version(&self) -> u64 {
        self.0
    }

    fn identity(&self) -> Identity {
        Identity::default()
    }

    fn width(&self) -> usize {
        WIDTH
    }

    fn fields(&self) -> &[(Arc<str>, FieldType)] {
        &[]
    }

    fn embed(&self, rows: &[JoinedRow]) -> Result<Embedded, PipelineError> {
        let one = |row: &JoinedRow| match row.cells.get("title").and_then(|t| t.as_str()) {
            Some("unspeakable") => Err("no words for it".to_owned()),
            Some("unbounded") => Ok(vec![f32::INFINITY; WIDTH]),
            _ => Ok(vector(self.0, row)),
        };
        Ok(rows.iter().map(one).collect())
    }
}

struct Versions(Arc<AtomicU64>);

impl Embedders for Versions {
    fn newest(&self) -> Result<Option<u64>, PipelineError> {
        Ok(Some(self.0.load(Ordering::Relaxed)))
    }

    fn open(&self, version: u64) -> Result<Arc<dyn Embedder>, PipelineError> {
        Ok(Arc::new(Hashed(version)))
    }
}

fn settings(dimensions: Vec<Dimension>) -> Settings {
    Settings {
        item: ("item".to_owned(), "id".to_owned()),
        created: Some("created".to_owned()),
        category: Some("genres".to_owned()),
        dimensions,
        rules: Rules::default(),
        set: "items".to_owned(),
        batch: 64,
        wait: Duration::from_millis(1),
        queue: 256,
        remake_per_s: 100_000,
        refresh: None,
        look_for_versions: Duration::from_millis(50),
        until_idle: false,
        clock,
    }
}

/// A stream on a thread.
struct Running {
    stop: Arc<AtomicBool>,
    status: Arc<Status>,
    thread: JoinHandle<Result<(), PipelineError>>,
}

fn start(settings: Settings, parts: Parts, replay: Replay) -> Running {
    let (stop, status) = (Arc::new(AtomicBool::new(false)), Arc::new(Status::default()));
    let (signal, told) = (stop.clone(), status.clone());
    let thread = std::thread::spawn(move || run(settings, parts, &replay, &told, &signal));
    Running { stop, status, thread }
}

impl Running {
    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap().unwrap();
    }
}

/// Waits until a thing is so; says what else it was where it never becomes so.
fn wait_until<T: std::fmt::Debug + PartialEq>(expected: &T, mut look: impl FnMut() -> T) {
    let begun = Instant::now();
    loop {
        let got = look();
        if got == *expected {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "expected {expected:?}, got {got:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

mod from_a_file {
    use super::*;

    mod faults;
    mod given;
    mod versions;

    const SQL: &str = "SELECT v.id, v.title, v.created, (:as_of - v.created * 1000000) / 3600000000 AS hours, a.level \
         FROM item v LEFT JOIN author a ON a.author = v.author WHERE v.id IN (SELECT value FROM json_each(:ids))";

    /// One home of a stream.
    struct Home {
        folder: tempfile::TempDir,
        rows: Arc<MemoryRows>,
        vectors: Arc<EmbeddedVectors>,
        sql: &'static str,
    }

    fn dimensions() -> Vec<Dimension> {
        vec![Dimension {
            table: "author".to_owned(),
            key: "author".to_owned(),
            items: "SELECT id FROM item WHERE author IN (SELECT value FROM json_each(:keys))".to_owned(),
        }]
    }

    impl Home {
        fn new() -> Home {
            Home {
                folder: tempfile::tempdir().unwrap(),
                rows: Arc::new(MemoryRows::new()),
                vectors: Arc::new(EmbeddedVectors::in_memory().unwrap()),
                sql: SQL,
            }
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.folder.path().join(name)
        }

        fn features(&self) -> StoredFeatures {
            StoredFeatures::new(self.rows.clone(), "mf", Types::default())
        }

        fn lookup(&self, dimensions: Vec<Dimension>) -> Box<dyn Lookup> {
            let options = SqliteLookupOptions {
                path: self.path("landing.db"),
                schema: "CREATE TABLE IF NOT EXISTS author (author PRIMARY KEY, level, genres); \
                     CREATE TABLE IF NOT EXISTS item (id PRIMARY KEY, title, created, author, genres);"
                    .to_owned(),
                sql: self.sql.to_owned(),
                item: ("item".to_owned(), "id".to_owned()),
                dimensions,
            };
            Box::new(SqliteLookup::open(&options).unwrap())
        }

        fn parts(&self) -> Parts {
            Parts {
                source: Box::new(FileSource::new(&self.path("changes.jsonl"), clock)),
                lookup: self.lookup(dimensions()),
                features: Box::new(self.features()),
                embedders: Arc::new(Versions(Arc::new(AtomicU64::new(1)))),
                vectors: vec![self.vectors.clone()],
                users: None,
                state: State::open(&self.path("state.db")).unwrap(),
                dead: DeadLetters::new(&self.path("dead.jsonl")),
            }
        }

        /// Runs until nothing is left; with what it tells.
        fn run(&self, change: impl FnOnce(&mut Settings), replay: Replay) -> Arc<Status> {
            let mut settings = settings(dimensions());
            settings.until_idle = true;
            change(&mut settings);
            let running = start(settings, self.parts(), replay);
            running.thread.join().unwrap().unwrap();
            running.status
        }

        fn ids(&self) -> Vec<i64> {
            self.vectors.ids(&Generation::new("items", 1)).unwrap_or_default()
        }

        fn level(&self, id: i64) -> Option<String> {
            let row = self.features().get(&[id]).unwrap().remove(0)?;
            row.cells
                .get("level")
                .map(|cell| cell.as_str().unwrap_or_default().to_owned())
        }
    }

    fn line(op: &str, table: &str, time: i64, row: serde_json::Value) -> String {
        serde_json::json!({"op": op, "table": table, "time": time, "row": row}).to_string() + "\n"
    }

    fn item(op: &str, id: i64, created: i64, title: &str) -> String {
        let row = serde_json::json!({"id": id, "title": title, "created": created, "author": "a"});
        line(op, "item", 2_000_000, row)
    }

    fn count(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    fn changes() -> String {
        [
            item("snapshot", 1, 0, "an old one that was there"),
            item("insert", 2, 2_000_000, "new"),
            item("insert", 3, 0, "too old to be new"),
            "half a line of something\n".to_owned(),
            item("insert", 5, 2_000_000, "short-lived"),
            item("insert", 6, 2_000_000, "unspeakable"),
            line("insert", "item", 2_000_000, serde_json::json!({"id": "six"})),
            line("delete", "item", 2_000_001, serde_json::json!({"id": 5})),
        ]
        .concat()
    }

    #[test]
    fn rules_decide_what_is_embedded_and_faults_go_to_the_dead_letters() {
        let home = Home::new();
        std::fs::write(home.path("changes.jsonl"), changes()).unwrap();
        // one batch, however slowly the file is read: item 5 comes and goes in it
        let whole = |settings: &mut Settings| settings.wait = Duration::from_millis(300);
        let status = home.run(whole, Replay::default());
        assert_eq!(home.ids(), [1, 2]);
        assert_eq!(
            (
                count(&status.embedded),
                count(&status.ineligible),
                count(&status.dead)
            ),
            (2, 1, 3)
        );
        let row = home.features().get(&[2]).unwrap().remove(0).unwrap();
        assert_eq!(row.as_of, 2_000_000 * 1_000_000);
        let letters = DeadLetters::read(&home.path("dead.jsonl")).unwrap();
        let mut told: Vec<(&str, Option<i64>)> = letters.iter().map(|l| (l.stage.as_str(), l.key)).collect();
        told.sort_unstable();
        assert_eq!(told, [("embed", Some(6)), ("read", None), ("read", None)]);
        let traced: BTreeSet<(i64, &str)> = status.last().iter().map(|t| (t.id, t.outcome)).collect();
        let expected = [(1, "embedded"), (2, "embedded"), (5, "removed"), (6, "dead")];
        assert_eq!(traced, expected.into());
        assert!(
            status
                .last()
                .iter()
                .filter(|t| t.outcome != "dead")
                .all(|t| t.joined <= t.embedded && t.embedded <= t.searchable)
        );
    }

    #[test]
    fn a_row_that_is_none_stops_nothing_and_keeps_its_record() {
        let mut home = Home::new();
        home.sql = "SELECT v.id, v.title, (SELECT group_concat(value) FROM json_each(v.genres)) AS genres \
             FROM item v WHERE v.id IN (SELECT value FROM json_each(:ids))";
        let insert = |table: &str, row: serde_json::Value| line("insert", table, 2_000_000, row);
        let lines = [
            insert("item", serde_json::json!({"title": "nobody"})),
            insert("item", serde_json::json!({"id": null})),
            insert("item", serde_json::json!({})),
            insert("author", serde_json::json!({"level": 5})),
            insert(
                "item",
                serde_json::json!({"id": 7, "genres": "[\"War\"]", "Title": "Heat"}),
            ),
            insert("item", serde_json::json!({"id": 8, "genres": "not json"})),
            insert("item", serde_json::json!({"id": 9, "genres": [1]})),
        ];
        std::fs::write(home.path("changes.jsonl"), lines.concat()).unwrap();
        home.run(|_| {}, Replay::default());
        assert_eq!(home.ids(), [7, 9]);
        let row = home.features().get(&[7]).unwrap().remove(0).unwrap();
        assert_eq!(row.cells["title"], "Heat");
        let letters = DeadLetters::read(&home.path("dead.jsonl")).unwrap();
        let mut told: Vec<(&str, Option<i64>, bool)> = letters
            .iter()
            .map(|l| (l.stage.as_str(), l.key, l.raw.is_some()))
            .collect();
        told.sort_unstable();
        let expected = [
            ("join", Some(8), false),
            ("land", None, true),
            ("read", None, true),
            ("read", None, true),
            ("read", None, true),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_replay_from_the_beginning_changes_nothing() {
        let home = Home::new();
        std::fs::write(home.path("changes.jsonl"), changes()).unwrap();
        home.run(|settings| settings.batch = 1, Replay::default());
        let before = home.vectors.get(&Generation::new("items", 1), &[1, 2]).unwrap();
        let mut state = State::open(&home.path("state.db")).unwrap();
        let past = state.past().unwrap();
        let opened = Opened {
            origin: past.origin.unwrap(),
            from: 0,
            base: past.base,
            snapshot: false,
        };
        state.opened(&opened).unwrap();
        drop(state);
        let status = home.run(|settings| settings.batch = 1, Replay::default());
        assert_eq!(home.ids(), [1, 2], "what was deleted stays deleted");
        assert_eq!(count(&status.embedded), 0);
        assert_eq!(
            home.vectors.get(&Generation::new("items", 1), &[1, 2]).unwrap(),
            before
        );
    }

    #[test]
    fn a_late_author_re_emits_the_items_that_rest_on_it_and_no_others() {
        let home = Home::new();
        std::fs::write(home.path("changes.jsonl"), changes()).unwrap();
        home.run(|_| {}, Replay::default());
        assert_eq!(home.level(2), None);
        let author = |level: i64| {
            line(
                "upsert",
                "author",
                2_000_002,
                serde_json::json!({"author": "a", "level": level}),
            )
        };
        let again = changes() + &author(7) + &author(8);
        std::fs::write(home.path("changes.jsonl"), again).unwrap();
        let status = home.run(|_| {}, Replay::default());
        assert_eq!(
            (count(&status.remade), count(&status.embedded)),
            (2, 0),
            "items 1 and 2, once each"
        );
        assert_eq!(home.level(2).as_deref(), Some("8"));
        assert_eq!(home.ids(), [1, 2]);
    }

    #[test]
    fn an_author_whose_items_were_not_asked_for_before_the_end_is_not_forgotten() {
        let home = Home::new();
        std::fs::write(home.path("changes.jsonl"), changes()).unwrap();
        home.run(|_| {}, Replay::default());
        let moved = |dimension: &str| Moved {
            dimension: dimension.to_owned(),
            key: "a".to_owned(),
            position: Position::new(1 << 40, 0),
            as_of: 3_000_000,
        };
        let outcome = Outcome {
            moved: vec![moved("author.author"), moved("publisher.name")],
            ..Outcome::default()
        };
        State::open(&home.path("state.db"))
            .unwrap()
            .commit(&outcome)
            .unwrap();
        let status = home.run(|_| {}, Replay::default());
        assert_eq!((count(&status.remade), count(&status.embedded)), (2, 0));
        // a dimension that the configuration no longer has holds nothing up
        assert_eq!(count(&status.pending), 0);
    }

    #[test]
    fn another_file_under_the_name_is_read_from_its_beginning() {
        let home = Home::new();
        let film = |id: i64, title: &str| item("insert", id, 2_000_000, title);
        std::fs::write(home.path("changes.jsonl"), changes() + &film(7, "first")).unwrap();
        home.run(|_| {}, Replay::default());
        assert_eq!(home.ids(), [1, 2, 7]);
        // longer than what was read, and each of its places stands lower than what was applied
        let other = film(7, "second") + &line("delete", "item", 2_000_001, serde_json::json!({"id": 2}));
        let longer = film(8, &"x".repeat(4000));
        std::fs::write(home.path("changes.jsonl"), other + &longer).unwrap();
        home.run(|_| {}, Replay::default());
        assert_eq!(home.ids(), [1, 7, 8]);
        let row = home.features().get(&[7]).unwrap().remove(0).unwrap();
        assert_eq!(row.cells["title"], "second");
    }

    #[test]
    fn a_dimension_that_is_emptied_re_emits_what_rested_on_it() {
        let home = Home::new();
        let author = |level: i64| {
            line(
                "upsert",
                "author",
                2_000_000,
                serde_json::json!({"author": "a", "level": level}),
            )
        };
        let before = author(7) + &changes();
        std::fs::write(home.path("changes.jsonl"), &before).unwrap();
        home.run(|_| {}, Replay::default());
        assert_eq!(home.level(2).as_deref(), Some("7"));
        let empty = line("truncate", "author", 2_000_001, serde_json::json!({}));
        std::fs::write(home.path("changes.jsonl"), before + &empty).unwrap();
        let status = home.run(|_| {}, Replay::default());
        assert_eq!((home.level(2), count(&status.remade)), (None, 2));
        assert_eq!(home.ids(), [1, 2]);
    }

    /// A model that reads the title alone.
    struct Titles(Vec<(Arc<str>, FieldType)>);

    impl Embedder for Titles {
        fn version(&self) -> u64 {
            1
        }

        fn identity(&self) -> Identity {
            Identity::default()
        }

        fn width(&self) -> usize {
            WIDTH
        }

        fn fields(&self) -> &[(Arc<str>, FieldType)] {
            &self.0
        }

        fn embed(&self, rows: &[JoinedRow]) -> Result<Embedded, PipelineError> {
            Hashed(1).embed(rows)
        }
    }

    impl Embedders for Titles {
        fn newest(&self) -> Result<Option<u64>, PipelineError> {
            Ok(Some(1))
        }

        fn open(&self, _: u64) -> Result<Arc<dyn Embedder>, PipelineError> {
            Ok(Arc::new(Titles(self.0.clone())))
        }
    }

    #[test]
    fn columns_that_the_model_does_not_read_reach_the_feature_table_and_the_categories() {
        let mut home = Home::new();
        home.sql = "SELECT v.id, v.title, a.level, a.genres FROM item v LEFT JOIN author a ON a.author = v.author \
             WHERE v.id IN (SELECT value FROM json_each(:ids))";
        let author = |level: i64, genres: &str| {
            let row = serde_json::json!({"author": "a", "level": level, "genres": genres});
            line("upsert", "author", 2_000_000, row)
        };
        let mut lines = author(7, "War") + &item("insert", 2, 2_000_000, "Heat");
        let mut run = |more: &str| {
            lines += more;
            std::fs::write(home.path("changes.jsonl"), &lines).unwrap();
            let mut settings = settings(dimensions());
            settings.until_idle = true;
            let mut parts = home.parts();
            parts.embedders = Arc::new(Titles(vec![("title".into(), FieldType::String)]));
            let running = start(settings, parts, Replay::default());
            running.thread.join().unwrap().unwrap();
            let found = home
                .vectors
                .get(&Generation::new("items", 1), &[2])
                .unwrap()
                .remove(0)
                .unwrap();
            (
                home.level(2).unwrap(),
                found.categories,
                count(&running.status.cache_hits),
            )
        };
        let war = vec!["War".to_owned()];
        assert_eq!(run(""), ("7".to_owned(), war.clone(), 0));
        assert_eq!(run(&author(8, "War")), ("8".to_owned(), war, 1), "no new vector");
        assert_eq!(
            run(&author(8, "Crime")),
            ("8".to_owned(), vec!["Crime".to_owned()], 0)
        );
    }

    #[test]
    fn an_item_without_its_author_comes_with_it_and_comes_back() {
        let mut home = Home::new();
        home.sql = "SELECT v.id, v.title, a.level FROM item v JOIN author a ON a.author = v.author \
             WHERE v.id IN (SELECT value FROM json_each(:ids))";
        let author =
            |op: &str, time: i64| line(op, "author", time, serde_json::json!({"author": "a", "level": 7}));
        let mut lines = changes();
        let mut run = |more: &str, replay: Replay| {
            lines += more;
            std::fs::write(home.path("changes.jsonl"), &lines).unwrap();
            let status = home.run(|_| {}, replay);
            (home.ids(), count(&status.remade), count(&status.removed))
        };
        assert_eq!(
            run("", Replay::default()).0,
            Vec::<i64>::new(),
            "nobody has an author"
        );
        assert_eq!(
            run(&author("upsert", 2_000_002), Replay::default()),
            (vec![1, 2], 2, 0)
        );
        assert_eq!(
            run(&author("delete", 2_000_003), Replay::default()),
            (vec![], 0, 2)
        );
        // somebody mends the table behind the stream's back: a letter of the very place at which item 2 went
        let landing = rusqlite::Connection::open(home.path("landing.db")).unwrap();
        landing
            .execute("INSERT INTO author (author, level) VALUES ('a', 8)", [])
            .unwrap();
        let state = State::open(&home.path("state.db")).unwrap();
        let at = state.applied(&[2]).unwrap()[0].unwrap().position;
        drop(state);
        let letter = |key: i64| Letter {
            time: 0,
            stage: "join".to_owned(),
            reason: String::new(),
            key: Some(key),
            lsn: at.lsn,
            seq: at.seq,
            commit_time: 2_000_003_000_000,
            raw: None,
        };
        let mended = home.path("mended.jsonl");
        DeadLetters::new(&mended).put(&[letter(2)]).unwrap();
        assert_eq!(run("", Replay::open(&mended).unwrap()), (vec![2], 1, 0));
        // what was deleted stays so, whoever comes
        assert_eq!(
            run(&author("upsert", 2_000_004), Replay::default()),
            (vec![1, 2], 2, 0)
        );
    }

    #[test]
    fn a_refresh_makes_only_rows_whose_features_moved() {
        let home = Home::new();
        let old = item("snapshot", 1, 2_000_000, "it ages");
        std::fs::write(home.path("changes.jsonl"), old).unwrap();
        home.run(|settings| settings.refresh = Some(0), Replay::default());
        let first = home.vectors.get(&Generation::new("items", 1), &[1]).unwrap();
        let refresh = |settings: &mut Settings| {
            settings.refresh = Some(1);
            settings.until_idle = false;
        };
        let mut all = settings(dimensions());
        refresh(&mut all);
        State::open(&home.path("state.db"))
            .unwrap()
            .set_meta("refreshed", "1")
            .unwrap();
        let running = start(all, home.parts(), Replay::default());
        wait_until(&true, || count(&running.status.remade) > 0);
        let status = running.status.clone();
        running.stop();
        assert_ne!(
            home.vectors.get(&Generation::new("items", 1), &[1]).unwrap(),
            first,
            "hours have passed"
        );
        State::open(&home.path("state.db"))
            .unwrap()
            .set_meta("refreshed", "1")
            .unwrap();
        let mut all = settings(dimensions());
        refresh(&mut all);
        let running = start(all, home.parts(), Replay::default());
        wait_until(&true, || count(&running.status.cache_hits) > 0);
        running.stop();
        assert_eq!(count(&status.embedded), 0);
    }

    #[test]
    fn dead_letters_are_made_again_once_they_can_be() {
        let home = Home::new();
        std::fs::write(home.path("changes.jsonl"), changes()).unwrap();
        home.run(|_| {}, Replay::default());
        // somebody mends the row behind the stream's back
        let landing = rusqlite::Connection::open(home.path("landing.db")).unwrap();
        landing
            .execute("UPDATE item SET title = 'spoken' WHERE id = 6", [])
            .unwrap();
        let replay = Replay::open(&home.path("dead.jsonl")).unwrap();
        let status = home.run(|_| {}, replay);
        assert_eq!(count(&status.remade), 1);
        assert_eq!(home.ids(), [1, 2, 6]);
    }

    #[test]
    fn records_are_read_anew_and_nothing_that_is_still_dead_is_lost() {
        let home = Home::new();
        let lines = [
            line(
                "insert",
                "item",
                2_000_000,
                serde_json::json!({"title": "nameless"}),
            ),
            line("insert", "item", 2_000_000, serde_json::json!({"id": "six"})),
            item("insert", 7, 2_000_000, "newer"),
        ];
        std::fs::write(home.path("changes.jsonl"), lines.concat()).unwrap();
        home.run(|_| {}, Replay::default());
        let dead = home.path("dead.jsonl");
        let mut letters = DeadLetters::read(&dead).unwrap();
        assert_eq!(letters.len(), 2);
        // the record of the first is given a key; an older record of item 7 is late
        let mended = letters[0]
            .raw
            .as_ref()
            .unwrap()
            .replace("\"title\"", "\"id\":11,\"title\"");
        letters[0].raw = Some(mended);
        let late = letters[0].raw.as_ref().unwrap().replace("11", "7");
        letters.push(Letter {
            raw: Some(late),
            ..letters[0].clone()
        });
        let emptied = line("truncate", "item", 2_000_000, serde_json::json!({}));
        letters.push(Letter {
            raw: Some(emptied),
            reason: "no place".to_owned(),
            ..letters[0].clone()
        });
        std::fs::remove_file(&dead).unwrap();
        DeadLetters::new(&dead).put(&letters).unwrap();
        for aside in ["dead.replayed.jsonl", "dead.replayed-2.jsonl"] {
            home.run(|_| {}, Replay::open(&dead).unwrap());
            assert_eq!(home.ids(), [7, 11]);
            let left = DeadLetters::read(&dead).unwrap();
            let told: Vec<bool> = left
                .iter()
                .map(|l| l.reason.contains("got six") || l.reason == "no place")
                .collect();
            assert_eq!(told, [true, true], "{left:?}");
            assert!(home.path(aside).exists());
        }
        let rows = home.features().get(&[7, 11]).unwrap();
        let titles: Vec<_> = rows
            .into_iter()
            .map(|row| row.unwrap().cells["title"].clone())
            .collect();
        assert_eq!(titles, ["newer", "nameless"]);
    }

    #[test]
    fn an_update_without_the_time_of_creation_is_as_old_as_the_item() {
        let home = Home::new();
        let update = line(
            "update",
            "item",
            2_000_000,
            serde_json::json!({"id": 1, "title": "renamed"}),
        );
        std::fs::write(home.path("changes.jsonl"), changes() + &update).unwrap();
        let status = home.run(|settings| settings.batch = 1, Replay::default());
        assert_eq!(count(&status.ineligible), 2);
        let row = home.features().get(&[1]).unwrap().remove(0).unwrap();
        assert_eq!(row.cells["title"], "an old one that was there");
    }

    #[test]
    fn vectors_leave_when_their_time_is_over() {
        let home = Home::new();
        std::fs::write(home.path("changes.jsonl"), changes()).unwrap();
        let mut all = settings(dimensions());
        all.rules.kept = Some(3600 * 1_000_000);
        let running = start(all, home.parts(), Replay::default());
        wait_until(&vec![2], || home.ids());
        running.stop();
    }

    #[test]
    fn old_tombstones_are_forgotten_in_the_store_too() {
        let home = Home::new();
        std::fs::write(home.path("changes.jsonl"), changes()).unwrap();
        home.run(|_| {}, Replay::default());
        let generation = Generation::new("items", 1);
        let older = VectorRow {
            id: 5,
            vector: vec![1.0; WIDTH],
            ..VectorRow::default()
        };
        let older = std::slice::from_ref(&older);
        assert_eq!(home.vectors.upsert(&generation, older).unwrap(), 0);
        let mut all = settings(dimensions());
        all.rules.tombstones = Some(0);
        all.rules.watermark = 0;
        let late = line("delete", "item", 3_000_000, serde_json::json!({"id": 99}));
        std::fs::write(home.path("changes.jsonl"), changes() + &late).unwrap();
        let running = start(all, home.parts(), Replay::default());
        wait_until(&1, || home.vectors.upsert(&generation, older).unwrap());
        running.stop();
    }

    #[test]
    fn a_quiet_restart_removes_what_is_over_without_pause() {
        let home = Home::new();
        let old = (10..2510).map(|id| item("snapshot", id, 0, "of long ago"));
        let all: String = old.chain([item("insert", 2, 2_000_000, "new")]).collect();
        std::fs::write(home.path("changes.jsonl"), all).unwrap();
        home.run(|settings| settings.batch = 512, Replay::default());
        assert_eq!(home.ids().len(), 2501);
        let mut all = settings(dimensions());
        all.rules.kept = Some(3600 * 1_000_000);
        // a batch of 64 every two seconds would take more than a minute
        let running = start(all, home.parts(), Replay::default());
        wait_until(&vec![2], || home.ids());
        assert_eq!(count(&running.status.changes), 0);
        running.stop();
    }
}

mod from_postgres {
    use super::*;

    const SQL: &str = "SELECT v.id, v.title, v.created, extract(day FROM :as_of - v.created)::int AS days, a.level \
         FROM item v LEFT JOIN author a ON a.author = v.author WHERE v.id = ANY (:ids)";

    fn dimensions() -> Vec<Dimension> {
        vec![Dimension {
            table: "author".to_owned(),
            key: "author".to_owned(),
            items: "SELECT id FROM item WHERE author = ANY (:keys)".to_owned(),
        }]
    }

    fn parts(url: &str, folder: &Path, vectors: &Arc<EmbeddedVectors>, newest: &Arc<AtomicU64>) -> Parts {
        let source = PostgresOptions {
            dsn: url.to_owned(),
            table: "item".to_owned(),
            key: "id".to_owned(),
            others: vec![("author".to_owned(), "author".to_owned())],
            publication: "stream_worker".to_owned(),
            slot: format!("stream_{}", url.rsplit('/').next().unwrap()),
            managed: true,
            start: None,
            max_retained: 1 << 30,
            clock,
        };
        let lookup = PostgresLookupOptions {
            dsn: url.to_owned(),
            sql: SQL.to_owned(),
            item: ("item".to_owned(), "id".to_owned()),
            dimensions: dimensions(),
        };
        Parts {
            source: Box::new(PostgresSource::new(source)),
            lookup: Box::new(PostgresLookup::new(&lookup)),
            features: Box::new(PostgresFeatures::new(url, "item_features", "id", SQL)),
            embedders: Arc::new(Versions(newest.clone())),
            vectors: vec![vectors.clone()],
            users: Some(users(url, newest)),
            state: State::open(&folder.join("state.db")).unwrap(),
            dead: DeadLetters::new(&folder.join("dead.jsonl")),
        }
    }

    fn users(url: &str, newest: &Arc<AtomicU64>) -> Users {
        Users {
            set: "users".to_owned(),
            rows: Arc::new(PostgresUsers {
                dsn: url.to_owned(),
                sql: "SELECT n AS id FROM generate_series(1, 1200) AS n;".to_owned(),
                key: "id".to_owned(),
            }),
            embedders: Arc::new(Versions(newest.clone())),
        }
    }

    fn tables(url: &str) -> Client {
        let mut client = Client::connect(url, NoTls).unwrap();
        client
            .batch_execute(
                "CREATE TABLE item (id bigint PRIMARY KEY, title text, author text, created timestamptz DEFAULT now());
                 CREATE TABLE author (author text PRIMARY KEY, level int);
                 CREATE INDEX ON item (author);
                 INSERT INTO item (id, title, created) SELECT n, 'old ' || n, now() - interval '90 days' FROM generate_series(1, 50) n",
            )
            .unwrap();
        client
    }

    fn table_ids(client: &mut Client) -> Vec<i64> {
        let rows = client.query("SELECT id FROM item ORDER BY id", &[]).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Index ids = table ids, and every vector is what its stored row gives.
    fn check(client: &mut Client, url: &str, vectors: &EmbeddedVectors, version: u64) {
        let generation = Generation::new("items", version);
        let ids = table_ids(client);
        wait_until(&ids, || vectors.ids(&generation).unwrap());
        let mut features = PostgresFeatures::new(url, "item_features", "id", SQL);
        let rows = features.get(&ids).unwrap();
        for (row, found) in rows.into_iter().zip(vectors.get(&generation, &ids).unwrap()) {
            let (row, found) = (row.unwrap(), found.unwrap());
            assert_eq!(found.vector, vector(version, &row), "item {}", row.id);
            assert_eq!(found.as_of, row.as_of);
        }
    }

    /// A stream over tables of its own that has embedded what they held.
    struct Begun {
        url: String,
        client: Client,
        folder: tempfile::TempDir,
        vectors: Arc<EmbeddedVectors>,
        newest: Arc<AtomicU64>,
        running: Running,
    }

    fn begun() -> Begun {
        let server = PostgresServer::shared().unwrap();
        let url = server.database().unwrap();
        let client = tables(&url);
        let folder = tempfile::tempdir().unwrap();
        let vectors = Arc::new(EmbeddedVectors::in_memory().unwrap());
        let newest = Arc::new(AtomicU64::new(1));
        let running = start(
            settings(dimensions()),
            parts(&url, folder.path(), &vectors, &newest),
            Replay::default(),
        );
        wait_until(&50, || {
            vectors
                .ids(&Generation::new("items", 1))
                .map_or(0, |ids| ids.len())
        });
        Begun {
            url,
            client,
            folder,
            vectors,
            newest,
            running,
        }
    }

    #[test]
    fn rows_joined_in_postgres_become_vectors_through_every_kind_of_change() {
        let Begun {
            url,
            mut client,
            folder: _folder,
            vectors,
            newest: _newest,
            running,
        } = begun();
        client
            .batch_execute(
                "BEGIN; INSERT INTO item (id, title, author) VALUES (100, 'a', 'x'), (101, 'b', 'x'), (102, 'c', 'y'); \
                 DELETE FROM item WHERE id = 101; COMMIT; \
                 DELETE FROM item WHERE id <= 10; UPDATE item SET id = 200 WHERE id = 102; \
                 UPDATE item SET title = 'not eligible any more' WHERE id = 20; \
                 INSERT INTO author VALUES ('x', 3), ('y', 4); ALTER TABLE item ADD COLUMN colour text; \
                 INSERT INTO item (id, title, colour) VALUES (300, 'd', 'red')",
            )
            .unwrap();
        check(&mut client, &url, &vectors, 1);
        let level = |id: i64| {
            let mut features = PostgresFeatures::new(&url, "item_features", "id", SQL);
            features
                .get(&[id])
                .unwrap()
                .remove(0)
                .map(|row| row.cells["level"].clone())
        };
        wait_until(&Some(serde_json::json!(3)), || level(100));
        wait_until(&Some(serde_json::json!(4)), || level(200));
        let old = PostgresFeatures::new(&url, "item_features", "id", SQL)
            .get(&[20])
            .unwrap()
            .remove(0)
            .unwrap();
        assert_eq!(
            (old.cells["title"].as_str(), old.cells["days"].as_i64()),
            (Some("old 20"), Some(90))
        );
        client.batch_execute("TRUNCATE item").unwrap();
        wait_until(&Vec::<i64>::new(), || {
            vectors.ids(&Generation::new("items", 1)).unwrap()
        });
        running.stop();
    }

    /// A lookup whose connection is lost when it is first asked which items there are.
    struct Interrupted(PostgresLookup, bool);

    impl Lookup for Interrupted {
        fn join(&mut self, wanted: &[(i64, i64)]) -> Result<Vec<Found>, PipelineError> {
            self.0.join(wanted)
        }

        fn items_of(&mut self, dimension: usize, keys: &[String]) -> Result<Resting, PipelineError> {
            self.0.items_of(dimension, keys)
        }

        fn present(&mut self, ids: &[i64]) -> Result<Vec<i64>, PipelineError> {
            if std::mem::replace(&mut self.1, true) {
                return self.0.present(ids);
            }
            Err(PipelineError::Postgres {
                action: "look for items".to_owned(),
                reason: "connection closed".to_owned(),
                code: None,
            })
        }
    }

    #[test]
    fn what_was_deleted_while_the_log_was_lost_goes_even_if_looking_for_it_is_interrupted() {
        let Begun {
            url,
            mut client,
            folder,
            vectors,
            newest,
            running,
        } = begun();
        running.stop();
        client.batch_execute("DELETE FROM item WHERE id <= 5").unwrap();
        let slot = format!("stream_{}", url.rsplit('/').next().unwrap());
        let drop_slot = || {
            Client::connect(&url, NoTls)
                .unwrap()
                .execute("SELECT pg_drop_replication_slot($1)", &[&slot])
        };
        wait_until(&true, || drop_slot().is_ok());
        let mut parts = parts(&url, folder.path(), &vectors, &newest);
        let lookup = PostgresLookupOptions {
            dsn: url.clone(),
            sql: SQL.to_owned(),
            item: ("item".to_owned(), "id".to_owned()),
            dimensions: dimensions(),
        };
        parts.lookup = Box::new(Interrupted(PostgresLookup::new(&lookup), false));
        let running = start(settings(dimensions()), parts, Replay::default());
        check(&mut client, &url, &vectors, 1);
        assert!(running.status.retries.load(Ordering::Relaxed) > 0);
        running.stop();
    }

    #[test]
    fn another_server_whose_log_stands_lower_is_followed_as_it_is() {
        let Begun {
            mut client,
            folder,
            vectors,
            newest,
            running,
            ..
        } = begun();
        running.stop();
        let place = |client: &mut Client| -> i64 {
            let query = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";
            client.query_one(query, &[]).unwrap().get(0)
        };
        let server = PostgresServer::start(Durability::Process).unwrap();
        let url = server.database().unwrap();
        let mut other = tables(&url);
        while place(&mut client) < place(&mut other) {
            client
                .batch_execute("SELECT txid_current(); SELECT pg_switch_wal()")
                .unwrap();
        }
        // touched at the higher place, which a lower one must not lose against
        let begin = |url: &str| {
            start(
                settings(dimensions()),
                parts(url, folder.path(), &vectors, &newest),
                Replay::default(),
            )
        };
        let first = client.query_one("SELECT current_database()::text", &[]).unwrap();
        let first = PostgresServer::shared().unwrap().url(first.get(0));
        let running = begin(&first);
        client
            .batch_execute("UPDATE item SET title = 'touched', created = now(); INSERT INTO item (id, title) VALUES (60, 'gone')")
            .unwrap();
        wait_until(&Some("gone".to_owned()), || title(&first, 60));
        check(&mut client, &first, &vectors, 1);
        running.stop();
        other
            .batch_execute("DELETE FROM item WHERE id = 5; UPDATE item SET title = 'elsewhere'")
            .unwrap();
        let running = begin(&url);
        wait_until(&Some("elsewhere".to_owned()), || title(&url, 50));
        check(&mut other, &url, &vectors, 1);
        other
            .batch_execute("DELETE FROM item WHERE id = 6; UPDATE item SET title = 'later', created = now() WHERE id = 7")
            .unwrap();
        wait_until(&Some("later".to_owned()), || title(&url, 7));
        check(&mut other, &url, &vectors, 1);
        running.stop();
        let running = begin(&url);
        other.batch_execute("DELETE FROM item WHERE id = 8").unwrap();
        check(&mut other, &url, &vectors, 1);
        running.stop();
    }

    /// The title in an item's feature row.
    fn title(url: &str, id: i64) -> Option<String> {
        let mut features = PostgresFeatures::new(url, "item_features", "id", SQL);
        let row = features.get(&[id]).unwrap().remove(0)?;
        row.cells["title"].as_str().map(str::to_owned)
    }

    #[test]
    fn no_search_mixes_versions_while_a_new_one_takes_over() {
        let Begun {
            url,
            mut client,
            folder: _folder,
            vectors,
            newest,
            running,
        } = begun();
        wait_until(&Some(1), || vectors.current("users").unwrap());
        let over = Arc::new(AtomicBool::new(false));
        let searcher = {
            let (vectors, over) = (vectors.clone(), over.clone());
            std::thread::spawn(move || {
                let mut seen = BTreeSet::new();
                while !over.load(Ordering::Relaxed) {
                    let version = vectors.current("items").unwrap().unwrap();
                    let search = Search {
                        n: 500,
                        ..Search::default()
                    };
                    let query = [1.0, 0.0, 0.0, 0.0];
                    // a score is the first number: the version that made the vector
                    let found = vectors
                        .search(&Generation::new("items", version), &query, &search)
                        .unwrap();
                    let told: BTreeSet<String> = found.iter().map(|one| one.score.to_string()).collect();
                    assert_eq!(told, [version.to_string()].into(), "one version, the serving one");
                    assert!(found.len() >= 50, "complete when it serves: {}", found.len());
                    // and so are the users of that very version
                    let users = Generation::new("users", version);
                    let someone = vectors.get(&users, &[1, 1200]).unwrap();
                    for user in someone {
                        assert_eq!(user.unwrap().vector[0].to_string(), version.to_string());
                    }
                    seen.insert(version);
                }
                seen
            })
        };
        newest.store(2, Ordering::Relaxed);
        for id in 1000..1200_i64 {
            client
                .execute("INSERT INTO item (id, title) VALUES ($1, 'x')", &[&id])
                .unwrap();
        }
        wait_until(&Some(2), || vectors.current("items").unwrap());
        client
            .batch_execute("DELETE FROM item WHERE id = 1000; INSERT INTO item (id) VALUES (5000)")
            .unwrap();
        check(&mut client, &url, &vectors, 2);
        // and back: what the old generation still held of the deleted is gone
        newest.store(1, Ordering::Relaxed);
        wait_until(&Some(1), || vectors.current("items").unwrap());
        check(&mut client, &url, &vectors, 1);
        over.store(true, Ordering::Relaxed);
        assert_eq!(searcher.join().unwrap(), [1, 2].into());
        running.stop();
    }

    #[test]
    fn nothing_is_lost_when_the_database_is_killed_and_the_stream_restarted_under_load() {
        let mut server = PostgresServer::start(Durability::Process).unwrap();
        let url = server.url("rankine");
        tables(&url);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.redb");
        let newest = Arc::new(AtomicU64::new(1));
        let open = || Arc::new(EmbeddedVectors::open(&path).unwrap());
        let mut vectors = open();
        let mut running = start(
            settings(dimensions()),
            parts(&url, folder.path(), &vectors, &newest),
            Replay::default(),
        );
        let mut hurt = 0;
        for round in 0..4_i64 {
            let mut writer = Client::connect(&url, NoTls).unwrap();
            for id in 0..150_i64 {
                let id = 1000 + round * 1000 + id;
                writer
                    .execute("INSERT INTO item (id, title) VALUES ($1, 'x')", &[&id])
                    .unwrap();
                if id % 3 == 0 {
                    writer
                        .execute("DELETE FROM item WHERE id = $1", &[&(id - 1)])
                        .unwrap();
                }
                if id % 5 == 0 {
                    writer
                        .execute("UPDATE item SET title = 'y' WHERE id = $1", &[&(id - 2)])
                        .unwrap();
                }
            }
            if round % 2 == 0 {
                server.kill().unwrap();
                server.restart().unwrap();
            } else {
                let told = running.status.clone();
                running.stop();
                hurt += told.reopened.load(Ordering::Relaxed) + told.retries.load(Ordering::Relaxed);
                drop(vectors);
                vectors = open();
                running = start(
                    settings(dimensions()),
                    parts(&url, folder.path(), &vectors, &newest),
                    Replay::default(),
                );
            }
        }
        let mut client = Client::connect(&url, NoTls).unwrap();
        check(&mut client, &url, &vectors, 1);
        assert!(hurt > 0, "the killed database was noticed");
        running.stop();
    }
}
