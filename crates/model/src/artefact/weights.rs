//! `weights.safetensors`: written sorted by name without a timestamp, read through a memory map.
//!
//! Decision: each tensor's data starts on a 64-byte boundary. The safetensors format allows no holes, so what lies
//! between is a tensor of bytes named `pad.<n>`; readers in other languages see standard types only.

use super::index::{self, RowIndex};
use crate::error::ModelError;
use crate::layer::Rows;
use crate::model::item2vec;
use crate::parameters::{Parameters, Table, Tensor};
use crate::scorer::Tables;
use rankine_kernel::map::{Mapped, MappedFile, Plain};
use rankine_kernel::rows::gather_from;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

const ALIGN: usize = 64;
const PAD: &str = "pad.";

/// Tensors on their way into a file, by name. Rows of tables stay where they are until they are written: a large table is never
/// there twice.
#[derive(Default)]
pub(super) struct Writer<'a> {
    tensors: BTreeMap<String, (&'static str, Vec<usize>, Data<'a>)>,
}

/// Where a tensor's little-endian bytes come from.
enum Data<'a> {
    /// They are there.
    Bytes(Vec<u8>),
    /// Numbers.
    Floats(&'a [f32]),
    /// Rows of a table, in this order.
    Rows(&'a Table<f32>, Vec<u32>),
}

impl Data<'_> {
    fn len(&self) -> usize {
        match self {
            Data::Bytes(bytes) => bytes.len(),
            Data::Floats(numbers) => size_of_val(*numbers),
            Data::Rows(table, order) => order.len() * table.dim() * size_of::<f32>(),
        }
    }

    fn write(self, to: &mut impl Write) -> std::io::Result<()> {
        match self {
            Data::Bytes(bytes) => to.write_all(&bytes),
            Data::Floats(numbers) => floats(numbers, to),
            Data::Rows(table, order) => order.iter().try_for_each(|row| floats(table.weights(*row), to)),
        }
    }
}

fn floats(numbers: &[f32], to: &mut impl Write) -> std::io::Result<()> {
    numbers.iter().try_for_each(|v| to.write_all(&v.to_le_bytes()))
}

impl<'a> Writer<'a> {
    /// Adds all parameters: tables by ascending key with the missing row last.
    pub(super) fn parameters(&mut self, parameters: &'a Parameters<f32>) {
        for (name, table) in &parameters.tables {
            self.table(name, table);
        }
        for (name, tensor) in &parameters.dense {
            self.floats(name.clone(), tensor.shape.clone(), &tensor.data);
        }
    }

    fn table(&mut self, name: &str, table: &'a Table<f32>) {
        let sorted = table.sorted();
        let keys: Vec<u64> = sorted.iter().map(|(key, _)| *key).collect();
        let order = sorted.iter().map(|(_, row)| *row);
        let order: Vec<u32> = order.chain([rankine_kernel::rows::MISSING]).collect();
        drop(sorted);
        let places = index::build(&keys);
        let bytes = keys.iter().flat_map(|key| key.to_le_bytes()).collect();
        self.put(
            format!("emb.{name}.keys"),
            ("U64", vec![keys.len()]),
            Data::Bytes(bytes),
        );
        let bytes = places.iter().flat_map(|place| place.to_le_bytes()).collect();
        self.put(
            format!("emb.{name}.index"),
            ("U32", vec![places.len()]),
            Data::Bytes(bytes),
        );
        let shape = vec![order.len(), table.dim()];
        self.put(
            format!("emb.{name}.rows"),
            ("F32", shape),
            Data::Rows(table, order),
        );
    }

    /// Adds item vectors.
    pub(super) fn vectors(&mut self, ids: &[i64], dim: usize, rows: &'a [f32]) {
        let bytes = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        self.put(
            item2vec::IDS.to_owned(),
            ("I64", vec![ids.len()]),
            Data::Bytes(bytes),
        );
        self.floats(item2vec::ROWS.to_owned(), vec![ids.len(), dim], rows);
    }

    fn floats(&mut self, name: String, shape: Vec<usize>, data: &'a [f32]) {
        self.put(name, ("F32", shape), Data::Floats(data));
    }

    fn put(&mut self, name: String, (dtype, shape): (&'static str, Vec<usize>), data: Data<'a>) {
        self.tensors.insert(name, (dtype, shape, data));
    }

    /// Writes the file: header length, header padded with spaces to a boundary, data.
    pub(super) fn write(self, to: &mut impl Write) -> std::io::Result<()> {
        let (mut header, mut end, mut pads) = (Vec::new(), 0, 0);
        for (name, (dtype, shape, data)) in &self.tensors {
            let (from, until) = (end, end + data.len());
            header.push(entry(name, dtype, shape, (from, until)));
            end = until.next_multiple_of(ALIGN);
            if end > until {
                header.push(entry(&format!("{PAD}{pads}"), "U8", &[end - until], (until, end)));
                pads += 1;
            }
        }
        let mut header = format!("{{{}}}", header.join(","));
        let padded = (8 + header.len()).next_multiple_of(ALIGN) - 8;
        header.extend(std::iter::repeat_n(' ', padded - header.len()));
        to.write_all(&(header.len() as u64).to_le_bytes())?;
        to.write_all(header.as_bytes())?;
        for (_, _, data) in self.tensors.into_values() {
            let len = data.len();
            data.write(to)?;
            to.write_all(&[0; ALIGN][..len.next_multiple_of(ALIGN) - len])?;
        }
        Ok(())
    }
}

/// One entry of the header. Names hold no characters that JSON would escape.
fn entry(name: &str, dtype: &str, shape: &[usize], (from, to): (usize, usize)) -> String {
    format!("\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[{from},{to}]}}")
        .replace(", ", ",")
}

/// Item vectors in a mapped file.
pub(super) struct MappedVectors {
    pub(super) ids: Mapped<i64>,
    pub(super) dim: usize,
    pub(super) rows: Mapped<f32>,
}

/// An open weights file.
pub(super) struct Reader {
    file: Arc<MappedFile>,
    tensors: BTreeMap<String, (Dtype, Vec<usize>, std::ops::Range<usize>)>,
}

impl Reader {
    /// Reads the header of a mapped file.
    pub(super) fn open(file: Arc<MappedFile>) -> Result<Reader, ModelError> {
        let fault = |e: safetensors::SafeTensorError| ModelError::invalid(file.path(), e);
        let (header, metadata) = SafeTensors::read_metadata(&file).map_err(fault)?;
        let data = 8 + header;
        let tensors = metadata.tensors().into_iter().map(|(name, info)| {
            let (from, to) = info.data_offsets;
            (name, (info.dtype, info.shape.clone(), data + from..data + to))
        });
        let tensors = tensors.filter(|(name, _)| !name.starts_with(PAD)).collect();
        Ok(Reader { file, tensors })
    }

    /// Returns every table, indexed by key.
    pub(super) fn tables(&self) -> Result<Tables<f32>, ModelError> {
        let mut tables = Tables::new();
        for name in self.tensors.keys() {
            if let Some(table) = name.strip_prefix("emb.").and_then(|n| n.strip_suffix(".keys")) {
                tables.insert(table.to_owned(), Arc::new(self.table(table)?));
            }
        }
        Ok(tables)
    }

    /// Returns everything, copied.
    pub(super) fn parameters(&self) -> Result<Parameters<f32>, ModelError> {
        let mut parameters = Parameters {
            dense: self.dense()?,
            ..Parameters::default()
        };
        for name in self.tensors.keys() {
            let Some(name) = name.strip_prefix("emb.").and_then(|n| n.strip_suffix(".keys")) else {
                continue;
            };
            let mapped = self.table(name)?;
            let mut table = Table::plain(mapped.dim);
            let (missing, _) = table.row_mut(rankine_kernel::rows::MISSING);
            missing.copy_from_slice(mapped.missing());
            let (keys, _) = self.numbers::<u64>(&format!("emb.{name}.keys"), Dtype::U64, 1)?;
            for (row, key) in keys.iter().enumerate() {
                table.intern(*key, |weights| weights.copy_from_slice(mapped.at(row)));
            }
            parameters.tables.insert(name.to_owned(), table);
        }
        Ok(parameters)
    }

    fn table(&self, table: &str) -> Result<MappedTable, ModelError> {
        let (name, rows_name) = (format!("emb.{table}.keys"), format!("emb.{table}.rows"));
        let (keys, shape) = self.numbers::<u64>(&name, Dtype::U64, 1)?;
        let (rows, rows_shape) = self.numbers::<f32>(&rows_name, Dtype::F32, 2)?;
        if rows_shape[0] != shape[0] + 1 {
            let expected = format!("{} rows", shape[0] + 1);
            return Err(self.fault(&rows_name, expected, format!("{} rows", rows_shape[0])));
        }
        if !keys.is_sorted_by(|a, b| a < b) {
            return Err(self.fault(
                &name,
                "keys in ascending order".to_owned(),
                "another order".to_owned(),
            ));
        }
        Ok(MappedTable {
            index: self.index(table, keys)?,
            rows,
            dim: rows_shape[1],
            missing: u32::try_from(shape[0])
                .map_err(|_| self.fault(&name, "fewer than 2^32 keys".to_owned(), shape[0].to_string()))?,
        })
    }

    /// The file's index of a table, or one in memory where it has none.
    fn index(&self, table: &str, keys: Mapped<u64>) -> Result<RowIndex, ModelError> {
        let name = format!("emb.{table}.index");
        if !self.tensors.contains_key(&name) {
            return Ok(RowIndex::built(&keys));
        }
        let (places, _) = self.numbers::<u32>(&name, Dtype::U32, 1)?;
        if !index::sound(&places, keys.len()) {
            let expected = format!("every row of {} keys once, and free places", keys.len());
            return Err(self.fault(&name, expected, format!("{} other places", places.len())));
        }
        Ok(RowIndex::Mapped { places, keys })
    }

    /// Returns every dense tensor, copied: they are small and the scorer cuts them by group.
    pub(super) fn dense(&self) -> Result<BTreeMap<String, Tensor<f32>>, ModelError> {
        let mut dense = BTreeMap::new();
        for name in self.tensors.keys().filter(|n| !n.starts_with("emb.")) {
            let rank = self.tensors[name].1.len();
            let (data, shape) = self.numbers::<f32>(name, Dtype::F32, rank)?;
            dense.insert(
                name.clone(),
                Tensor {
                    shape,
                    data: data.to_vec(),
                },
            );
        }
        Ok(dense)
    }

    /// Returns the item vectors.
    pub(super) fn vectors(&self) -> Result<MappedVectors, ModelError> {
        let (ids, shape) = self.numbers::<i64>(item2vec::IDS, Dtype::I64, 1)?;
        let (rows, rows_shape) = self.numbers::<f32>(item2vec::ROWS, Dtype::F32, 2)?;
        if rows_shape[0] != shape[0] {
            let expected = format!("{} rows", shape[0]);
            return Err(self.fault(item2vec::ROWS, expected, format!("{} rows", rows_shape[0])));
        }
        Ok(MappedVectors {
            ids,
            dim: rows_shape[1],
            rows,
        })
    }

    fn numbers<P: Plain>(
        &self,
        name: &str,
        dtype: Dtype,
        rank: usize,
    ) -> Result<(Mapped<P>, Vec<usize>), ModelError> {
        let expected = || format!("{dtype:?} of {rank} dimensions");
        let Some((got, shape, range)) = self.tensors.get(name) else {
            return Err(self.fault(name, expected(), "nothing".to_owned()));
        };
        if *got != dtype || shape.len() != rank {
            return Err(self.fault(name, expected(), format!("{got:?} {shape:?}")));
        }
        Ok((self.file.share(range.clone())?, shape.clone()))
    }

    fn fault(&self, tensor: &str, expected: String, got: String) -> ModelError {
        ModelError::Tensor {
            path: self.path().to_owned(),
            tensor: tensor.to_owned(),
            expected,
            got,
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }
}

/// Returns parameters as the bytes of a file like `weights.safetensors`.
#[must_use]
pub fn write_parameters(parameters: &Parameters<f32>) -> Vec<u8> {
    let (mut writer, mut bytes) = (Writer::default(), Vec::new());
    writer.parameters(parameters);
    // writing to memory does not fail
    let _ = writer.write(&mut bytes);
    bytes
}

/// Reads such a file into memory.
///
/// # Errors
/// [`ModelError`] of a file that is not there or not one.
pub fn read_parameters(path: &Path) -> Result<Parameters<f32>, ModelError> {
    Reader::open(Arc::new(MappedFile::open(path)?))?.parameters()
}

/// A table in a mapped file; its last row is the missing row.
struct MappedTable {
    index: RowIndex,
    rows: Mapped<f32>,
    dim: usize,
    missing: u32,
}

impl MappedTable {
    fn at(&self, row: usize) -> &[f32] {
        self.rows.get(row * self.dim..(row + 1) * self.dim).unwrap_or(&[])
    }
}

impl Rows<f32> for MappedTable {
    fn dim(&self) -> usize {
        self.dim
    }

    fn row(&self, sign: u64) -> &[f32] {
        self.index
            .find(sign)
            .map_or_else(|| self.missing(), |row| self.at(row as usize))
    }

    fn missing(&self) -> &[f32] {
        self.at(self.missing as usize)
    }

    fn prefetch(&self, sign: u64) {
        self.index.prefetch(sign);
    }

    fn ask(&self, signs: &[u64]) {
        signs.iter().for_each(|sign| self.index.prefetch(*sign));
    }

    fn find(&self, signs: &[u64], rows: &mut [u32]) {
        signs.iter().for_each(|sign| self.index.prefetch_key(*sign));
        for (sign, row) in signs.iter().zip(rows) {
            *row = self.index.find(*sign).unwrap_or(self.missing);
            rankine_kernel::rows::prefetch(self.at(*row as usize));
        }
    }

    fn put(&self, rows: &[u32], out: &mut [f32], stride: usize) {
        gather_from((&self.rows, self.dim), rows, (out, stride));
    }
}
