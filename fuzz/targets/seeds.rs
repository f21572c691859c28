//! Writes small whole files of the product's own making to `corpus/`, where the repository has no fixture of a form.

use std::error::Error;
use std::path::Path;

use rankine_fuzz::made;
use rankine_index::{Metric, VectorIndex};
use rankine_model::write_parameters;
use rankine_store::{EventLog, LogOptions};
use rankine_table::vectors::VectorTable;
use rankine_table::{Column, Table, parquet};
use rankine_train::Frame;

fn main() -> Result<(), Box<dyn Error>> {
    for target in [
        "parquet", "event_log", "vector_index", "text_form", "json_form", "onnx", "npy", "faiss", "word2vec",
        "text_samples", "checkpoint", "optimizer_state", "tune_journal", "kafka", "replication", "changes",
    ] {
        std::fs::create_dir_all(format!("corpus/{target}"))?;
    }
    vectors()?;
    trained()?;
    streams()?;
    parquet::write(
        Path::new("corpus/parquet/made"),
        &table()?,
        &[("k".into(), "v".into())],
    )?;
    let index = VectorIndex::new(4, Metric::InnerProduct, 3);
    (1..5u8).try_for_each(|id| index.upsert(i64::from(id), &[f32::from(id); 4]))?;
    index.save(Path::new("corpus/vector_index/made"))?;
    // Without its checksum, which the target puts back: so the head and the rows can be changed.
    let whole = std::fs::read("corpus/vector_index/made")?;
    std::fs::write("corpus/vector_index/bare", &whole[..whole.len() - 16])?;
    log()?;
    for (place, cell) in [
        "5",
        "0.25",
        "a|b",
        "1970-01-02T03:04:05Z",
        "true",
        "1|2",
        "0.5|1",
        "a|b",
        "a:1|b:0.5",
        "1|2|3",
    ]
    .iter()
    .enumerate()
    {
        std::fs::write(
            format!("corpus/text_form/made{place}"),
            [&[u8::try_from(place)?], cell.as_bytes()].concat(),
        )?;
    }
    for (place, cell) in [
        "5",
        "0.25",
        "\"a\"",
        "\"1970-01-02\"",
        "true",
        "[1,2]",
        "[0.5]",
        "[\"a\"]",
        "{\"a\":1}",
        "[1,2,3]",
    ]
    .iter()
    .enumerate()
    {
        std::fs::write(
            format!("corpus/json_form/made{place}"),
            [&[u8::try_from(place)?], cell.as_bytes()].concat(),
        )?;
    }
    Ok(())
}

/// Three vectors in every form.
fn vectors() -> Result<(), Box<dyn Error>> {
    let table = VectorTable {
        ids: ["7", "11", "-3"].map(str::to_owned).to_vec(),
        width: 2,
        floats: vec![0.5, -1.0, 2.0, 1e-9, 0.0, 3.25],
        version: None,
    };
    for (target, ending) in [("npy", "npy"), ("faiss", "faiss"), ("word2vec", "txt"), ("word2vec", "csv")] {
        table.write(Path::new(&format!("corpus/{target}/made.{ending}")))?;
    }
    Ok(std::fs::remove_file("corpus/npy/made.ids.txt")?)
}

/// What trainings leave, and read again.
fn trained() -> Result<(), Box<dyn Error>> {
    let model = made::model();
    std::fs::write("corpus/onnx/made", &model.onnx)?;
    let state = model.trained.optimizer.as_ref().ok_or("no state was kept")?;
    std::fs::write("corpus/optimizer_state/made", write_parameters(state))?;
    let folder = Path::new("corpus/checkpoints-made");
    made::train(&Frame {
        checkpoints: Some(folder.to_owned()),
        ..Frame::default()
    })?;
    for (number, entry) in std::fs::read_dir(folder)?.enumerate() {
        // without its checksum, which the target puts back
        let whole = std::fs::read(entry?.path())?;
        std::fs::write(format!("corpus/checkpoint/made{number}"), &whole[..whole.len() - 4])?;
    }
    std::fs::remove_dir_all(folder)?;
    let journal = "{\"search\":\"fuzz\"}\n{\"trial\":0,\"rung\":0,\"epochs\":3,\"values\":[\"seed=1\"],\
                   \"figure\":0.5,\"best_epoch\":2,\"seconds\":1.5}\n";
    std::fs::write("corpus/tune_journal/made", journal)?;
    std::fs::write("corpus/text_samples/libsvm", "\01 3:1 17:0.5\n-1 3:2\n0 9 # said\n")?;
    std::fs::write("corpus/text_samples/libffm", "\x011 0:a:1 2:b:0.5\n-1 1:c\n")?;
    Ok(())
}

/// What a broker, PostgreSQL and a file of changes say.
fn streams() -> Result<(), Box<dyn Error>> {
    for (question, name) in [(3, "metadata"), (2, "offsets"), (1, "fetch")] {
        let answer = std::fs::read(format!("../crates/pipeline/tests/data/kafka/{name}.bin"))?;
        std::fs::write(format!("corpus/kafka/{name}"), [&[question], &answer[4..]].concat())?;
    }
    let messages: [&[u8]; 5] = [
        b"B\0\0\0\0\0\0\0\x09\0\0\0\0\0\x0f\x42\x40\0\0\0\x07",
        b"C\0\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x0c\0\0\0\0\0\0\0\0",
        b"R\0\0\0\x05public\0film\0d\0\x01\x01id\0\0\0\0\x14\xff\xff\xff\xff",
        b"U\0\0\0\x05K\0\x01t\0\0\0\x011N\0\x03t\0\0\0\x012nu",
        b"T\0\0\0\x01\0\0\0\0\x05",
    ];
    for (number, message) in messages.iter().enumerate() {
        std::fs::write(format!("corpus/replication/made{number}"), message)?;
    }
    for (name, line) in [
        ("ours", r#"{"op":"insert","table":"item","time":"2022-03-03","row":{"id":7,"title":"Heat","x":null}}"#),
        (
            "debezium",
            r#"{"payload":{"op":"u","before":{"id":7},"after":{"id":7,"x":[1,{}]},"source":{"table":"item","ts_ms":1},"ts_ms":1}}"#,
        ),
    ] {
        std::fs::write(format!("corpus/changes/{name}"), line)?;
    }
    Ok(())
}

fn log() -> Result<(), Box<dyn Error>> {
    let folder = Path::new("corpus/log-made");
    let (log, _) = EventLog::open(folder, LogOptions::default(), Box::new(|_| {}))?;
    for user in 1..4 {
        let body = serde_json::json!({ "user": user, "item": 7, "kind": "rating", "value": 4.5 });
        log.append(
            1_000_000 * user,
            Some("an id"),
            body.as_object().cloned().unwrap_or_default(),
        )?;
    }
    drop(log);
    std::fs::rename(folder.join("live-1.log"), "corpus/event_log/made")?;
    Ok(std::fs::remove_dir_all(folder)?)
}

/// One column of each kind, with a missing value.
fn table() -> Result<Table, Box<dyn Error>> {
    let text = |s: &str| s.to_owned();
    let columns = vec![
        Column::Int(vec![Some(1), None]),
        Column::Float(vec![Some(0.5), None]),
        Column::Text(vec![Some(text("a")), None]),
        Column::Bool(vec![Some(true), None]),
        Column::Time(vec![Some(1), None]),
        Column::Ints(vec![Some(vec![1, 2]), None]),
        Column::Floats(vec![Some(vec![0.5]), None]),
        Column::Texts(vec![Some(vec![text("a")]), None]),
        Column::Weighted(vec![Some(vec![(text("a"), 1.0)]), None]),
        Column::Vector {
            width: 2,
            rows: vec![Some(vec![1.0, 2.0]), None],
        },
    ];
    let named = columns.into_iter().enumerate();
    Ok(Table::new(
        named.map(|(at, column)| (format!("c{at}"), column)).collect(),
    )?)
}
