//! Offline = online: 10,000 raw rows of MovieLens and of The Complete Journey through `rankine extract` and through a running
//! server's `/v1/extract` give the same bytes, with any threads, any batches, before and after a restart, with fields given and with
//! rows of the item dictionary.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rankine_feature::{FieldType, Fit, Fitter, Plan, Rows, Schema, Side, Value, json};
use rankine_pipeline::sample::{SampleOptions, SampleReader, SampleRow};
use rankine_table::json_lines::JsonLinesWriter;
use rankine_table::{Column, Table, parquet};
use serde_json::{Map, Value as Json};

use crate::home::{REPOSITORY, home, rankine};
use crate::process::Server;

/// Raw rows of a data set.
const ROWS: usize = 10_000;

/// A data set with its conf.
struct Set {
    plan: Plan,
    rows: Vec<SampleRow>,
    /// How to name the conf offline.
    conf: Vec<String>,
    /// What to ask for online.
    asks: Json,
    /// The same rows as files.
    files: Vec<PathBuf>,
}

fn read(path: &Path, plan: &Plan, item: &str) -> Vec<SampleRow> {
    let options = SampleOptions {
        item: Some(item.to_owned()),
        ..SampleOptions::default()
    };
    let mut reader = SampleReader::open(path, plan.schema(), plan.sample_spec(), &options).unwrap();
    let mut rows = Vec::new();
    loop {
        let missing = ROWS - rows.len();
        if reader.next(&mut rows, missing).unwrap() == 0 {
            break;
        }
    }
    assert_eq!(rows.len(), ROWS, "{}", path.display());
    rows
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// The fields of one side as JSON.
pub(crate) fn side(schema: &Schema, side: Side, values: &[Value]) -> Map<String, Json> {
    let fields = schema.side(side).iter().zip(values);
    fields
        .map(|(field, value)| (field.name.to_string(), json::print(value)))
        .collect()
}

fn json_lines(plan: &Plan, rows: &[SampleRow], path: &Path) {
    let mut writer = JsonLinesWriter::create(path).unwrap();
    for row in rows {
        let mut object = side(plan.schema(), Side::User, &row.user);
        object.extend(side(plan.schema(), Side::Item, &row.item));
        object.extend(side(plan.schema(), Side::Context, &row.context));
        writer.write(&object).unwrap();
    }
    writer.commit().unwrap();
}

/// MovieLens: the first samples that the demo trains on, with the conf of its model.
fn movielens(home: &Path, folder: &Path) -> Set {
    let model = home.join("models/widedeep/1");
    let conf = std::fs::read_to_string(model.join("feature.toml")).unwrap();
    let fit = Fit::from_json(&std::fs::read_to_string(model.join("fit.json")).unwrap()).unwrap();
    let plan = Plan::compile(&conf, "feature.toml", Some(&fit)).unwrap();
    let samples = home.join("samples/movielens/train.parquet");
    let (lines, columns) = (
        folder.join("movielens.jsonl.gz"),
        folder.join("movielens.parquet"),
    );
    let mut table = parquet::Reader::open(&samples, ROWS)
        .unwrap()
        .next_batch()
        .unwrap()
        .unwrap();
    table.columns.reverse();
    parquet::write(&columns, &table, &[]).unwrap();
    let rows = read(&samples, &plan, "movieId");
    json_lines(&plan, &rows, &lines);
    Set {
        plan,
        rows,
        conf: ["--model", "widedeep"].map(str::to_owned).to_vec(),
        asks: serde_json::json!([{ "conf": "movielens", "models": ["widedeep"] }]),
        files: vec![columns, lines],
    }
}

/// The Complete Journey: the purchases of the repository, a conf without a model, fitted here.
fn completejourney(home: &Path, folder: &Path) -> Set {
    let conf = std::fs::read_to_string(format!("{REPOSITORY}/config/completejourney.feature.toml")).unwrap();
    let plan = Plan::compile(&conf, "completejourney.feature.toml", None).unwrap();
    let purchases = PathBuf::from(format!("{REPOSITORY}/data/completejourney/purchases.csv.gz"));
    let rows = read(&purchases, &plan, "product_id");
    let mut fitter = Fitter::new(&plan);
    rows.iter().for_each(|row| fitter.observe(of(row)));
    let fit = fitter.finish();
    let plan = plan.fitted(&fit).unwrap();
    let confs = home.join("confs/completejourney");
    std::fs::create_dir_all(&confs).unwrap();
    std::fs::write(confs.join("feature.toml"), conf).unwrap();
    std::fs::write(confs.join("fit.json"), fit.to_json()).unwrap();
    let lines = folder.join("completejourney.jsonl");
    json_lines(&plan, &rows, &lines);
    Set {
        plan,
        rows,
        conf: vec!["--conf".to_owned(), text(&confs.join("feature.toml"))],
        asks: serde_json::json!([{ "conf": "completejourney" }]),
        files: vec![purchases, lines],
    }
}

fn of(row: &SampleRow) -> Rows<'_> {
    Rows {
        user: &row.user,
        item: &row.item,
        context: &row.context,
    }
}

/// Bytes per row, by the command.
fn offline(home: &Path, folder: &Path, set: &Set) -> Vec<Vec<u8>> {
    let out = folder.join("features.bin");
    let mut found: Option<Vec<u8>> = None;
    for (file, threads, batch) in set
        .files
        .iter()
        .flat_map(|file| [(file, "1", "4096"), (file, "2", "4096"), (file, "2", "13")])
    {
        let mut arguments = vec!["extract".to_owned()];
        arguments.extend(set.conf.clone());
        arguments.extend([text(file), "--out".to_owned(), text(&out), "--strict".to_owned()]);
        arguments.extend(["--threads", threads, "--batch", batch].map(str::to_owned));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        rankine(home, &arguments).good();
        let bytes = std::fs::read(&out).unwrap();
        assert!(
            *found.get_or_insert_with(|| bytes.clone()) == bytes,
            "{}, {threads} threads, batch {batch}",
            file.display()
        );
    }
    frames(&found.unwrap())
}

/// The rows of a file of canonical bytes.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
        let (row, rest) = rest.split_at(u32::from_le_bytes(*head) as usize);
        found.push(row.to_vec());
        bytes = rest;
    }
    found
}

/// Places of rows that one request can ask for together (one user, one context), in order of their first row.
fn requests(set: &Set) -> Vec<Vec<usize>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut found: Vec<Vec<usize>> = Vec::new();
    for (at, row) in set.rows.iter().enumerate() {
        let of = *places
            .entry(format!("{:?} {:?}", row.user, row.context))
            .or_insert_with(|| {
                found.push(Vec::new());
                found.len() - 1
            });
        found[of].push(at);
    }
    found
}

/// Bytes per row, by a running server, at most `most` rows a request; `item` says what a request tells of an item.
fn online(
    server: &Server,
    set: &Set,
    (requests, most): (&[Vec<usize>], usize),
    item: &dyn Fn(&SampleRow) -> Json,
) -> BTreeMap<usize, Vec<u8>> {
    let schema = set.plan.schema();
    let mut found = BTreeMap::new();
    for places in requests.iter().flat_map(|places| places.chunks(most)) {
        let first = &set.rows[places[0]];
        let request = serde_json::json!({ "request": {
            "user": side(schema, Side::User, &first.user),
            "context": side(schema, Side::Context, &first.context),
            "items": places.iter().map(|at| item(&set.rows[*at])).collect::<Vec<_>>(),
            "asks": set.asks,
        }});
        let answer = server.rest().post("/v1/extract", &request.to_string()).good();
        let conf = &answer["confs"][0];
        assert_eq!(conf["conf_hash"], set.plan.hash(), "{answer}");
        let items = conf["items"].as_array().unwrap();
        assert_eq!(items.len(), places.len());
        for (at, item) in places.iter().zip(items) {
            found.insert(*at, unhex(item["canonical"].as_str().unwrap()));
        }
    }
    found
}

/// Everything is given.
fn all_fields(set: &Set) -> impl Fn(&SampleRow) -> Json {
    |row| serde_json::json!({ "id": row.item_id, "fields": side(set.plan.schema(), Side::Item, &row.item) })
}

/// The items as a dictionary, each as its first row has it; returns the places of the rows that are so.
fn item_dictionary(set: &Set, path: &Path) -> BTreeSet<usize> {
    let mut first: BTreeMap<i64, &[Value]> = BTreeMap::new();
    let so = |(at, row): (usize, &'_ SampleRow)| (at, row.item_id);
    for row in &set.rows {
        first.entry(row.item_id).or_insert(&row.item);
    }
    let fields = set.plan.schema().side(Side::Item).iter().enumerate();
    let columns = fields.map(|(at, field)| {
        let values = first.values().map(|row| &row[at]);
        let column = if field.ty == FieldType::Int {
            let int = |value: &&Value| if let Value::Int(x) = value { Some(*x) } else { None };
            Column::Int(values.map(|value| int(&value)).collect())
        } else {
            let text = |value: &&Value| {
                if let Value::Str(x) = value {
                    Some(x.to_string())
                } else {
                    None
                }
            };
            Column::Text(values.map(|value| text(&value)).collect())
        };
        (field.name.to_string(), column)
    });
    parquet::write(path, &Table::new(columns.collect()).unwrap(), &[]).unwrap();
    let rows = set.rows.iter().enumerate().map(so);
    rows.filter(|(at, id)| *first[id] == *set.rows[*at].item)
        .map(|(at, _)| at)
        .collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16).unwrap()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

fn same(set: &Set, offline: &[Vec<u8>], online: &BTreeMap<usize, Vec<u8>>, how: &str) {
    assert_eq!(offline.len(), ROWS, "{how}");
    let different: Vec<usize> = online
        .iter()
        .filter(|(at, bytes)| offline[**at] != **bytes)
        .map(|(at, _)| *at)
        .collect();
    if let Some(&first) = different.first() {
        let row = &set.rows[first];
        panic!(
            "{how}: {} of {ROWS} rows differ, first {first}: {row:?}",
            different.len()
        );
    }
}

#[test]
fn ten_thousand_rows_of_two_data_sets_have_the_same_bytes_offline_and_online() {
    let (home, folder) = (home(), tempfile::tempdir().unwrap());
    let sets = [
        movielens(home.path(), folder.path()),
        completejourney(home.path(), folder.path()),
    ];
    let expected: Vec<_> = sets
        .iter()
        .map(|set| offline(home.path(), folder.path(), set))
        .collect();
    let distinct: BTreeSet<_> = expected[0].iter().collect();
    assert!(distinct.len() > ROWS / 2);
    let known = item_dictionary(&sets[1], &home.path().join("products.parquet"));
    assert!(known.len() > ROWS * 9 / 10, "{}", known.len());
    let config = folder.path().join("server.toml");
    std::fs::write(
        &config,
        "conf = [{ name = \"completejourney\", path = \"confs\" }]\n\
         dictionary = [{ name = \"products\", kind = \"items\", path = \"products.parquet\" }]\n",
    )
    .unwrap();
    for (threads, most) in [("1", 3), ("2", 1_000)] {
        let server = Server::with(home.path(), &["--config", &text(&config), "--threads", threads]);
        for (set, expected) in sets.iter().zip(&expected) {
            let how = format!("{}, {threads} threads, {most} items a request", set.plan.name());
            let requests = requests(set);
            let together: usize = requests.iter().map(Vec::len).filter(|items| *items > 1).sum();
            assert!(together > ROWS / 4, "{how}: {together} rows share a request");
            let found = online(&server, set, (&requests, most), &all_fields(set));
            assert_eq!(found.len(), ROWS, "{how}");
            same(set, expected, &found, &how);
        }
        // rows of the dictionary in place of fields; twice, so that the second finds whatever the first has kept
        let mut requests = requests(&sets[1]);
        requests
            .iter_mut()
            .for_each(|places| places.retain(|at| known.contains(at)));
        requests.retain(|places| !places.is_empty());
        for _ in 0..2 {
            let only_ids = |row: &SampleRow| serde_json::json!({ "id": row.item_id });
            let found = online(&server, &sets[1], (&requests, most), &only_ids);
            assert_eq!(found.len(), known.len());
            same(
                &sets[1],
                &expected[1],
                &found,
                &format!("ids only, {threads} threads"),
            );
        }
        server.kill();
    }
}
