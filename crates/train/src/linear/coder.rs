//! `Coder`: keys → rows of a table that grows as keys appear.
//!
//! Hashed and exact models differ in the keys alone: a bucket is a key, so a row exists from the first time it is used,
//! rows that meet often lie together, and what is saved is what was learnt. Where rare signs share their slot's missing row, keys are
//! counted in a pass of its own, and only those seen often enough get rows; rows that are there before stay.

use rankine_feature::SlotKind;
use rankine_kernel::KernelError;
use rankine_kernel::factor::{Copies, FactorTable};
use rankine_kernel::rows::KeyIndex;
use rankine_model::linear::LinearPart;

use crate::TrainError;
use crate::checkpoint::tape::Tape;
use crate::encode::Vocabulary;
use crate::linear::block::Block;
use crate::linear::examples::Examples;
use crate::linear::hot::MOST;

/// Keys looked up ahead of the one that is needed.
const AHEAD: usize = 24;
/// No row.
const NONE: u32 = u32::MAX;

/// Finds rows of keys.
enum Index {
    /// Any key.
    Exact(KeyIndex),
    /// Keys below a bound, by place.
    Direct(Vec<u32>),
}

/// Keys, their rows, and the table of the rows.
pub(super) struct Coder {
    part: LinearPart,
    seed: u64,
    index: Index,
    keys: Vec<u64>,
    pub(super) table: FactorTable<f32>,
    /// For each field the key that stands for "not known", where the model has such rows.
    missing: Vec<Option<u64>>,
    /// Whether each row is in a sample to learn from; none where rows do not expire.
    used: Option<Vec<bool>>,
}

impl Coder {
    pub(super) fn new(part: &LinearPart, table: FactorTable<f32>, seed: u64) -> Coder {
        let index = match part.keys.buckets() {
            Some(buckets) => Index::Direct(vec![NONE; buckets]),
            None => Index::Exact(KeyIndex::default()),
        };
        let key =
            |slot: &rankine_feature::SlotSpec| part.keys.of(slot.slot, rankine_model::linear::Keys::MISSING);
        let missing = part
            .slots
            .iter()
            .map(|slot| part.missing.then(|| key(slot)))
            .collect();
        Coder {
            part: part.clone(),
            seed,
            index,
            keys: Vec::new(),
            table,
            missing,
            used: part.expire.map(|_| Vec::new()),
        }
    }

    /// Whether rare keys have no row.
    pub(super) fn counts(&self) -> bool {
        self.part.min_count > 1
    }

    /// Whether it notes which rows are in samples to learn from.
    pub(super) fn notes_use(&self) -> bool {
        self.used.is_some()
    }

    /// Notes that these rows are in samples to learn from.
    pub(super) fn note_use(&mut self, rows: &[u32]) {
        let Some(used) = &mut self.used else { return };
        used.resize(self.keys.len(), false);
        rows.iter().for_each(|row| used[*row as usize] = true);
    }

    /// Whether a row is in a sample to learn from, or is what an empty slot reads: such rows do not age.
    pub(super) fn is_used(&self, row: u32) -> bool {
        let at = row as usize;
        let noted = self.used.as_ref().and_then(|used| used.get(at));
        noted.copied().unwrap_or(false) || self.is_missing(self.keys[at])
    }

    /// Whether a key stands for an empty slot.
    fn is_missing(&self, key: u64) -> bool {
        self.missing.contains(&Some(key))
    }

    /// Counts the keys of samples to learn from. What an empty slot reads, and the numbers of a dense slot, have rows however rare.
    pub(super) fn count(&mut self, examples: &Examples, counts: &mut Vocabulary) -> Result<(), TrainError> {
        for (field, key) in examples.fields.iter().zip(&examples.keys) {
            let field = usize::from(*field);
            let dense = matches!(self.part.slots[field].kind, SlotKind::Dense(_));
            if dense || self.missing[field] == Some(*key) {
                self.find_or_add(*key)?;
            } else {
                counts.find_or_add(*key)?;
            }
        }
        Ok(())
    }

    /// Gives rows to the keys that were counted often enough.
    pub(super) fn admit(&mut self, counts: &Vocabulary) -> Result<(), TrainError> {
        let least = self.part.min_count;
        let counted = counts.signs().iter().zip(&counts.counts()[1..]);
        let mut frequent = counted.filter(|(_, count)| **count >= least);
        frequent.try_for_each(|(key, _)| self.find_or_add(*key).map(drop))
    }

    /// Keys in the order of their rows.
    pub(super) fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// The row of a key, if it has one.
    #[inline]
    pub(super) fn find(&self, key: u64) -> Option<u32> {
        match &self.index {
            Index::Exact(index) => index.find(key),
            Index::Direct(rows) => {
                let row = usize::try_from(key).ok().and_then(|at| rows.get(at).copied());
                row.filter(|row| *row != NONE)
            }
        }
    }

    /// Appends rows for the copies of several threads, where rows have factors and the rule allows it; returns the rows there were.
    pub(super) fn make_room(&mut self, threads: usize) -> Result<usize, TrainError> {
        let rows = self.table.len();
        let wide = self.table.shape().factors() > 0;
        if threads > 1 && wide && Copies::<f32>::fit(self.table.rule()) {
            for _ in 0..threads * MOST {
                self.table.push(|_| ()).map_err(|e| full(&e))?;
            }
        }
        Ok(rows)
    }

    /// The row of a key, a new one where it has none.
    pub(super) fn find_or_add(&mut self, key: u64) -> Result<u32, TrainError> {
        if let Some(row) = self.find(key) {
            return Ok(row);
        }
        let (seed, init) = (self.seed, self.part.init);
        let fill = |factors: &mut [f32]| {
            for (at, factor) in (0u64..).zip(factors) {
                *factor = drawn(seed, key, at, init);
            }
        };
        let row = self.table.push(fill).map_err(|e| full(&e))?;
        self.keys.push(key);
        match &mut self.index {
            Index::Exact(index) => {
                index.insert(key, row);
            }
            Index::Direct(rows) => {
                if let Some(to) = usize::try_from(key).ok().and_then(|at| rows.get_mut(at)) {
                    *to = row;
                }
            }
        }
        Ok(row)
    }

    /// All weights of `lr`, the bias last.
    pub(super) fn weights(&self) -> Vec<f64> {
        let mut all = Vec::new();
        self.table.save_weights(&mut all);
        all.into_iter().map(f64::from).collect()
    }

    /// Writes keys and rows with their states, or reads them back: those there are come first among what was written.
    pub(super) fn exchange(&mut self, tape: &mut Tape<'_>) {
        let mut count = self.keys.len();
        tape.count(&mut count);
        let mut numbers = vec![0.0; self.table.numbers()];
        for row in (0u32..).take(count) {
            let mut key = self.keys.get(row as usize).copied().unwrap_or_default();
            tape.word(&mut key);
            if !tape.reads() {
                self.table.save_row(row, &mut numbers);
            }
            tape.numbers(&mut numbers);
            if tape.fails() {
                return;
            }
            if tape.reads() {
                match self.find_or_add(key) {
                    Ok(found) if found == row => self.table.load_row(row, &numbers),
                    _ => return tape.refuse("its rows are not those that the run begins with"),
                }
            }
        }
        let mut bias = self.table.save_bias();
        tape.numbers(&mut bias);
        self.table.load_bias(bias);
    }

    /// Turns samples to learn from into a block; new keys get rows, where rare ones are told apart only those that were admitted.
    pub(super) fn learn(&mut self, examples: &Examples, out: &mut Block) -> Result<(), TrainError> {
        if self.counts() {
            self.add_missing(examples)?;
            self.apply(examples, out);
        } else {
            self.add_all(examples, out)?;
        }
        self.note_use(&out.rows);
        Ok(())
    }

    /// Adds the missing rows that keys without a row will read.
    fn add_missing(&mut self, examples: &Examples) -> Result<(), TrainError> {
        for (field, key) in examples.fields.iter().zip(&examples.keys) {
            if let Some(missing) = self.missing[usize::from(*field)].filter(|_| self.find(*key).is_none()) {
                self.find_or_add(missing)?;
            }
        }
        Ok(())
    }

    /// As [`Coder::learn`], where every key has a row.
    fn add_all(&mut self, examples: &Examples, out: &mut Block) -> Result<(), TrainError> {
        out.open(examples);
        for (at, key) in examples.keys.iter().enumerate() {
            if let (Index::Exact(index), Some(later)) = (&self.index, examples.keys.get(at + AHEAD)) {
                index.prefetch(*later);
            }
            let row = self.find_or_add(*key)?;
            out.rows.push(row);
        }
        out.settle(self.part.slots.len());
        Ok(())
    }

    /// Turns samples to judge by into a block. Keys without a row read their slot's missing row; where there is none they
    /// contribute nothing.
    pub(super) fn apply(&self, examples: &Examples, out: &mut Block) {
        let mut known = Examples::default();
        let mut rows = Vec::with_capacity(examples.keys.len());
        let mut at = 0;
        for (i, end) in examples.ends.iter().enumerate() {
            while at < *end as usize {
                let field = examples.fields[at];
                let fallback = || self.missing[usize::from(field)].and_then(|key| self.find(key));
                if let Some(row) = self.find(examples.keys[at]).or_else(fallback) {
                    known.push(field, 0, examples.values[at]);
                    rows.push(row);
                }
                at += 1;
            }
            known.close(examples.labels[i], examples.weights[i]);
        }
        out.open(&known);
        out.rows = rows;
        out.settle(self.part.slots.len());
    }
}

/// A first factor: even in ±`bound`, by seed, key and place alone, so the order of keys does not matter.
#[expect(clippy::cast_possible_truncation, reason = "a float is as long as it is")]
fn drawn(seed: u64, key: u64, at: u64, bound: f64) -> f32 {
    let mut z = seed ^ key.wrapping_add(1).wrapping_mul(0xD1B5_4A32_D192_ED03);
    z = z.wrapping_add((at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let unit = ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
    (unit * bound) as f32
}
/// The fault of a table that cannot have another row.
fn full(error: &KernelError) -> TrainError {
    TrainError::Config {
        key: "linear".to_owned(),
        detail: error.to_string(),
    }
}
