//! Versions that come, go, are rolled back, and cannot embed every row.

use rankine_pipeline::stream::file;
use rankine_pipeline::stream::users::Take;
use rankine_pipeline::stream::{Arrival, Backfill, Opened, Past, Position, Source, UserRows};

use super::*;

/// Versions of a model of which one can go, of which the second does not know one title, and whose users wait at a gate.
#[derive(Clone, Default)]
struct Staged {
    newest: Arc<AtomicU64>,
    gone: Arc<AtomicU64>,
    shut: Arc<AtomicBool>,
    without: &'static str,
    /// Whose versions they are.
    model: &'static str,
    /// How long each batch takes.
    pace: Duration,
}

fn away() -> PipelineError {
    PipelineError::Embed {
        model: "mf".to_owned(),
        reason: "it is away".to_owned(),
        transient: true,
    }
}

impl Staged {
    fn new(without: &'static str) -> Staged {
        let staged = Staged {
            without,
            ..Staged::default()
        };
        staged.newest.store(1, Ordering::Relaxed);
        staged
    }

    fn publish(&self, version: u64) {
        self.newest.store(version, Ordering::Relaxed);
    }

    fn shut(&self, shut: bool) {
        self.shut.store(shut, Ordering::Relaxed);
    }

    fn parts(&self, home: &Home) -> Parts {
        Parts {
            embedders: Arc::new(self.clone()),
            ..home.parts()
        }
    }

    /// As `parts`, with users that cannot be read while the gate is shut.
    fn parts_with_users(&self, home: &Home) -> Parts {
        self.parts_with_users_of(home, Arc::new(Versions(self.newest.clone())))
    }

    /// The same with another model for users.
    fn parts_with_users_of(&self, home: &Home, embedders: Arc<dyn Embedders>) -> Parts {
        let users = Users {
            set: "users".to_owned(),
            rows: Arc::new(self.clone()),
            embedders,
        };
        Parts {
            users: Some(users),
            ..self.parts(home)
        }
    }
}

impl Embedders for Staged {
    fn newest(&self) -> Result<Option<u64>, PipelineError> {
        Ok(Some(self.newest.load(Ordering::Relaxed)))
    }

    fn open(&self, version: u64) -> Result<Arc<dyn Embedder>, PipelineError> {
        if version == self.gone.load(Ordering::Relaxed) {
            return Err(PipelineError::Embed {
                model: "mf".to_owned(),
                reason: format!("there is no version {version}"),
                transient: false,
            });
        }
        Ok(Arc::new(Gated(Hashed(version), self.clone())))
    }
}

impl UserRows for Staged {
    fn read(&self, _: Take<'_>) -> Result<(), PipelineError> {
        match self.shut.load(Ordering::Relaxed) {
            true => Err(away()),
            false => Ok(()),
        }
    }
}

struct Gated(Hashed, Staged);

impl Embedder for Gated {
    fn version(&self) -> u64 {
        self.0.version()
    }

    fn identity(&self) -> Identity {
        Identity {
            model: self.1.model.to_owned(),
            checksum: format!("{}{}", self.1.model, self.version()),
        }
    }

    fn width(&self) -> usize {
        self.0.width()
    }

    fn fields(&self) -> &[(Arc<str>, FieldType)] {
        &[]
    }

    fn embed(&self, rows: &[JoinedRow]) -> Result<Embedded, PipelineError> {
        std::thread::sleep(self.1.pace);
        if self.version() < 2 {
            return self.0.embed(rows);
        }
        let unknown = |row: &JoinedRow| row.cells["title"] == self.1.without;
        let refused = |row: &JoinedRow, made| match unknown(row) {
            true => Err("nobody has taught it that".to_owned()),
            false => made,
        };
        let made = self.0.embed(rows)?;
        Ok(rows
            .iter()
            .zip(made)
            .map(|(row, made)| refused(row, made))
            .collect())
    }
}

fn begun(home: &Home, versions: &Staged) {
    std::fs::write(home.path("changes.jsonl"), changes()).unwrap();
    let mut settings = settings(dimensions());
    settings.until_idle = true;
    let running = start(settings, versions.parts(home), Replay::default());
    running.thread.join().unwrap().unwrap();
    assert_eq!(home.ids(), [1, 2]);
}

fn more(home: &Home, line: &str) {
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(home.path("changes.jsonl"))
        .unwrap();
    std::io::Write::write_all(&mut file, line.as_bytes()).unwrap();
}

fn ids(home: &Home, version: u64) -> Vec<i64> {
    home.vectors
        .ids(&Generation::new("items", version))
        .unwrap_or_default()
}

fn letters(home: &Home) -> Vec<(String, Option<i64>)> {
    let letters = DeadLetters::read(&home.path("dead.jsonl")).unwrap();
    letters.into_iter().map(|one| (one.stage, one.key)).collect()
}

#[test]
fn a_version_whose_artefact_has_gone_serves_until_the_next_is_complete() {
    let (home, versions) = (Home::new(), Staged::new(""));
    begun(&home, &versions);
    more(
        &home,
        &line("delete", "item", 2_000_003, serde_json::json!({"id": 1})),
    );
    versions.publish(2);
    versions.gone.store(1, Ordering::Relaxed);
    versions.shut(true);
    let running = start(
        settings(dimensions()),
        versions.parts_with_users(&home),
        Replay::default(),
    );
    wait_until(&vec![2], || ids(&home, 2));
    assert_eq!(home.vectors.current("items").unwrap(), Some(1));
    assert_eq!(ids(&home, 1), [2], "its vectors are there, and take deletes");
    assert_eq!(count(&running.status.next_version), 2);
    versions.shut(false);
    wait_until(&Some(2), || home.vectors.current("items").unwrap());
    wait_until(&(2, 0), || {
        let status = &running.status;
        (count(&status.version), count(&status.next_version))
    });
    assert_eq!(ids(&home, 2), [2]);
    running.stop();
}

#[test]
fn a_version_rolled_back_while_it_is_filled_never_serves() {
    let (home, versions) = (Home::new(), Staged::new(""));
    begun(&home, &versions);
    versions.shut(true);
    let running = start(
        settings(dimensions()),
        versions.parts_with_users(&home),
        Replay::default(),
    );
    versions.publish(2);
    wait_until(&vec![1, 2], || ids(&home, 2));
    versions.publish(1);
    wait_until(&0, || count(&running.status.next_version));
    versions.shut(false);
    wait_until(&Some(1), || home.vectors.current("users").unwrap());
    assert_eq!(home.vectors.current("items").unwrap(), Some(1));
    assert_eq!(home.vectors.versions("items").unwrap(), [1]);
    running.stop();
}

#[test]
fn what_the_next_version_cannot_embed_is_a_letter_and_a_lost_feature_row_is_joined_anew() {
    let (home, versions) = (Home::new(), Staged::new("new"));
    begun(&home, &versions);
    home.features().delete(&[1]).unwrap();
    std::fs::remove_file(home.path("dead.jsonl")).unwrap();
    versions.publish(2);
    versions.shut(true);
    let running = start(
        settings(dimensions()),
        versions.parts_with_users(&home),
        Replay::default(),
    );
    wait_until(&vec![1], || ids(&home, 2));
    // stored again, side by side with the vector
    wait_until(&true, || home.features().get(&[1]).unwrap()[0].is_some());
    // a row that only the coming version does not know is what it is in the one that serves
    more(&home, &item("insert", 8, 2_000_000, "new"));
    wait_until(&vec![1, 2, 8], || ids(&home, 1));
    wait_until(&2, || count(&running.status.dead));
    assert!(home.features().get(&[8]).unwrap()[0].is_some());
    versions.shut(false);
    wait_until(&Some(2), || home.vectors.current("items").unwrap());
    running.stop();
    let fill = |key| ("fill".to_owned(), Some(key));
    assert_eq!(letters(&home), [fill(2), fill(8)]);
    assert_eq!(ids(&home, 2), [1]);
}

#[test]
fn another_model_of_the_same_version_is_refused_or_filled_beside() {
    let home = Home::new();
    let of = |model| Staged {
        model,
        ..Staged::new("")
    };
    begun(&home, &of("films"));
    let first = Generation::new("items", 1);
    let before = home.vectors.get(&first, &[1, 2]).unwrap();
    more(&home, &item("insert", 8, 2_000_000, "of the other model"));
    // under its own number it would mix with what is there
    let other = of("novels");
    let running = start(settings(dimensions()), other.parts(&home), Replay::default());
    let told = running.thread.join().unwrap().unwrap_err().to_string();
    assert!(
        told.contains("`novels` (artefact novels1)") && told.contains("`films` (artefact films1)"),
        "{told}"
    );
    // under a higher one it is filled beside, while the first model's vectors serve
    other.publish(2);
    other.shut(true);
    let running = start(
        settings(dimensions()),
        other.parts_with_users(&home),
        Replay::default(),
    );
    wait_until(&vec![1, 2, 8], || ids(&home, 2));
    assert_eq!(home.vectors.current("items").unwrap(), Some(1));
    assert_eq!(home.vectors.get(&first, &[1, 2]).unwrap(), before);
    assert_eq!(ids(&home, 1), [1, 2]);
    // nor is it written over them when it is rolled back to
    other.publish(1);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(home.vectors.get(&first, &[1, 2]).unwrap(), before);
    other.publish(2);
    other.shut(false);
    wait_until(&Some(2), || home.vectors.current("items").unwrap());
    running.stop();
}

#[test]
fn another_model_of_users_under_the_same_version_is_refused_by_both_names() {
    let home = Home::new();
    let of = |model| Staged {
        model,
        ..Staged::new("")
    };
    std::fs::write(home.path("changes.jsonl"), changes()).unwrap();
    let items = of("films");
    let by = |users: &Staged| items.parts_with_users_of(&home, Arc::new(users.clone()));
    let (first, other) = (of("readers"), of("viewers"));
    let serving = || home.vectors.current("users").unwrap();
    let running = start(settings(dimensions()), by(&first), Replay::default());
    wait_until(&Some(1), serving);
    running.stop();
    let running = start(settings(dimensions()), by(&other), Replay::default());
    let told = running.thread.join().unwrap().unwrap_err().to_string();
    for part in [
        "`viewers` (artefact viewers1)",
        "users' vectors of version 1",
        "`readers` (artefact readers1)",
    ] {
        assert!(told.contains(part), "{told}");
    }
    // the model that made them goes on; the other takes over under a higher number
    let running = start(settings(dimensions()), by(&first), Replay::default());
    wait_until(&1, || count(&running.status.version));
    running.stop();
    items.publish(2);
    let running = start(settings(dimensions()), by(&other), Replay::default());
    wait_until(&Some(2), serving);
    running.stop();
}

#[test]
fn a_version_whose_artefact_comes_back_gets_what_came_meanwhile() {
    let (home, versions) = (Home::new(), Staged::new(""));
    begun(&home, &versions);
    versions.publish(2);
    versions.gone.store(1, Ordering::Relaxed);
    versions.shut(true);
    let begin = || {
        start(
            settings(dimensions()),
            versions.parts_with_users(&home),
            Replay::default(),
        )
    };
    let running = begin();
    more(&home, &item("insert", 8, 2_000_000, "meanwhile"));
    wait_until(&vec![1, 2, 8], || ids(&home, 2));
    assert_eq!(ids(&home, 1), [1, 2]);
    running.stop();
    // the artefact is restored, and the other version withdrawn
    versions.gone.store(0, Ordering::Relaxed);
    versions.publish(1);
    versions.shut(false);
    let running = begin();
    wait_until(&vec![1, 2, 8], || ids(&home, 1));
    wait_until(&(1, 0), || {
        let status = &running.status;
        (count(&status.version), count(&status.next_version))
    });
    running.stop();
    assert_eq!(home.vectors.current("items").unwrap(), Some(1));
}

/// A file whose end is never reached: a change of one item that is there every 200 µs.
struct Steady(FileSource, u64);

impl Source for Steady {
    fn open(&mut self, past: &Past, backfill: &mut dyn Backfill) -> Result<Opened, PipelineError> {
        self.0.open(past, backfill)
    }

    fn next(&mut self, _: Duration) -> Result<Option<Arrival>, PipelineError> {
        if let Some(arrival) = self.0.next(Duration::ZERO)? {
            return Ok(Some(arrival));
        }
        std::thread::sleep(Duration::from_micros(200));
        self.1 += 1;
        let position = Position::new(self.1 << 30, 0);
        let text = item("update", 2, 2_000_000, &format!("again {}", self.1));
        let change = file::read(&text, position, 0).unwrap();
        Ok(Some(Arrival::Change(change)))
    }

    fn confirm(&mut self, end: u64) -> Result<(), PipelineError> {
        self.0.confirm(end)
    }
}

#[test]
fn under_news_without_end_a_new_version_is_filled_and_waiting_rows_are_made() {
    let home = Home::new();
    let versions = Staged {
        pace: Duration::from_millis(5),
        ..Staged::new("")
    };
    begun(&home, &versions);
    let file = FileSource::new(&home.path("changes.jsonl"), clock);
    let parts = Parts {
        source: Box::new(Steady(file, 1)),
        ..versions.parts(&home)
    };
    let mut settings = settings(dimensions());
    // no batch is ever full, and each leaves the next one waiting
    (settings.batch, settings.queue) = (10_000, 10_000);
    let running = start(settings, parts, Replay::default());
    wait_until(&true, || count(&running.status.batches) > 10);
    let row = serde_json::json!({"author": "a", "level": 7});
    more(&home, &line("upsert", "author", 2_000_002, row));
    wait_until(&Some("7".to_owned()), || home.level(1));
    versions.publish(2);
    wait_until(&Some(2), || home.vectors.current("items").unwrap());
    running.stop();
    assert_eq!(ids(&home, 2), [1, 2]);
}
