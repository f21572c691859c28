//! A conf being written: features as text, compiled until nothing is wrong any more.

use super::demand::Fields;
use super::{Imported, Note};
use crate::{FieldType, Plan, Side};
use std::fmt::Write;

/// Before a dependency that is a feature of the source, not a field.
pub(super) const FEATURE: &str = "feature:";

/// A feature of the conf to be.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    pub(super) name: String,
    /// The source's feature that it stands for; stubs have the one they serve.
    pub(super) of: String,
    pub(super) class: &'static str,
    pub(super) depend: Vec<String>,
    pub(super) args: Vec<f64>,
    pub(super) words: Vec<String>,
    pub(super) default: Option<String>,
    /// Without slot.
    pub(super) stub: bool,
    /// Only a part of the source's feature.
    pub(super) helps: bool,
    /// Does not compile.
    pub(super) gone: bool,
}

/// Dictionaries to declare: name, column, type.
pub(super) type Declared = Vec<(String, String, FieldType)>;

/// Everything that has been read.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) fields: Fields,
    pub(super) drafts: Vec<Draft>,
    pub(super) dictionaries: Declared,
    pub(super) notes: Vec<Note>,
    pub(super) found: usize,
}

impl Book {
    pub(super) fn note(&mut self, feature: &str, message: impl Into<String>) {
        self.notes.push(Note {
            feature: feature.to_owned(),
            lost: false,
            message: message.into(),
        });
    }

    pub(super) fn lost(&mut self, feature: &str, message: impl Into<String>) {
        self.notes.push(Note {
            feature: feature.to_owned(),
            lost: true,
            message: message.into(),
        });
    }

    /// Gives features that are called like a field another name: here both share one space of names.
    fn rename(&mut self) {
        let mut renamed = Vec::new();
        for draft in self.drafts.iter().filter(|draft| !draft.helps) {
            if self.fields.ty(&draft.name).is_some() && !renamed.contains(&draft.name) {
                renamed.push(draft.name.clone());
            }
        }
        let new = |name: &str| match renamed.iter().any(|old| old == name) {
            true => format!("{name}_feature"),
            false => name.to_owned(),
        };
        for draft in &mut self.drafts {
            draft.name = new(&draft.name);
            for depend in &mut draft.depend {
                if let Some(feature) = depend.strip_prefix(FEATURE) {
                    *depend = new(feature);
                }
            }
        }
        if !renamed.is_empty() {
            let message = format!(
                "called NAME_feature, because a field has the name: {}",
                renamed.join(", ")
            );
            self.note("", message);
        }
    }

    /// Writes the conf, takes out what does not compile, and writes it again.
    pub(super) fn finish(mut self, name: &str) -> Imported {
        self.rename();
        loop {
            let (conf, lines) = self.write(name);
            let Err(faults) = Plan::compile(&conf, "imported", None) else {
                let of = self
                    .drafts
                    .iter()
                    .filter(|draft| !draft.stub || draft.name == draft.of);
                let mapped = of.count();
                return Imported {
                    conf,
                    found: self.found,
                    mapped,
                    notes: self.notes,
                };
            };
            let hit = |fault: &crate::Fault| {
                lines
                    .iter()
                    .position(|from| *from > fault.line)
                    .unwrap_or(lines.len())
            };
            let mut wrong: Vec<(usize, String)> = faults
                .0
                .iter()
                .map(|fault| (hit(fault).saturating_sub(1), fault.message.clone()))
                .collect();
            wrong.sort();
            wrong.dedup_by_key(|x| x.0);
            if self.drafts.is_empty() {
                // Nothing is left but fields and dictionaries: with names that cannot be.
                (self.fields, self.dictionaries) = (Fields::default(), Declared::default());
            }
            for (i, message) in wrong {
                self.take_out(i, message);
            }
            self.drafts.retain(|draft| !draft.gone);
        }
    }

    /// Marks a draft, and all that belongs to the same feature of the source, as gone.
    fn take_out(&mut self, i: usize, message: String) {
        let Some(of) = self
            .drafts
            .get(i)
            .filter(|draft| !draft.gone)
            .map(|draft| draft.of.clone())
        else {
            return;
        };
        let parts = self.drafts.iter_mut().filter(|draft| draft.of == of);
        parts.for_each(|draft| draft.gone = true);
        self.lost(&of, message);
    }

    /// The conf, and the line on which each draft begins.
    fn write(&self, name: &str) -> (String, Vec<usize>) {
        let mut out = format!("format = 1\nname = {}\n", text(name));
        for side in Side::ALL {
            let fields = self.fields.side(side);
            let fields: Vec<String> = fields
                .map(|(name, ty)| format!("  {{ name = {}, type = \"{ty}\" }},\n", text(name)))
                .collect();
            if !fields.is_empty() {
                let _ = writeln!(out, "schema.{} = [\n{}]", side.name(), fields.concat());
            }
        }
        self.write_dictionaries(&mut out);
        let mut lines = Vec::new();
        let mut slot = 0;
        for draft in &self.drafts {
            lines.push(out.lines().count() + 1);
            draft.write(&mut slot, &mut out);
        }
        (out, lines)
    }

    fn write_dictionaries(&self, out: &mut String) {
        let mut names: Vec<&String> = self.dictionaries.iter().map(|(name, ..)| name).collect();
        names.sort();
        names.dedup();
        for name in names {
            let columns = self.dictionaries.iter().filter(|(of, ..)| of == name);
            let columns: Vec<String> = columns
                .map(|(_, column, ty)| format!("{{ name = {}, type = \"{ty}\" }}", text(column)))
                .collect();
            let (name, columns) = (text(name), columns.join(", "));
            let _ = write!(
                out,
                "\n[[dictionary]]\nname = {name}\nkey = \"string\"\ncolumns = [{columns}]\n"
            );
        }
    }
}

impl Draft {
    fn write(&self, slot: &mut u32, out: &mut String) {
        let _ = write!(
            out,
            "\n[[feature]]\nname = {}\nclass = \"{}\"\n",
            text(&self.name),
            self.class
        );
        if !self.stub {
            *slot += 1;
            let _ = writeln!(out, "slot = {slot}");
        }
        let _ = writeln!(out, "depend = [{}]", texts(&self.depend));
        if !self.args.is_empty() {
            let args: Vec<String> = self
                .args
                .iter()
                .map(|x| toml::Value::Float(*x).to_string())
                .collect();
            let _ = writeln!(out, "args = [{}]", args.join(", "));
        }
        if !self.words.is_empty() {
            let _ = writeln!(out, "str_args = [{}]", texts(&self.words));
        }
        if let Some(default) = &self.default {
            let _ = writeln!(out, "default = {default}");
        }
    }
}

/// A text as TOML, always on one line.
pub(super) fn text(value: &str) -> String {
    let one_line: String = value.chars().filter(|c| !c.is_control()).collect();
    toml::Value::String(one_line).to_string()
}

fn texts(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| text(value)).collect();
    values.join(", ")
}
