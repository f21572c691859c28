//! The types of a table's columns: what Parquet says, what the description says, else what a text file holds throughout.
//!
//! The decision: a text column is a number only if each of its cells is one that prints as it stands (`007` and `1e3` are
//! texts unless `types` says otherwise), and all files of a table agree on one type.

use std::collections::BTreeMap;
use std::path::Path;

use rankine_table::{Form, Kind, Record, RowReader, Step, parquet};

use super::cell::number;
use super::files::TableFile;
use super::malformed;
use crate::PipelineError;

/// The types of these columns over all files of a table.
pub(super) fn kinds(
    files: &[TableFile],
    columns: &[String],
    types: &BTreeMap<String, Kind>,
) -> Result<Vec<Kind>, PipelineError> {
    let declared: Vec<Option<Kind>> = columns.iter().map(|name| types.get(name).copied()).collect();
    let mut found: Vec<Option<Kind>> = vec![None; columns.len()];
    for file in files {
        let own = match file.form {
            Form::Parquet => of_parquet(file, columns)?,
            Form::Delimited(_) | Form::JsonLines => of_text(file, columns, &declared)?,
        };
        for (at, kind) in own.into_iter().enumerate() {
            let both = both(found[at], kind);
            let allowed = declared[at].is_none() || both.is_some_and(|kind| both_of(declared[at], kind));
            let Some(kind) = both.filter(|_| allowed || kind.is_none()) else {
                let wanted = declared[at].or(found[at]);
                return Err(disagree(&file.path, &columns[at], (wanted, kind)));
            };
            found[at] = kind;
        }
    }
    let settled = found.into_iter().zip(declared);
    Ok(settled
        .map(|(found, declared)| declared.or(found).unwrap_or(Kind::Text))
        .collect())
}

/// Whether a column declared so may hold this.
fn both_of(declared: Option<Kind>, found: Option<Kind>) -> bool {
    found.is_none() || both(declared, found) == Some(declared)
}

/// The type that holds both; `Some(None)` is a column without a value, none what no type holds.
#[expect(clippy::option_option, reason = "no value yet is not the same as no type")]
fn both(a: Option<Kind>, b: Option<Kind>) -> Option<Option<Kind>> {
    match (a, b) {
        (None, one) | (one, None) => Some(one),
        (Some(a), Some(b)) if a == b => Some(Some(a)),
        (Some(Kind::Int), Some(Kind::Float)) | (Some(Kind::Float), Some(Kind::Int)) => {
            Some(Some(Kind::Float))
        }
        (Some(Kind::Text), Some(Kind::Int | Kind::Float))
        | (Some(Kind::Int | Kind::Float), Some(Kind::Text)) => Some(Some(Kind::Text)),
        _ => None,
    }
}

fn disagree(path: &Path, column: &str, (wanted, got): (Option<Kind>, Option<Kind>)) -> PipelineError {
    let told = |kind: Option<Kind>| kind.map_or_else(|| "nothing".to_owned(), |kind| kind.to_string());
    let reason = format!("column `{column}`: expected {}, got {}", told(wanted), told(got));
    malformed(path, reason)
}

fn of_parquet(file: &TableFile, columns: &[String]) -> Result<Vec<Option<Kind>>, PipelineError> {
    let own: Vec<&str> = own_columns(file, columns)?;
    let reader = parquet::Reader::open_columns(&file.path, 1, &own)?;
    let kind = |name: &String| {
        let mut there = reader.columns().iter();
        let own = there.find(|(other, _)| other == name).map(|(_, kind)| *kind);
        own.or(file.told(name).map(|_| Kind::Text))
    };
    Ok(columns.iter().map(kind).collect())
}

/// Those of the columns that the file itself holds; the others must be told by its folders.
pub(super) fn own_columns<'c>(
    file: &TableFile,
    columns: &'c [String],
) -> Result<Vec<&'c str>, PipelineError> {
    let header = file.header()?;
    let absent = columns
        .iter()
        .find(|name| !header.contains(name) && file.told(name).is_none());
    if let Some(name) = absent {
        let reason = format!("no column `{name}`; there are: {}", header.join(", "));
        return Err(malformed(&file.path, reason));
    }
    let own = columns.iter().filter(|name| header.contains(name));
    Ok(own.map(String::as_str).collect())
}

/// What the cells of an undeclared column of a text file have been so far.
#[derive(Clone, Copy)]
struct Seen {
    any: bool,
    ints: bool,
    floats: bool,
}

impl Seen {
    fn look(&mut self, cell: &str) {
        self.any = true;
        self.ints = self.ints && cell.parse::<i64>().is_ok_and(|x| x.to_string() == cell);
        self.floats = self.ints || self.floats && is_plain(cell);
    }

    fn kind(self) -> Option<Kind> {
        let kind = match (self.ints, self.floats) {
            (true, _) => Kind::Int,
            (false, true) => Kind::Float,
            (false, false) => Kind::Text,
        };
        self.any.then_some(kind)
    }
}

/// A number as programs print it: no sign of plus, no needless leading zero, no exponent.
fn is_plain(cell: &str) -> bool {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    plain && !padded && number(cell).is_some()
}

fn of_text(
    file: &TableFile,
    columns: &[String],
    declared: &[Option<Kind>],
) -> Result<Vec<Option<Kind>>, PipelineError> {
    let own = own_columns(file, columns)?;
    let is_open = |name: &&str| {
        columns
            .iter()
            .position(|c| c == name)
            .is_some_and(|at| declared[at].is_none())
    };
    let open: Vec<&str> = own.iter().copied().filter(is_open).collect();
    let start = Seen {
        any: false,
        ints: true,
        floats: true,
    };
    let mut seen = vec![start; open.len()];
    let (mut reader, mut record) = (RowReader::open(&file.path, &file.form, &open)?, Record::default());
    while !open.is_empty() {
        match reader.next(&mut record)? {
            Step::End => break,
            Step::Fault(fault) => {
                return Err(malformed(
                    &file.path,
                    format!("line {}: {}", fault.line, fault.reason),
                ));
            }
            Step::Row => {
                for (at, seen) in seen.iter_mut().enumerate() {
                    record
                        .get(at)
                        .filter(|cell| !cell.is_empty())
                        .into_iter()
                        .for_each(|cell| seen.look(cell));
                }
            }
        }
    }
    let kind = |(at, name): (usize, &String)| {
        let told = file.told(name).filter(|_| !own.contains(&name.as_str()));
        let looked = open.iter().position(|other| other == name);
        declared[at]
            .or(told.map(|_| Kind::Text))
            .or_else(|| seen.get(looked?)?.kind())
    };
    Ok(columns.iter().enumerate().map(kind).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_sql::build::files::find;
    use rankine_table::{Column, Table};

    const COLUMNS: [&str; 5] = ["a", "b", "c", "d", "e"];

    fn read(folder: &Path, types: &[(&str, Kind)]) -> Result<Vec<Kind>, PipelineError> {
        let types = types
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), *kind))
            .collect();
        kinds(&find(folder, "t")?, &COLUMNS.map(str::to_owned), &types)
    }

    #[test]
    fn text_files_are_typed_by_all_their_cells() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("t")).unwrap();
        std::fs::write(path("t/1.csv"), "a,b,c,d,e\n1,1,007,,1e3\n-5,,1,,2\n").unwrap();
        std::fs::write(path("t/2.csv"), "a,b,c,d,e\n1,-0.5,1,,2\n").unwrap();
        let expected = [Kind::Int, Kind::Float, Kind::Text, Kind::Text, Kind::Text];
        assert_eq!(read(folder.path(), &[]).unwrap(), expected);
        let declared = [("e", Kind::Float), ("d", Kind::Int), ("a", Kind::Text)];
        let expected = [Kind::Text, Kind::Float, Kind::Text, Kind::Int, Kind::Float];
        assert_eq!(read(folder.path(), &declared).unwrap(), expected);
    }

    #[test]
    fn files_of_a_table_agree() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("t/e=x")).unwrap();
        let columns = ["a", "b", "c", "d"].map(|name| (name.to_owned(), Column::Int(vec![Some(1)])));
        let write = |name: &str, columns: &[(String, Column)]| {
            let table = Table::new(columns.to_vec()).unwrap();
            parquet::write(&folder.path().join(name), &table, &[]).unwrap();
        };
        write("t/e=x/1.parquet", &columns);
        let expected = [Kind::Int, Kind::Int, Kind::Int, Kind::Int, Kind::Text];
        assert_eq!(read(folder.path(), &[]).unwrap(), expected);
        assert_eq!(
            read(folder.path(), &[("a", Kind::Float)]).unwrap()[0],
            Kind::Float
        );
        let told = read(folder.path(), &[("a", Kind::Time)]).unwrap_err().to_string();
        assert!(told.contains("column `a`: expected timestamp, got int"), "{told}");
        let mut other = columns.clone();
        other[1].1 = Column::Time(vec![Some(1)]);
        write("t/e=x/2.parquet", &other);
        let told = read(folder.path(), &[]).unwrap_err().to_string();
        assert!(
            told.contains("2.parquet") && told.contains("`b`: expected int, got timestamp"),
            "{told}"
        );
        write("t/e=x/2.parquet", &columns[..3]);
        let told = read(folder.path(), &[]).unwrap_err().to_string();
        assert!(told.contains("no column `d`; there are: a, b, c"), "{told}");
    }
}
