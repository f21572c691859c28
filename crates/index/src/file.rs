//! The file form: `RKNINDEX`, format u32, metric u32, width u64, version u64, count u64, ids i64…, rows f32…,
//! xxh3-128 of all before it. Little-endian throughout. Format 2 has the settings of a graph behind the count (m,
//! ef_construction, ef, u64 each); a graph itself is not kept: it would have to be trusted, and is made from the rows.
//!
//! The decision here: the head's numbers are checked against the file's length, and the checksum against its bytes,
//! before anything is allocated; so any bytes give an index or an error.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_128;

use crate::error::IndexError;
use crate::graph::Hnsw;
use crate::rows::{Metric, Rows};

const MAGIC: &[u8; 8] = b"RKNINDEX";
/// Without and with a graph's settings.
const FORMATS: [u32; 2] = [1, 2];
const HEAD: usize = 40;
/// The settings of a graph.
const GRAPH: usize = 24;
const SUM: usize = 16;

/// What stands before the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Numbers per row.
    pub(crate) width: usize,
    /// How rows are compared.
    pub(crate) metric: Metric,
    /// Artefact version of the rows.
    pub(crate) version: u64,
    /// Settings of a graph.
    pub(crate) hnsw: Option<Hnsw>,
}

/// The bytes of an index.
pub(crate) fn encode(head: &Head, rows: &Rows) -> Vec<u8> {
    let metric: u32 = match head.metric {
        Metric::InnerProduct => 0,
        Metric::Cosine => 1,
    };
    let mut bytes = Vec::with_capacity(HEAD + GRAPH + rows.ids.len() * 8 + rows.values.len() * 4 + SUM);
    bytes.extend_from_slice(MAGIC);
    bytes.extend(FORMATS[usize::from(head.hnsw.is_some())].to_le_bytes());
    bytes.extend(metric.to_le_bytes());
    bytes.extend((head.width as u64).to_le_bytes());
    bytes.extend(head.version.to_le_bytes());
    bytes.extend((rows.ids.len() as u64).to_le_bytes());
    let settings = head.hnsw.map(|hnsw| [hnsw.m, hnsw.ef_construction, hnsw.ef]);
    let settings = settings.into_iter().flatten();
    bytes.extend(settings.flat_map(|setting| (setting as u64).to_le_bytes()));
    bytes.extend(rows.ids.iter().flat_map(|id| id.to_le_bytes()));
    bytes.extend(rows.values.iter().flat_map(|v| v.to_le_bytes()));
    let sum = xxh3_128(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// Writes a hidden sibling, syncs it, renames it to `path` and syncs the folder.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), IndexError> {
    let put = || -> io::Result<()> {
        let aside = sibling(path)?;
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&aside, path)?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    put().map_err(|source| IndexError::File {
        path: path.to_path_buf(),
        source,
    })
}

fn sibling(path: &Path) -> io::Result<PathBuf> {
    let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "path has no file name");
    let name = path.file_name().ok_or_else(no_name)?;
    Ok(path.with_file_name(format!(".{}.new", name.to_string_lossy())))
}

/// Reads what [`encode`] wrote; `path` is for messages.
pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<(Head, Rows), IndexError> {
    let fault = |what, expected: String, got: String| IndexError::Format {
        path: path.into(),
        what,
        expected,
        got,
    };
    let enough = bytes.len() >= HEAD + SUM;
    if !enough || &bytes[..8] != MAGIC {
        let got = String::from_utf8_lossy(&bytes[..bytes.len().min(8)]).into_owned();
        return Err(fault("magic", "RKNINDEX".into(), got));
    }
    let format = u32_at(bytes, 8);
    if !FORMATS.contains(&format) {
        return Err(fault("format", "1 or 2".into(), format.to_string()));
    }
    let graph = if format == FORMATS[1] { GRAPH } else { 0 };
    let metric = match u32_at(bytes, 12) {
        0 => Metric::InnerProduct,
        1 => Metric::Cosine,
        other => return Err(fault("metric", "0 or 1".into(), other.to_string())),
    };
    let (width, version, count) = (u64_at(bytes, 16), u64_at(bytes, 24), u64_at(bytes, 32));
    let Some((ids, values)) = sizes(width, count, bytes.len().checked_sub(graph)) else {
        let expected = format!("the length of {count} rows of {width} numbers");
        return Err(fault("length", expected, bytes.len().to_string()));
    };
    let (body, sum) = bytes.split_at(bytes.len() - SUM);
    if xxh3_128(body).to_le_bytes() != sum {
        return Err(fault(
            "checksum",
            format!("{:032x}", xxh3_128(body)),
            "another".into(),
        ));
    }
    let head = Head {
        width: values.checked_div(ids).unwrap_or(to_usize(width)),
        metric,
        version,
        hnsw: settings(&body[HEAD..HEAD + graph])?,
    };
    rows(&body[HEAD + graph..], ids, head.width).map(|rows| (head, rows))
}

/// The settings of a graph, if there are bytes of some.
fn settings(bytes: &[u8]) -> Result<Option<Hnsw>, IndexError> {
    let hnsw = Hnsw {
        m: to_usize(u64_at(bytes, 0)),
        ef_construction: to_usize(u64_at(bytes.get(8..).unwrap_or_default(), 0)),
        ef: to_usize(u64_at(bytes.get(16..).unwrap_or_default(), 0)),
    };
    let some = (!bytes.is_empty()).then_some(hnsw);
    some.map(Hnsw::checked).transpose()
}

/// Counts of ids and of values, where they agree with the file's length.
fn sizes(width: u64, count: u64, length: Option<usize>) -> Option<(usize, usize)> {
    let (width, count) = (usize::try_from(width).ok()?, usize::try_from(count).ok()?);
    let values = count.checked_mul(width)?;
    let needed = count
        .checked_mul(8)?
        .checked_add(values.checked_mul(4)?)?
        .checked_add(HEAD + SUM)?;
    (Some(needed) == length).then_some((count, values))
}

fn rows(body: &[u8], count: usize, width: usize) -> Result<Rows, IndexError> {
    let (ids, values) = body.split_at(count * 8);
    let ids: Vec<i64> = ids
        .chunks_exact(8)
        .map(|b| i64::from_le_bytes(array(b)))
        .collect();
    let values: Vec<f32> = values
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(array(b)))
        .collect();
    if let Some((at, value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        let (row, position) = (at / width.max(1), at % width.max(1));
        return Err(IndexError::NotFinite {
            id: ids.get(row).copied(),
            position,
            value: *value,
        });
    }
    Rows::adopt(ids, values)
}

/// A slice of at least N bytes as an array; shorter ones are padded with zeros.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(bytes).for_each(|(o, b)| *o = *b);
    out
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(&bytes[at..]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(&bytes[at..]))
}

fn to_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
