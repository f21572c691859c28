//! Reading: by the file's name, every fault with its line.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::{VectorTable, faiss, npy};
use crate::blocks::LineBlocks;
use crate::decimal::decimals;
use crate::{Column, Table, TableError, parquet, stream};

impl VectorTable {
    /// Reads a file of vectors.
    ///
    /// # Errors
    /// [`TableError::Open`] and [`TableError::Read`] of the system's, [`TableError::Header`] for what is no such file, with the
    /// line.
    pub fn read(path: &Path) -> Result<VectorTable, TableError> {
        let table = match stream::inner_extension(path).as_deref() {
            Some("parquet") => of_parquet(path),
            Some("npy") => of_npy(path),
            Some("faiss") => of_faiss(path),
            Some("csv") => of_text(path, b','),
            _ => of_text(path, b' '),
        }?;
        match table.places().len() == table.ids.len() {
            true => Ok(table),
            false => Err(bad(path, "an id occurs twice")),
        }
    }

    fn push(&mut self, id: &str, floats: &[f32]) -> Result<(), String> {
        if self.ids.is_empty() && self.width == 0 {
            self.width = floats.len();
        }
        if floats.len() != self.width {
            return Err(format!(
                "`{id}` has {} numbers, expected {}",
                floats.len(),
                self.width
            ));
        }
        self.ids.push(id.to_owned());
        self.floats.extend_from_slice(floats);
        Ok(())
    }
}

pub(super) fn bad(path: &Path, reason: impl Into<String>) -> TableError {
    TableError::Header {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

/// Lines of an id and its numbers; word2vec's first line is `count width`, and holds.
fn of_text(path: &Path, separator: u8) -> Result<VectorTable, TableError> {
    let (mut blocks, mut table, mut numbers) = (
        LineBlocks::open(path, 1 << 20)?,
        VectorTable::default(),
        Vec::new(),
    );
    let mut head = None;
    while let Some(block) = blocks.next_block()? {
        for (line, text) in block.lines() {
            let text = text.trim_ascii_end();
            let fault = |reason: String| bad(path, format!("line {line}: {reason}"));
            let at = text.iter().position(|b| *b == separator);
            let Some(at) = at else {
                match text.is_empty() {
                    true => continue,
                    false => return Err(fault("expected an id and numbers".to_owned())),
                }
            };
            let id = std::str::from_utf8(&text[..at]).map_err(|_| fault("the id is not UTF-8".to_owned()))?;
            numbers.clear();
            decimals(&text[at + 1..], separator, &mut numbers).map_err(fault)?;
            if line == 1 && separator == b' ' {
                head = head_of(id, &numbers, &text[at + 1..]);
            }
            if line > 1 || head.is_none() {
                table.push(id, &numbers).map_err(fault)?;
            }
        }
        if let Some((line, _)) = block.lines().last().filter(|_| block.cut) {
            return Err(bad(path, format!("line {line}: longer than a line may be")));
        }
    }
    match head.filter(|head| *head != (table.ids.len(), table.width)) {
        Some((count, width)) if count > 0 || !table.ids.is_empty() => {
            let (rows, numbers) = (table.ids.len(), table.width);
            let reason = format!("line 1 says {count} vectors of {width} numbers, got {rows} of {numbers}");
            Err(bad(path, reason))
        }
        _ => Ok(table),
    }
}

/// Count and width of the first line, if it is that and no vector.
fn head_of(count: &str, numbers: &[f32], width: &[u8]) -> Option<(usize, usize)> {
    let width = std::str::from_utf8(width).ok().filter(|_| numbers.len() == 1)?;
    Some((count.parse().ok()?, width.parse().ok()?))
}

/// Where the ids of a `.npy` file stand.
pub(super) fn ids_beside(path: &Path) -> PathBuf {
    let name = path
        .file_name()
        .map_or(String::new(), |n| n.to_string_lossy().into_owned());
    let stem = name.split(".npy").next().unwrap_or_default();
    let stem = stem.split(".faiss").next().unwrap_or_default();
    path.with_file_name(format!("{stem}.ids.txt"))
}

fn whole(path: &Path) -> Result<Vec<u8>, TableError> {
    let mut bytes = Vec::new();
    let read = stream::open(path)?.read_to_end(&mut bytes);
    read.map_err(|source| TableError::Read {
        path: path.to_owned(),
        line: 0,
        source,
    })?;
    Ok(bytes)
}

fn of_npy(path: &Path) -> Result<VectorTable, TableError> {
    let (rows, width, floats) = npy::decode(&whole(path)?).map_err(|reason| bad(path, reason))?;
    let ids = ids_of(path, rows)?;
    Ok(VectorTable {
        ids,
        width,
        floats,
        version: None,
    })
}

fn of_faiss(path: &Path) -> Result<VectorTable, TableError> {
    let (width, floats, ids) = faiss::decode(&whole(path)?).map_err(|reason| bad(path, reason))?;
    let ids = match ids {
        Some(ids) => ids.iter().map(ToString::to_string).collect(),
        None => ids_of(path, floats.len() / width.max(1))?,
    };
    Ok(VectorTable {
        ids,
        width,
        floats,
        version: None,
    })
}

/// The ids that stand beside a file, one per line.
fn ids_of(path: &Path, rows: usize) -> Result<Vec<String>, TableError> {
    let beside = ids_beside(path);
    let text = String::from_utf8(whole(&beside)?).map_err(|_| bad(&beside, "the ids are not UTF-8"))?;
    let ids: Vec<String> = text.lines().map(|id| id.trim_end().to_owned()).collect();
    if ids.len() != rows {
        let message = format!("{} ids for the {rows} vectors of {}", ids.len(), path.display());
        return Err(bad(&beside, message));
    }
    Ok(ids)
}

fn of_parquet(path: &Path) -> Result<VectorTable, TableError> {
    let (table, _) = parquet::read(path)?;
    let ids = table.columns.iter().find_map(|(_, column)| {
        if let Column::Int(ids) = column {
            return Some(
                ids.iter()
                    .map(|id| id.map(|id| id.to_string()))
                    .collect::<Vec<_>>(),
            );
        }
        if let Column::Text(ids) = column {
            return Some(ids.clone());
        }
        None
    });
    let vectors = table.columns.iter().find_map(|(_, column)| {
        if let Column::Vector { rows, .. } = column {
            return Some(rows);
        }
        None
    });
    let (Some(ids), Some(vectors)) = (ids, vectors) else {
        return Err(bad(path, "expected a column of ids and one of vectors"));
    };
    let mut out = VectorTable {
        version: version_of(path, &table)?,
        ..VectorTable::default()
    };
    for (row, (id, vector)) in ids.iter().zip(vectors).enumerate() {
        let fault = |reason: String| bad(path, format!("row {}: {reason}", row + 1));
        let (Some(id), Some(vector)) = (id, vector) else {
            return Err(fault("an id or a vector is missing".to_owned()));
        };
        out.push(id, vector).map_err(fault)?;
    }
    Ok(out)
}

/// The version that a column `version` of whole numbers says of all rows; none without such a column.
fn version_of(path: &Path, table: &Table) -> Result<Option<u64>, TableError> {
    let said = table.columns.iter().find_map(|(name, column)| {
        if let Column::Int(versions) = column
            && name == "version"
        {
            return Some(versions);
        }
        None
    });
    let mut said = said.into_iter().flatten();
    let Some(first) = said.next() else {
        return Ok(None);
    };
    match said.find(|other| *other != first) {
        Some(other) => {
            let word =
                |version: &Option<i64>| version.map_or("none".to_owned(), |version| version.to_string());
            let reason = format!("its vectors are of versions {} and {}", word(first), word(other));
            Err(bad(path, reason))
        }
        None => Ok(first.and_then(|version| u64::try_from(version).ok())),
    }
}
