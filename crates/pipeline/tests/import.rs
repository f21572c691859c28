//! Imports of every format from small hand-made files, and of the bundled MovieLens, through the public
//! interface: what is taken, what is rejected and why, what a home looks like afterwards.

#![expect(clippy::unwrap_used, reason = "tests; the lint does not see helpers as such")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rankine_pipeline::import::{Mapping, TimeUnit, UnknownItems, formats, imported};
use rankine_pipeline::{
    Catalogue, Event, ImportOptions, ImportSummary, PipelineError, check, describe, events, import,
};
use rankine_store::{EventLog, LogOptions, LogRecord};
use rankine_table::{Column, Progress, Table, parquet};
use tempfile::TempDir;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// A home with what an import made of it.
struct Home {
    folder: TempDir,
    summary: ImportSummary,
}

impl Home {
    fn of(source: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let summary = import(&options(source, folder.path()), &Progress::silent()).unwrap();
        Self { folder, summary }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn catalogue(&self) -> Catalogue {
        Catalogue::load(self.path()).unwrap()
    }

    fn events(&self) -> Vec<Event> {
        events::load(&self.path().join("events/base-1.parquet")).unwrap()
    }

    fn titles(&self) -> Vec<(i64, String, Option<i64>, String)> {
        let items = self.catalogue().items.into_iter();
        items
            .map(|item| (item.id, item.title, item.release_year, item.genres.join("|")))
            .collect()
    }

    /// Rejects as (file, line, rule).
    fn rejects(&self) -> Vec<(String, u64, String)> {
        let text = std::fs::read_to_string(self.path().join("data/rejects.tsv")).unwrap();
        let row = |line: &str| {
            let cells: Vec<&str> = line.split('\t').collect();
            assert_eq!(cells.len(), 5, "{line}");
            (
                cells[0].to_owned(),
                cells[1].parse().unwrap(),
                cells[2].to_owned(),
            )
        };
        text.lines().skip(1).map(row).collect()
    }
}

fn options(source: &Path, home: &Path) -> ImportOptions {
    ImportOptions {
        source: source.to_owned(),
        home: home.to_owned(),
        ..ImportOptions::default()
    }
}

fn fail(options: &ImportOptions) -> PipelineError {
    import(options, &Progress::silent()).unwrap_err()
}

fn film(id: i64, title: &str, year: Option<i64>, genres: &str) -> (i64, String, Option<i64>, String) {
    (id, title.to_owned(), year, genres.to_owned())
}

fn reject(file: &str, line: u64, rule: &str) -> (String, u64, String) {
    (file.to_owned(), line, rule.to_owned())
}

fn seconds(events: &[Event]) -> Vec<(i64, u64, i64, i64, Option<f64>)> {
    events
        .iter()
        .map(|e| (e.time / 1_000_000, e.seq, e.user, e.item, e.value))
        .collect()
}

/// Every file of a folder with its bytes, in order of name.
fn snapshot(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else {
            files.push((path.clone(), std::fs::read(path).unwrap()));
        }
    }
    files.sort();
    files
}

#[test]
fn movielens_csv_keeps_commas_and_quotes_and_lists_every_bad_row() {
    let home = Home::of(&data("movielens-csv"));
    assert_eq!(home.summary.format, "movielens-csv");
    assert_eq!(
        home.titles(),
        [
            film(10, "Harbour Lights", Some(1994), "Drama|Romance"),
            film(20, "Clockmaker, The", Some(1987), "Mystery"),
            film(30, "Say \"Yes\", Again", Some(2001), "Comedy|Romance"),
            film(40, "Nameless Reel", None, ""),
        ]
    );
    let links: Vec<_> = home
        .catalogue()
        .items
        .into_iter()
        .map(|item| (item.imdb_id, item.tmdb_id))
        .take(2)
        .collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(links, [(text("0114709"), text("862")), (text("0093389"), None)]);
    let expected = [
        (900, 1, 1, 20, Some(0.5)),
        (1000, 2, 2, 10, Some(4.0)),
        (1000, 3, 2, 30, Some(3.5)),
        (1000, 4, 1, 40, Some(5.0)),
    ];
    assert_eq!(seconds(&home.events()), expected);
    assert_eq!(
        home.rejects(),
        [
            reject("movies.csv", 6, "duplicate"),
            reject("movies.csv", 7, "number"),
            reject("movies.csv", 8, "missing"),
            reject("links.csv", 4, "unknown item"),
            reject("ratings.csv", 4, "range"),
            reject("ratings.csv", 5, "unknown item"),
            reject("ratings.csv", 6, "number"),
            reject("ratings.csv", 7, "missing"),
            reject("ratings.csv", 8, "number"),
            reject("ratings.csv", 9, "time"),
            reject("ratings.csv", 10, "fields"),
        ]
    );
    assert_eq!(
        (home.summary.items, home.summary.users, home.summary.events),
        (4, 2, 4)
    );
    assert_eq!(home.summary.rejected.values().sum::<u64>(), 11);
    assert_eq!(home.summary.rejected["number"], 3);
}

#[test]
fn movielens_1m_reads_latin_1_and_double_colons() {
    let home = Home::of(&data("movielens-1m"));
    assert_eq!(home.summary.format, "movielens-1m");
    assert_eq!(
        home.titles(),
        [
            film(1, "Café du Port", Some(1962), "Comedy|Romance"),
            film(2, "Iron: \"Quoted\" Road", Some(1999), "Action"),
        ]
    );
    let users = home.catalogue().users;
    assert_eq!((users.len(), users[0].extra["gender"].as_str()), (3, "F"));
    assert_eq!(users[1].extra.get("zip_code"), None);
    assert!(
        users[2].extra.is_empty(),
        "a user who is not listed is known by events"
    );
    let rejects = [
        reject("movies.dat", 3, "fields"),
        reject("ratings.dat", 4, "unknown item"),
    ];
    assert_eq!(home.rejects(), rejects);
    assert_eq!(
        home.events().iter().map(|e| e.user).collect::<Vec<_>>(),
        [2, 3, 1]
    );
}

#[test]
fn movielens_100k_reads_flags_and_release_dates() {
    let home = Home::of(&data("movielens-100k"));
    assert_eq!(home.summary.format, "movielens-100k");
    assert_eq!(
        home.titles(),
        [
            film(1, "Winter Ferry", Some(1995), "Animation|Children's|Comedy"),
            film(2, "Étoile filante", Some(1996), ""),
            film(3, "No Date", None, "Drama"),
        ]
    );
    assert_eq!(home.catalogue().items[0].extra["release_date"], "01-Jan-1995");
    assert_eq!(home.catalogue().users[1].extra["occupation"], "other");
    assert_eq!(home.rejects(), [reject("u.data", 3, "range")]);
    assert_eq!(home.events().len(), 2);
}

#[test]
fn recbole_text_ids_become_dense_and_keep_their_key() {
    let home = Home::of(&data("recbole"));
    assert_eq!(home.summary.format, "recbole");
    assert_eq!(
        home.titles(),
        [
            film(1, "Quiet Bay", Some(1995), "Drama|Romance"),
            film(2, "Loud Bay", Some(2003), "Comedy")
        ]
    );
    let catalogue = home.catalogue();
    assert_eq!(catalogue.items[1].key.as_deref(), Some("b8"));
    assert_eq!(catalogue.items[0].extra["price"], "3.5");
    let keys: Vec<_> = catalogue
        .users
        .iter()
        .map(|user| (user.id, user.key.as_deref()))
        .collect();
    assert_eq!(keys, [(1, Some("bert")), (2, Some("anna"))]);
    let events = home.events();
    assert_eq!(
        seconds(&events),
        [
            (50, 1, 1, 1, Some(2.0)),
            (100, 2, 2, 1, Some(4.0)),
            (101, 3, 2, 2, Some(5.0))
        ]
    );
    assert_eq!(events[1].time, 100_500_000);
    assert_eq!(home.rejects(), [reject("tiny.inter", 5, "unknown item")]);
}

#[test]
fn recbole_without_ratings_and_times_keeps_ids_and_order_and_says_so() {
    let home = Home::of(&data("recbole-bare"));
    let events = home.events();
    let seen: Vec<_> = events
        .iter()
        .map(|e| (e.time, e.user, e.item, e.kind.as_str(), e.value))
        .collect();
    let kind = "interaction";
    assert_eq!(
        seen,
        [
            (1, 5, 7, kind, None),
            (2, 4, 7, kind, None),
            (3, 5, 8, kind, None)
        ]
    );
    assert_eq!(home.titles()[0], film(7, "7", None, ""));
    assert!(
        home.summary.notes[0].contains("no times"),
        "{:?}",
        home.summary.notes
    );
}

#[test]
fn sparrow_samples_give_events_and_a_catalogue_plain_or_packed() {
    let home = Home::of(&data("sparrow"));
    assert_eq!(home.summary.format, "sparrow-samples");
    assert_eq!(
        home.titles(),
        [
            film(11, "11", Some(1984), "Action|Drama"),
            film(12, "12", None, "Comedy")
        ]
    );
    let expected = [
        (900, 1, 6, 11, Some(4.0)),
        (1000, 2, 5, 11, Some(3.5)),
        (1100, 3, 5, 12, Some(2.0)),
    ];
    assert_eq!(seconds(&home.events()), expected);
    assert_eq!(home.rejects(), [reject("testSamples.csv.gz", 3, "range")]);
    let one = Home::of(&data("sparrow/testSamples.csv.gz"));
    assert_eq!((one.summary.events, one.summary.items), (1, 1));
}

#[test]
fn a_mapping_reads_text_json_and_packed_files() {
    let home = Home::of(&data("mapping"));
    assert_eq!(home.summary.format, "mapping");
    assert_eq!(
        home.titles(),
        [
            film(1, "Crème; large", None, "dairy|cold"),
            film(2, "Bread", None, "")
        ]
    );
    let catalogue = home.catalogue();
    assert_eq!(catalogue.items[0].key.as_deref(), Some("A-1"));
    assert_eq!(catalogue.items[0].extra["brand"], "Muh");
    let users: Vec<_> = catalogue
        .users
        .iter()
        .map(|user| (user.id, user.extra.get("age").cloned()))
        .collect();
    assert_eq!(users, [(7, Some("35-44".to_owned())), (8, None), (9, None)]);
    let events = home.events();
    let seen: Vec<_> = events
        .iter()
        .map(|e| (e.user, e.item, e.kind.as_str(), e.value, e.context.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            (9, 2, "return", None, None),
            (7, 1, "purchase", Some(2.5), Some("north"))
        ]
    );
    assert_eq!(events[0].time, 1_483_261_200_000_000);
    assert_eq!(
        home.rejects(),
        [
            reject("households.jsonl", 3, "missing"),
            reject("households.jsonl", 4, "json"),
            reject("purchases.tsv.gz", 4, "time"),
            reject("purchases.tsv.gz", 5, "range"),
            reject("purchases.tsv.gz", 6, "unknown item"),
        ]
    );
}

#[test]
fn a_mapping_reads_parquet_with_typed_times_and_adds_unknown_items() {
    let source = tempfile::tempdir().unwrap();
    let events = Table::new(vec![
        (
            "when".into(),
            Column::Time(vec![Some(5_000_000), Some(4_000_000), None]),
        ),
        ("who".into(), Column::Int(vec![Some(3), Some(3), Some(3)])),
        ("what".into(), Column::Int(vec![Some(70), Some(80), Some(80)])),
        ("price".into(), Column::Float(vec![Some(1.25), None, None])),
    ]);
    parquet::write(&source.path().join("e.parquet"), &events.unwrap(), &[]).unwrap();
    std::fs::write(source.path().join("i.csv"), "id,title\n80,Bread (2001)\n").unwrap();
    let mapping = "format = 1\n[items]\nfile = \"i.csv\"\nid = \"id\"\ntitle = \"title\"\n\
        [events]\nfile = \"e.parquet\"\nuser = \"who\"\nitem = \"what\"\ntime = \"when\"\nvalue = \"price\"\n\
        unknown_items = \"add\"\n";
    let path = source.path().join("shop.toml");
    std::fs::write(&path, mapping).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = ImportOptions {
        mapping: Some(path),
        ..options(source.path(), folder.path())
    };
    let summary = import(&options, &Progress::silent()).unwrap();
    let home = Home { folder, summary };
    assert_eq!(
        seconds(&home.events()),
        [(4, 1, 3, 80, None), (5, 2, 3, 70, Some(1.25))]
    );
    assert_eq!(
        home.titles(),
        [film(70, "70", None, ""), film(80, "Bread", Some(2001), "")]
    );
    assert_eq!(home.rejects(), [reject("e.parquet", 3, "missing")]);
}

#[test]
fn the_reference_mapping_is_read_and_shows_every_key() {
    let path = repository("config/mapping.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let mapping: Mapping = rankine_config::parse(&text, "mapping.toml").unwrap();
    let (items, users) = (mapping.items.unwrap(), mapping.users.unwrap());
    assert_eq!(items.text.unwrap().columns.unwrap().len(), 7);
    assert_eq!((items.extra.len(), users.extra.len()), (1, 2));
    let events = mapping.events;
    assert_eq!(
        (events.time_unit, events.unknown_items),
        (TimeUnit::Iso8601, UnknownItems::Reject)
    );
    assert!(events.kind_column.is_some() && events.context.is_some() && events.range.is_some());
    assert!(items.imdb_id.is_some() && items.tmdb_id.is_some() && items.year.is_some());
}

#[test]
fn faults_of_a_mapping_are_all_told_with_their_lines() {
    let source = tempfile::tempdir().unwrap();
    let mapping = "format = 1\n[events]\nfiel = \"e.csv\"\nuser = 3\nitem = \"i\"\ntime = \"t\"\n";
    std::fs::write(source.path().join("mapping.toml"), mapping).unwrap();
    let home = tempfile::tempdir().unwrap();
    let text = fail(&options(source.path(), home.path())).to_string();
    assert!(
        text.contains("mapping.toml:3:1: ") && text.contains("`file`"),
        "{text}"
    );
    assert!(text.contains("mapping.toml:4:"), "{text}");
    std::fs::write(
        source.path().join("mapping.toml"),
        "format = 2\nevents = { file = \"e.csv\", user = \"u\", item = \"i\", time = \"t\", range = [5.0, 1.0] }\n",
    )
    .unwrap();
    let text = fail(&options(source.path(), home.path())).to_string();
    for part in [
        ":1:10: expected format 1, got 2",
        ":2:72: expected [lowest, highest], got [5, 1]",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_data_set_in_the_only_folder_of_a_folder_is_found() {
    let source = tempfile::tempdir().unwrap();
    let inner = source.path().join("ml-tiny");
    std::fs::create_dir(&inner).unwrap();
    for entry in std::fs::read_dir(data("movielens-csv")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), inner.join(entry.file_name())).unwrap();
    }
    let home = Home::of(source.path());
    assert_eq!(describe::describe(home.path()).unwrap().pairs, 4);
}

#[test]
fn a_folder_of_no_known_format_is_told_what_was_looked_for_and_found() {
    let source = tempfile::tempdir().unwrap();
    std::fs::write(source.path().join("movies.csv"), "").unwrap();
    std::fs::write(source.path().join("notes.txt"), "").unwrap();
    let home = tempfile::tempdir().unwrap();
    let text = fail(&options(source.path(), home.path())).to_string();
    assert!(
        text.contains("movies.csv and ratings.csv (movielens-csv)"),
        "{text}"
    );
    assert!(text.ends_with("found movies.csv, notes.txt"), "{text}");
    for format in formats() {
        assert!(
            text.contains(&format!("({format})")),
            "{format} is not in: {text}"
        );
    }
    let wrong = ImportOptions {
        format: Some("recbole".into()),
        ..options(&data("movielens-csv"), home.path())
    };
    assert!(
        fail(&wrong)
            .to_string()
            .contains("not in format `recbole`, which needs one .inter file")
    );
    let unknown = ImportOptions {
        format: Some("xlsx".into()),
        ..options(&data("movielens-csv"), home.path())
    };
    assert!(
        fail(&unknown)
            .to_string()
            .contains("one of the names mapping, movielens-csv")
    );
    let absent = options(Path::new("/absent/folder"), home.path());
    assert!(
        fail(&absent)
            .to_string()
            .starts_with("/absent/folder: cannot open")
    );
}

#[test]
fn a_header_without_a_needed_column_stops_the_import() {
    let source = tempfile::tempdir().unwrap();
    std::fs::write(source.path().join("movies.csv"), "movieId,name,genres\n1,a,b\n").unwrap();
    std::fs::write(
        source.path().join("ratings.csv"),
        "userId,movieId,rating,timestamp\n",
    )
    .unwrap();
    let home = tempfile::tempdir().unwrap();
    let text = fail(&options(source.path(), home.path())).to_string();
    assert!(
        text.ends_with("movies.csv:1: column `title` is missing; there are: movieId, name, genres"),
        "{text}"
    );
    assert!(!home.path().join("data/items.parquet").exists());
}

#[test]
fn strict_stops_at_the_first_bad_row_and_changes_nothing() {
    let home = Home::of(&data("sparrow"));
    let before = snapshot(home.path());
    let strict = ImportOptions {
        strict: true,
        ..options(&data("movielens-csv"), home.path())
    };
    let text = fail(&strict).to_string();
    assert!(
        text.ends_with("movies.csv:6: duplicate: item 20 is listed before"),
        "{text}"
    );
    assert_eq!(snapshot(home.path()), before);
    let clean = ImportOptions {
        strict: true,
        ..options(&data("recbole-bare"), home.path())
    };
    assert!(import(&clean, &Progress::silent()).unwrap().rejected.is_empty());
}

#[test]
fn importing_again_does_nothing_and_importing_afresh_gives_the_same_bytes() {
    let home = Home::of(&data("movielens-csv"));
    let before = snapshot(home.path());
    let again = import(&options(&data("movielens-csv"), home.path()), &Progress::silent()).unwrap();
    assert!(again.unchanged && !home.summary.unchanged);
    assert_eq!(again.hash, home.summary.hash);
    assert_eq!(snapshot(home.path()), before);
    let other = Home::of(&data("movielens-csv"));
    let bytes =
        |files: Vec<(PathBuf, Vec<u8>)>| files.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>();
    assert_eq!(bytes(snapshot(other.path())), bytes(before));
    let strict = ImportOptions {
        strict: true,
        ..options(&data("movielens-csv"), home.path())
    };
    assert!(
        fail(&strict).to_string().contains("duplicate"),
        "strict does not accept an import with rejects"
    );
}

#[test]
fn an_interrupted_import_is_not_announced_and_is_made_good_by_the_next() {
    let home = Home::of(&data("movielens-csv"));
    let whole = snapshot(home.path());
    let data_folder = home.path().join("data");
    std::fs::remove_file(data_folder.join("import.json")).unwrap();
    std::fs::remove_file(home.path().join("events/base-1.parquet")).unwrap();
    std::fs::write(data_folder.join(".items.parquet.writing-1-0"), "half").unwrap();
    assert_eq!(imported(home.path()).unwrap(), None);
    let again = import(&options(&data("movielens-csv"), home.path()), &Progress::silent()).unwrap();
    assert!(!again.unchanged);
    assert_eq!(snapshot(home.path()), whole);
}

#[test]
fn two_imports_into_one_home_do_not_meet() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("data")).unwrap();
    let lock = std::fs::File::create(home.path().join("data/.import.lock")).unwrap();
    lock.lock().unwrap();
    let error = fail(&options(&data("sparrow"), home.path()));
    assert!(matches!(error, PipelineError::Busy { .. }), "{error}");
    drop(lock);
    assert!(import(&options(&data("sparrow"), home.path()), &Progress::silent()).is_ok());
}

#[test]
fn the_bundled_movielens_is_imported_whole() {
    let source = repository("data/movielens-small");
    let home = Home::of(&source);
    let counts = (home.summary.users, home.summary.items, home.summary.events);
    assert_eq!(counts, (671, 9_066, 100_004));
    assert!(home.summary.rejected.is_empty(), "{:?}", home.summary.rejected);
    let catalogue = home.catalogue();
    let (mut commas, mut quotes, mut compared) = (0, 0, 0);
    for record in csv::Reader::from_path(source.join("movies.csv"))
        .unwrap()
        .records()
    {
        let record = record.unwrap();
        let item = catalogue.item(record[0].parse().unwrap()).unwrap();
        commas += usize::from(record[1].contains(','));
        quotes += usize::from(record[1].contains('"'));
        let (title, genres) = (record[1].trim(), item.genres.join("|"));
        assert!(title.starts_with(&item.title), "{title} became {}", item.title);
        let tail = &title[item.title.len()..];
        let year = item.release_year.map(|year| year.to_string()).unwrap_or_default();
        assert!(
            tail.is_empty() || tail.trim().starts_with(&format!("({year}")),
            "{title}: {tail}"
        );
        assert!(
            genres == record[2] || (genres.is_empty() && &record[2] == "(no genres listed)"),
            "{title}"
        );
        compared += 1;
    }
    assert_eq!((compared, commas, quotes), (9_066, 2_114, 2));
    let events = home.events();
    assert!(events.is_sorted_by(|a, b| (a.time, a.seq) < (b.time, b.seq)));
    assert_eq!((events[0].seq, events[100_003].seq), (1, 100_004));
    let sum: f64 = events.iter().filter_map(|event| event.value).sum();
    assert_eq!(sum, 354_375.0);
    let good = check::check(home.path()).unwrap();
    assert!(good.is_good(), "{}", good.text());
}

/// Writes files into a new folder.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn negative_ids_are_rejects_where_ids_are_numbers() {
    let csv = folder(&[
        (
            "movies.csv",
            "movieId,title,genres\n1,A (1995),Drama\n-2,B (1996),Drama\n",
        ),
        (
            "ratings.csv",
            "userId,movieId,rating,timestamp\n1,1,4.0,10\n-1,1,4.0,20\n1,-2,4.0,30\n0,1,3.0,40\n",
        ),
    ]);
    let home = Home::of(csv.path());
    assert_eq!(
        home.rejects(),
        [
            reject("movies.csv", 3, "range"),
            reject("ratings.csv", 3, "range"),
            reject("ratings.csv", 4, "range")
        ]
    );
    let rejects = std::fs::read_to_string(home.path().join("data/rejects.tsv")).unwrap();
    assert!(
        rejects.contains("user id: expected 0 or more, got -1"),
        "{rejects}"
    );
    let ids: Vec<_> = home
        .events()
        .iter()
        .map(|event| (event.user, event.item))
        .collect();
    assert_eq!(ids, [(1, 1), (0, 1)]);
}

#[test]
fn negative_ids_are_texts_where_ids_may_be_texts() {
    let atomic = folder(&[(
        "a.inter",
        "user_id:token\titem_id:token\ttimestamp:float\n5\t-9\t1\n-5\t7\t2\n5\t7\t3\n",
    )]);
    let home = Home::of(atomic.path());
    assert!(home.rejects().is_empty());
    let catalogue = home.catalogue();
    let keys = |ids: Vec<(i64, Option<String>)>| -> Vec<(i64, String)> {
        ids.into_iter().map(|(id, key)| (id, key.unwrap())).collect()
    };
    let own = |id: i64, key: &str| (id, key.to_owned());
    assert_eq!(
        keys(catalogue.items.into_iter().map(|i| (i.id, i.key)).collect()),
        [own(1, "-9"), own(2, "7")]
    );
    assert_eq!(
        keys(catalogue.users.into_iter().map(|u| (u.id, u.key)).collect()),
        [own(1, "5"), own(2, "-5")]
    );
    let ids: Vec<_> = home
        .events()
        .iter()
        .map(|event| (event.user, event.item))
        .collect();
    assert_eq!(ids, [(1, 1), (2, 2), (1, 2)]);
}

#[test]
fn check_of_a_good_import_counts_and_remarks() {
    let home = Home::of(&data("movielens-csv"));
    let report = check::check(home.path()).unwrap();
    assert!(report.is_good());
    let text = report.text();
    assert!(
        text.starts_with("4 items, 2 users, 4 events\n") && text.ends_with("good\n"),
        "{text}"
    );
    for remark in [
        "11  rows were rejected, see data/rejects.tsv (duplicate: 1",
        "1  items without year (item 40)",
        "2  items without imdb id (item 30)",
    ] {
        assert!(text.contains(remark), "{text}");
    }
    let sparrow = check::check(Home::of(&data("sparrow")).path()).unwrap();
    assert!(!sparrow.text().contains("imdb"));
}

#[test]
fn check_tells_files_that_do_not_belong_together() {
    let home = Home::of(&data("movielens-csv"));
    let mut events = home.events();
    (events[0].item, events[1].user) = (77, 88);
    let last = Event {
        seq: 9,
        ..events[3].clone()
    };
    events.push(last);
    events::save(&home.path().join("events/base-1.parquet"), &events).unwrap();
    let report = check::check(home.path()).unwrap();
    let faults: Vec<_> = report.findings.iter().filter(|f| f.fault).collect();
    let faults: Vec<_> = faults.iter().map(|f| (f.count, f.example.as_str())).collect();
    let expected = [(1, "events/base-1.parquet"), (1, "first 77"), (1, "first 88")];
    assert_eq!(faults, expected);
    let mut found = report.findings.iter();
    assert!(found.any(|f| f.what.starts_with("events repeat another") && f.count == 1));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["findings"][0]["fault"], true);
}

#[test]
fn check_tells_that_no_import_was_finished() {
    let home = Home::of(&data("movielens-csv"));
    std::fs::remove_file(home.path().join("data/import.json")).unwrap();
    let text = check::check(home.path()).unwrap().text();
    assert!(text.contains("no finished import"), "{text}");
    let empty = tempfile::tempdir().unwrap();
    let error = check::check(empty.path());
    assert!(matches!(error, Err(PipelineError::NotImported { .. })));
}

#[test]
fn describe_counts_what_was_imported_and_draws_it() {
    let home = Home::of(&data("movielens-csv"));
    let description = describe::describe(home.path()).unwrap();
    assert_eq!(
        (
            description.pairs,
            description.sparsity,
            description.ties,
            description.repeats
        ),
        (4, 0.5, 2, 0)
    );
    assert_eq!(description.first.as_deref(), Some("1970-01-01T00:15:00Z"));
    assert_eq!(description.per_user.max, 2);
    assert_eq!(description.mean_value, Some(3.25));
    assert_eq!(description.years, Some((1987, 2001)));
    assert_eq!(description.genres[0], ("Romance".to_owned(), 2));
    assert_eq!(description.missing["item.release_year"], 1);
    assert_eq!(description.top_items[0].title, "Harbour Lights");
    let text = description.text();
    assert!(text.contains("sparsity       50.00 % (4 pairs)"), "{text}");
    assert!(
        text.contains("      3.5 ████████████████████████████████████████ 1\n"),
        "{text}"
    );
    assert_eq!(
        serde_json::to_value(&description).unwrap()["values"][0]["events"],
        1
    );
}

/// Data rows of a file, counted apart from the import: lines that are not blank, but for the header of the formats with
/// one. None where a row may be more or less than a line: quotes may hold line ends, a lone return is one for some, a byte order mark is no cell.
fn data_rows(path: &Path) -> Option<u64> {
    let bytes = std::fs::read(path).unwrap();
    let returns = bytes.iter().zip(bytes.iter().skip(1).chain([&0]));
    if bytes.starts_with(b"\xef\xbb\xbf")
        || bytes.contains(&b'"')
        || returns
            .into_iter()
            .any(|(&byte, &next)| byte == b'\r' && next != b'\n')
    {
        return None;
    }
    let lines = bytes.split(|&byte| byte == b'\n');
    let rows = lines.filter(|line| !matches!(line, [] | [b'\r'])).count() as u64;
    let headed = ["csv", "inter", "item"].map(std::ffi::OsStr::new);
    let headed = path
        .extension()
        .is_some_and(|extension| headed.contains(&extension))
        && path.file_name().is_some_and(|name| name != "u.item");
    Some(rows.saturating_sub(u64::from(headed)))
}

/// Rows of the sources beside those taken (items and events; users are not listed here) and listed, where they differ.
fn unaccounted(source: &Path, home: &Home) -> Option<String> {
    let files = std::fs::read_dir(source).unwrap();
    let rows: Option<Vec<u64>> = files.map(|file| data_rows(&file.unwrap().path())).collect();
    let (rows, summary) = (rows?.iter().sum::<u64>(), &home.summary);
    let listed = home.rejects().len() as u64;
    (summary.items + summary.events + listed != rows).then(|| {
        format!(
            "{} items, {} events, {listed} rejects of {rows} rows",
            summary.items, summary.events
        )
    })
}

#[test]
fn every_row_of_every_format_is_taken_or_listed() {
    let good: [(&str, &str); 8] = [
        (
            "movies.csv",
            "movieId,title,genres\n1,A (1995),Drama\n\n2,B,Drama\n1,A,Drama\nx\n",
        ),
        (
            "ratings.csv",
            "userId,movieId,rating,timestamp\n1,1,4.0,10\n1,9,4.0,10\n1,2,9,10\n-1,2,4,10\n1,2,4\n",
        ),
        ("movies.dat", "1::A (1995)::Drama\n2::B::Drama\n1::A::Drama\nx\n"),
        (
            "ratings.dat",
            "1::1::4::10\n1::9::4::10\n\n1::2::9::10\n1::2::4\n",
        ),
        ("u.item", "1|A|||x|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\nx\n"),
        ("u.data", "1\t1\t4\t10\n1\t9\t4\t10\n"),
        ("a.item", "item_id:token\ttitle:token_seq\n1\tA\n1\tA\n2\tB\n"),
        (
            "a.inter",
            "user_id:token\titem_id:token\ttimestamp:float\n1\t1\t5\n1\t2\tx\n1\t9\t5\n1\n",
        ),
    ];
    for pair in good.chunks(2) {
        let source = folder(pair);
        let home = Home::of(source.path());
        assert_eq!(unaccounted(source.path(), &home), None, "{}", home.summary.format);
        let rows: u64 = pair
            .iter()
            .map(|(name, _)| data_rows(&source.path().join(name)).unwrap())
            .sum();
        assert!(rows > 3 || pair[0].0 == "u.item", "{rows} rows of {}", pair[0].0);
    }
}

/// Lines that look a little like the rows of every format, and a little not.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "1",
        "20",
        "3.5",
        "-7",
        "1e309",
        "9223372036854775808",
        "A (1995)",
        "(no genres listed)",
        "\"",
        ",",
        "::",
        "\t",
        "|",
        "\n",
        "\r\n",
        "{",
        "}",
        "\\",
        "\0",
        "movieId",
        "title",
        "genres",
        "userId",
        "rating",
        "timestamp",
        "user_id:token",
        "item_id:token",
        "rating:float",
        "timestamp:float",
        "\u{feff}",
    ]);
    let bytes = prop_oneof![9 => part.prop_map(|text| text.as_bytes().to_vec()), 1 => prop::collection::vec(any::<u8>(), 1..4)];
    prop::collection::vec(bytes, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn no_bytes_make_an_import_panic_and_every_row_is_taken_or_listed(first in noise(), second in noise()) {
        let layouts: [(&str, &str, &str, &str); 4] = [
            ("movies.csv", "movieId,title,genres\n", "ratings.csv", "userId,movieId,rating,timestamp\n"),
            ("movies.dat", "", "ratings.dat", ""),
            ("u.item", "", "u.data", ""),
            ("a.item", "item_id:token\ttitle:token_seq\n", "a.inter", "user_id:token\titem_id:token\n"),
        ];
        for (items, item_header, rows, row_header) in layouts {
            for headers in [true, false] {
                let source = tempfile::tempdir().unwrap();
                let with = |header: &str, body: &[u8]| [if headers { header.as_bytes() } else { b"" }, body].concat();
                std::fs::write(source.path().join(items), with(item_header, &first)).unwrap();
                std::fs::write(source.path().join(rows), with(row_header, &second)).unwrap();
                let folder = tempfile::tempdir().unwrap();
                let Ok(summary) = import(&options(source.path(), folder.path()), &Progress::silent()) else { continue };
                let home = Home { folder, summary };
                prop_assert_eq!(unaccounted(source.path(), &home), None);
                prop_assert_eq!(home.rejects().len() as u64, home.summary.rejected.values().sum::<u64>());
                prop_assert_eq!(home.events().len() as u64, home.summary.events);
                prop_assert!(check::check(home.path()).unwrap().is_good());
                prop_assert!(!describe::describe(home.path()).unwrap().text().is_empty());
            }
        }
    }
}

#[test]
fn one_spelling_of_an_id_is_as_good_as_another_where_ids_are_numbers() {
    let csv = folder(&[
        (
            "movies.csv",
            "movieId,title,genres\n50,A (1995),Drama\n06,B (1996),Drama\n6,C,Drama\n",
        ),
        (
            "ratings.csv",
            "userId,movieId,rating,timestamp\n7,50,4.0,10\n+7,6,4.0,20\n07,+06,4.0,30\n90,050,3.0,40\n",
        ),
    ]);
    let home = Home::of(csv.path());
    assert_eq!(home.rejects(), [reject("movies.csv", 4, "duplicate")]);
    let catalogue = home.catalogue();
    assert!(catalogue.items.iter().all(|item| item.key.is_none()));
    assert!(catalogue.users.iter().all(|user| user.key.is_none()));
    let ids: Vec<_> = home
        .events()
        .iter()
        .map(|event| (event.user, event.item))
        .collect();
    assert_eq!(ids, [(7, 50), (7, 6), (7, 6), (90, 50)]);
}

#[test]
fn one_spelling_of_an_id_is_as_good_as_another_in_sparrow_samples() {
    let header = "userId,movieId,rating,timestamp,releaseYear,movieGenre1,movieGenre2,movieGenre3,label,userRatedMovie1\n";
    let rows = "7,06,4.0,10,1995,Drama,,,1,\n+7,6,4.0,20,1995,Drama,,,1,\n";
    let samples = folder(&[("trainingSamples.csv", &format!("{header}{rows}"))]);
    let home = Home::of(samples.path());
    assert_eq!(home.summary.format, "sparrow-samples");
    let items = home.catalogue().items.into_iter();
    assert_eq!(
        items.map(|item| (item.id, item.key)).collect::<Vec<_>>(),
        [(6, None)]
    );
    let events = home.events();
    assert!(events.iter().all(|event| (event.user, event.item) == (7, 6)));
}

#[test]
fn live_events_outlive_an_interrupted_import_only_with_their_data() {
    let home = Home::of(&data("movielens-csv"));
    let log = home.path().join("events/live-1.log");
    std::fs::write(&log, b"kept").unwrap();
    let interrupt = || std::fs::remove_file(home.path().join("data/import.json")).unwrap();
    interrupt();
    import(&options(&data("movielens-csv"), home.path()), &Progress::silent()).unwrap();
    assert!(log.exists(), "the same data keeps its events");
    interrupt();
    import(&options(&data("movielens-1m"), home.path()), &Progress::silent()).unwrap();
    assert!(!log.exists(), "events of other data");
    let aside = format!("events/of-{}/live-1.log", home.summary.hash);
    assert_eq!(std::fs::read(home.path().join(aside)).unwrap(), b"kept");
}

#[test]
fn live_events_of_a_home_without_a_record_of_their_data_are_those_of_its_import() {
    let home = Home::of(&data("movielens-csv"));
    let (log, hash) = (
        home.path().join("events/live-1.log"),
        home.path().join("events/data-hash"),
    );
    std::fs::write(&log, b"kept").unwrap();
    std::fs::remove_file(&hash).unwrap();
    import(&options(&data("movielens-1m"), home.path()), &Progress::silent()).unwrap();
    let aside = format!("events/of-{}/live-1.log", home.summary.hash);
    assert_eq!(std::fs::read(home.path().join(aside)).unwrap(), b"kept");
    std::fs::write(&log, b"whose").unwrap();
    std::fs::remove_file(&hash).unwrap();
    std::fs::remove_file(home.path().join("data/import.json")).unwrap();
    import(&options(&data("movielens-csv"), home.path()), &Progress::silent()).unwrap();
    let aside = home.path().join("events/of-unknown/live-1.log");
    assert_eq!(std::fs::read(aside).unwrap(), b"whose");
}

#[test]
fn other_data_is_not_imported_under_a_running_server() {
    let home = Home::of(&data("movielens-csv"));
    let observer = Box::new(|_: &LogRecord| ());
    let (server, _) = EventLog::open(&home.path().join("events"), LogOptions::default(), observer).unwrap();
    let before = snapshot(home.path());
    let error = fail(&options(&data("movielens-1m"), home.path()));
    assert!(matches!(error, PipelineError::Serving { .. }), "{error}");
    assert!(
        error.to_string().contains("a server runs on this home"),
        "{error}"
    );
    assert_eq!(snapshot(home.path()), before);
    let same = import(&options(&data("movielens-csv"), home.path()), &Progress::silent()).unwrap();
    assert!(same.unchanged, "what is there already needs no change");
    drop(server);
    import(&options(&data("movielens-1m"), home.path()), &Progress::silent()).unwrap();
}

#[test]
fn live_events_of_other_data_are_set_aside() {
    let home = tempfile::tempdir().unwrap();
    let first: ImportSummary =
        import(&options(&data("movielens-csv"), home.path()), &Progress::silent()).unwrap();
    let log = home.path().join("events/live-1.log");
    std::fs::write(&log, b"kept").unwrap();
    import(&options(&data("movielens-csv"), home.path()), &Progress::silent()).unwrap();
    assert!(log.exists(), "the same data keeps its events");
    import(&options(&data("movielens-1m"), home.path()), &Progress::silent()).unwrap();
    let aside = home.path().join(format!("events/of-{}/live-1.log", first.hash));
    assert!(!log.exists());
    assert_eq!(std::fs::read(aside).unwrap(), b"kept");
}
