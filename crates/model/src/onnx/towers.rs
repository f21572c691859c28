//! Kinds with towers: both vectors, and how they become one number.

use super::attribute::{int, ints};
use super::proto::FLOAT;
use super::sheet::{Sheet, count, fault};
use crate::error::ModelError;
use crate::tower::{ABSENT, COMBINE, Combination, Preference, Tower, Towers};
use rankine_kernel::activation::Activation;

/// Draws the logit, `[batch, 1]`.
pub(super) fn draw(sheet: &mut Sheet<'_>, towers: &Towers) -> Result<String, ModelError> {
    if towers.only.is_some() {
        return Err(fault("a half gives vectors, no score; export the whole model"));
    }
    let user = tower(sheet, &towers.user)?;
    let item = tower(sheet, &towers.item)?;
    let met = meet(sheet, towers, (&user, &item))?;
    #[expect(clippy::cast_possible_truncation, reason = "numbers of a model are f32")]
    let scale = sheet.float((1.0 / towers.temperature) as f32);
    let mut met = sheet.add("Mul", "met", &[&met, &scale]);
    if towers.scale.is_some() {
        let factor = sheet.parameter(COMBINE)?;
        met = sheet.add("Mul", "met/scaled", &[&met, &factor]);
    }
    let context = tower(sheet, &towers.context)?;
    Ok(sheet.add("Add", "logit", &[&met, &context]))
}

/// The two vectors as one number, before the temperature.
fn meet(sheet: &mut Sheet<'_>, towers: &Towers, (user, item): (&str, &str)) -> Result<String, ModelError> {
    match towers.combination {
        Combination::Dot => Ok(dot(sheet, "dot", (user, item))),
        Combination::Cosine => {
            let (user, item) = (unit(sheet, "user/unit", user), unit(sheet, "item/unit", item));
            Ok(dot(sheet, "dot", (&user, &item)))
        }
        Combination::Product => {
            let weight = sheet.parameter(COMBINE)?;
            let user = sheet.add("Mul", "user/weighed", &[user, &weight]);
            Ok(dot(sheet, "dot", (&user, item)))
        }
        Combination::Concat => {
            let weight = sheet.parameter(COMBINE)?;
            let both = sheet.concat("both", &[user.to_owned(), item.to_owned()], 1);
            Ok(dot(sheet, "dot", (&both, &weight)))
        }
    }
}

fn dot(sheet: &mut Sheet<'_>, name: &str, (a, b): (&str, &str)) -> String {
    let product = sheet.add("Mul", &format!("{name}/products"), &[a, b]);
    sheet.sum(name, &product, 1, true)
}

/// A vector of length 1; zeros where it has no direction.
fn unit(sheet: &mut Sheet<'_>, name: &str, x: &str) -> String {
    let square = dot(sheet, &format!("{name}/square"), (x, x));
    let norm = sheet.add("Sqrt", &format!("{name}/norm"), &[&square]);
    #[expect(clippy::cast_possible_truncation, reason = "numbers of a model are f32")]
    let shortest = sheet.float(Combination::SHORTEST as f32);
    let (zero, one) = (sheet.float(0.0), sheet.float(1.0));
    let long = sheet.add("Greater", &format!("{name}/long"), &[&norm, &shortest]);
    let norm = sheet.add("Where", &format!("{name}/divisor"), &[&long, &norm, &one]);
    let scaled = sheet.add("Div", &format!("{name}/scaled"), &[x, &norm]);
    sheet.add("Where", name, &[&long, &scaled, &zero])
}

/// One tower's output.
fn tower(sheet: &mut Sheet<'_>, tower: &Tower) -> Result<String, ModelError> {
    let network = sheet.network;
    let fields = sheet.fields(&tower.columns, &network.dense[tower.dense.clone()])?;
    if fields.is_empty() {
        return sheet.parameter(&format!("{}.0.bias", tower.name));
    }
    let fields = match &tower.preference {
        Some(preference) => marked(sheet, tower, preference, fields)?,
        None => weighed(sheet, tower, fields)?,
    };
    let mut x = sheet.concat(&format!("{}/input", tower.name), &fields, 1);
    let layers = tower.layers(network);
    for (i, (name, _, outputs)) in layers.iter().enumerate() {
        let behind = tower.behind(network, i);
        x = sheet.dense(name, &x, behind.own())?;
        for (name, layer) in behind.layers(name, *outputs) {
            x = super::nodes::single(sheet, (&name, &layer), &x)?;
        }
    }
    Ok(x)
}

/// Fields times the weights that squeeze and excitation give them.
fn weighed(sheet: &mut Sheet<'_>, tower: &Tower, fields: Vec<String>) -> Result<Vec<String>, ModelError> {
    let network = sheet.network;
    let [squeeze, excite] = &tower.excitation(network)[..] else {
        return Ok(fields);
    };
    let mut means = Vec::new();
    for (i, field) in fields.iter().enumerate() {
        let over = vec![ints("axes", &[1]), int("keepdims", 1)];
        means.push(sheet.with("ReduceMean", &format!("{}/mean.{i}", tower.name), &[field], over));
    }
    let means = sheet.concat(&format!("{}/means", tower.name), &means, 1);
    let low = sheet.dense(&squeeze.0, &means, Activation::Relu)?;
    let weights = sheet.dense(&excite.0, &low, Activation::Sigmoid)?;
    let mut out = Vec::new();
    for (i, field) in fields.iter().enumerate() {
        let at = sheet.ints(&[count(i)]);
        let one = vec![int("axis", 1)];
        let weight = sheet.with(
            "Gather",
            &format!("{}/weight.{i}", tower.name),
            &[&weights, &at],
            one,
        );
        out.push(sheet.add("Mul", &format!("{}/field.{i}", tower.name), &[field, &weight]));
    }
    Ok(out)
}

/// Fields whose preference is zeros where nothing of it is there, and behind them the number that says which.
fn marked(
    sheet: &mut Sheet<'_>,
    tower: &Tower,
    preference: &Preference,
    mut fields: Vec<String>,
) -> Result<Vec<String>, ModelError> {
    let seen = seen(sheet, tower, preference)?;
    let (columns, all, zero) = (tower.columns.len(), fields.len(), sheet.float(0.0));
    for at in (columns - preference.columns..columns).chain(all - preference.dense..all) {
        let name = format!("{}/kept.{at}", tower.name);
        fields[at] = sheet.add("Where", &name, &[&seen, &fields[at], &zero]);
    }
    fields.push(number(sheet, &format!("{}/m", tower.name), &seen));
    Ok(fields)
}

/// Whether anything of a preference is there, bool `[batch, 1]`: a sign with a row of its own, or an input that its slot
/// `absent` does not call missing.
fn seen(sheet: &mut Sheet<'_>, tower: &Tower, preference: &Preference) -> Result<String, ModelError> {
    let network = sheet.network;
    let mut said = Vec::new();
    for column in &tower.columns[tower.columns.len() - preference.columns..] {
        let known = sheet.known(*column)?;
        said.push(number(sheet, &format!("{}/as_number", &known[1..]), &known));
    }
    if let Some(at) = preference.absent {
        let (x, least) = (sheet.floats(&network.dense[at]), sheet.float(ABSENT));
        let there = sheet.add("Less", &format!("{}/there", tower.name), &[&x, &least]);
        said.push(number(sheet, &format!("{}/there/as_number", tower.name), &there));
    }
    let said = sheet.concat(&format!("{}/said", tower.name), &said, 1);
    let count = sheet.sum(&format!("{}/count", tower.name), &said, 1, true);
    let zero = sheet.float(0.0);
    Ok(sheet.add("Greater", &format!("{}/seen", tower.name), &[&count, &zero]))
}

/// Truths as numbers.
fn number(sheet: &mut Sheet<'_>, name: &str, truth: &str) -> String {
    sheet.with("Cast", name, &[truth], vec![int("to", FLOAT.into())])
}
