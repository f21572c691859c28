//! Chosen columns of any file as text cells: delimited text, JSON lines or Parquet behind one reader.
//!
//! For mappings, where the file's form is configuration. The decision: everything becomes text here
//! (lists joined by `|`, times as microseconds), because a mapping then types each cell once.

use std::path::Path;

use crate::delimited::{DelimitedReader, Layout};
use crate::json_lines::JsonLinesReader;
use crate::{Column, Kind, Record, Step, Table, TableError, parquet};

/// The form of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Delimited text.
    Delimited(Layout),
    /// One JSON object a line.
    JsonLines,
    /// Parquet.
    Parquet,
}

impl Form {
    /// Guesses from the name: `csv`, `tsv`, `jsonl`/`ndjson`, `parquet`, each also packed (not Parquet).
    pub fn of(path: &Path) -> Option<Self> {
        match crate::stream::inner_extension(path)?.as_str() {
            "csv" => Some(Self::Delimited(Layout::csv())),
            "tsv" => Some(Self::Delimited(Layout::tsv())),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// Reads the cells of chosen columns, row by row, in the order they were chosen.
pub struct RowReader {
    source: Source,
    times: Vec<bool>,
}

enum Source {
    Delimited {
        reader: DelimitedReader,
        chosen: Vec<usize>,
        spans: Vec<Option<(usize, usize)>>,
    },
    JsonLines(JsonLinesReader),
    Parquet {
        reader: parquet::Reader,
        chosen: Vec<usize>,
        batch: Table,
        row: usize,
        line: u64,
    },
}

impl RowReader {
    /// Opens a file for the columns named.
    ///
    /// # Errors
    /// [`TableError::Open`], [`TableError::Header`] or [`TableError::NoColumn`] for a column that is
    /// not there, [`TableError::Parquet`] for damage.
    pub fn open(path: &Path, form: &Form, columns: &[&str]) -> Result<Self, TableError> {
        let mut times = vec![false; columns.len()];
        let source = match form {
            Form::Delimited(layout) => {
                let reader = DelimitedReader::open(path, layout.clone())?;
                let chosen = columns
                    .iter()
                    .map(|name| reader.column(name))
                    .collect::<Result<_, _>>()?;
                Source::Delimited {
                    reader,
                    chosen,
                    spans: Vec::new(),
                }
            }
            Form::JsonLines => Source::JsonLines(JsonLinesReader::open(path, columns)?),
            Form::Parquet => {
                let reader = parquet::Reader::open_columns(path, 8_192, columns)?;
                let place = |name: &&str| reader.columns().iter().position(|(other, _)| other == name);
                let chosen: Vec<usize> = columns.iter().filter_map(place).collect();
                times = chosen
                    .iter()
                    .map(|&at| reader.columns()[at].1 == Kind::Time)
                    .collect();
                Source::Parquet {
                    batch: reader.empty(),
                    reader,
                    chosen,
                    row: 0,
                    line: 0,
                }
            }
        };
        Ok(Self { source, times })
    }

    /// Whether a chosen column holds instants; its cells are then microseconds since 1970.
    pub fn is_time(&self, column: usize) -> bool {
        self.times.get(column).copied().unwrap_or(false)
    }

    /// Reads the next row into `record`.
    ///
    /// # Errors
    /// [`TableError::Read`] or [`TableError::Parquet`] when the file cannot be read on.
    pub fn next(&mut self, record: &mut Record) -> Result<Step, TableError> {
        match &mut self.source {
            Source::Delimited {
                reader,
                chosen,
                spans,
            } => {
                let step = reader.next(record)?;
                if step == Step::Row {
                    spans.clear();
                    spans.extend(chosen.iter().map(|&at| record.spans[at]));
                    std::mem::swap(spans, &mut record.spans);
                }
                Ok(step)
            }
            Source::JsonLines(reader) => reader.next(record),
            Source::Parquet {
                reader,
                chosen,
                batch,
                row,
                line,
            } => {
                record.clear();
                while *row >= batch.rows() {
                    match reader.next_batch()? {
                        Some(next) => (*batch, *row) = (next, 0),
                        None => return Ok(Step::End),
                    }
                }
                *line += 1;
                record.line = *line;
                chosen
                    .iter()
                    .for_each(|&at| record.push(cell(&batch.columns[at].1, *row).as_deref()));
                record.raw = record
                    .iter()
                    .map(|cell| cell.unwrap_or("\\N"))
                    .collect::<Vec<_>>()
                    .join("\t");
                *row += 1;
                Ok(Step::Row)
            }
        }
    }
}

/// Calls `each` on the chosen cells of every row of a file; a name that tells no form is that of a CSV.
///
/// # Errors
/// What [`RowReader`] reports, [`TableError::Rejected`] for the first row that cannot be read, and what `each` refuses.
pub fn for_each_row<E: From<TableError>>(
    path: &Path,
    columns: &[&str],
    mut each: impl FnMut(&Record) -> Result<(), E>,
) -> Result<(), E> {
    let form = Form::of(path).unwrap_or(Form::Delimited(Layout::csv()));
    let (mut reader, mut record) = (RowReader::open(path, &form, columns)?, Record::default());
    loop {
        match reader.next(&mut record)? {
            Step::End => return Ok(()),
            Step::Fault(fault) => return Err(fault.refused(path).into()),
            Step::Row => each(&record)?,
        }
    }
}

fn cell(column: &Column, row: usize) -> Option<String> {
    match column {
        Column::Int(rows) | Column::Time(rows) => rows[row].map(|value| value.to_string()),
        Column::Float(rows) => rows[row].map(|value| value.to_string()),
        Column::Text(rows) => rows[row].clone(),
        Column::Bool(rows) => rows[row].map(|value| value.to_string()),
        Column::Ints(rows) => joined(rows[row].as_deref()),
        Column::Floats(rows) => joined(rows[row].as_deref()),
        Column::Texts(rows) => joined(rows[row].as_deref()),
        Column::Vector { rows, .. } => joined(rows[row].as_deref()),
        Column::Weighted(rows) => paired(rows[row].as_deref()?),
        Column::Signs(rows) => paired(rows[row].as_deref()?),
    }
}

fn paired(pairs: &[(impl std::fmt::Display, f32)]) -> Option<String> {
    let pairs = pairs.iter().map(|(tag, weight)| format!("{tag}:{weight}"));
    joined(Some(&pairs.collect::<Vec<_>>()))
}

fn joined(values: Option<&[impl ToString]>) -> Option<String> {
    Some(
        values?
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("|"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path, columns: &[&str]) -> Vec<(u64, Vec<Option<String>>)> {
        let mut reader = RowReader::open(path, &Form::of(path).unwrap(), columns).unwrap();
        let (mut record, mut rows) = (Record::default(), Vec::new());
        while reader.next(&mut record).unwrap() == Step::Row {
            rows.push((
                record.line(),
                record.iter().map(|cell| cell.map(str::to_owned)).collect(),
            ));
        }
        rows
    }

    fn cells(cells: &[&str]) -> Vec<Option<String>> {
        cells.iter().map(|&cell| Some(cell.to_owned())).collect()
    }

    #[test]
    fn three_forms_give_the_same_cells_in_the_order_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a.csv"), "id,tags,n\n7,a|b,1.5\n").unwrap();
        std::fs::write(path("a.tsv"), "tags\tn\tid\na|b\t1.5\t7\n").unwrap();
        std::fs::write(path("a.ndjson"), "{\"n\":1.5,\"id\":7,\"tags\":[\"a\",\"b\"]}").unwrap();
        let table = Table::new(vec![
            (
                "tags".into(),
                Column::Texts(vec![Some(vec!["a".into(), "b".into()])]),
            ),
            ("n".into(), Column::Float(vec![Some(1.5)])),
            ("id".into(), Column::Int(vec![Some(7)])),
        ]);
        parquet::write(&path("a.parquet"), &table.unwrap(), &[]).unwrap();
        for (name, line) in [("a.csv", 2), ("a.tsv", 2), ("a.ndjson", 1), ("a.parquet", 1)] {
            let rows = read(&path(name), &["n", "id", "tags"]);
            assert_eq!(rows, [(line, cells(&["1.5", "7", "a|b"]))], "{name}");
        }
    }

    #[test]
    fn every_kind_of_column_has_a_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.parquet");
        let columns = [
            ("bool", Column::Bool(vec![Some(true), None])),
            ("time", Column::Time(vec![Some(-5), None])),
            ("ints", Column::Ints(vec![Some(vec![1, -2]), None])),
            ("floats", Column::Floats(vec![Some(vec![0.5]), None])),
            (
                "map",
                Column::Weighted(vec![Some(vec![("a".into(), 0.5), ("b".into(), 2.0)]), None]),
            ),
            (
                "vector",
                Column::Vector {
                    width: 2,
                    rows: vec![Some(vec![1.0, 2.5]), None],
                },
            ),
        ];
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let table = Table::new(
            columns
                .iter()
                .map(|(name, c)| ((*name).into(), c.clone()))
                .collect(),
        )
        .unwrap();
        parquet::write(&path, &table, &[]).unwrap();
        let rows = read(&path, &names);
        assert_eq!(
            rows[0].1,
            cells(&["true", "-5", "1|-2", "0.5", "a:0.5|b:2", "1|2.5"])
        );
        assert_eq!(rows[1], (2, vec![None; 6]));
        let reader = RowReader::open(&path, &Form::Parquet, &["bool", "time"]).unwrap();
        assert_eq!((reader.is_time(0), reader.is_time(1)), (false, true));
    }

    #[test]
    fn every_row_is_visited_until_one_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("behaviour");
        std::fs::write(&path, "user,item\n1,a\n2,b\n3\n4,d\n").unwrap();
        let mut seen = Vec::new();
        let refused = for_each_row(&path, &["item"], |record| {
            seen.push(record.get(0).unwrap_or_default().to_owned());
            Ok::<(), TableError>(())
        });
        let told = refused.unwrap_err().to_string();
        assert!(
            told.contains("behaviour:4: ") && seen == ["a", "b"],
            "{told} {seen:?}"
        );
        let stopped = for_each_row(&path, &["user"], |record| {
            Err(record.fault("x", "enough").refused(&path))
        });
        assert!(
            stopped
                .unwrap_err()
                .to_string()
                .ends_with("behaviour:2: x: enough")
        );
    }

    #[test]
    fn a_column_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "id\n1\n").unwrap();
        assert!(RowReader::open(&path, &Form::of(&path).unwrap(), &["nope"]).is_err());
        assert_eq!(Form::of(Path::new("x.xlsx")), None);
    }
}
