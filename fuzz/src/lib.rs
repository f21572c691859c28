//! What each fuzz target does with bytes it is given: reads them as one of the forms that come from outside.
//!
//! Nothing may panic, whatever the bytes; and what was read must survive being written and read again. The bodies are
//! here, not in the targets, so that a crashing input can be tried from any program.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rankine_feature::{FieldType, Plan, Value, import, json, text};
use rankine_index::VectorIndex;
use rankine_model::{Loss, ModelConfig, onnx as foreign, read_parameters};
use rankine_pipeline::stream::{self, Position};
use rankine_store::EventLog;
use rankine_table::delimited::{DelimitedReader, Layout};
use rankine_table::json_lines::JsonLinesReader;
use rankine_table::vectors::VectorTable;
use rankine_table::{Record, Step, TableError, parquet};
use rankine_train::linear::{TextFormat, TextSamples};
use rankine_train::tune::Journal;
use rankine_train::warm::Start;
use rankine_train::{Frame, SampleSource};

pub mod made;

/// A conf: if it compiles, its canonical form must compile to the same plan.
pub fn conf(bytes: &[u8]) {
    let Ok(conf) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(plan) = Plan::compile(conf, "fuzz.toml", None) {
        let again =
            Plan::compile(&plan.canonical(), "canonical.toml", None).expect("the canonical form compiles");
        assert_eq!(again.hash(), plan.hash());
    }
}

/// A feature configuration of EasyRec's FG form; what it becomes is printed, never guessed at.
pub fn fg(bytes: &[u8]) {
    if let Ok(json) = std::str::from_utf8(bytes) {
        let _ = import::fg(json, "fuzz");
    }
}

/// A model file.
pub fn model_file(bytes: &[u8]) {
    if let Ok(file) = std::str::from_utf8(bytes) {
        let _ = ModelConfig::parse(file, "fuzz.toml");
    }
}

/// A cell in text form: the first byte picks its type. What is read prints to something that reads as the same.
pub fn text_form(bytes: &[u8]) {
    let Some((ty, cell)) = typed(bytes) else { return };
    let Ok(value) = text::parse(ty, cell) else { return };
    let mut printed = String::new();
    text::print(&value, &mut printed);
    let again = text::parse(ty, &printed).expect("what was printed is read");
    assert!(
        same(&value, &again),
        "{value:?} printed as {printed:?} is {again:?}"
    );
}

/// A JSON value of a request: the first byte picks its type. As [`text_form`].
pub fn json_form(bytes: &[u8]) {
    let Some((ty, cell)) = typed(bytes) else { return };
    let Ok(cell) = serde_json::from_str(cell) else {
        return;
    };
    let Ok(value) = json::parse(ty, &cell) else { return };
    let printed = json::print(&value);
    let again = json::parse(ty, &printed).expect("what was printed is read");
    assert!(
        same(&value, &again),
        "{value:?} printed as {printed} is {again:?}"
    );
}

/// A delimited file, with and without quotes.
pub fn delimited(bytes: &[u8]) {
    let path = file("delimited", bytes);
    for layout in [
        Layout::csv(),
        Layout::tsv(),
        Layout::csv().with_columns(&["a", "b"]),
    ] {
        if let Ok(mut reader) = DelimitedReader::open(&path, layout) {
            rows(|record| reader.next(record));
        }
    }
}

/// A JSON-lines file.
pub fn json_lines(bytes: &[u8]) {
    if let Ok(mut reader) = JsonLinesReader::open(&file("lines", bytes), &["a", "b"]) {
        rows(|record| reader.next(record));
    }
}

/// A Parquet file.
pub fn parquet(bytes: &[u8]) {
    let Ok(mut reader) = parquet::Reader::open(&file("parquet", bytes), 64) else {
        return;
    };
    while let Ok(Some(table)) = reader.next_batch() {
        assert!(table.rows() <= 64);
    }
}

/// A segment of the event log.
pub fn event_log(bytes: &[u8]) {
    let folder = folder("log");
    std::fs::write(folder.join("live-1.log"), bytes).expect("the scratch folder can be written");
    let mut last = 0;
    let _ = EventLog::read(&folder, 1 << 16, &mut |_| last += 1);
}

/// A vector index file, as it is and with the checksum that it lacks.
pub fn vector_index(bytes: &[u8]) {
    let _ = VectorIndex::load(&file("index", bytes));
    let sum = xxhash_rust::xxh3::xxh3_128(bytes).to_le_bytes();
    if let Ok(index) = VectorIndex::load(&file("index", &[bytes, &sum].concat())) {
        let _ = index.search(&[0.5; 4], 3, |_| true);
    }
}

/// An ONNX file of the made-up model, with its keys.
pub fn onnx(bytes: &[u8]) {
    if let Ok(read) = foreign::Foreign::read(bytes) {
        let _ = foreign::draft(&read, &made::model().keys, None);
    }
}

/// A `.npy` file beside three ids.
pub fn npy(bytes: &[u8]) {
    vectors("npy", bytes);
}

/// An index file of faiss, with ids in it or beside it.
pub fn faiss(bytes: &[u8]) {
    vectors("faiss", bytes);
}

/// Vectors as text, of words and of cells.
pub fn word2vec(bytes: &[u8]) {
    vectors("txt", bytes);
    vectors("csv", bytes);
}

/// A libsvm or libffm file: the first byte picks form and loss. What is read has finite numbers.
pub fn text_samples(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first() else {
        return;
    };
    let (format, slots) = match first % 2 {
        0 => (TextFormat::Libsvm, vec![1]),
        _ => (TextFormat::Libffm, vec![1, 2, 3]),
    };
    let loss = if first % 4 < 2 { Loss::Bce } else { Loss::Mse };
    let plan = Plan::compile(&format.conf(&slots), "fuzz.toml", None).expect("the conf of such a file");
    let path = file("samples", rest);
    let mut samples = TextSamples::open(&path, format, &plan, loss.into()).expect("the scratch file is there");
    let mut rows = Vec::new();
    while samples.next(&mut rows, 100).is_ok_and(|read| read > 0) {}
    assert!(rows.iter().all(|row| row.label.is_finite()));
}

/// A checkpoint without its checksum, which is put there: the run goes on from it or says why not.
pub fn checkpoint(bytes: &[u8]) {
    let Some(body) = bytes.get(8..) else { return };
    let folder = folder("checkpoints");
    std::fs::remove_dir_all(&folder).expect("the scratch folder is there");
    std::fs::create_dir_all(&folder).expect("/dev/shm can be written");
    let sum = crc32c::crc32c(body).to_le_bytes();
    std::fs::write(folder.join("1.ckpt"), [bytes, &sum].concat()).expect("the scratch folder can be written");
    let _ = made::train(&Frame {
        checkpoints: Some(folder),
        resume: true,
        ..Frame::default()
    });
}

/// The optimiser's state of a version that a training begins from.
pub fn optimizer_state(bytes: &[u8]) {
    let Ok(state) = read_parameters(&file("state", bytes)) else {
        return;
    };
    let start = Start {
        from: "made/1".to_owned(),
        parameters: made::model().trained.parameters.clone(),
        optimizer: Some(state),
        ..Start::default()
    };
    let _ = made::train(&Frame {
        start: Some(Arc::new(start)),
        ..Frame::default()
    });
}

/// The journal of a search; whoever opens it twice finds the same.
pub fn tune_journal(bytes: &[u8]) {
    let path = file("journal", bytes);
    if let Ok((_, trials)) = Journal::open(&path, "fuzz", false) {
        assert!(trials.iter().all(|trial| !trial.rank(true).is_nan()));
        let (_, again) = Journal::open(&path, "fuzz", false).expect("it was just opened");
        assert_eq!(trials.len(), again.len());
    }
}

/// A broker's answer: the first byte says to what.
pub fn kafka(bytes: &[u8]) {
    if let Some((&question, answer)) = bytes.split_first() {
        let _ = stream::kafka::recorded(question, answer);
    }
}

/// A message of PostgreSQL's replication stream.
pub fn replication(bytes: &[u8]) {
    let _ = stream::postgres::recorded(bytes);
}

/// A change: a line of a file, or a topic's value in Debezium's form.
pub fn changes(bytes: &[u8]) {
    if let Ok(line) = std::str::from_utf8(bytes) {
        let _ = stream::file::read(line, Position::default(), 0);
    }
}

fn vectors(ending: &str, bytes: &[u8]) {
    let folder = folder("vectors");
    let path = folder.join(format!("v.{ending}"));
    let write = |path: &Path, bytes: &[u8]| {
        std::fs::write(path, bytes).expect("the scratch folder can be written");
    };
    write(&path, bytes);
    write(&folder.join("v.ids.txt"), b"a\nb\nc\n");
    if let Ok(table) = VectorTable::read(&path) {
        assert_eq!(table.floats.len(), table.ids.len() * table.width);
    }
}

fn typed(bytes: &[u8]) -> Option<(FieldType, &str)> {
    let (&first, rest) = bytes.split_first()?;
    let ty = FieldType::PLAIN.get(usize::from(first) % 10).copied();
    Some((
        ty.unwrap_or(FieldType::Vector(3)),
        std::str::from_utf8(rest).ok()?,
    ))
}

/// Equality in which a not-a-number equals itself.
fn same(a: &Value, b: &Value) -> bool {
    a == b || format!("{a:?}") == format!("{b:?}")
}

fn rows(mut next: impl FnMut(&mut Record) -> Result<Step, TableError>) {
    let (mut record, mut line) = (Record::default(), 0);
    while let Ok(step) = next(&mut record) {
        assert!(record.line() >= line, "line numbers never fall");
        line = record.line();
        if matches!(step, Step::End) {
            return;
        }
    }
}

/// A folder of this process in memory.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(format!("/dev/shm/rankine-fuzz-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("/dev/shm can be written");
    folder
}

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder(name).join("input");
    std::fs::write(&path, bytes).expect("the scratch folder can be written");
    path
}
