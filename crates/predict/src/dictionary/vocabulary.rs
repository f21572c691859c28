//! Words by line: a line's number, from 0, is the word's place.

use std::path::Path;

use rankine_dict::{LoadFault, Pace};
use rankine_feature::{FieldType, Key, MemoryDictionary, Value};
use xxhash_rust::xxh3::xxh3_64;

/// Reads a file.
///
/// # Errors
/// What is wrong, with the line.
pub(super) fn load(path: &Path, max_mb_s: f64) -> Result<MemoryDictionary, LoadFault> {
    let bytes = Pace::new(max_mb_s).read(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|fault| {
        let line = 1 + bytes[..fault.valid_up_to()]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        format!("line {line}: not UTF-8")
    })?;
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line has no end: the file may be cut off".into());
    }
    let mut words = MemoryDictionary::new(&[("line", FieldType::Int)]).with_digest(xxh3_64(&bytes));
    for (place, word) in text.lines().enumerate() {
        let number = i64::try_from(place)?;
        if !words.insert(Key::Text(word), vec![Value::Int(number)]) {
            return Err(format!("line {}: `{word}` is there twice", place + 1).into());
        }
    }
    Ok(words)
}
