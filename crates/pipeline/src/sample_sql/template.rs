//! The template: which label, over how many days, one row per what.

use std::path::Path;

use rankine_config::{Faults, nearest};
use rankine_table::TableError;
use serde_json::{Map, Value};

use super::expression::{Node, check, parse};
use super::json::{Document, Object};
use super::tables::{Side, Tables};
use super::variables::Variables;
use crate::PipelineError;

/// What the label is learnt as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelKind {
    /// A class, 0 or 1.
    Classification,
    /// A number.
    Regression,
    /// Which of two items of the same user and request or day has the higher label.
    Pairwise,
}

/// One sample per what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// User, item and request, within a day.
    Request,
    /// User, item and day.
    Day,
}

/// Items that were not shown, drawn for each positive sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negatives {
    /// How many are drawn for each, 250 at most; the same twice, and those the user met on the day, fall away.
    pub per_positive: u64,
    /// Another seed draws others.
    pub seed: u64,
}

/// A template with its tables.
#[derive(Clone, Debug)]
pub struct Template {
    /// The key it stands under.
    pub name: String,
    /// The model that learns from it.
    pub model_name: String,
    /// That model's kind.
    pub model_type: String,
    /// The label's column.
    pub label: String,
    /// What it is made from.
    pub selection: Node,
    /// What it is learnt as.
    pub kind: LabelKind,
    /// How many days there are samples of.
    pub train_days: u32,
    /// One sample per what.
    pub grain: Grain,
    /// Drawn negatives.
    pub negatives: Option<Negatives>,
    /// The tables.
    pub tables: Tables,
}

impl Template {
    /// Reads the template of a file, and the tables of another.
    ///
    /// # Errors
    /// A file that cannot be read; all faults of the two.
    pub fn load(
        path: &Path,
        tables: Option<&Path>,
        name: Option<&str>,
        variables: &Variables,
    ) -> Result<Template, PipelineError> {
        let tables = match tables {
            Some(path) => Some(read_tables(&text(path)?, &path.display().to_string(), variables)?),
            None => None,
        };
        let (text, file) = (text(path)?, path.display().to_string());
        Ok(Template::parse((&text, &file), tables, name, variables)?)
    }

    /// Reads a template's text; `tables` outweigh those it holds itself.
    ///
    /// # Errors
    /// All its faults.
    pub fn parse(
        (text, file): (&str, &str),
        tables: Option<Tables>,
        name: Option<&str>,
        variables: &Variables,
    ) -> Result<Template, Faults> {
        let (mut document, root) = Document::read(text, file, variables)?;
        let (name, map) = chosen(&mut document, root, name)?;
        let object = Object::new(&mut document, vec![name.clone()], map);
        let template = read(object, name, tables);
        Faults(document.faults).check()?;
        template.ok_or_else(|| Faults(Vec::new()))
    }
}

fn text(path: &Path) -> Result<String, PipelineError> {
    std::fs::read_to_string(path).map_err(|error| {
        PipelineError::Table(TableError::Open {
            path: path.to_owned(),
            source: error,
        })
    })
}

fn read_tables(text: &str, file: &str, variables: &Variables) -> Result<Tables, Faults> {
    let (mut document, root) = Document::read(text, file, variables)?;
    let tables = Tables::read(Object::new(&mut document, Vec::new(), root));
    Faults(document.faults).check()?;
    Ok(tables)
}

/// The template of that name, or the only one.
fn chosen(
    document: &mut Document<'_>,
    mut root: Map<String, Value>,
    name: Option<&str>,
) -> Result<(String, Map<String, Value>), Faults> {
    let names: Vec<String> = root.keys().cloned().collect();
    let chosen = match (name, names.as_slice()) {
        (Some(name), _) => name.to_owned(),
        (None, [only]) => only.clone(),
        (None, _) => {
            let message = format!(
                "expected one template, got {}: {}; name one with --template",
                names.len(),
                names.join(", ")
            );
            document.fault(&[], message, None);
            return Err(Faults(std::mem::take(&mut document.faults)));
        }
    };
    match root.remove(&chosen) {
        Some(Value::Object(map)) => return Ok((chosen, map)),
        Some(_) => document.fault(
            std::slice::from_ref(&chosen),
            "expected an object (a template)",
            None,
        ),
        None => {
            let near = nearest(&chosen, names.iter().map(String::as_str)).map(str::to_owned);
            let message = format!("no template `{chosen}`, expected one of: {}", names.join(", "));
            document.fault(&[], message, near.as_deref());
        }
    }
    Err(Faults(std::mem::take(&mut document.faults)))
}

/// The template, or none and faults.
fn read(mut object: Object<'_, '_>, name: String, tables: Option<Tables>) -> Option<Template> {
    let model_name = object.text("model_name").unwrap_or_else(|| name.clone());
    let model_type = object.text("model_type").unwrap_or_default();
    let train_days = object.number("train_days", (1, 3660)).unwrap_or(14);
    let grains = [("request", Grain::Request), ("day", Grain::Day)];
    let grain = object.choice("grain", &grains);
    let negatives = object.object("negatives").map(read_negatives);
    let own = object.object("tables").map(Tables::read);
    let tables = tables.or(own).unwrap_or_default();
    let grain = settled(&mut object, grain, &tables);
    let label = read_label(&mut object, (grain, &tables));
    if negatives.is_some() && tables.item.is_none() {
        object.fault("negatives", "expected an item table to draw from, got none", None);
    }
    let (label, selection, kind) = label.unzip3();
    if let Some(label) = &label {
        unique_names(&mut object, label, &tables);
    }
    object.finish();
    Some(Template {
        name,
        model_name,
        model_type,
        label: label?,
        selection: selection?,
        kind: kind?,
        train_days: u32::try_from(train_days).unwrap_or(14),
        grain,
        negatives,
        tables,
    })
}

/// Three of one, each alone.
trait Unzip3<A, B, C> {
    fn unzip3(self) -> (Option<A>, Option<B>, Option<C>);
}

impl<A, B, C> Unzip3<A, B, C> for Option<(A, B, C)> {
    fn unzip3(self) -> (Option<A>, Option<B>, Option<C>) {
        match self {
            Some((a, b, c)) => (Some(a), Some(b), Some(c)),
            None => (None, None, None),
        }
    }
}

/// The grain that was declared; else by request where the behaviour table tells it, else by day.
fn settled(object: &mut Object<'_, '_>, grain: Option<Grain>, tables: &Tables) -> Grain {
    let request = tables.behaviour.request.is_some();
    if grain == Some(Grain::Request) && !request {
        let message = "grain `request` expects the behaviour table's `request` column, got none";
        object.fault("grain", message, None);
    }
    grain.unwrap_or(if request { Grain::Request } else { Grain::Day })
}

fn read_negatives(mut object: Object<'_, '_>) -> Negatives {
    let read = Negatives {
        per_positive: object
            .number("per_positive", (1, super::negatives::MOST))
            .unwrap_or(1),
        seed: object.number("seed", (0, 1 << 31)).unwrap_or(1),
    };
    object.finish();
    read
}

fn read_label(
    object: &mut Object<'_, '_>,
    (grain, tables): (Grain, &Tables),
) -> Option<(String, Node, LabelKind)> {
    if !object.has("label") {
        object.take("label");
        object.fault(
            "label",
            "expected an object with name, selection and type, got nothing",
            None,
        );
        return None;
    }
    let mut label = object.object("label")?;
    let kinds = [
        ("CLASSIFICATION", LabelKind::Classification),
        ("REGRESSION", LabelKind::Regression),
        ("PAIRWISE", LabelKind::Pairwise),
    ];
    let name = label.needed("name");
    let absent = !label.has("type");
    let kind = label
        .choice("type", &kinds)
        .or(absent.then_some(LabelKind::Classification));
    let text = label.needed("selection");
    let selection = text.and_then(|text| read_selection(&mut label, &text, (grain, tables)));
    label.finish();
    Some((name?, selection?, kind?))
}

fn read_selection(label: &mut Object<'_, '_>, text: &str, (grain, tables): (Grain, &Tables)) -> Option<Node> {
    let path = label.path("selection");
    let behaviour = &tables.behaviour;
    let mut keys = vec![
        behaviour.user.as_str(),
        behaviour.item.as_str(),
        behaviour.partition.as_str(),
    ];
    keys.extend(behaviour.request.as_deref().filter(|_| grain == Grain::Request));
    match parse(text) {
        Ok(node) => {
            for complaint in check(&node, &keys, behaviour.columns.as_deref()) {
                label.document.complain(&path, &complaint);
            }
            Some(node)
        }
        Err(complaint) => {
            label.document.complain(&path, &complaint);
            None
        }
    }
}

/// No two columns of a sample have one name.
fn unique_names(object: &mut Object<'_, '_>, label: &str, tables: &Tables) {
    let behaviour = &tables.behaviour;
    let mut names = vec![
        behaviour.user.clone(),
        behaviour.item.clone(),
        behaviour.partition.clone(),
        behaviour.time.clone(),
        label.to_owned(),
    ];
    names.extend(behaviour.request.clone());
    let sides = [&tables.user, &tables.item];
    let features = |side: &Side| side.features.clone().unwrap_or_default();
    let listed = sides.into_iter().flatten().flat_map(features).map(|f| f.name);
    names.extend(listed.filter(|name| name != label));
    names.sort();
    let twice: Vec<&String> = names.windows(2).filter(|w| w[0] == w[1]).map(|w| &w[0]).collect();
    for name in twice {
        let message = format!("two columns of the sample are named `{name}`; list one as `{name} as other`");
        object.fault("tables", message, None);
    }
}
