//! From a conf as written to a plan: all checks, then all indices.
//!
//! Stages: read TOML ([`crate::conf`]) → fields and sample columns (`fields`) → features: names, slots, dependencies,
//! operators (`features`, ordered by `order`) → indices (`assemble`). Decision: every stage goes on after faults with what is
//! right, and reports into one [`Report`], so that one pass shows everything; what follows only from a fault reported
//! before is left out where it can be told.

mod assemble;
mod dictionaries;
mod features;
mod fields;
mod order;

use crate::conf::{Conf, FORMAT};
use crate::{Faults, Fit, Plan};
use rankine_config::{Fault, Located, Source, parse_partial};
use std::ops::Range;

/// Compiles a conf; see [`Plan::compile`].
pub(crate) fn compile(text: &str, file: &str, fit: Option<&Fit>) -> Result<Plan, Faults> {
    let (conf, faults) = parse_partial::<Conf>(text, file);
    let mut report = Report::new(Source::new(text, file), faults.0);
    let Some(conf) = conf else {
        report.at(0..0, "", "not a feature conf");
        return Err(report.end());
    };
    report.find_entries(&conf);
    head(&conf, &mut report);
    let (schema, sample) = fields::resolve(&conf, &mut report);
    let dictionaries = dictionaries::resolve(&conf, &mut report);
    let known = Known {
        schema: &schema,
        dictionaries: &dictionaries,
        fit,
    };
    let features = features::resolve(&conf, &known, &mut report);
    if !report.faults.is_empty() {
        return Err(report.end());
    }
    let used = assemble::used_fit(&conf, &features, fit);
    let mut plan = assemble::plan(&conf, schema, sample, dictionaries, features);
    plan.fit = used;
    plan.hash = plan.full_hash();
    Ok(plan)
}

/// What features may name.
pub(crate) struct Known<'a> {
    schema: &'a crate::Schema,
    dictionaries: &'a [crate::DictionarySpec],
    fit: Option<&'a Fit>,
}

/// Format and name.
fn head(conf: &Conf, report: &mut Report<'_>) {
    if conf.format.value != FORMAT {
        let message = format!("conf has format {}, this build reads {FORMAT}", conf.format.value);
        report.at(conf.format.span.clone(), "format", message);
    }
    let name = &conf.name.value;
    let right = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(right) {
        let message = "expected a name of letters, digits, `-`, `_` and `.` (it names folders)";
        report.at(conf.name.span.clone(), "name", message);
    }
}

/// The lines that open an entry.
fn headers(text: &str) -> Vec<usize> {
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.trim_start().starts_with("[["));
    lines.map(|(i, _)| i + 1).collect()
}

/// The faults found so far.
pub(crate) struct Report<'a> {
    source: Source<'a>,
    faults: Vec<Fault>,
    /// Something was left out while reading: names may be unknown for that reason only.
    lost: bool,
    /// Features with faults of reading: their settings are not complained about.
    dirty: Vec<bool>,
}

impl<'a> Report<'a> {
    fn new(source: Source<'a>, faults: Vec<Fault>) -> Report<'a> {
        let lost = faults.iter().any(|fault| !fault.is_unknown_key());
        Report {
            source,
            faults,
            lost,
            dirty: Vec::new(),
        }
    }

    /// Finds the features that have faults of reading, by their lines.
    fn find_entries(&mut self, conf: &Conf) {
        if !self.lost {
            return;
        }
        let headers = headers(self.source.text);
        let starts: Vec<usize> = conf.feature.iter().map(|f| self.line(&f.span)).collect();
        let end = |start: usize| {
            headers
                .iter()
                .find(|line| **line > start)
                .copied()
                .unwrap_or(usize::MAX)
        };
        let hit = |from: usize, to: usize| {
            self.faults
                .iter()
                .any(|fault| !fault.is_unknown_key() && (from..to).contains(&fault.line))
        };
        self.dirty = starts.iter().map(|start| hit(*start, end(*start))).collect();
    }

    /// A fault at a place.
    fn at(&mut self, span: Range<usize>, key: &str, message: impl Into<String>) {
        self.faults.push(self.source.fault(span, key, message));
    }

    /// A fault about a name that is not known. Left out when names were lost while reading.
    fn unknown<'k>(
        &mut self,
        name: &Located<String>,
        message: impl Into<String>,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        if !self.lost {
            self.faults.push(
                self.source
                    .unknown(name.span.clone(), &name.value, message, known),
            );
        }
    }

    /// The line of a place, for messages that refer to another one.
    fn line(&self, span: &Range<usize>) -> usize {
        self.source.position(span.start).0
    }

    fn end(self) -> Faults {
        match Faults(self.faults).check() {
            Err(faults) => faults,
            Ok(()) => Faults::default(),
        }
    }
}
