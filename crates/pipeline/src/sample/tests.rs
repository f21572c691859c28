//! Point-in-time correctness, live = replay, and samples written and read back.

use std::path::Path;

use proptest::prelude::*;
use rankine_feature::{Plan, Value};
use rankine_table::{Column, Table, parquet};

use super::*;
use crate::aggregate::tests::{catalogue, rating};
use crate::{AggregateConfig, Aggregates, Catalogue, Event, PipelineError};

/// All samples in one part.
const WHOLE: Split = Split::Random {
    seed: 0,
    valid: 0.0,
    test: 0.0,
};

fn config() -> AggregateConfig {
    AggregateConfig {
        window: 6,
        history: 4,
        ..AggregateConfig::default()
    }
}

fn build(events: &[Event]) -> Samples {
    build_samples(&catalogue(9), events, &config(), &WHOLE).unwrap()
}

fn cell(column: &Column, row: usize) -> Value {
    let value = match column {
        Column::Int(rows) => rows[row].map(Value::Int),
        Column::Float(rows) => rows[row].map(Value::Float),
        Column::Time(rows) => rows[row].map(Value::Time),
        Column::Text(rows) => rows[row].as_deref().map(Value::str),
        Column::Ints(rows) => rows[row].as_deref().map(Value::ints),
        Column::Texts(rows) => rows[row].as_deref().map(Value::strs),
        Column::Bool(_)
        | Column::Floats(_)
        | Column::Weighted(_)
        | Column::Signs(_)
        | Column::Vector { .. } => {
            panic!("no sample column is {:?}", column.kind())
        }
    };
    value.unwrap_or_default()
}

/// The features of a sample: all its columns but label, weight, time and rating.
fn features(table: &Table, row: usize) -> Vec<Value> {
    let fields = table.columns.len() - 4;
    table.columns[..fields]
        .iter()
        .map(|(_, column)| cell(column, row))
        .collect()
}

fn value(table: &Table, name: &str, row: usize) -> Value {
    cell(table.column(name).unwrap(), row)
}

/// The features of the sample made of event `(time, seq)`.
fn features_of(events: &[Event], time: i64, seq: u64) -> Vec<Value> {
    let mut ordered: Vec<(i64, u64)> = events.iter().map(|event| (event.time, event.seq)).collect();
    ordered.sort_unstable();
    let row = ordered.iter().position(|at| *at == (time, seq)).unwrap();
    features(&build(events).train, row)
}

prop_compose! {
    /// Rated events with many ties: few users, items and instants.
    fn some_events(most: usize)(
        picks in prop::collection::vec((0..10_i64, 1..4_i64, 1..10_i64, 1..=10_u8), 1..most),
    ) -> Vec<Event> {
        let event = |(seq, (time, user, item, half)): (u64, (i64, i64, i64, u8))| {
            rating(time, seq, user, item, f64::from(half) / 2.0)
        };
        (1..).zip(picks).map(event).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever happens at or after a sample's time (other events deleted, changed, invented; its own rating
    /// changed), its features stay.
    #[test]
    fn no_feature_depends_on_an_event_at_or_after_its_time(
        events in some_events(40),
        others in some_events(20),
        pick in any::<prop::sample::Index>(),
        own in 1..=10_u8,
    ) {
        let sample = pick.get(&events).clone();
        let mut changed: Vec<Event> = events.iter().filter(|e| e.time < sample.time).cloned().collect();
        changed.push(Event { value: Some(f64::from(own) / 2.0), ..sample.clone() });
        changed.extend(others.into_iter().map(|event| Event {
            time: sample.time + event.time,
            seq: event.seq + 1000,
            ..event
        }));
        let before = features_of(&events, sample.time, sample.seq);
        prop_assert_eq!(before, features_of(&changed, sample.time, sample.seq));
    }

    /// The order of events within a sample's instant does not reach its features.
    #[test]
    fn the_order_within_an_instant_does_not_matter_to_it(
        events in some_events(40),
        pick in any::<prop::sample::Index>(),
    ) {
        let sample = pick.get(&events).clone();
        let turned: Vec<Event> = events
            .iter()
            .map(|event| match event.time == sample.time {
                true => Event { seq: 1_000_000 - event.seq, ..event.clone() },
                false => event.clone(),
            })
            .collect();
        let before = features_of(&events, sample.time, sample.seq);
        prop_assert_eq!(before, features_of(&turned, sample.time, 1_000_000 - sample.seq));
    }

    /// Events are taken by (time, seq), in whatever order they come.
    #[test]
    fn the_order_of_the_input_does_not_matter(events in some_events(40).prop_flat_map(|e| {
        (Just(e.clone()), Just(e).prop_shuffle())
    })) {
        let (events, shuffled) = events;
        let (a, b) = (build(&events), build(&shuffled));
        prop_assert_eq!(&a.train, &b.train);
        prop_assert_eq!(a.report.train, b.report.train);
    }

    /// What the server reads just before it observes a live event is what the sample of that event holds.
    #[test]
    fn live_one_by_one_equals_replay(events in some_events(40)) {
        // The log gives live events strictly increasing times.
        let events: Vec<Event> =
            (1..).zip(events).map(|(time, event)| Event { time, ..event }).collect();
        let samples = build(&events);
        let mut live = Aggregates::new(&catalogue(9), config());
        for (row, event) in events.iter().enumerate() {
            let mut read = live.user_row(event.user);
            read.extend(live.item_row(event.item));
            read.extend(Aggregates::context_row(event.time));
            prop_assert_eq!(read, features(&samples.train, row));
            live.observe(event);
        }
    }
}

#[test]
fn a_worked_sample() {
    let mut events = vec![
        rating(10, 1, 1, 4, 4.0),
        rating(20, 2, 1, 1, 3.0),
        rating(20, 3, 2, 4, 5.0),
        rating(30, 4, 1, 3, 3.5),
    ];
    events.insert(
        2,
        Event {
            value: None,
            kind: "click".into(),
            ..rating(25, 9, 1, 2, 0.0)
        },
    );
    let table = build(&events).train;
    assert_eq!(table.rows(), 4, "a click is no sample");
    // Events 2 and 3 share an instant: 3 sees the rating of film 4 at 10, not the one of its own instant.
    assert_eq!(value(&table, "movieRatingCount", 2), Value::Int(1));
    assert_eq!(value(&table, "userRatingCount", 2), Value::Int(0));
    // Event 4 sees ratings of 4 and 3, and the click.
    assert_eq!(value(&table, "userHistory", 3), Value::ints(&[2, 4]));
    assert_eq!(value(&table, "userAvgRating", 3), Value::Float(3.5));
    assert_eq!(value(&table, "userLastTime", 3), Value::Time(25));
    assert_eq!(value(&table, "movieRatingCount", 3), Value::Int(0));
    let labels: Vec<Value> = (0..4).map(|row| value(&table, "label", row)).collect();
    assert_eq!(labels, [1.0, 0.0, 1.0, 1.0].map(Value::Float));
    assert_eq!(value(&table, "timestamp", 3), value(&table, "time", 3));
    assert_eq!(value(&table, "rating", 1), Value::Float(3.0));
    assert_eq!(value(&table, "weight", 1), Value::Float(1.0));
}

#[test]
fn written_samples_are_the_built_ones() {
    let folder = tempfile::tempdir().unwrap();
    let events: Vec<Event> = (0..200)
        .map(|n| {
            rating(
                n / 2,
                n.cast_unsigned(),
                1 + n % 3,
                1 + n % 8,
                1.0 + (n % 5) as f64,
            )
        })
        .collect();
    let split = Split::default();
    let samples = build_samples(&catalogue(9), &events, &config(), &split).unwrap();
    let report = write_samples(&catalogue(9), &events, &config(), &split, folder.path()).unwrap();
    let names: Vec<&str> = report.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["train.parquet", "valid.parquet", "test.parquet"]);
    let without = SplitReport {
        files: Vec::new(),
        ..report.clone()
    };
    assert_eq!(without, samples.report);
    assert_eq!(SplitReport::load(folder.path()), Some(report.clone()));
    assert_eq!(
        report.input,
        input_hash(&catalogue(9), &events, &config(), &split)
    );
    assert_ne!(
        report.input,
        input_hash(&catalogue(9), &events[1..], &config(), &split)
    );
    for ((part, name), built) in PARTS.iter().zip([&samples.train, &samples.valid, &samples.test]) {
        let (table, metadata) = parquet::read(&folder.path().join(format!("{name}.parquet"))).unwrap();
        assert_eq!(&table, built);
        assert_eq!(table.rows() as u64, report.part(*part).rows);
        assert!(
            metadata
                .iter()
                .any(|(key, text)| key == "rankine.schema" && text.contains("userGenre5"))
        );
    }
    let counts = [&report.train, &report.valid, &report.test].map(|part| (part.rows, part.cold_user_rows));
    assert_eq!(counts.map(|(rows, _)| rows).iter().sum::<u64>(), 200);
    assert!(
        counts.iter().all(|(rows, cold)| *rows > 0 && *cold == 0),
        "{counts:?}"
    );
}

#[test]
fn damage_to_a_part_is_named_with_expected_and_got() {
    let folder = tempfile::tempdir().unwrap();
    let events: Vec<Event> = (0..40).map(|n| rating(n, 1, 1 + n % 3, 1 + n % 8, 4.0)).collect();
    let report = write_samples(
        &catalogue(9),
        &events,
        &config(),
        &Split::default(),
        folder.path(),
    )
    .unwrap();
    report.verify(folder.path()).unwrap();
    for file in &report.files {
        let path = folder.path().join(&file.name);
        let whole = std::fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        let damages = [
            (Some(flipped), format!("{} bytes", file.bytes)),
            (
                Some(whole[..whole.len() - 1].to_vec()),
                format!("{} bytes", file.bytes - 1),
            ),
            (None, "no file".to_owned()),
        ];
        for (bytes, got) in damages {
            match bytes {
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            let error = report.verify(folder.path()).unwrap_err().to_string();
            let expected = format!("expected {} bytes, xxh3 {}, got {got}", file.bytes, file.xxh3_128);
            assert!(
                error.starts_with(&path.display().to_string()) && error.contains(&expected),
                "{error}"
            );
        }
        std::fs::write(&path, whole).unwrap();
    }
    let old = SplitReport {
        files: Vec::new(),
        ..report
    };
    assert!(
        old.verify(folder.path()).is_err(),
        "a record without files proves nothing"
    );
}

#[test]
fn a_failed_build_leaves_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let events = [rating(1, 1, 1, 1, 4.0)];
    write_samples(&catalogue(9), &events, &config(), &WHOLE, folder.path()).unwrap();
    std::fs::remove_file(folder.path().join("test.parquet")).unwrap();
    std::fs::create_dir_all(folder.path().join("test.parquet/in-the-way")).unwrap();
    assert!(write_samples(&catalogue(9), &events, &config(), &WHOLE, folder.path()).is_err());
    assert_eq!(SplitReport::load(folder.path()), None);
    let bad = Split::GlobalTime {
        valid: 0.5,
        test: 0.6,
    };
    let error = write_samples(&catalogue(9), &events, &config(), &bad, folder.path()).unwrap_err();
    assert!(error.to_string().contains("together less than 1"), "{error}");
}

/// A conf of a few of SparrowRecSys's fields.
const CONF: &str = r#"
format = 1
name = "few"
schema.user = [{ name = "userId", type = "int" }, { name = "userGenre1", type = "string" }]
schema.item = [{ name = "movieId", type = "int" }, { name = "movieAvgRating", type = "float" }]
schema.context = [{ name = "timestamp", type = "timestamp" }]
sample = { label = ["label"], time = "timestamp", group = "userId" }
[[feature]]
name = "user"
class = "id"
slot = 1
depend = ["userId"]
"#;

fn plan() -> Plan {
    Plan::compile(CONF, "few.toml", None).unwrap()
}

fn open(path: &Path, options: &SampleOptions) -> Result<SampleReader, PipelineError> {
    let plan = plan();
    SampleReader::open(path, plan.schema(), plan.sample_spec(), options)
}

fn read_all(reader: &mut SampleReader) -> Vec<SampleRow> {
    let mut rows = Vec::new();
    while reader.next(&mut rows, 3).unwrap() > 0 {}
    rows
}

/// SparrowRecSys's layout (a subset of its columns), hand-made.
const SPARROW: &str = "\
movieId,userId,rating,timestamp,label,movieAvgRating,userGenre1\n\
4,7,3.5,1345077438,1,4.00,Drama\n\
2,7,1.0,1345077439,0,,\"Sci-Fi, \"\"soft\"\"\"\n";

fn sparrow_rows() -> Vec<SampleRow> {
    let first = SampleRow {
        user: vec![Value::Int(7), Value::str("Drama")],
        item: vec![Value::Int(4), Value::Float(4.0)],
        context: vec![Value::Time(1_345_077_438_000_000)],
        label: 1.0,
        others: Vec::new(),
        weight: 1.0,
        time: 1_345_077_438_000_000,
        group: 7,
        item_id: 4,
    };
    let second = SampleRow {
        user: vec![Value::Int(7), Value::str("Sci-Fi, \"soft\"")],
        item: vec![Value::Int(2), Value::Missing],
        context: vec![Value::Time(1_345_077_439_000_000)],
        label: 0.0,
        time: 1_345_077_439_000_000,
        item_id: 2,
        ..first.clone()
    };
    vec![first, second]
}

#[test]
fn csv_samples_are_read_twice_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.csv");
    std::fs::write(&path, SPARROW).unwrap();
    let options = SampleOptions {
        time_unit: TimeUnit::Seconds,
        ..SampleOptions::default()
    };
    let mut reader = open(&path, &options).unwrap();
    assert_eq!(read_all(&mut reader), sparrow_rows());
    assert_eq!(reader.next(&mut Vec::new(), 5).unwrap(), 0);
    reader.rewind().unwrap();
    assert_eq!(read_all(&mut reader), sparrow_rows());
    assert_eq!(reader.len_hint(), None);
}

/// The column `item` was taken for an id, and every row refused.
#[test]
fn an_item_that_is_a_vector_has_no_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors.parquet");
    let vector = |rows: [[f32; 2]; 2]| Column::Vector {
        width: 2,
        rows: rows.iter().map(|row| Some(row.to_vec())).collect(),
    };
    let columns = vec![
        ("label".to_owned(), Column::Float(vec![Some(1.0), Some(0.0)])),
        ("user".to_owned(), vector([[1.0, 2.0], [3.0, 4.0]])),
        ("item".to_owned(), vector([[5.0, 6.0], [7.0, 8.0]])),
    ];
    parquet::write(&path, &Table::new(columns).unwrap(), &[]).unwrap();
    let conf = "format = 1\nname = \"v\"\nschema.user = [{ name = \"user\", type = \"vector<2>\" }]\n\
                schema.item = [{ name = \"item\", type = \"vector<2>\" }]\nsample = { label = [\"label\"] }\n";
    let plan = Plan::compile(conf, "v.toml", None).unwrap();
    let options = SampleOptions::default();
    let mut reader = SampleReader::open(&path, plan.schema(), plan.sample_spec(), &options).unwrap();
    let rows = read_all(&mut reader);
    assert_eq!((rows.len(), rows[1].item_id), (2, 0));
    assert_eq!(rows[1].item, [Value::vector(&[7.0, 8.0])]);
}

#[test]
fn further_labels_follow_the_first_in_the_order_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.csv");
    std::fs::write(&path, "movieId,buy,click,label\n4,0,1,1\n2,1,0,0.5\n").unwrap();
    let conf = "format = 1\nname = \"c\"\nschema.item = [{ name = \"movieId\", type = \"int\" }]\n";
    let plan = Plan::compile(conf, "c.toml", None).unwrap();
    let schema = plan.schema();
    let spec = rankine_feature::SampleSpec {
        label: ["label", "buy", "click"].map(str::to_owned).to_vec(),
        ..rankine_feature::SampleSpec::default()
    };
    let options = SampleOptions {
        labels: Some((0.0, 1.0)),
        ..SampleOptions::default()
    };
    let mut reader = SampleReader::open(&path, schema, &spec, &options).unwrap();
    let rows: Vec<_> = read_all(&mut reader)
        .into_iter()
        .map(|row| (row.label, row.others))
        .collect();
    assert_eq!(rows, [(1.0, vec![0.0, 1.0]), (0.5, vec![1.0, 0.0])]);
    std::fs::write(&path, "movieId,buy,click,label\n4,0,3,1\n").unwrap();
    let error = SampleReader::open(&path, schema, &spec, &options)
        .unwrap()
        .next(&mut Vec::new(), 1);
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("click") && error.contains("from 0 to 1"),
        "{error}"
    );
}

#[test]
fn weights_and_floats_that_are_no_numbers_to_learn_from_are_told_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.csv");
    let conf = "format = 1\nname = \"c\"\nsample = { label = [\"label\"], weight = \"w\" }\n\
                schema.item = [{ name = \"movieId\", type = \"int\" }, { name = \"x\", type = \"float\" }, \
                { name = \"l\", type = \"list<float>\" }]\n";
    let plan = Plan::compile(conf, "c.toml", None).unwrap();
    let read = |row: &str| {
        std::fs::write(
            &path,
            format!("movieId,label,w,x,l\n1,1,0,NaN,\"1,NaN\"\n{row}\n"),
        )
        .unwrap();
        let options = SampleOptions::default();
        let mut reader = SampleReader::open(&path, plan.schema(), plan.sample_spec(), &options).unwrap();
        assert_eq!(reader.next(&mut Vec::new(), 1).unwrap(), 1);
        reader.next(&mut Vec::new(), 1).map_err(|error| error.to_string())
    };
    assert_eq!(read("1,1,0.5,-3e38,2"), Ok(1));
    for (row, field, reason) in [
        (
            "1,1,-5,2,2",
            "w",
            "expected a weight that is not negative, got -5",
        ),
        ("1,1,1e39,2,2", "w", "expected a finite number, got 1e39"),
        ("1,1,,2,2", "w", "expected a finite number, got a missing value"),
        ("1,1e39,1,2,2", "label", "expected a finite number, got 1e39"),
        ("1,1,1,inf,2", "x", "expected finite numbers, got inf"),
        ("1,1,1,-1e39,2", "x", "expected finite numbers, got -1e39"),
        ("1,1,1,2,\"2,-inf\"", "l", "expected finite numbers, got -inf"),
    ] {
        let error = read(row).unwrap_err();
        let place = error.contains("samples.csv") && error.contains('3') && error.contains(field);
        assert!(place && error.contains(reason), "{error}");
    }
}

#[test]
fn json_lines_and_text_without_a_header_are_the_same_samples() {
    let folder = tempfile::tempdir().unwrap();
    let options = SampleOptions {
        time_unit: TimeUnit::Seconds,
        ..SampleOptions::default()
    };
    let path = folder.path().join("samples.jsonl.gz");
    let lines = concat!(
        r#"{"movieId": 4, "userId": "7", "timestamp": 1345077438, "label": true, "movieAvgRating": 4, "userGenre1": "Drama"}"#,
        "\n\n",
        r#"{"userGenre1": "Sci-Fi, \"soft\"", "movieId": 2, "userId": 7, "timestamp": 1345077439, "label": 0, "movieAvgRating": null}"#,
    );
    let mut file = rankine_table::stream::OutputFile::create(&path).unwrap();
    std::io::Write::write_all(&mut file, lines.as_bytes()).unwrap();
    file.commit().unwrap();
    let mut reader = open(&path, &options).unwrap();
    assert_eq!(read_all(&mut reader), sparrow_rows());
    reader.rewind().unwrap();
    assert_eq!(read_all(&mut reader), sparrow_rows());
    let path = folder.path().join("samples.csv");
    let (header, rows) = SPARROW.split_once('\n').unwrap();
    std::fs::write(&path, rows).unwrap();
    let options = SampleOptions {
        columns: Some(header.split(',').map(str::to_owned).collect()),
        ..options
    };
    assert_eq!(read_all(&mut open(&path, &options).unwrap()), sparrow_rows());
}

#[test]
fn broken_rows_are_left_out_and_told_with_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.csv");
    let text = SPARROW.replace("\n2,", "\nx,7,1,1,1,1,a\n1,2\n2,") + "9,7,1,1,what,,\n";
    std::fs::write(&path, text).unwrap();
    let options = SampleOptions {
        time_unit: TimeUnit::Seconds,
        ..SampleOptions::default()
    };
    let strict = open(&path, &options)
        .unwrap()
        .next(&mut Vec::new(), 9)
        .unwrap_err();
    assert!(strict.to_string().contains('3'), "{strict}");
    let list = folder.path().join("rejects.tsv");
    let left_out = rankine_table::LeftOut::listed_in(&list);
    let mut reader = open(&path, &options).unwrap().leaving_out(left_out.of(&path));
    for _ in 0..2 {
        reader.rewind().unwrap();
        assert_eq!(read_all(&mut reader), sparrow_rows());
    }
    let text = std::fs::read_to_string(list).unwrap();
    let listed: Vec<Vec<&str>> = text.lines().skip(1).map(|l| l.split('\t').collect()).collect();
    let lines: Vec<_> = listed.iter().map(|cells| (cells[1], cells[2])).collect();
    assert_eq!(lines, [("3", "cell"), ("4", "fields"), ("6", "cell")]);
    assert!(listed[2][3].contains("field label"), "{text}");
    let rows = &left_out.files()[0];
    let all = sparrow_rows().len() as u64 + 3;
    assert_eq!((rows.left_out, rows.rows, rows.line), (3, all, 3));
}

#[test]
fn parquet_samples_read_as_they_were_built() {
    let folder = tempfile::tempdir().unwrap();
    let events: Vec<Event> = (0..20_000)
        .map(|n| rating(n, n.cast_unsigned(), 1 + n % 3, 1 + n % 8, 1.0 + (n % 5) as f64))
        .collect();
    write_samples(&catalogue(9), &events, &config(), &WHOLE, folder.path()).unwrap();
    let mut reader = open(&folder.path().join("train.parquet"), &SampleOptions::default()).unwrap();
    assert_eq!(reader.len_hint(), Some(20_000));
    let rows = read_all(&mut reader);
    reader.rewind().unwrap();
    assert_eq!(read_all(&mut reader), rows);
    let table = build(&events).train;
    assert_eq!(rows.len(), 20_000);
    for (at, row) in rows.iter().enumerate().step_by(313) {
        assert_eq!(
            row.user,
            ["userId", "userGenre1"].map(|name| value(&table, name, at))
        );
        assert_eq!(
            row.item,
            ["movieId", "movieAvgRating"].map(|name| value(&table, name, at))
        );
        assert_eq!(Value::Float(f64::from(row.label)), value(&table, "label", at));
        assert_eq!(
            (row.time, Value::Int(row.item_id)),
            (events[at].time, value(&table, "movieId", at))
        );
    }
}

#[test]
fn a_missing_column_is_named_unless_it_is_optional() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.csv");
    std::fs::write(
        &path,
        "movieId,userId,timestamp,label,movieAvgRating\n4,7,1,1,4.0\n",
    )
    .unwrap();
    let error = open(&path, &SampleOptions::default()).err().unwrap().to_string();
    assert!(
        error.contains("samples.csv: no column `userGenre1` (a field of the conf)"),
        "{error}"
    );
    let options = SampleOptions {
        optional: vec!["userGenre1".into()],
        ..SampleOptions::default()
    };
    let rows = read_all(&mut open(&path, &options).unwrap());
    assert_eq!(rows[0].user, [Value::Int(7), Value::Missing]);
    let options = SampleOptions {
        item: Some("film".into()),
        ..options
    };
    let error = open(&path, &options).err().unwrap().to_string();
    assert!(error.contains("no column `film` (the item's id)"), "{error}");
}

#[test]
fn a_bad_cell_is_named_by_line_and_field() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.csv");
    for (from, to, expected) in [
        (
            "4.00",
            "good",
            "samples.csv:2: field `movieAvgRating`: expected float, got `good`",
        ),
        (
            ",0,,",
            ",,,",
            "samples.csv:3: field `label`: expected a finite number, got a missing value",
        ),
        (
            "2,7,",
            "2,x,",
            "samples.csv:3: field `userId`: expected int, got `x`",
        ),
        ("2,7,", "2,", "samples.csv:3: "),
    ] {
        std::fs::write(&path, SPARROW.replace(from, to)).unwrap();
        let mut reader = open(&path, &SampleOptions::default()).unwrap();
        let error = reader.next(&mut Vec::new(), 10).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let learnable = SampleOptions {
        labels: Some((0.0, 1.0)),
        ..SampleOptions::default()
    };
    std::fs::write(&path, SPARROW.replace(",0,,", ",7,,")).unwrap();
    let error = open(&path, &learnable)
        .unwrap()
        .next(&mut Vec::new(), 10)
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("samples.csv:3: field `label`: expected a label from 0 to 1, got 7"),
        "{error}"
    );
    std::fs::write(folder.path().join("samples.xls"), "").unwrap();
    assert!(matches!(
        open(&folder.path().join("samples.xls"), &SampleOptions::default()),
        Err(PipelineError::Malformed { .. })
    ));
}

/// The bundled MovieLens ratings, and a catalogue of its films' genres and years.
fn movielens() -> (Catalogue, Vec<Event>) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/movielens-small");
    let ratings = std::fs::read_to_string(data.join("ratings.csv")).unwrap();
    let event = |(seq, line): (u64, &str)| {
        let cells: Vec<&str> = line.trim().split(',').collect();
        let id = |at: usize| cells[at].parse::<i64>().unwrap();
        rating(id(3) * 1_000_000, seq, id(0), id(1), cells[2].parse().unwrap())
    };
    let events: Vec<Event> = (1..).zip(ratings.lines().skip(1)).map(event).collect();
    let films = std::fs::read_to_string(data.join("movies.csv")).unwrap();
    let item = |line: &str| {
        let (id, rest) = line.trim().split_once(',').unwrap();
        let (title, genres) = rest.rsplit_once(',').unwrap();
        let year = title
            .rsplit_once('(')
            .and_then(|(_, year)| year.get(..4)?.parse().ok());
        let genres = genres.split('|').map(str::to_owned).collect();
        crate::Item {
            id: id.parse().unwrap(),
            release_year: year,
            genres,
            ..crate::Item::default()
        }
    };
    (
        Catalogue::new(films.lines().skip(1).map(item).collect(), Vec::new()),
        events,
    )
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let spread: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (spread / (values.len() - 1) as f64).sqrt())
}

fn close(value: &Value, expected: Option<f64>) -> bool {
    match (value, expected) {
        (Value::Float(got), Some(expected)) => (got - expected).abs() < 1e-9,
        (Value::Missing, None) => true,
        _ => false,
    }
}

/// Recomputes the numbers of some samples of the real data from the definition: filter, then average.
#[test]
fn movielens_features_follow_their_definition() {
    let (catalogue, mut events) = movielens();
    assert_eq!(events.len(), 100_004);
    let samples = build_samples(&catalogue, &events, &AggregateConfig::default(), &WHOLE).unwrap();
    events.sort_by_key(|event| (event.time, event.seq));
    for (row, event) in events.iter().enumerate().step_by(499) {
        let of_user: Vec<&Event> = events
            .iter()
            .filter(|other| other.user == event.user && other.time < event.time)
            .collect();
        let window = &of_user[of_user.len().saturating_sub(100)..];
        let ratings: Vec<f64> = window.iter().filter_map(|event| event.value).collect();
        let year = |event: &&Event| catalogue.item(event.item)?.release_year.map(|year| year as f64);
        let years: Vec<f64> = window.iter().filter_map(year).collect();
        let liked = window
            .iter()
            .rev()
            .filter(|event| event.value >= Some(3.5))
            .map(|event| event.item);
        let of_item: Vec<f64> = events
            .iter()
            .filter(|other| other.item == event.item && other.time < event.time)
            .filter_map(|event| event.value)
            .collect();
        let at = |name: &str| value(&samples.train, name, row);
        assert_eq!(
            at("userRatingCount"),
            Value::Int(i64::try_from(ratings.len()).unwrap())
        );
        assert!(close(&at("userAvgRating"), mean(&ratings)), "row {row}");
        assert!(close(&at("userRatingStddev"), deviation(&ratings)), "row {row}");
        assert!(close(&at("userAvgReleaseYear"), mean(&years)), "row {row}");
        assert!(
            close(&at("userReleaseYearStddev"), deviation(&years)),
            "row {row}"
        );
        assert_eq!(
            at("userHistory"),
            Value::ints(&liked.take(20).collect::<Vec<_>>()),
            "row {row}"
        );
        assert!(close(&at("movieAvgRating"), mean(&of_item)), "row {row}");
        assert!(close(&at("movieRatingStddev"), deviation(&of_item)), "row {row}");
    }
}

#[test]
fn movielens_splits_report_what_is_cold() {
    let (catalogue, events) = movielens();
    let config = AggregateConfig::default();
    let per_user = build_samples(&catalogue, &events, &config, &Split::default())
        .unwrap()
        .report;
    assert_eq!(
        per_user.train.rows + per_user.valid.rows + per_user.test.rows,
        100_004
    );
    assert_eq!((per_user.train.users, per_user.test.cold_user_rows), (671, 0));
    assert!(
        (9_000..11_000).contains(&per_user.test.rows),
        "{}",
        per_user.test.rows
    );
    let global = Split::GlobalTime {
        valid: 0.1,
        test: 0.1,
    };
    let global = build_samples(&catalogue, &events, &config, &global)
        .unwrap()
        .report;
    assert!(
        global.train.last_time < global.valid.first_time && global.valid.last_time < global.test.first_time
    );
    assert!(
        global.test.cold_user_share > 0.5,
        "{}",
        global.test.cold_user_share
    );
}
