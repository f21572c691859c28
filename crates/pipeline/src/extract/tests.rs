//! One set of rows in every input form gives the same bytes, whatever the threads and batches; bad rows are listed.

use proptest::prelude::*;
use rankine_feature::{Content, Extractor, FieldType, Rows, Value, json, text};
use rankine_table::{Column, Table, delimited::DelimitedWriter, parquet};

use super::*;
use crate::sample::columns::{kind, push_value};

const CONF: &str = r#"
format = 1
name = "shop"
schema.user = [{ name = "userId", type = "int" }, { name = "age", type = "float" }]
schema.item = [
  { name = "itemId", type = "int" },
  { name = "brand", type = "string" },
  { name = "tags", type = "map<string,float>" },
  { name = "words", type = "list<string>" },
]
schema.context = [{ name = "at", type = "timestamp" }]
schema.all = ["itemId", "at", "userId", "age", "brand", "tags", "words"]
sample = { label = ["bought"] }
feature = [
  { name = "f_user", class = "id", slot = 1, depend = ["userId"] },
  { name = "f_age", class = "raw", slot = 2, depend = ["age"], str_args = ["flag"] },
  { name = "f_brand", class = "id", slot = 3, depend = ["brand"] },
  { name = "f_tags", class = "tag", slot = 4, depend = ["tags"] },
  { name = "f_words", class = "tag", slot = 5, depend = ["words"] },
  { name = "f_hour", class = "time", slot = 6, depend = ["at"], str_args = ["hour"] },
  { name = "f_pair", class = "cross", slot = 7, depend = ["f_user", "f_brand"] },
]
"#;

const NAMES: [&str; 8] = [
    "itemId", "at", "userId", "age", "brand", "tags", "words", "bought",
];

fn plan() -> Arc<Plan> {
    Arc::new(Plan::compile(CONF, "shop.toml", None).unwrap())
}

fn types() -> [FieldType; 8] {
    let plan = plan();
    NAMES.map(|name| {
        let found = plan.schema().find(name);
        found.map_or(FieldType::Float, |(side, at)| plan.schema().side(side)[at].ty)
    })
}

fn place(i: i64, of: usize) -> usize {
    usize::try_from(i).unwrap() % of
}

/// Rows in the order of [`NAMES`].
fn row(i: i64) -> [Value; 8] {
    let or_missing = |value: Value| if i % 5 == 4 { Value::Missing } else { value };
    let brands = [
        "A & B",
        "tab\there",
        "quote \"x\", comma",
        "Ünïcode",
        "back\\slash",
    ];
    [
        Value::Int(i * 7),
        Value::Time(1_700_000_000_000_000 + i * 3_600_000_123),
        or_missing(Value::Int(i % 13)),
        or_missing(Value::Float(i as f64 / 3.0)),
        or_missing(Value::str(brands[place(i, brands.len())])),
        Value::weighted(&[("a:b", 0.1), ("c,d", i as f32)]),
        Value::strs(&["", "x,y", "z"][..place(i, 4)]),
        Value::Float((i % 2) as f64),
    ]
}

fn rows(n: i64) -> Vec<[Value; 8]> {
    (0..n).map(row).collect()
}

/// What the rows' bytes must be, by the shortest way.
fn expected(rows: &[[Value; 8]]) -> Vec<u8> {
    let (mut extractor, mut out) = (Extractor::new(plan()), Vec::new());
    for [item, at, user, age, brand, tags, words, _] in rows {
        let (user, item) = (
            [user.clone(), age.clone()],
            [item.clone(), brand.clone(), tags.clone(), words.clone()],
        );
        extractor.run(Rows {
            user: &user,
            item: &item,
            context: std::slice::from_ref(at),
        });
        let mut bytes = Vec::new();
        extractor.encode(&mut bytes);
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
        out.extend_from_slice(&bytes);
    }
    out
}

fn lines(rows: &[[Value; 8]]) -> String {
    let cell = |value: &Value| {
        let mut out = String::new();
        text::print(value, &mut out);
        out
    };
    rows.iter()
        .map(|row| row.iter().map(cell).collect::<Vec<_>>().join("\t") + "\n")
        .collect()
}

fn write(folder: &Path, form: InputForm, rows: &[[Value; 8]]) -> Input {
    let columns = NAMES.map(str::to_owned).to_vec();
    let name = match form {
        InputForm::Lines => "rows.txt",
        InputForm::Tsv => "rows.tsv.gz",
        InputForm::JsonLines => "rows.jsonl.zst",
        InputForm::Csv => "rows.csv",
        InputForm::Parquet => "rows.parquet",
    };
    let path = folder.join(name);
    match form {
        InputForm::Lines => std::fs::write(&path, lines(rows)).unwrap(),
        InputForm::Tsv => packed(&path, &format!("{}\n{}", NAMES.join("\t"), lines(rows))),
        InputForm::JsonLines => {
            let object = |row: &[Value; 8]| {
                let pairs = NAMES
                    .iter()
                    .zip(row)
                    .map(|(name, value)| ((*name).to_owned(), json::print(value)));
                serde_json::Value::Object(pairs.collect()).to_string() + "\n"
            };
            packed(&path, &rows.iter().map(object).collect::<String>());
        }
        InputForm::Csv => csv(&path, rows),
        InputForm::Parquet => parquet::write(&path, &table(rows), &[]).unwrap(),
    }
    Input { path, form, columns }
}

fn packed(path: &Path, text: &str) {
    use std::io::Write;
    let mut out = rankine_table::stream::OutputFile::create(path).unwrap();
    out.write_all(text.as_bytes()).unwrap();
    out.commit().unwrap();
}

fn csv(path: &Path, rows: &[[Value; 8]]) {
    let mut writer = DelimitedWriter::create(path, ",", &NAMES).unwrap();
    for row in rows {
        let cell = |value: &Value| {
            let mut out = String::new();
            if let Value::Str(text) = value {
                out.push_str(text);
            } else if !value.is_missing() {
                text::print(value, &mut out);
            }
            out
        };
        let cells: Vec<String> = row.iter().map(cell).collect();
        writer.write(cells.iter().map(String::as_str)).unwrap();
    }
    writer.commit().unwrap();
}

fn table(rows: &[[Value; 8]]) -> Table {
    let mut columns: Vec<(String, Column)> = NAMES
        .iter()
        .zip(types())
        .map(|(name, ty)| ((*name).to_owned(), Column::new(kind(ty), 0)))
        .collect();
    for row in rows {
        columns
            .iter_mut()
            .zip(row)
            .for_each(|((_, column), value)| push_value(column, value));
    }
    Table::new(columns).unwrap()
}

fn run(
    input: &Input,
    (name, form, keep): (&str, OutputForm, &[&str]),
    options: &ExtractOptions,
) -> (PathBuf, Extracted) {
    let path = input.path.parent().unwrap().join(name);
    let keep = keep.iter().map(|name| (*name).to_owned()).collect();
    let output = Output {
        path: path.clone(),
        form,
        keep,
    };
    let done = extract(&plan(), (input, &output), options, &Progress::silent()).unwrap();
    (path, done)
}

const FORMS: [InputForm; 5] = [
    InputForm::Lines,
    InputForm::Tsv,
    InputForm::JsonLines,
    InputForm::Csv,
    InputForm::Parquet,
];

#[test]
fn every_form_thread_count_and_batch_gives_the_same_bytes() {
    let (folder, rows) = (tempfile::tempdir().unwrap(), rows(500));
    let expected = expected(&rows);
    for form in FORMS {
        let input = write(folder.path(), form, &rows);
        for (threads, batch) in [(1, 4_096), (1, 1), (2, 7), (3, 100)] {
            let options = ExtractOptions {
                threads,
                batch,
                ..ExtractOptions::default()
            };
            let (path, done) = run(&input, ("out.bin", OutputForm::Bytes, &[]), &options);
            assert!(
                std::fs::read(path).unwrap() == expected,
                "{form:?}, {threads} threads, batch {batch}"
            );
            assert_eq!(
                done,
                Extracted {
                    rows: 500,
                    rejects: 0,
                    slots: 3_500
                }
            );
        }
    }
}

#[test]
fn lines_without_names_are_the_all_schema_in_its_order() {
    let (folder, rows) = (tempfile::tempdir().unwrap(), rows(20));
    let mut input = write(folder.path(), InputForm::Lines, &rows);
    let bare: Vec<String> = lines(&rows)
        .lines()
        .map(|line| line.rsplit_once('\t').unwrap().0.to_owned())
        .collect();
    std::fs::write(&input.path, bare.join("\r\n")).unwrap();
    input.columns.clear();
    let (path, _) = run(
        &input,
        ("out.bin", OutputForm::Bytes, &[]),
        &ExtractOptions::default(),
    );
    assert_eq!(std::fs::read(path).unwrap(), expected(&rows));
}

#[test]
fn text_json_and_parquet_hold_what_the_bytes_hold_beside_kept_columns() {
    let (folder, rows) = (tempfile::tempdir().unwrap(), rows(9));
    for form in FORMS {
        let input = write(folder.path(), form, &rows);
        let keep = &["bought", "itemId"];
        let options = ExtractOptions::default();
        let (text, _) = run(&input, ("out.txt", OutputForm::Text, keep), &options);
        let (json, _) = run(&input, ("out.jsonl", OutputForm::JsonLines, keep), &options);
        let (table, _) = run(&input, ("out.parquet", OutputForm::Parquet, keep), &options);
        let (text, json) = (
            std::fs::read_to_string(text).unwrap(),
            std::fs::read_to_string(json).unwrap(),
        );
        let (table, metadata) = parquet::read(&table).unwrap();
        assert!(metadata.contains(&("conf_hash".to_owned(), plan().hash())));
        let names: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["bought", "itemId", "s1", "s2", "s3", "s4", "s5", "s6", "s7"]
        );
        assert_eq!(
            (text.lines().count(), json.lines().count(), table.rows()),
            (9, 9, 9)
        );
        for ((i, line), object) in text.lines().enumerate().zip(json.lines()) {
            same_row(line, &serde_json::from_str(object).unwrap(), (&table, i));
            assert!(line.starts_with(&format!("{}\t{}\t", i % 2, i * 7)), "{line}");
        }
    }
}

/// The three forms of a row agree in every slot.
fn same_row(line: &str, object: &serde_json::Value, (table, row): (&Table, usize)) {
    for (cell, (name, column)) in line.split('\t').zip(&table.columns).skip(2) {
        let mut printed = String::new();
        if let Column::Signs(rows) = column {
            let (signs, weights): (Vec<_>, Vec<_>) = rows[row].as_ref().unwrap().iter().copied().unzip();
            Content::Signs(&signs, &weights).print(&mut printed);
            let pairs: Vec<_> = signs.iter().map(ToString::to_string).zip(&weights).collect();
            let there: Vec<(String, f32)> = serde_json::from_value(object[name].clone()).unwrap();
            assert!(there.iter().map(|(s, w)| (s.clone(), w)).eq(pairs));
        } else if let Column::Vector { rows, .. } = column {
            let floats = rows[row].as_ref().unwrap();
            Content::Floats(floats).print(&mut printed);
            assert_eq!(
                serde_json::from_value::<Vec<f32>>(object[name].clone()).unwrap(),
                *floats
            );
        } else {
            panic!("{name} is a {}", column.kind());
        }
        assert_eq!(cell, printed);
    }
}

#[test]
fn rows_that_do_not_fit_are_listed_with_their_lines_or_stop_the_run() {
    let (folder, rows) = (tempfile::tempdir().unwrap(), rows(6));
    let good = lines(&rows);
    let mut bad: Vec<String> = good.lines().map(str::to_owned).collect();
    bad[1] = bad[1].replacen('7', "seven", 1);
    bad[3] = "1\t2".to_owned();
    let text = [bad.join("\n").as_bytes(), b"\n\xff\n"].concat();
    let mut input = write(folder.path(), InputForm::Lines, &rows);
    std::fs::write(&input.path, text).unwrap();
    let rejects = folder.path().join("rejects.tsv");
    for (threads, batch) in [(1, 100), (2, 1)] {
        let options = ExtractOptions {
            threads,
            batch,
            rejects: Some(rejects.clone()),
            ..ExtractOptions::default()
        };
        let (path, done) = run(&input, ("out.bin", OutputForm::Bytes, &[]), &options);
        assert_eq!((done.rows, done.rejects), (4, 3));
        let kept = [&rows[0], &rows[2], &rows[4], &rows[5]].map(Clone::clone);
        assert_eq!(std::fs::read(path).unwrap(), expected(&kept));
        let listed = std::fs::read_to_string(&rejects).unwrap();
        let listed: Vec<&str> = listed.lines().skip(1).collect();
        assert!(
            listed[0].starts_with("rows.txt\t2\ttype\tfield `itemId`: expected int, got `seven`\tseven"),
            "{listed:?}"
        );
        assert!(
            listed[1].starts_with("rows.txt\t4\tfields\texpected 8 fields, got 2\t1\\t2"),
            "{listed:?}"
        );
        assert!(listed[2].starts_with("rows.txt\t7\tencoding\t"), "{listed:?}");
    }
    let output = Output {
        path: folder.path().join("strict.bin"),
        form: OutputForm::Bytes,
        keep: Vec::new(),
    };
    let strict = |input: &Input| {
        extract(
            &plan(),
            (input, &output),
            &ExtractOptions::default(),
            &Progress::silent(),
        )
    };
    let error = strict(&input).unwrap_err().to_string();
    assert!(
        error.ends_with("rows.txt:2: type: field `itemId`: expected int, got `seven`"),
        "{error}"
    );
    assert!(!output.path.exists(), "what is not complete does not appear");
    input.columns.truncate(4);
    let error = strict(&input).unwrap_err().to_string();
    assert!(
        error.contains("no column `brand` (a field of the conf)"),
        "{error}"
    );
}

#[test]
fn times_come_in_other_units_and_optional_fields_may_be_absent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    std::fs::write(&path, "{\"itemId\": 1, \"userId\": 2, \"at\": 3600}\n\n").unwrap();
    let seconds = Input {
        path,
        form: InputForm::JsonLines,
        columns: Vec::new(),
    };
    let options = ExtractOptions {
        time_unit: TimeUnit::Seconds,
        ..ExtractOptions::default()
    };
    let (json, _) = run(&seconds, ("json.txt", OutputForm::Text, &[]), &options);
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, "userId,itemId,at\n2,1,3600\n").unwrap();
    let csv = Input {
        path,
        form: InputForm::Csv,
        columns: Vec::new(),
    };
    let optional = ["age", "brand", "tags", "words"].map(str::to_owned).to_vec();
    let options = ExtractOptions { optional, ..options };
    let (csv, done) = run(&csv, ("csv.txt", OutputForm::Text, &["at"]), &options);
    let (json, csv) = (
        std::fs::read_to_string(json).unwrap(),
        std::fs::read_to_string(csv).unwrap(),
    );
    assert_eq!((done.rows, csv), (1, format!("3600000000\t{json}")));
}

#[test]
fn one_row_is_found_by_its_line() {
    let (folder, rows) = (tempfile::tempdir().unwrap(), rows(9));
    for (form, line) in [
        (InputForm::Parquet, 4),
        (InputForm::Csv, 5),
        (InputForm::Lines, 4),
    ] {
        let input = write(folder.path(), form, &rows);
        let options = ExtractOptions {
            batch: 2,
            ..ExtractOptions::default()
        };
        let at = |line| sample_at(&plan(), &input, line, &options).unwrap();
        assert_eq!(at(line).unwrap().rows().item[0], Value::Int(21), "{form:?}");
        assert!(at(99).is_none());
    }
}

#[test]
fn a_row_is_found_behind_rows_that_do_not_fit_and_its_own_fault_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    let bad = "{\"itemId\": \"x\"}\n";
    let good = |item: i64| format!("{{\"itemId\": {item}}}\n");
    std::fs::write(&path, [bad, &good(2), "{", "\n", &good(4), bad].concat()).unwrap();
    let input = Input {
        path,
        form: InputForm::JsonLines,
        columns: Vec::new(),
    };
    for batch in [1, 4_096] {
        let options = ExtractOptions {
            batch,
            ..ExtractOptions::default()
        };
        let at = |line| sample_at(&plan(), &input, line, &options);
        for line in [2, 4] {
            let sample = at(line).unwrap().unwrap();
            assert_eq!(sample.rows().item[0], Value::Int(i64::try_from(line).unwrap()));
        }
        assert!(at(6).unwrap().is_none());
        let told = at(5).unwrap_err().to_string();
        assert!(told.contains("rows.jsonl:5: type: field `itemId`"), "{told}");
        assert!(at(3).unwrap_err().to_string().contains("rows.jsonl:3: json"));
    }
}

#[test]
fn forms_are_told_by_names() {
    assert_eq!(InputForm::of(Path::new("a/b.csv.gz")), Some(InputForm::Csv));
    assert_eq!(InputForm::of(Path::new("-")), None);
    assert_eq!(OutputForm::of(Path::new("b.parquet")), Some(OutputForm::Parquet));
    assert_eq!(OutputForm::of(Path::new("b")), None);
}

proptest! {
    #[test]
    fn any_text_is_rows_or_rejects(text in "[0-9a\\\\N\t,:\n]{0,80}", threads in 1usize..3) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.txt");
        std::fs::write(&path, &text).unwrap();
        let input = Input { path, form: InputForm::Lines, columns: Vec::new() };
        let rejects = Some(folder.path().join("rejects.tsv"));
        let options = ExtractOptions { threads, batch: 1, rejects, ..ExtractOptions::default() };
        let (_, done) = run(&input, ("out.bin", OutputForm::Bytes, &[]), &options);
        let there = text.lines().filter(|line| !line.is_empty()).count() as u64;
        prop_assert_eq!(done.rows + done.rejects, there);
    }
}
