//! Rows, keys and vectors that are none: each is a letter of its own, and nothing waits for it in silence.

use rankine_pipeline::stream::{Change, Trace};

use super::*;

/// The stream's statement that finds an author's items, over what somebody wrote into a column.
fn by_json(items: &str) -> Vec<Dimension> {
    vec![Dimension {
        items: items.to_owned(),
        ..dimensions().remove(0)
    }]
}

fn author(name: &str, level: i64) -> String {
    line(
        "upsert",
        "author",
        2_000_001,
        serde_json::json!({"author": name, "level": level}),
    )
}

fn by(author: &str, id: i64, genres: &str) -> String {
    let row =
        serde_json::json!({"id": id, "created": 2_000_000, "title": "x", "author": author, "genres": genres});
    line("insert", "item", 2_000_000, row)
}

/// Runs over all lines given so far, with this statement for an author's items.
fn run_over(home: &Home, lines: &str, items: &str, replay: Replay) -> Result<Arc<Status>, PipelineError> {
    std::fs::write(home.path("changes.jsonl"), lines).unwrap();
    let mut settings = settings(by_json(items));
    settings.until_idle = true;
    let parts = Parts {
        lookup: home.lookup(settings.dimensions.clone()),
        ..home.parts()
    };
    let running = start(settings, parts, replay);
    running.thread.join().unwrap()?;
    Ok(running.status)
}

const FRAGILE: &str = "SELECT item.id FROM item, json_each(item.genres) AS g WHERE author IN (SELECT value FROM json_each(:keys)) \
     AND g.value = 'War'";

#[test]
fn an_author_whose_items_cannot_be_found_is_a_letter_and_the_others_are_made_again() {
    let home = Home::new();
    let items = by("a", 1, "[\"War\"]") + &by("b", 2, "not json");
    run_over(&home, &items, FRAGILE, Replay::default()).unwrap();
    // the authors come behind their items
    let lines = items + &author("a", 7) + &author("b", 8);
    let status = run_over(&home, &lines, FRAGILE, Replay::default()).unwrap();
    assert_eq!((home.level(1).as_deref(), home.level(2)), (Some("7"), None));
    assert_eq!((count(&status.remade), count(&status.dead)), (1, 1));
    let dead = home.path("dead.jsonl");
    let letter = DeadLetters::read(&dead).unwrap().remove(0);
    assert_eq!((letter.stage.as_str(), letter.key), ("dimension", None));
    assert!(letter.reason.contains("JSON"), "{letter:?}");
    let raw: serde_json::Value = serde_json::from_str(&letter.raw.unwrap()).unwrap();
    assert_eq!(
        (&raw["table"], &raw["row"]),
        (&"author".into(), &serde_json::json!({"author": "b"}))
    );
    // mended, a replay finds the items, and leaves the author's row as it is
    let good = "SELECT id FROM item WHERE author IN (SELECT value FROM json_each(:keys))";
    let status = run_over(&home, &lines, good, Replay::open(&dead).unwrap()).unwrap();
    assert_eq!((home.level(2).as_deref(), count(&status.dead)), (Some("8"), 0));
}

#[test]
fn a_statement_that_is_wrong_ends_the_stream_by_name() {
    let home = Home::new();
    let lines = by("a", 1, "[]") + &author("a", 7);
    let wrong = "SELECT ident FROM item WHERE author IN (SELECT value FROM json_each(:keys))";
    let told = run_over(&home, &lines, wrong, Replay::default()).unwrap_err();
    assert!(told.to_string().contains("no such column: ident"), "{told}");
    // columns may come with the changes, tables do not
    let options = SqliteLookupOptions {
        path: home.path("other.db"),
        schema: String::new(),
        sql: SQL.to_owned(),
        item: ("item".to_owned(), "id".to_owned()),
        dimensions: by_json("SELECT id FROM film WHERE author IN (SELECT value FROM json_each(:keys))"),
    };
    let told = SqliteLookup::open(&options).unwrap_err();
    assert!(told.to_string().contains("no such table: film"), "{told}");
}

/// A model that reads a column of some name.
#[derive(Clone)]
struct Reading(Vec<Arc<str>>);

impl Embedders for Reading {
    fn newest(&self) -> Result<Option<u64>, PipelineError> {
        Ok(Some(1))
    }

    fn open(&self, _: u64) -> Result<Arc<dyn Embedder>, PipelineError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Embedder for Reading {
    fn version(&self) -> u64 {
        1
    }

    fn identity(&self) -> Identity {
        Identity {
            model: "films".to_owned(),
            ..Identity::default()
        }
    }

    fn width(&self) -> usize {
        WIDTH
    }

    fn fields(&self) -> &[(Arc<str>, FieldType)] {
        &[]
    }

    fn needed(&self) -> &[Arc<str>] {
        &self.0
    }

    fn embed(&self, rows: &[JoinedRow]) -> Result<Embedded, PipelineError> {
        Ok(rows.iter().map(|row| Ok(vector(1, row))).collect())
    }
}

#[test]
fn a_column_that_the_model_reads_and_the_statement_does_not_give_is_told_by_name() {
    let home = Home::new();
    std::fs::write(home.path("changes.jsonl"), by("a", 1, "[]") + &by("a", 2, "[]")).unwrap();
    let run = |name: &str| {
        let mut settings = settings(dimensions());
        settings.until_idle = true;
        let parts = Parts {
            embedders: Arc::new(Reading(vec![name.into()])),
            ..home.parts()
        };
        let replay = match home.path("dead.jsonl").exists() {
            true => Replay::open(&home.path("dead.jsonl")).unwrap(),
            false => Replay::default(),
        };
        start(settings, parts, replay).thread.join().unwrap().unwrap();
    };
    run("titel");
    assert_eq!(home.ids(), Vec::<i64>::new());
    let letters = DeadLetters::read(&home.path("dead.jsonl")).unwrap();
    assert_eq!((letters.len(), letters[0].stage.as_str()), (2, "embed"));
    let told = "the statement gives no column `titel` (there is `title`), which model `films` reads";
    assert_eq!(letters[0].reason, told);
    // a level is null here, which is a value
    run("level");
    assert_eq!(home.ids(), [1, 2]);
}

#[test]
fn a_vector_that_no_store_takes_is_a_letter() {
    let home = Home::new();
    let all = item("insert", 1, 2_000_000, "unbounded") + &item("insert", 2, 2_000_000, "bounded");
    std::fs::write(home.path("changes.jsonl"), all).unwrap();
    home.run(|_| {}, Replay::default());
    assert_eq!(home.ids(), [2]);
    let letter = DeadLetters::read(&home.path("dead.jsonl")).unwrap().remove(0);
    assert_eq!((letter.stage.as_str(), letter.key), ("embed", Some(1)));
    assert!(letter.reason.contains("finite"), "{letter:?}");
}

#[test]
fn a_change_that_is_dead_is_among_the_last_items_with_its_reason() {
    let home = Home::new();
    let late = line(
        "insert",
        "item",
        1_000_000,
        serde_json::json!({"id": 4, "created": 1_000_000, "title": "late"}),
    );
    std::fs::write(home.path("changes.jsonl"), changes() + &late).unwrap();
    let dead = |settings: &mut Settings| settings.rules.late = rankine_pipeline::stream::rules::Late::Dead;
    let status = home.run(dead, Replay::default());
    let last = status.last();
    let of = |id: i64| -> &Trace { last.iter().find(|one| one.id == id).unwrap() };
    for (id, reason) in [
        (4, "rules: later than the watermark allows"),
        (6, "embed: no words for it"),
    ] {
        let one = of(id);
        assert_eq!((one.outcome, one.reason.as_str()), ("dead", reason));
        assert_eq!((one.joined, one.searchable), (0, 0), "it went no further");
    }
    assert_eq!((of(2).outcome, of(2).reason.as_str()), ("embedded", ""));
    assert_eq!(status.latency.count(), 3, "what is dead took no time to be found");
    // a replay of what is still dead is no news
    let status = home.run(|_| {}, Replay::open(&home.path("dead.jsonl")).unwrap());
    assert!(status.last().is_empty() && count(&status.dead) > 0);
}

/// A lookup that sees none of the commits of transaction 7.
struct Blind(Box<dyn Lookup>);

impl Lookup for Blind {
    fn unsettled(&mut self, _: &[Change]) -> Result<Option<u32>, PipelineError> {
        Ok(Some(7))
    }

    fn join(&mut self, wanted: &[(i64, i64)]) -> Result<Vec<Found>, PipelineError> {
        self.0.join(wanted)
    }

    fn items_of(&mut self, dimension: usize, keys: &[String]) -> Result<Resting, PipelineError> {
        self.0.items_of(dimension, keys)
    }

    fn present(&mut self, ids: &[i64]) -> Result<Vec<i64>, PipelineError> {
        self.0.present(ids)
    }
}

#[test]
fn a_commit_that_nobody_sees_is_told_and_the_stream_can_be_stopped() {
    let home = Home::new();
    std::fs::write(home.path("changes.jsonl"), changes()).unwrap();
    let parts = Parts {
        lookup: Box::new(Blind(home.lookup(dimensions()))),
        ..home.parts()
    };
    let running = start(settings(dimensions()), parts, Replay::default());
    wait_until(&true, || {
        let held = running.status.held_by();
        held.is_some_and(|told| told.contains("transaction 7") && told.contains("join.dsn"))
    });
    running.stop();
    assert_eq!(home.ids(), Vec::<i64>::new());
}

/// A feature table that refuses one title, as a constraint of its owner's does.
struct Strict(StoredFeatures, &'static str);

impl FeatureRows for Strict {
    fn put(&mut self, rows: &[(JoinedRow, rankine_pipeline::stream::Position)]) -> Result<(), PipelineError> {
        if rows.iter().any(|(row, _)| row.cells["title"] == self.1) {
            return Err(PipelineError::Postgres {
                action: "write feature rows".to_owned(),
                reason: "violates check constraint".to_owned(),
                code: Some("23514".to_owned()),
            });
        }
        self.0.put(rows)
    }

    fn delete(&mut self, ids: &[i64]) -> Result<(), PipelineError> {
        self.0.delete(ids)
    }

    fn get(&mut self, ids: &[i64]) -> Result<Vec<Option<JoinedRow>>, PipelineError> {
        self.0.get(ids)
    }
}

#[test]
fn a_row_that_the_feature_table_refuses_is_a_letter_and_is_written_by_a_replay() {
    let home = Home::new();
    std::fs::write(
        home.path("changes.jsonl"),
        item("insert", 1, 2_000_000, "refused") + &item("insert", 2, 2_000_000, "taken"),
    )
    .unwrap();
    let run = |refused: &'static str, replay: Replay| {
        let mut settings = settings(dimensions());
        settings.until_idle = true;
        let parts = Parts {
            features: Box::new(Strict(home.features(), refused)),
            ..home.parts()
        };
        start(settings, parts, replay).thread.join().unwrap().unwrap();
        let rows = home.features().get(&[1, 2]).unwrap();
        (rows[0].is_some(), rows[1].is_some())
    };
    assert_eq!(run("refused", Replay::default()), (false, true));
    assert_eq!(home.ids(), [1, 2], "both are found");
    let dead = home.path("dead.jsonl");
    let letter = DeadLetters::read(&dead).unwrap().remove(0);
    assert_eq!((letter.stage.as_str(), letter.key), ("features", Some(1)));
    assert_eq!(run("", Replay::open(&dead).unwrap()), (true, true));
}

#[test]
fn what_comes_back_in_the_batch_that_removed_it_is_as_old_as_it_says() {
    let partial =
        |id: i64, op: &str| line(op, "item", 3_000_000, serde_json::json!({"id": id, "title": "x"}));
    let gone = line("delete", "item", 3_000_000, serde_json::json!({"id": 1}));
    let before = item("snapshot", 1, 0, "old");
    let outcomes = [64, 1].map(|batch| {
        let home = Home::new();
        std::fs::write(home.path("changes.jsonl"), &before).unwrap();
        home.run(|_| {}, Replay::default());
        let all = format!("{before}{gone}{}", partial(1, "insert"));
        std::fs::write(home.path("changes.jsonl"), all).unwrap();
        let status = home.run(|settings| settings.batch = batch, Replay::default());
        let title = home.features().get(&[1]).unwrap().remove(0);
        (home.ids(), count(&status.ineligible), title.map(|row| row.cells))
    });
    assert_eq!((&outcomes[0].0, outcomes[0].1), (&vec![1], 0));
    assert_eq!(outcomes[0], outcomes[1], "whatever the batch");
}

#[test]
fn what_left_when_its_time_was_over_is_not_new_when_it_is_touched() {
    let home = Home::new();
    let touched = line(
        "update",
        "item",
        2_000_000,
        serde_json::json!({"id": 1, "title": "renamed"}),
    );
    let all = item("snapshot", 1, 0, "of long ago") + &item("insert", 2, 2_000_000, "new");
    std::fs::write(home.path("changes.jsonl"), &all).unwrap();
    let keep = |settings: &mut Settings| settings.rules.kept = Some(3600 * 1_000_000);
    let mut kept = settings(dimensions());
    keep(&mut kept);
    let running = start(kept, home.parts(), Replay::default());
    wait_until(&vec![2], || home.ids());
    running.stop();
    std::fs::write(home.path("changes.jsonl"), all + &touched).unwrap();
    let status = home.run(keep, Replay::default());
    assert_eq!((home.ids(), count(&status.ineligible)), (vec![2], 1));
}

#[test]
fn a_letter_of_an_earlier_batch_does_not_undo_a_delete() {
    let home = Home::new();
    std::fs::write(home.path("changes.jsonl"), changes()).unwrap();
    home.run(|_| {}, Replay::default());
    let letter = |key: i64| Letter {
        time: 0,
        stage: "join".to_owned(),
        reason: String::new(),
        key: Some(key),
        lsn: 8,
        seq: 0,
        commit_time: 2_000_000_000_000,
        raw: None,
    };
    let mended = home.path("mended.jsonl");
    DeadLetters::new(&mended).put(&[letter(5), letter(99)]).unwrap();
    home.run(|_| {}, Replay::open(&mended).unwrap());
    assert_eq!(home.ids(), [1, 2]);
}
