//! Labels for logged samples: what became of what was served, joined by key, as a sample file that training reads.
//!
//! Decision: the fields stand there as they were served, so training computes its features from the very values that were
//! scored; nothing is looked up or aggregated a second time. A sample that no label meets is left out, unless the caller names
//! what it shall have (shown and not clicked).

use std::path::{Path, PathBuf};

use rankine_feature::{FieldType, Plan, Value, text};
use rankine_table::{Column, Form, Kind, Record, RowReader, Step, Table, TableError, parquet};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{LogRow, fields, malformed, read};
use crate::PipelineError;
use crate::sample::TimeUnit;
use crate::sample::cells::{Cells, Style};
use crate::sample::columns::{kind, push_value};

/// Columns that training takes for the item's id, where no field is one.
const ITEMS: [&str; 4] = ["movieId", "itemId", "item_id", "item"];

/// Where labels come from and how they find their samples.
#[derive(Debug, Clone)]
pub struct LabelOptions {
    /// A table with the key's columns and the conf's labels: Parquet, CSV, TSV or JSON lines.
    pub labels: PathBuf,
    /// Fields, `_request` or `_item`, present under these names in both.
    pub key: Vec<String>,
    /// Labels of a sample that none meets; it is left out where this is none.
    pub otherwise: Option<f64>,
    /// Unit of times that the label file holds as plain numbers.
    pub time_unit: TimeUnit,
}

/// What was joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Labelled {
    /// Samples written.
    pub rows: u64,
    /// Samples that no label met: left out, or written with the value for those.
    pub without: u64,
    /// Labels that met no sample.
    pub unused: u64,
}

/// A column of the sample file that is no field of the conf.
#[derive(Debug, Clone, PartialEq)]
enum Extra {
    /// This place among the label file's numbers.
    Label(usize),
    Time,
    Request,
    Item,
}

/// Numbers by key, with the line they stood on.
type Numbers = FxHashMap<String, (u64, Vec<Value>)>;

/// Joins labels to log files of one conf and writes a sample file, which appears when it is complete. `plan` is of that conf.
///
/// # Errors
/// [`PipelineError::Table`] for files that cannot be read or written, columns that are not there, and a label file's row that
/// does not fit; [`PipelineError::Malformed`] for a key that is no field, two labels of one key that differ, and logs that are
/// none.
pub fn label(
    logs: &[PathBuf],
    plan: &Plan,
    options: &LabelOptions,
    out: &Path,
) -> Result<Labelled, PipelineError> {
    let keys = key_types(plan, options)?;
    let (extras, names) = extras(plan);
    let numbers = numbers(options, (&keys, &names))?;
    let mut table = sample_table(plan, &extras);
    let metadata = [("conf".to_owned(), plan.name().to_owned())];
    let mut writer = parquet::Writer::create(out, &table, &metadata)?;
    let (mut done, mut used) = (Labelled::default(), FxHashSet::default());
    for log in logs {
        for row in read(log, plan)? {
            let key = key(plan, &row, &options.key);
            let found = key.and_then(|key| Some((numbers.get(&key)?, key)));
            let met = match found {
                Some(((_, numbers), key)) => {
                    used.insert(key);
                    Some(numbers.clone())
                }
                None => {
                    done.without += 1;
                    options.otherwise.map(|x| vec![Value::Float(x); names.len()])
                }
            };
            let Some(met) = met else {
                continue;
            };
            push(&mut table, (plan, &extras), (&row, &met));
            done.rows += 1;
        }
        writer.write(&table)?;
        table.columns.iter_mut().for_each(|(_, column)| column.clear());
    }
    writer.commit()?;
    done.unused = (numbers.len() - used.len()) as u64;
    Ok(done)
}

/// The types of the key's columns.
fn key_types(plan: &Plan, options: &LabelOptions) -> Result<Vec<FieldType>, PipelineError> {
    let of = |name: &String| match name.as_str() {
        "_request" | "_item" => Ok(FieldType::Int),
        name => {
            let found = plan.schema().find(name);
            let (side, at) = found.ok_or_else(|| {
                let reason = format!(
                    "key `{name}`: expected _request, _item or a field of conf `{}`",
                    plan.name()
                );
                malformed(&options.labels, &reason)
            })?;
            Ok(plan.schema().side(side)[at].ty)
        }
    };
    options.key.iter().map(of).collect()
}

/// Columns that the conf's samples have beside its fields, and those of them that the label file holds.
fn extras(plan: &Plan) -> (Vec<(String, Extra)>, Vec<String>) {
    let spec = plan.sample_spec();
    let field = |name: &str| plan.schema().find(name).is_some();
    let mut names: Vec<String> = spec.label.clone();
    if names.is_empty() {
        names.push("label".to_owned());
    }
    names.extend(spec.weight.clone().filter(|name| !field(name)));
    let labels = names.iter().enumerate();
    let mut extras: Vec<_> = labels
        .map(|(at, name)| (name.clone(), Extra::Label(at)))
        .collect();
    let roles = [(&spec.time, Extra::Time), (&spec.group, Extra::Request)];
    for (name, extra) in roles {
        let name = name.clone().filter(|name| !field(name) && !names.contains(name));
        extras.extend(name.map(|name| (name, extra)));
    }
    if !ITEMS.iter().any(|name| field(name)) {
        extras.push(("item_id".to_owned(), Extra::Item));
    }
    (extras, names)
}

/// Reads the label file.
fn numbers(
    options: &LabelOptions,
    (types, names): (&[FieldType], &[String]),
) -> Result<Numbers, PipelineError> {
    let path = options.labels.as_path();
    let form = Form::of(path)
        .ok_or_else(|| malformed(path, &"expected a file named .parquet, .csv, .tsv or .jsonl"))?;
    let columns: Vec<&str> = options.key.iter().chain(names).map(String::as_str).collect();
    let mut reader = RowReader::open(path, &form, &columns)?;
    let times: Vec<bool> = (0..columns.len()).map(|at| reader.is_time(at)).collect();
    let (mut plain, mut micros) = (Cells::new(options.time_unit), Cells::new(TimeUnit::Microseconds));
    let (mut record, mut found) = (Record::default(), Numbers::default());
    loop {
        let rejected = |line: u64, rule: &'static str, reason: String| TableError::Rejected {
            path: path.to_owned(),
            line,
            rule,
            reason,
        };
        match reader.next(&mut record)? {
            Step::End => return Ok(found),
            Step::Fault(fault) => return Err(rejected(fault.line, fault.rule, fault.reason).into()),
            Step::Row => {}
        }
        let line = record.line();
        let mut cell = |at: usize, ty: FieldType| {
            let cells = if times[at] { &mut micros } else { &mut plain };
            let value = cells.text(ty, record.get(at), Style::Csv);
            value.map_err(|reason| rejected(line, "type", format!("column `{}`: {reason}", columns[at])))
        };
        let keys = types.iter().enumerate().map(|(at, ty)| cell(at, *ty));
        let key = joined(keys.collect::<Result<Vec<_>, _>>()?.iter());
        let labels = (types.len()..columns.len()).map(|at| cell(at, FieldType::Float));
        let labels = labels.collect::<Result<Vec<_>, _>>()?;
        // what is missing is equal to nothing, and a label that is missing is none
        let (Some(key), false) = (key, labels.iter().any(Value::is_missing)) else {
            continue;
        };
        let (before, known) = found.entry(key).or_insert_with(|| (line, labels.clone()));
        if *known != labels {
            let reason = format!("the same key has other labels on line {before}");
            return Err(rejected(line, "labels", reason).into());
        }
    }
}

/// A key as text; none where a part of it is missing.
fn joined<'a>(values: impl Iterator<Item = &'a Value>) -> Option<String> {
    let mut key = String::new();
    for value in values {
        if value.is_missing() {
            return None;
        }
        text::print(value, &mut key);
        key.push('\t');
    }
    Some(key)
}

fn key(plan: &Plan, row: &LogRow, names: &[String]) -> Option<String> {
    let value = |name: &String| match name.as_str() {
        "_request" => Value::Int(row.request),
        "_item" => Value::Int(row.item),
        name => {
            let place = plan.schema().find(name);
            let value = place.and_then(|(side, at)| row.sides[side as usize].get(at));
            value.cloned().unwrap_or_default()
        }
    };
    let values: Vec<Value> = names.iter().map(value).collect();
    joined(values.iter())
}

/// A sample file without rows.
fn sample_table(plan: &Plan, extras: &[(String, Extra)]) -> Table {
    let fields = fields(plan).map(|(_, _, field)| (field.name.to_string(), kind(field.ty)));
    let extras = extras.iter().map(|(name, extra)| {
        let kind = match extra {
            Extra::Label(_) => Kind::Float,
            Extra::Time => Kind::Time,
            Extra::Request | Extra::Item => Kind::Int,
        };
        (name.clone(), kind)
    });
    let columns = fields.chain(extras);
    Table {
        columns: columns.map(|(name, kind)| (name, Column::new(kind, 0))).collect(),
    }
}

fn push(table: &mut Table, (plan, extras): (&Plan, &[(String, Extra)]), (row, labels): (&LogRow, &[Value])) {
    let values = fields(plan).map(|(side, at, _)| row.sides[side].get(at).cloned().unwrap_or_default());
    let extras = extras.iter().map(|(_, extra)| match extra {
        Extra::Label(at) => labels.get(*at).cloned().unwrap_or_default(),
        Extra::Time => Value::Time(row.time),
        Extra::Request => Value::Int(row.request),
        Extra::Item => Value::Int(row.item),
    });
    for ((_, column), value) in table.columns.iter_mut().zip(values.chain(extras)) {
        push_value(column, &value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::LogTable;
    use super::*;
    use crate::sample::{SampleOptions, SampleReader, SampleRow};
    use std::sync::Arc;

    const CONF: &str = "format = 1\nname = \"log\"\nsample = { label = [\"click\"], time = \"at\", group = \"session\" }\n\
        schema.user = [{ name = \"u\", type = \"int\" }]\n\
        schema.item = [{ name = \"i\", type = \"int\" }]\nschema.context = [{ name = \"at\", type = \"timestamp\" }]\n\
        feature = [{ name = \"c\", class = \"id\", slot = 5, depend = [\"u\"] }]";

    /// Four samples: users 0 and 1, items 10 and 11; the user of the last is not known.
    fn logged(folder: &Path) -> (Arc<Plan>, PathBuf) {
        let plan = Arc::new(Plan::compile(CONF, "log.toml", None).unwrap());
        let mut table = LogTable::new(&plan);
        for i in 0..4 {
            let user = if i == 3 { Value::Missing } else { Value::Int(i / 2) };
            let row = LogRow {
                time: 100 + i,
                request: 7 + i / 2,
                item: 10 + i % 2,
                sides: [
                    vec![user],
                    vec![Value::Int(10 + i % 2)],
                    vec![Value::Time(i * 1_000_000)],
                ],
                ..LogRow::default()
            };
            table.push(&row).unwrap();
        }
        let path = folder.join("log/1.parquet");
        table.save(&path).unwrap();
        (plan, path)
    }

    fn run(
        folder: &Path,
        labels: &str,
        (key, otherwise): (&[&str], Option<f64>),
    ) -> Result<(Labelled, Vec<SampleRow>), PipelineError> {
        let (plan, log) = logged(folder);
        let (file, out) = (folder.join("labels.csv"), folder.join("samples.parquet"));
        std::fs::write(&file, labels).unwrap();
        let options = LabelOptions {
            labels: file,
            key: key.iter().map(|name| (*name).to_owned()).collect(),
            otherwise,
            time_unit: TimeUnit::Seconds,
        };
        let done = label(&[log], &plan, &options, &out)?;
        let spec = plan.sample_spec();
        let mut reader = SampleReader::open(&out, plan.schema(), spec, &SampleOptions::default())?;
        let mut rows = Vec::new();
        while reader.next(&mut rows, 10)? > 0 {}
        Ok((done, rows))
    }

    #[test]
    fn labels_meet_their_samples_by_fields_and_by_request() {
        let folder = tempfile::tempdir().unwrap();
        let labels = "u,i,click\n0,11,1\n0,11,1\n1,10,0.5\n5,5,1\n,11,1\n";
        let (done, rows) = run(folder.path(), labels, (&["u", "i"], None)).unwrap();
        assert_eq!((done.rows, done.without, done.unused), (2, 2, 1));
        let found: Vec<_> = rows
            .iter()
            .map(|row| (row.label, row.item_id, row.group, row.time))
            .collect();
        assert_eq!(found, [(1.0, 11, 7, 1_000_000), (0.5, 10, 8, 2_000_000)]);
        assert_eq!(rows[0].user, [Value::Int(0)]);

        let labels = "_request,_item,click\n8,11,1\n";
        let (done, rows) = run(folder.path(), labels, (&["_request", "_item"], Some(0.0))).unwrap();
        assert_eq!((done.rows, done.without), (4, 3));
        let labels: Vec<f32> = rows.iter().map(|row| row.label).collect();
        assert_eq!(labels, [0.0, 0.0, 0.0, 1.0]);

        let (_, rows) = run(folder.path(), "at,click\n1,1\n", (&["at"], None)).unwrap();
        assert_eq!(
            (rows.len(), rows[0].time),
            (1, 1_000_000),
            "seconds, as --time-unit says"
        );
    }

    #[test]
    fn what_is_wrong_with_labels_is_said_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let told =
            |labels: &str, key: &[&str]| run(folder.path(), labels, (key, None)).unwrap_err().to_string();
        let text = told("u,click\n0,1\n0,0\n", &["u"]);
        assert!(
            text.contains("labels.csv:3: labels: the same key has other labels on line 2"),
            "{text}"
        );
        let text = told("u,click\nx,1\n", &["u"]);
        assert!(
            text.contains("labels.csv:2: type: column `u`: expected int, got `x`"),
            "{text}"
        );
        assert!(told("u,clicks\n0,1\n", &["u"]).contains("click"));
        let text = told("w,click\n0,1\n", &["w"]);
        assert!(
            text.contains("key `w`: expected _request, _item or a field of conf `log`"),
            "{text}"
        );
        assert!(!folder.path().join("samples.parquet").exists());
    }
}
