//! A worker: jobs in, extracted packets out; everything it needs is its own.

use std::sync::Arc;

use rankine_feature::{Extractor, Plan, Sample};
use rankine_table::{LineBlock, Record, RowFault, Table};
use serde_json::{Map, Value as Json};

use super::OutputForm;
use super::binding::Binding;
use super::feed::Job;
use super::output::Packet;
use super::row::{Misfit, Row};
use crate::sample::TimeUnit;
use crate::sample::cells::{Cells, Style};

/// What became of a job.
pub(super) struct Done {
    pub(super) packet: Packet,
    pub(super) rows: u64,
    pub(super) faults: Vec<RowFault>,
    /// Units of work (rows of Parquet, bytes of text).
    pub(super) units: u64,
}

pub(super) struct Worker {
    extractor: Extractor,
    binding: Arc<Binding>,
    cells: Cells,
    row: Row,
    form: OutputForm,
    spans: Vec<(usize, usize)>,
    /// Rows are kept as samples instead of being extracted.
    kept: Option<Vec<(u64, Sample)>>,
}

/// Where a row stands, for its fault.
struct At<'a> {
    line: u64,
    raw: &'a dyn Fn() -> String,
}

impl Worker {
    pub(super) fn new(plan: &Arc<Plan>, binding: &Arc<Binding>, form: OutputForm, unit: TimeUnit) -> Worker {
        Worker {
            extractor: Extractor::new(plan.clone()),
            row: Row::new(binding),
            binding: binding.clone(),
            cells: Cells::new(unit),
            form,
            spans: Vec::new(),
            kept: None,
        }
    }

    /// A job's rows as samples with their lines, and those that do not fit.
    pub(super) fn samples(&mut self, job: &Job) -> (Vec<(u64, Sample)>, Vec<RowFault>) {
        self.kept = Some(Vec::new());
        let done = self.work(job);
        (self.kept.take().unwrap_or_default(), done.faults)
    }

    /// Extracts a job's rows.
    pub(super) fn work(&mut self, job: &Job) -> Done {
        let mut done = Done {
            packet: Packet::new(self.form, self.extractor.plan(), &self.binding),
            rows: 0,
            faults: Vec::new(),
            units: 0,
        };
        match job {
            Job::Lines(block) => self.lines(block, &mut done),
            Job::Json(block) => self.json_lines(block, &mut done),
            Job::Records(rows) => self.records(rows, &mut done),
            Job::Table(first, table) => self.table(*first, table, &mut done),
        }
        done
    }

    fn lines(&mut self, block: &LineBlock, done: &mut Done) {
        each_line(block, done, |line, text, done| {
            if text.is_empty() && self.binding.cells > 1 {
                return;
            }
            let filled = self.line(text);
            self.end(
                &At {
                    line,
                    raw: &|| text.to_owned(),
                },
                filled,
                done,
            );
        });
    }

    /// Reads one tab-separated line into the row.
    fn line(&mut self, text: &str) -> Result<(), (&'static str, Misfit)> {
        self.spans.clear();
        let mut from = 0;
        for (at, _) in text.bytes().enumerate().filter(|(_, byte)| *byte == b'\t') {
            self.spans.push((from, at));
            from = at + 1;
        }
        self.spans.push((from, text.len()));
        let (expected, got) = (self.binding.cells, self.spans.len());
        if expected != got {
            return Err(("fields", format!("expected {expected} fields, got {got}")));
        }
        let spans = &self.spans;
        let cell = |at: usize| spans.get(at).map(|(from, to)| &text[*from..*to]);
        let filled = self.row.texts(&self.binding, (&mut self.cells, Style::Tsv), cell);
        filled.map_err(|misfit| ("type", misfit))
    }

    fn json_lines(&mut self, block: &LineBlock, done: &mut Done) {
        each_line(block, done, |line, text, done| {
            if text.trim().is_empty() {
                return;
            }
            let filled = match serde_json::from_str::<Map<String, Json>>(text) {
                Ok(object) => self
                    .row
                    .json(&self.binding, &self.cells, &object)
                    .map_err(|misfit| ("type", misfit)),
                Err(error) => Err(("json", format!("expected a JSON object: {error}"))),
            };
            self.end(
                &At {
                    line,
                    raw: &|| text.to_owned(),
                },
                filled,
                done,
            );
        });
    }

    fn records(&mut self, rows: &[Result<Record, RowFault>], done: &mut Done) {
        for row in rows {
            match row {
                Err(fault) => done.faults.push(fault.clone()),
                Ok(record) => {
                    done.units += record.raw().len() as u64;
                    let cell = |at| record.get(at);
                    let filled = self.row.texts(&self.binding, (&mut self.cells, Style::Csv), cell);
                    let at = At {
                        line: record.line(),
                        raw: &|| record.raw().to_owned(),
                    };
                    self.end(&at, filled.map_err(|misfit| ("type", misfit)), done);
                }
            }
        }
    }

    fn table(&mut self, first: u64, table: &Table, done: &mut Done) {
        done.units += table.rows() as u64;
        for row in 0..table.rows() {
            let filled = self
                .row
                .typed(&self.binding, &mut self.cells, (&table.columns, row));
            let at = At {
                line: first + row as u64,
                raw: &String::new,
            };
            self.end(&at, filled.map_err(|misfit| ("type", misfit)), done);
        }
    }

    /// Extracts the row, or notes its fault.
    fn end(&mut self, at: &At<'_>, filled: Result<(), (&'static str, Misfit)>, done: &mut Done) {
        match filled {
            Ok(()) => {
                if let Some(kept) = &mut self.kept {
                    kept.push((at.line, self.row.sample(self.extractor.plan().schema())));
                    return;
                }
                self.extractor.run(self.row.rows());
                done.packet.push(&self.extractor, (&self.binding, &self.row.kept));
                done.rows += 1;
            }
            Err((rule, reason)) => done.faults.push(RowFault {
                line: at.line,
                rule,
                reason,
                raw: (at.raw)(),
            }),
        }
    }
}

/// Calls `each` with every line that is UTF-8; notes the others.
fn each_line(block: &LineBlock, done: &mut Done, mut each: impl FnMut(u64, &str, &mut Done)) {
    done.units += block.bytes.len() as u64;
    let last = block.lines().count() - 1;
    for (i, (line, bytes)) in block.lines().enumerate() {
        let fault = |rule, reason: &str| RowFault {
            line,
            rule,
            reason: reason.to_owned(),
            raw: String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned(),
        };
        match std::str::from_utf8(bytes) {
            _ if block.cut && i == last => done.faults.push(fault("length", "the line is too long")),
            Ok(text) => each(line, text, done),
            Err(_) => done.faults.push(fault("encoding", "the line is not UTF-8")),
        }
    }
}
