//! Values by key: tab-separated text or Parquet. A key that is there twice is an error.

use std::path::Path;

use rankine_dict::{LoadFault, Pace};
use rankine_feature::{FieldType, MemoryDictionary, Value, text};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::cells::{self, OwnedKey};
use super::pages::{self, Pages};

/// Reads a file. Text has a key and a value a line, in the text form of these types.
///
/// # Errors
/// What is wrong, with the line or row.
pub(super) fn load(
    path: &Path,
    max_mb_s: f64,
    types: (FieldType, FieldType),
) -> Result<MemoryDictionary, LoadFault> {
    if pages::is_parquet(path)? {
        parquet(path, max_mb_s)
    } else {
        lines(path, max_mb_s, types)
    }
}

fn lines(
    path: &Path,
    max_mb_s: f64,
    (key, value): (FieldType, FieldType),
) -> Result<MemoryDictionary, LoadFault> {
    let content = String::from_utf8(Pace::new(max_mb_s).read(path)?)?;
    if !content.is_empty() && !content.ends_with('\n') {
        return Err("the last line has no end: the file may be cut off".into());
    }
    let mut rows = Rows::new(vec![("value".to_owned(), value)]);
    for (at, line) in content.lines().enumerate() {
        let row = line
            .split_once('\t')
            .ok_or_else(|| "expected a key, a tab and a value".to_owned());
        let row = row.and_then(|(left, right)| {
            let read = |ty, cell| text::parse(ty, cell).map_err(|fault| fault.to_string());
            rows.add(&read(key, left)?, vec![read(value, right)?])
        });
        row.map_err(|fault| format!("line {}: {fault}", at + 1))?;
    }
    Ok(rows.finish())
}

fn parquet(path: &Path, max_mb_s: f64) -> Result<MemoryDictionary, LoadFault> {
    let mut pages = Pages::open(path, max_mb_s)?;
    let typed = pages.columns().iter().map(cells::typed);
    let typed = typed.collect::<Result<Vec<_>, _>>()?;
    let columns = match typed.split_first() {
        Some(((_, FieldType::Int | FieldType::String), columns)) => columns,
        Some(((name, ty), _)) => {
            return Err(format!("key column `{name}`: expected int or string, got {ty}").into());
        }
        None => return Err("expected a key column, got none".into()),
    };
    let columns = columns.iter().map(|(name, ty)| (name.to_string(), *ty));
    let mut rows = Rows::new(columns.collect());
    while let Some(batch) = pages.next()? {
        for row in 0..batch.rows() {
            let mut values = batch.columns.iter().map(|(_, column)| cells::value(column, row));
            let key = values.next().unwrap_or_default();
            let number = rows.count + 1;
            rows.add(&key, values.collect())
                .map_err(|fault| format!("row {number}: {fault}"))?;
        }
    }
    Ok(rows.finish())
}

/// Rows as they are gathered.
struct Rows {
    made: MemoryDictionary,
    count: usize,
    digest: u64,
}

impl Rows {
    fn new(columns: Vec<(String, FieldType)>) -> Self {
        let columns: Vec<(&str, FieldType)> = columns.iter().map(|(name, ty)| (name.as_str(), *ty)).collect();
        Self {
            made: MemoryDictionary::new(&columns),
            count: 0,
            digest: 0,
        }
    }

    fn add(&mut self, key: &Value, values: Vec<Value>) -> Result<(), String> {
        let key = OwnedKey::of(key).ok_or("the key is missing")?;
        let mut form = key.to_string();
        for value in &values {
            form.push('\t');
            text::print(value, &mut form);
        }
        self.digest = xxh3_64_with_seed(form.as_bytes(), self.digest);
        self.count += 1;
        if self.made.insert(key.borrow(), values) {
            Ok(())
        } else {
            Err(format!("key {key} is there twice"))
        }
    }

    fn finish(self) -> MemoryDictionary {
        self.made.with_digest(self.digest)
    }
}
