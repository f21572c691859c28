//! A compiled conf.
use crate::{Faults, Fit, Part, SampleSpec, Schema, Scratch, Value};
use std::sync::Arc;

/// On which fields a feature finally rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// User and context fields only: once per request.
    Common,
    /// Item fields only: once per item row version.
    Item,
    /// Both: once per candidate.
    Cross,
}

/// What a slot delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotKind {
    /// Any number of signs with weights.
    Sparse,
    /// A fixed number of floats.
    Dense(usize),
}

/// A slot: what it holds and where to find it in the [`Part`] of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotSpec {
    /// The number that models name.
    pub slot: u32,
    /// The feature's name.
    pub name: Arc<str>,
    /// Which part holds it.
    pub group: Group,
    /// Signs or floats.
    pub kind: SlotKind,
    /// `Part::sparse(index)` or `Part::dense(index, width)`.
    pub index: usize,
}

/// One row of every side, each in the order of that side's fields ([`Schema::side`]). Short rows count as missing.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The user's row.
    pub user: &'a [Value],
    /// The item's row.
    pub item: &'a [Value],
    /// The context's row.
    pub context: &'a [Value],
}

/// A compiled conf: immutable, shared between threads.
pub struct Plan {}

impl Plan {
    /// Compiles a conf.
    ///
    /// # Errors
    /// Every fault of the conf, and of the fit for this conf, in order of line.
    pub fn compile(text: &str, file: &str, fit: Option<&Fit>) -> Result<Plan, Faults> {
        let _ = (text, file, fit);
        todo!()
    }

    /// The same conf with statistics.
    ///
    /// # Errors
    /// As [`Plan::compile`].
    pub fn fitted(&self, fit: &Fit) -> Result<Plan, Faults> {
        let _ = fit;
        todo!()
    }

    /// True while an operator lacks statistics that it needs.
    #[must_use]
    pub fn needs_fit(&self) -> bool {
        todo!()
    }

    /// The fields.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        todo!()
    }

    /// The columns of a sample that are no features.
    #[must_use]
    pub fn sample_spec(&self) -> &SampleSpec {
        todo!()
    }

    /// The conf's name.
    #[must_use]
    pub fn name(&self) -> &str {
        todo!()
    }

    /// All slots, ascending by slot number.
    #[must_use]
    pub fn slots(&self) -> &[SlotSpec] {
        todo!()
    }

    /// One slot.
    #[must_use]
    pub fn slot(&self, slot: u32) -> Option<&SlotSpec> {
        let _ = slot;
        todo!()
    }

    /// Conf hash: 32 hex digits over canonical conf and fit.
    #[must_use]
    pub fn hash(&self) -> String {
        todo!()
    }

    /// The conf as canonical TOML text; compiling it (with the same fit) gives the same hash.
    #[must_use]
    pub fn canonical(&self) -> String {
        todo!()
    }

    /// The statistics in use (empty when none are needed).
    #[must_use]
    pub fn fit(&self) -> &Fit {
        todo!()
    }

    /// Extracts the common features of a request into `out` (which is cleared first).
    pub fn common(&self, user: &[Value], context: &[Value], s: &mut Scratch, out: &mut Part) {
        let _ = (user, context, s, out);
        todo!()
    }

    /// Extracts the features of one item.
    pub fn item(&self, item: &[Value], s: &mut Scratch, out: &mut Part) {
        let _ = (item, s, out);
        todo!()
    }

    /// Extracts the features of one candidate that rest on both.
    pub fn cross(&self, row: Rows<'_>, common: &Part, item: &Part, s: &mut Scratch, out: &mut Part) {
        let _ = (row, common, item, s, out);
        todo!()
    }
}
