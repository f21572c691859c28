//! Logs of served samples: what was asked, what was extracted, what was answered, as Parquet.
//!
//! The server writes them; `rankine sample label` makes samples to train on of them, `rankine check skew` and `rankine replay`
//! read all of it. Decision: the features stand there as they were served, in the columns that `rankine extract` writes
//! (`s<slot>`), so that a log is also a file of extracted features; what is no field begins with an underscore.

mod labels;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use labels::{LabelOptions, Labelled, label};

use rankine_feature::{Content, Plan, Side, SlotKind, Value, canonical};
use rankine_table::{Column, Kind, Table, parquet};

use crate::PipelineError;
use crate::extract::push_content;
use crate::sample::TimeUnit;
use crate::sample::cells::Cells;
use crate::sample::columns::{kind, push_value};

/// The column of models.
const MODELS: &str = "_models";
/// Rows that are read at a time where only some columns are.
const BATCH: usize = 65_536;

/// Columns before the fields: instant of the answer, number of the request, item id, `model:version` and score of each model.
const HEAD: [(&str, Kind); 5] = [
    ("_time", Kind::Time),
    ("_request", Kind::Int),
    ("_item", Kind::Int),
    (MODELS, Kind::Texts),
    ("_scores", Kind::Floats),
];

/// One served sample.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogRow {
    /// When it was answered, microseconds UTC.
    pub time: i64,
    /// Items of one request have one number.
    pub request: i64,
    /// The item's id.
    pub item: i64,
    /// `model:version` of each model that scored it.
    pub models: Vec<String>,
    /// Their scores.
    pub scores: Vec<f64>,
    /// Values of user, item and context, each in the order of the plan's side.
    pub sides: [Vec<Value>; 3],
    /// Canonical bytes of all slots.
    pub bytes: Vec<u8>,
}

/// Rows of one conf on their way into a file.
#[derive(Debug)]
pub struct LogTable {
    plan: Arc<Plan>,
    /// The conf's, as artefacts name it: without the content of `frozen` dictionaries that the plan may be bound to.
    conf_hash: String,
    table: Table,
}

fn fields(plan: &Plan) -> impl Iterator<Item = (usize, usize, &rankine_feature::Field)> {
    let side = move |side: Side| {
        let fields = plan.schema().side(side).iter().enumerate();
        fields.map(move |(at, field)| (side as usize, at, field))
    };
    Side::ALL.into_iter().flat_map(side)
}

impl LogTable {
    /// No rows.
    #[must_use]
    pub fn new(plan: &Arc<Plan>) -> LogTable {
        let head = HEAD.map(|(name, kind)| (name.to_owned(), kind)).into_iter();
        let fields = fields(plan).map(|(_, _, field)| (field.name.to_string(), kind(field.ty)));
        let slots = plan.slots().iter().map(|spec| {
            let kind = match spec.kind {
                SlotKind::Sparse => Kind::Signs,
                SlotKind::Dense(width) => Kind::Vector(width),
            };
            (format!("s{}", spec.slot), kind)
        });
        let columns = head.chain(fields).chain(slots);
        let columns = columns.map(|(name, kind)| (name, Column::new(kind, 0))).collect();
        LogTable {
            plan: Arc::clone(plan),
            conf_hash: plan.unbound().hash(),
            table: Table { columns },
        }
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.table.rows()
    }

    /// Appends a row of this table's plan.
    ///
    /// # Errors
    /// [`PipelineError::Malformed`] for bytes that are no slots; then nothing is appended.
    pub fn push(&mut self, row: &LogRow) -> Result<(), PipelineError> {
        let slots =
            canonical::read(&row.bytes).map_err(|error| malformed(Path::new("sample log"), &error))?;
        let head = [
            Value::Time(row.time),
            Value::Int(row.request),
            Value::Int(row.item),
            Value::strs(&row.models),
            Value::floats(&row.scores),
        ];
        let values =
            fields(&self.plan).map(|(side, at, _)| row.sides[side].get(at).cloned().unwrap_or_default());
        let values: Vec<Value> = head.into_iter().chain(values).collect();
        let mut columns = self.table.columns.iter_mut().map(|(_, column)| column);
        for (value, column) in values.iter().zip(&mut columns) {
            push_value(column, value);
        }
        for (spec, column) in self.plan.slots().iter().zip(columns) {
            match slots.iter().find(|slot| slot.slot == spec.slot) {
                Some(slot) => push_content(column, slot.content()),
                None => column.push_missing(),
            }
        }
        Ok(())
    }

    /// Writes all rows to a file that appears when it is complete, and forgets them.
    ///
    /// # Errors
    /// [`PipelineError::Table`].
    pub fn save(&mut self, path: &Path) -> Result<(), PipelineError> {
        let metadata = [
            ("conf", self.plan.name().to_owned()),
            ("conf_hash", self.conf_hash.clone()),
        ];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value));
        parquet::write(path, &self.table, &metadata)?;
        self.table
            .columns
            .iter_mut()
            .for_each(|(_, column)| column.clear());
        Ok(())
    }
}

/// The log files of a folder and of the folders in it, or the one file that `path` is, in order of their names.
///
/// # Errors
/// [`PipelineError::Malformed`] where there is none.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, PipelineError> {
    let mut found = Vec::new();
    collect(path, &mut found);
    found.sort();
    if found.is_empty() {
        return Err(malformed(path, &"no log here: expected .parquet files"));
    }
    Ok(found)
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.for_each(|entry| collect(&entry.path(), found));
    } else if path.extension().is_some_and(|end| end == "parquet") {
        found.push(path.to_owned());
    }
}

/// Name and hash of the conf that a log file was made with.
///
/// # Errors
/// [`PipelineError::Table`] for damage, [`PipelineError::Malformed`] for a file that is no log.
pub fn conf_of(path: &Path) -> Result<(String, String), PipelineError> {
    let reader = parquet::Reader::open(path, 1)?;
    let find = |key: &str| {
        reader
            .metadata()
            .iter()
            .find(|(other, _)| other == key)
            .map(|(_, value)| value.clone())
    };
    find("conf")
        .zip(find("conf_hash"))
        .ok_or_else(|| malformed(path, &"no sample log: its footer names no conf"))
}

/// `model:version` of each model, row by row: what a reader can choose by before it has the conf.
///
/// # Errors
/// [`PipelineError::Table`] for damage, [`PipelineError::Malformed`] for a file that is no log.
pub fn models(path: &Path) -> Result<Vec<Vec<String>>, PipelineError> {
    let mut reader = parquet::Reader::open_columns(path, BATCH, &[MODELS])?;
    let mut found = Vec::new();
    while let Some(table) = reader.next_batch()? {
        let Column::Texts(models) = table.column(MODELS)? else {
            return Err(malformed(path, &"_models: expected lists of texts"));
        };
        found.extend(models.iter().map(|models| models.clone().unwrap_or_default()));
    }
    Ok(found)
}

/// Columns `s<slot>`, ascending by slot.
fn slots(table: &Table) -> Vec<(u32, &Column)> {
    let slot = |(name, column): &'_ (String, Column)| -> Option<u32> {
        let of_slots = matches!(column, Column::Signs(_) | Column::Vector { .. });
        name.strip_prefix('s').filter(|_| of_slots)?.parse().ok()
    };
    let found = table.columns.iter().filter_map(|one| Some((slot(one)?, &one.1)));
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|(slot, _)| *slot);
    found
}

/// All rows of a log file. The fields are those of `plan`, which need not be the plan that the file was made with; the slots
/// are the file's own.
///
/// # Errors
/// [`PipelineError::Table`] for damage and for fields that the file has not, [`PipelineError::Malformed`] for a file that is
/// no log.
pub fn read(path: &Path, plan: &Plan) -> Result<Vec<LogRow>, PipelineError> {
    let (table, _) = parquet::read(path)?;
    let column = |name: &str| table.column(name).map_err(PipelineError::from);
    let head = HEAD
        .iter()
        .map(|(name, _)| column(name))
        .collect::<Result<Vec<_>, _>>()?;
    let fields: Vec<_> = fields(plan)
        .map(|(side, _, field)| Ok((side, field.ty, column(&field.name)?)))
        .collect::<Result<_, PipelineError>>()?;
    let slots = slots(&table);
    let mut cells = Cells::new(TimeUnit::Microseconds);
    let mut rows = Vec::with_capacity(table.rows());
    for at in 0..table.rows() {
        let mut row =
            first(&head, at).ok_or_else(|| malformed(path, &format!("row {}: not of a log", at + 1)))?;
        for (side, ty, column) in &fields {
            let value = cells.typed(*ty, column, at);
            row.sides[*side]
                .push(value.map_err(|reason| malformed(path, &format!("row {}: {reason}", at + 1)))?);
        }
        for (slot, column) in &slots {
            encode(*slot, column, at, &mut row.bytes);
        }
        rows.push(row);
    }
    Ok(rows)
}

/// What is no field; none where a type is another.
fn first(head: &[&Column], at: usize) -> Option<LogRow> {
    let [
        Column::Time(times),
        Column::Int(requests),
        Column::Int(items),
        Column::Texts(models),
        Column::Floats(scores),
    ] = head
    else {
        return None;
    };
    Some(LogRow {
        time: times[at]?,
        request: requests[at]?,
        item: items[at]?,
        models: models[at].clone()?,
        scores: scores[at].clone()?,
        ..LogRow::default()
    })
}

fn encode(slot: u32, column: &Column, at: usize, out: &mut Vec<u8>) {
    if let Column::Signs(rows) = column {
        let (signs, weights): (Vec<u64>, Vec<f32>) = rows[at].iter().flatten().copied().unzip();
        canonical::write(slot, Content::Signs(&signs, &weights), out);
    } else if let Column::Vector { rows, .. } = column {
        canonical::write(slot, Content::Floats(rows[at].as_deref().unwrap_or(&[])), out);
    }
}

fn malformed(path: &Path, reason: &dyn std::fmt::Display) -> PipelineError {
    PipelineError::Malformed {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_feature::{Extractor, Rows};

    const CONF: &str = "format = 1\nname = \"log\"\nschema.user = [{ name = \"u\", type = \"int\" }]\n\
        schema.item = [{ name = \"tags\", type = \"map<string,float>\" }, { name = \"x\", type = \"float\" }]\n\
        schema.context = [{ name = \"at\", type = \"timestamp\" }]\nfeature = [\n\
        { name = \"a\", class = \"tag\", slot = 7, depend = [\"tags\"] },\n\
        { name = \"b\", class = \"raw\", slot = 3, depend = [\"x\"], str_args = [\"flag\"] },\n\
        { name = \"c\", class = \"id\", slot = 5, depend = [\"u\"] }]";

    fn rows(plan: &Arc<Plan>) -> Vec<LogRow> {
        let mut extractor = Extractor::new(Arc::clone(plan));
        let row = |i: i64| {
            let sides = [
                vec![if i == 1 { Value::Missing } else { Value::Int(i) }],
                vec![
                    Value::weighted(&[("a,b", 0.5), ("c", i as f32)]),
                    Value::Float(0.1),
                ],
                vec![Value::Time(i * 1_000)],
            ];
            let [user, item, context] = &sides;
            extractor.run(Rows { user, item, context });
            let mut bytes = Vec::new();
            extractor.encode(&mut bytes);
            let models = vec!["ctr:3".to_owned(), "cvr:1".to_owned()];
            LogRow {
                time: i,
                request: i / 2,
                item: i * 10,
                models,
                scores: vec![0.5, 0.25],
                sides,
                bytes,
            }
        };
        (0..5).map(row).collect()
    }

    #[test]
    fn what_is_logged_is_read_back() {
        let plan = Arc::new(Plan::compile(CONF, "log.toml", None).unwrap());
        let (folder, rows) = (tempfile::tempdir().unwrap(), rows(&plan));
        let mut table = LogTable::new(&plan);
        rows.iter().for_each(|row| table.push(row).unwrap());
        let path = folder.path().join("log-1/1.parquet");
        table.save(&path).unwrap();
        assert_eq!(table.rows(), 0);
        assert_eq!(files(folder.path()).unwrap(), std::slice::from_ref(&path));
        assert_eq!(conf_of(&path).unwrap(), ("log".to_owned(), plan.hash()));
        assert_eq!(read(&path, &plan).unwrap(), rows);
        assert_eq!(models(&path).unwrap(), vec![rows[0].models.clone(); 5]);
        let fewer = CONF.split_once("{ name = \"b\"").unwrap().0.to_owned() + "]";
        let fewer = Plan::compile(&fewer, "log.toml", None).unwrap();
        assert_eq!(read(&path, &fewer).unwrap(), rows, "the slots are the log's own");
    }

    #[test]
    fn other_files_and_bytes_are_refused() {
        let plan = Arc::new(Plan::compile(CONF, "log.toml", None).unwrap());
        let folder = tempfile::tempdir().unwrap();
        assert!(files(folder.path()).is_err());
        let path = folder.path().join("x.parquet");
        let other = Table::new(vec![("a".to_owned(), Column::Int(vec![Some(1)]))]).unwrap();
        parquet::write(&path, &other, &[]).unwrap();
        assert!(
            conf_of(&path)
                .unwrap_err()
                .to_string()
                .contains("its footer names no conf")
        );
        assert!(read(&path, &plan).is_err());
        let bad = LogRow {
            bytes: vec![1],
            ..LogRow::default()
        };
        let mut table = LogTable::new(&plan);
        assert!(table.push(&bad).is_err());
        assert_eq!(table.rows(), 0);
    }
}
