//! Examples: in → out, as data that the documentation shows and a test executes, so that no page can lie.
//!
//! An example names its fields with type and value (text form), the lines of its `[[feature]]`, and what comes out:
//! `[1, 0.5]` for floats, `{int 5, text War × 0.5, cross(int 1, int 2)}` for signs (components of a cross are hashed with
//! slot 0). Decision: expected signs are written as what they are signs *of* and hashed here, not as 64-bit numbers.

use super::Class;
use crate::{
    FieldType, Fitter, Key, Lookup, MemoryDictionary, Part, Plan, Rows, Scratch, SlotKind, Value, sign, text,
};
use std::sync::Arc;

/// The slot that an example's feature has.
const SLOT: u32 = 9;

/// An example of an operator.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// `name type = value; …`, all of one item; depended on in this order unless `with` says otherwise.
    pub fields: &'static str,
    /// Further lines of the `[[feature]]`.
    pub with: &'static str,
    /// What it answers.
    pub out: &'static str,
    /// Other entries of the conf that stand before it.
    pub before: &'static str,
    /// A dictionary: `name: int -> column type, …: key = cell, …; key = …`.
    pub dictionary: &'static str,
    /// Rows to fit from: the cells of all fields, as in `fields`.
    pub rows: &'static [&'static str],
}

impl Example {
    pub(crate) const fn of(fields: &'static str, with: &'static str, out: &'static str) -> Example {
        Example {
            fields,
            with,
            out,
            before: "",
            dictionary: "",
            rows: &[],
        }
    }

    pub(crate) const fn before(self, before: &'static str) -> Example {
        Example { before, ..self }
    }

    pub(crate) const fn dictionary(self, dictionary: &'static str) -> Example {
        Example { dictionary, ..self }
    }

    pub(crate) const fn fitted(self, rows: &'static [&'static str]) -> Example {
        Example { rows, ..self }
    }

    /// The conf of the example: item fields, then the feature `f` in slot 9.
    #[must_use]
    pub fn conf(&self, class: &Class) -> String {
        let fields: Vec<(&str, &str)> = self.field_list().map(|(name, ty, _)| (name, ty)).collect();
        let quoted: Vec<String> = fields.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let schema: Vec<String> = fields
            .iter()
            .map(|(name, ty)| format!("{{ name = \"{name}\", type = \"{ty}\" }}"))
            .collect();
        let depend = match self.with.contains("depend =") {
            true => String::new(),
            false => format!("depend = [{}]\n", quoted.join(", ")),
        };
        format!(
            "format = 1\nname = \"example\"\nschema.item = [{}]\n{}{}\n[[feature]]\nname = \"f\"\nclass = \"{}\"\n\
             slot = {SLOT}\n{depend}{}\n",
            schema.join(", "),
            self.dictionary_conf(),
            self.before,
            class.name,
            self.with,
        )
    }

    /// The fields' names, types and cells.
    fn field_list(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        let fields = self.fields.split("; ").filter(|field| !field.is_empty());
        fields.map(|field| {
            let (head, cell) = field.split_once(" =").unwrap_or((field, "\\N"));
            let (name, ty) = head.split_once(' ').unwrap_or((head, "int"));
            (name, ty, cell.strip_prefix(' ').unwrap_or(cell))
        })
    }

    fn dictionary_conf(&self) -> String {
        let Some((name, key, columns, _)) = self.dictionary_parts() else {
            return String::new();
        };
        let columns = columns
            .split(", ")
            .filter_map(|column| column.split_once(' '))
            .map(|(name, ty)| format!("{{ name = \"{name}\", type = \"{ty}\" }}"));
        let columns: Vec<String> = columns.collect();
        format!(
            "[[dictionary]]\nname = \"{name}\"\nkey = \"{key}\"\ncolumns = [{}]\n",
            columns.join(", ")
        )
    }

    /// Name, key type, columns, rows.
    fn dictionary_parts(&self) -> Option<(&str, &str, &str, &str)> {
        let (name, rest) = self.dictionary.split_once(": ")?;
        let (key, rest) = rest.split_once(" -> ")?;
        let (columns, rows) = rest.split_once(": ")?;
        Some((name, key, columns, rows))
    }

    /// The dictionary with its rows.
    fn load(&self) -> Option<Arc<dyn Lookup>> {
        let (_, key, columns, rows) = self.dictionary_parts()?;
        let columns: Vec<(&str, FieldType)> = columns
            .split(", ")
            .filter_map(|column| column.split_once(' '))
            .filter_map(|(name, ty)| Some((name, FieldType::from_name(ty)?)))
            .collect();
        let mut table = MemoryDictionary::new(&columns);
        for (row_key, cells) in rows.split("; ").filter_map(|row| row.split_once(" = ")) {
            let cells = cells.split(", ").zip(&columns);
            let cells = cells.map(|(cell, (_, ty))| text::parse(*ty, cell).unwrap_or_default());
            let row_key = match key {
                "int" => Key::Int(row_key.parse().ok()?),
                _ => Key::Text(row_key),
            };
            table.insert(row_key, cells.collect());
        }
        Some(Arc::new(table))
    }

    /// The plan of the example, fitted and bound.
    ///
    /// # Errors
    /// What is wrong with the example.
    pub fn plan(&self, class: &Class) -> Result<Plan, String> {
        let text = self.conf(class);
        let plan = Plan::compile(&text, "example", None).map_err(|faults| format!("{faults}\n{text}"))?;
        let plan = match self.load() {
            Some(table) => plan
                .bind(|_| Some(table.clone()))
                .map_err(|error| error.to_string())?,
            None => plan,
        };
        if self.rows.is_empty() {
            return Ok(plan);
        }
        let mut fitter = Fitter::new(&plan);
        for row in self.rows {
            let cells = row.split("; ").zip(self.field_list());
            let item: Vec<Value> = cells.map(|(cell, (_, ty, _))| value(ty, cell)).collect();
            fitter.observe(Rows {
                user: &[],
                item: &item,
                context: &[],
            });
        }
        plan.fitted(&fitter.finish()).map_err(|faults| faults.to_string())
    }

    /// The values of its fields.
    #[must_use]
    pub fn item(&self) -> Vec<Value> {
        self.field_list().map(|(_, ty, cell)| value(ty, cell)).collect()
    }

    /// Executes the example.
    ///
    /// # Errors
    /// What it answers instead of `out`.
    pub fn check(&self, class: &Class) -> Result<(), String> {
        let plan = self.plan(class)?;
        let (mut s, mut common, mut part) = (Scratch::default(), Part::default(), Part::default());
        let item = self.item();
        plan.common(&[], &[], &mut s, &mut common);
        plan.item(&item, &mut s, &mut part);
        let spec = plan.slot(SLOT).ok_or("no slot")?;
        let parts = [&common, &part, &common];
        let part = parts[spec.group as usize];
        let (found, right) = match spec.kind {
            SlotKind::Dense(width) => {
                let floats: Vec<String> = part.dense(spec.index, width).iter().map(f32::to_string).collect();
                let found = format!("[{}]", floats.join(", "));
                let right = found == self.out;
                (found, right)
            }
            SlotKind::Sparse => {
                let (signs, weights) = part.sparse(spec.index);
                let found: Vec<(u64, f32)> = signs.iter().copied().zip(weights.iter().copied()).collect();
                let right = self.signs().as_deref() == Some(&found);
                (format!("{found:?}"), right)
            }
        };
        match right {
            true => Ok(()),
            false => Err(format!(
                "{} with {} {} answers {found}, not {}",
                class.name, self.fields, self.with, self.out
            )),
        }
    }

    /// The signs that `out` describes.
    fn signs(&self) -> Option<Vec<(u64, f32)>> {
        let items = self.out.strip_prefix('{')?.strip_suffix('}')?;
        pieces(items)
            .map(|item| {
                let (item, weight) = item.split_once(" × ").unwrap_or((item, "1"));
                Some((sign_of(SLOT, item)?, weight.parse().ok()?))
            })
            .collect()
    }
}

/// A cell as a value of a type; missing when it is not one.
fn value(ty: &str, cell: &str) -> Value {
    FieldType::from_name(ty)
        .and_then(|ty| text::parse(ty, cell).ok())
        .unwrap_or_default()
}

/// Splits at `, ` outside brackets.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    text.split(move |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    })
    .map(str::trim_start)
    .filter(|piece| !piece.is_empty())
}

/// `int 5`, `text War`, `float 1.5`, `bool 1`, `cross(…, …)`.
fn sign_of(slot: u32, item: &str) -> Option<u64> {
    if let Some(inner) = item.strip_prefix("cross(") {
        let parts = pieces(inner.strip_suffix(')')?).map(|part| sign_of(0, part));
        return Some(sign::cross(slot, &parts.collect::<Option<Vec<u64>>>()?));
    }
    let (ty, cell) = item.split_once(' ').unwrap_or((item, ""));
    let ty = if ty == "text" { "string" } else { ty };
    let value = text::parse(FieldType::from_name(ty)?, cell).ok()?;
    sign::scalar(slot, &value, &mut Vec::new())
}
