//! A plan to look at: each feature with its group, its output and what it rests on, in order of execution.
//!
//! For `rankine check`, whose reader asks "why is this feature computed per candidate?". Decision: kept as data beside the
//! steps rather than read back from them, because steps know indices and people know names.

use crate::{Field, Group, Plan, Side, SlotKind};
use std::fmt::Write;
use std::sync::Arc;

/// One feature of a compiled conf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureOutline {
    /// Its name.
    pub name: Arc<str>,
    /// The operator's name.
    pub class: &'static str,
    /// Its slot; none for a stub.
    pub slot: Option<u32>,
    /// The slot whose signs it makes, if another.
    pub share: Option<u32>,
    /// How often it is computed.
    pub group: Group,
    /// What it gives.
    pub output: SlotKind,
    /// Fields and features, as `depend` says.
    pub depend: Vec<Arc<str>>,
    /// Dictionary columns that it reads, as `@dictionary.column`.
    pub reads: Vec<String>,
    /// It needs statistics of training rows.
    pub fitted: bool,
}

impl Group {
    /// `common`, `item` or `cross`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Group::Common => "common",
            Group::Item => "item",
            Group::Cross => "cross",
        }
    }
}

impl SlotKind {
    /// `signs`, or `floats` with their number.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            SlotKind::Sparse => "signs".to_owned(),
            SlotKind::Dense(1) => "1 float".to_owned(),
            SlotKind::Dense(width) => format!("{width} floats"),
        }
    }
}

impl Plan {
    /// All features in order of execution: by group (common, item, cross), within a group each after those it rests on.
    #[must_use]
    pub fn outline(&self) -> &[FeatureOutline] {
        &self.outline
    }

    /// The plan as a picture, in Graphviz's language: fields and dictionaries on the left, features by group, an arrow
    /// for each dependency.
    #[must_use]
    pub fn dot(&self) -> String {
        let mut out =
            String::from("digraph plan {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=10];\n");
        let _ = writeln!(out, "  label={};\n  labelloc=t;", quote(self.name()));
        for side in Side::ALL {
            self.dot_side(side, &mut out);
        }
        for table in self.dictionaries() {
            let name = format!("@{}", table.name);
            let _ = writeln!(out, "  {} [shape=cylinder];", quote(&name));
        }
        for group in [Group::Common, Group::Item, Group::Cross] {
            self.dot_group(group, &mut out);
        }
        self.outline()
            .iter()
            .for_each(|feature| arrows(feature, &mut out));
        out.push_str("}\n");
        out
    }

    fn dot_side(&self, side: Side, out: &mut String) {
        let fields = self.schema().side(side);
        if fields.is_empty() {
            return;
        }
        let name = side.name();
        let _ = writeln!(
            out,
            "  subgraph \"cluster_{name}\" {{\n    label=\"{name}\";\n    color=gray;"
        );
        let show = |field: &Field| format!("{}\n{}", field.name, field.ty);
        for field in fields {
            let (id, label) = (quote(&field.name), quote(&show(field)));
            let _ = writeln!(out, "    {id} [shape=box, style=rounded, label={label}];");
        }
        out.push_str("  }\n");
    }

    fn dot_group(&self, group: Group, out: &mut String) {
        let color = ["lightblue", "palegreen", "lightsalmon"][group as usize];
        for feature in self.outline().iter().filter(|feature| feature.group == group) {
            let slot = feature
                .slot
                .map_or_else(String::new, |slot| format!(" · slot {slot}"));
            let label = format!(
                "{}\n{}{slot}\n{} · {}",
                feature.name,
                feature.class,
                feature.output.describe(),
                group.name()
            );
            let style = if feature.slot.is_some() {
                "filled"
            } else {
                "filled,dashed"
            };
            let (id, label) = (quote(&feature.name), quote(&label));
            let _ = writeln!(
                out,
                "  {id} [shape=box, style=\"{style}\", fillcolor={color}, label={label}];"
            );
        }
    }
}

fn arrows(feature: &FeatureOutline, out: &mut String) {
    let to = quote(&feature.name);
    for from in &feature.depend {
        let _ = writeln!(out, "  {} -> {to};", quote(from));
    }
    for read in &feature.reads {
        let (table, column) = read.rsplit_once('.').unwrap_or((read, ""));
        let _ = writeln!(
            out,
            "  {} -> {to} [label={}, style=dotted];",
            quote(table),
            quote(column)
        );
    }
}

/// A text in quotes; a line break stays one.
fn quote(text: &str) -> String {
    let text = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONF: &str = r#"
        format = 1
        name = "ab"
        schema.user = [{ name = "past", type = "list<int>" }, { name = "age", type = "int" }]
        schema.item = [{ name = "id", type = "int" }]
        [[dictionary]]
        name = "items"
        key = "int"
        columns = [{ name = "genre", type = "string" }]
        [[feature]]
        name = "pair"
        class = "cross"
        slot = 3
        depend = ["genres", "film"]
        [[feature]]
        name = "film"
        class = "id"
        slot = 1
        depend = ["id"]
        [[feature]]
        name = "genres"
        class = "history"
        depend = ["past"]
        args = [5]
        str_args = ["@items.genre"]
        [[feature]]
        name = "old"
        class = "normalize"
        slot = 7
        depend = ["age"]
    "#;

    fn plan() -> Plan {
        Plan::compile(CONF, "c.toml", None).unwrap()
    }

    #[test]
    fn features_stand_in_order_of_execution() {
        let plan = plan();
        let names: Vec<&str> = plan.outline().iter().map(|feature| &*feature.name).collect();
        assert_eq!(names, ["genres", "old", "film", "pair"]);
        let [genres, old, film, pair] = plan.outline() else {
            panic!("four features")
        };
        assert_eq!(
            (genres.slot, &genres.reads[..]),
            (None, &["@items.genre".to_owned()][..])
        );
        assert_eq!((old.fitted, old.output.describe()), (true, "1 float".to_owned()));
        assert_eq!((film.group.name(), pair.group.name()), ("item", "cross"));
        assert_eq!(
            pair.depend.iter().map(|name| &**name).collect::<Vec<_>>(),
            ["genres", "film"]
        );
    }

    #[test]
    fn the_picture_has_every_node_and_arrow() {
        let dot = plan().dot();
        for line in [
            "  \"@items\" [shape=cylinder];",
            "  \"past\" -> \"genres\";",
            "  \"@items\" -> \"genres\" [label=\"genre\", style=dotted];",
            "  \"genres\" -> \"pair\";",
            "    \"id\" [shape=box, style=rounded, label=\"id\\nint\"];",
        ] {
            assert!(dot.contains(line), "{line}\n{dot}");
        }
        assert_eq!(dot.matches('{').count(), dot.matches('}').count());
        assert_eq!(quote("a\"\\\n"), "\"a\\\"\\\\\\n\"");
    }
}
