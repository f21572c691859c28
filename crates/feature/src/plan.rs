//! A compiled conf, and extraction with it.
//!
//! The middle of the flow: samples (offline) and requests (online) both pass through the same [`Plan`], which is what
//! makes their features equal byte for byte. Everything is an index by now: no name is looked up and nothing can fail.
//! Decision: results are kept apart by [`Group`], so that a request computes its common features once, an item's are
//! cached by row version, and only the cross features cost per candidate.

use crate::dictionary::{Read, ReadSpec, bind};
use crate::half::Pair;
use crate::operator::{Env, Inputs, Need, Operator, Out, Wire};
use crate::part::EMPTY;
use crate::{
    DictionarySpec, Faults, FeatureError, FeatureOutline, Fit, Lookup, Part, SampleSpec, Schema, Scratch,
    Value, compile,
};
use std::ops::Range;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// On which fields a feature finally rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// User and context fields only: once per request.
    Common,
    /// Item fields only: once per item row version.
    Item,
    /// Both: once per candidate.
    Cross,
}

/// What a slot delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SlotKind {
    /// Any number of signs with weights; none when missing.
    Sparse,
    /// A fixed number of floats; zeros when missing.
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
    /// The slot that its signs are made with: its own, the one it shares, or 0.
    pub signs: u32,
}

/// One row of every side, each in the order of that side's fields ([`Schema::side`]). Short rows count as missing, and
/// so does a value that does not fit its field's type.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The user's row.
    pub user: &'a [Value],
    /// The item's row.
    pub item: &'a [Value],
    /// The context's row.
    pub context: &'a [Value],
}

/// One feature, ready to run.
pub(crate) struct Step {
    pub(crate) name: Arc<str>,
    pub(crate) class: &'static str,
    pub(crate) version: u32,
    pub(crate) operator: Box<dyn Operator>,
    pub(crate) wires: Vec<Wire>,
    pub(crate) default: Option<Value>,
    /// The slot that signs are made with: its own, the shared one, or 0.
    pub(crate) hash_slot: u32,
    /// Width of a dense result; none for a sparse one.
    pub(crate) width: Option<usize>,
    pub(crate) need: Need,
    /// Which of the plan's reads are this feature's.
    pub(crate) reads: Range<usize>,
}

impl Step {
    /// The step's inputs in an environment.
    pub(crate) fn inputs<'a>(&'a self, env: Env<'a>, reads: &'a [Read]) -> Inputs<'a> {
        Inputs {
            env,
            reads: reads.get(self.reads.clone()).unwrap_or(&[]),
            wires: &self.wires,
            default: self.default.as_ref(),
        }
    }
}

/// A compiled conf, and the generations of the dictionaries that it reads: immutable, shared between threads. A clone
/// shares the operators.
#[derive(Clone)]
pub struct Plan {
    pub(crate) name: String,
    pub(crate) schema: Schema,
    pub(crate) sample: SampleSpec,
    /// The steps of each group in order of execution.
    pub(crate) steps: Arc<[Vec<Step>; 3]>,
    /// For each step of the cross group: the pair that it is, if it is one.
    pub(crate) pairs: Arc<[Option<Pair>]>,
    pub(crate) dictionaries: Vec<DictionarySpec>,
    pub(crate) read_specs: Vec<ReadSpec>,
    /// One per read spec; all unbound until [`Plan::bind`].
    pub(crate) reads: Arc<[Read]>,
    /// One per dictionary once bound.
    pub(crate) tables: Vec<Arc<dyn Lookup>>,
    pub(crate) slots: Vec<SlotSpec>,
    pub(crate) outline: Arc<[FeatureOutline]>,
    pub(crate) canonical: String,
    pub(crate) hash: String,
    pub(crate) fit: Fit,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("name", &self.name)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// Compiles a conf: resolves names, orders features, checks types, derives groups. `file` is what faults print.
    /// Without `fit`, operators that need statistics answer "missing" until [`Plan::fitted`].
    ///
    /// # Errors
    /// Every fault of the conf, and of the fit for this conf, in order of line.
    pub fn compile(text: &str, file: &str, fit: Option<&Fit>) -> Result<Plan, Faults> {
        compile::compile(text, file, fit)
    }

    /// The same conf with statistics.
    ///
    /// # Errors
    /// [`Faults`] if `fit` lacks a feature's statistics or was made by another operator version.
    pub fn fitted(&self, fit: &Fit) -> Result<Plan, Faults> {
        let mut plan = Plan::compile(&self.canonical, &self.name, Some(fit))?;
        plan.tables.clone_from(&self.tables);
        plan.reads = self.reads.clone();
        plan.hash = plan.full_hash();
        Ok(plan)
    }

    /// The dictionaries that this plan reads, in the order of the conf.
    #[must_use]
    pub fn dictionaries(&self) -> &[DictionarySpec] {
        &self.dictionaries
    }

    /// The generations that this plan reads, one per dictionary; none until bound.
    #[must_use]
    pub fn tables(&self) -> &[Arc<dyn Lookup>] {
        &self.tables
    }

    /// The same plan reading nothing, as it was compiled.
    #[must_use]
    pub fn unbound(&self) -> Plan {
        let mut plan = self.clone();
        plan.reads = plan.reads.iter().map(|_| Read::Unbound).collect();
        plan.tables.clear();
        plan.hash = plan.full_hash();
        plan
    }

    /// The same plan reading these generations; what was bound before is let go. Until bound, everything read from a
    /// dictionary is missing. The conf hash changes with the content of `frozen` dictionaries only.
    ///
    /// # Errors
    /// `FeatureError::Dictionary` if `find` does not know one of [`Plan::dictionaries`], `FeatureError::Column` if it
    /// lacks a column or has another type there.
    pub fn bind(&self, find: impl Fn(&str) -> Option<Arc<dyn Lookup>>) -> Result<Plan, FeatureError> {
        let find = |spec: &DictionarySpec| {
            find(&spec.name).ok_or_else(|| FeatureError::Dictionary {
                dictionary: spec.name.to_string(),
            })
        };
        let tables = self
            .dictionaries
            .iter()
            .map(find)
            .collect::<Result<Vec<_>, _>>()?;
        let mut plan = self.clone();
        plan.reads = bind(&self.dictionaries, &self.read_specs, &tables)?.into();
        plan.tables = tables;
        plan.hash = plan.full_hash();
        Ok(plan)
    }

    /// xxh3_128 over canonical conf, a zero byte, canonical fit, and for each frozen dictionary that is bound its digest.
    pub(crate) fn full_hash(&self) -> String {
        let mut bytes = [self.canonical.as_bytes(), &[0], self.fit.to_json().as_bytes()].concat();
        for (spec, table) in self.dictionaries.iter().zip(&self.tables) {
            if spec.frozen {
                bytes.push(0);
                bytes.extend_from_slice(&table.digest().to_le_bytes());
            }
        }
        format!("{:032x}", xxh3_128(&bytes))
    }

    /// True while an operator lacks statistics that it needs.
    #[must_use]
    pub fn needs_fit(&self) -> bool {
        self.steps.iter().flatten().any(|step| step.need == Need::Lacks)
    }

    /// The fields.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The columns of a sample that are no features.
    #[must_use]
    pub fn sample_spec(&self) -> &SampleSpec {
        &self.sample
    }

    /// The conf's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All slots, ascending by slot number.
    #[must_use]
    pub fn slots(&self) -> &[SlotSpec] {
        &self.slots
    }

    /// One slot.
    #[must_use]
    pub fn slot(&self, slot: u32) -> Option<&SlotSpec> {
        let found = self.slots.binary_search_by_key(&slot, |spec| spec.slot);
        found.ok().map(|i| &self.slots[i])
    }

    /// Conf hash: xxh3_128 over canonical conf and fit, 32 hex digits.
    #[must_use]
    pub fn hash(&self) -> String {
        self.hash.clone()
    }

    /// The conf as canonical TOML text; compiling it with the same fit gives the same hash.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.canonical.clone()
    }

    /// The statistics in use (empty when none are needed).
    #[must_use]
    pub fn fit(&self) -> &Fit {
        &self.fit
    }

    /// Extracts the common features of a request into `out` (cleared first). Rows in the order of their side.
    pub fn common(&self, user: &[Value], context: &[Value], s: &mut Scratch, out: &mut Part) {
        self.run(
            Group::Common,
            Rows {
                user,
                item: &[],
                context,
            },
            s,
            out,
        );
    }

    /// Extracts the features of one item into `out` (cleared first).
    pub fn item(&self, item: &[Value], s: &mut Scratch, out: &mut Part) {
        self.run(
            Group::Item,
            Rows {
                user: &[],
                item,
                context: &[],
            },
            s,
            out,
        );
    }

    /// Extracts the features of one candidate that rest on both sides into `out` (cleared first). `common` and `item`
    /// are the results of [`Plan::common`] and [`Plan::item`] for the same rows.
    pub fn cross(&self, row: Rows<'_>, common: &Part, item: &Part, s: &mut Scratch, out: &mut Part) {
        out.clear();
        let mut halves = common.halves.iter().zip(&item.halves);
        for (step, pair) in self.steps[Group::Cross as usize].iter().zip(&*self.pairs) {
            let joined = pair.is_some_and(|pair| {
                let half = halves.next();
                half.is_some_and(|(common, item)| pair.join(step.hash_slot, *common, *item, out))
            });
            if !joined {
                let missing = self.step(step, env(Group::Cross, row, [common, item], out), s);
                append(step.width, missing, s, out);
            }
        }
    }

    /// Appends the canonical little-endian form of all slots, ascending by slot number ([`Part::encode`]).
    pub fn encode(&self, common: &Part, item: &Part, cross: &Part, out: &mut Vec<u8>) {
        let parts = [common, item, cross];
        self.slots
            .iter()
            .for_each(|spec| parts[spec.group as usize].encode(spec, out));
    }

    /// Extracts the common or the item group.
    fn run(&self, group: Group, rows: Rows<'_>, scratch: &mut Scratch, out: &mut Part) {
        out.clear();
        for step in &self.steps[group as usize] {
            let missing = self.step(step, env(group, rows, [&EMPTY; 2], out), scratch);
            append(step.width, missing, scratch, out);
        }
        for pair in self.pairs.iter().flatten() {
            let half = pair.half(group, out);
            out.halves.push(half);
        }
    }

    /// Runs one step; its result stays in the working memory. Returns whether it is missing.
    fn step(&self, step: &Step, env: Env<'_>, scratch: &mut Scratch) -> bool {
        let mut result = Out::new(step.hash_slot, scratch);
        step.operator.run(&step.inputs(env, &self.reads), &mut result);
        result.missing
    }
}

/// What the steps of a group may read: `given` are the common and the item part (used by the cross group only).
pub(crate) fn env<'a>(group: Group, rows: Rows<'a>, given: [&'a Part; 2], own: &'a Part) -> Env<'a> {
    let mut parts = [given[0], given[1], &EMPTY];
    parts[group as usize] = own;
    Env {
        rows: [rows.user, rows.item, rows.context],
        parts,
    }
}

/// Moves one result from the working memory into the part; a dense result gets exactly its width.
fn append(width: Option<usize>, missing: bool, scratch: &mut Scratch, out: &mut Part) {
    let Some(width) = width else {
        if let ([sign], [weight]) = (&scratch.signs[..], &scratch.weights[..]) {
            // by far the most common: two stores instead of two copies of unknown length
            out.signs.push(*sign);
            out.weights.push(*weight);
        } else {
            out.signs.extend_from_slice(&scratch.signs);
            out.weights.extend_from_slice(&scratch.weights);
        }
        out.end();
        return;
    };
    scratch.dense.resize(width, 0.0);
    out.dense.extend_from_slice(&scratch.dense);
    out.missing.push(missing);
}
