//! Boundaries of buckets by feature: finite, strictly increasing.

use std::path::Path;

use rankine_dict::{LoadFault, Pace};
use rankine_feature::{FieldType, Key, MemoryDictionary, Value, text};
use rankine_table::delimited::Layout;
use rankine_table::{Form, Record, RowReader, Step};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::cells;
use super::pages::{self, Pages};

/// The header.
const COLUMNS: [&str; 2] = ["feature", "boundaries"];

/// Reads a file: CSV with the header `feature,boundaries` (the list in quotes, separated by commas) or Parquet.
///
/// # Errors
/// What is wrong, with the line.
pub(super) fn load(path: &Path, max_mb_s: f64) -> Result<MemoryDictionary, LoadFault> {
    let mut found = Boundaries::default();
    if pages::is_parquet(path)? {
        let mut pages = Pages::open(path, max_mb_s)?;
        while let Some(batch) = pages.next()? {
            let (features, lists) = (batch.column(COLUMNS[0])?, batch.column(COLUMNS[1])?);
            (0..batch.rows())
                .try_for_each(|row| found.add(&cells::value(features, row), cells::value(lists, row)))?;
        }
    } else {
        csv(path, max_mb_s, &mut found)?;
    }
    Ok(found.finish())
}

fn csv(path: &Path, max_mb_s: f64, found: &mut Boundaries) -> Result<(), LoadFault> {
    Pace::new(max_mb_s).warm(path)?;
    let mut reader = RowReader::open(path, &Form::Delimited(Layout::csv()), &COLUMNS)?;
    let mut record = Record::default();
    loop {
        match reader.next(&mut record)? {
            Step::End => return Ok(()),
            Step::Fault(fault) => return Err(format!("line {}: {}", fault.line, fault.reason).into()),
            Step::Row => {
                let at = |fault| format!("line {}: {fault}", record.line());
                let list = record.get(1).unwrap_or_default();
                let list = text::parse(FieldType::FloatList, list).map_err(|fault| at(fault.to_string()))?;
                let feature = Value::str(record.get(0).unwrap_or_default());
                found.add(&feature, list).map_err(|fault| at(fault.to_string()))?;
            }
        }
    }
}

#[derive(Default)]
struct Boundaries {
    rows: Vec<(String, Value)>,
    digest: u64,
}

impl Boundaries {
    fn add(&mut self, feature: &Value, list: Value) -> Result<(), LoadFault> {
        let (Value::Str(name), Value::Floats(floats)) = (feature, &list) else {
            return Err("expected a feature's name and a list of floats".into());
        };
        if self.rows.iter().any(|(known, _)| **known == **name) {
            return Err(format!("feature `{name}` is there twice").into());
        }
        let increasing = floats.windows(2).all(|pair| pair[0] < pair[1]);
        if floats.is_empty() || !increasing || floats.iter().any(|x| !x.is_finite()) {
            return Err(
                format!("boundaries of `{name}`: expected finite numbers, strictly increasing").into(),
            );
        }
        let mut form = name.to_string();
        text::print(&list, &mut form);
        self.digest = xxh3_64_with_seed(form.as_bytes(), self.digest);
        self.rows.push((name.to_string(), list));
        Ok(())
    }

    fn finish(self) -> MemoryDictionary {
        let columns = [(COLUMNS[1], FieldType::FloatList)];
        let mut made = MemoryDictionary::new(&columns).with_digest(self.digest);
        for (name, list) in self.rows {
            made.insert(Key::Text(&name), vec![list]);
        }
        made
    }
}
