//! Writes small whole files of the product's own making to `corpus/`, where the repository has no fixture of a form.

use std::error::Error;
use std::path::Path;

use rankine_index::{Metric, VectorIndex};
use rankine_store::{EventLog, LogOptions};
use rankine_table::{Column, Table, parquet};

fn main() -> Result<(), Box<dyn Error>> {
    for target in ["parquet", "event_log", "vector_index", "text_form", "json_form"] {
        std::fs::create_dir_all(format!("corpus/{target}"))?;
    }
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
