//! Kinds whose sum is fixed ([`crate::network`]): dense stack, wide part, pairs, product.

use super::sheet::Sheet;
use crate::error::ModelError;
use crate::network::Product;
use rankine_kernel::activation::Activation;

/// Draws the logit, `[batch, 1]`.
pub(super) fn draw(sheet: &mut Sheet<'_>) -> Result<String, ModelError> {
    let network = sheet.network;
    let fields = sheet.fields(&network.deep, &network.dense)?;
    let deep = !fields.is_empty();
    let mut x = if deep {
        sheet.concat("input", &fields, 1)
    } else {
        String::new()
    };
    let layers = if deep { network.layers() } else { Vec::new() };
    for (i, (name, _, _)) in layers.into_iter().enumerate() {
        let activation = if i < network.hidden.len() {
            network.behind.own()
        } else {
            Activation::Linear
        };
        x = sheet.dense(&name, &x, activation)?;
    }
    let mut logits: Vec<String> = deep.then_some(x).into_iter().collect();
    for column in &network.wide {
        logits.push(sheet.pooled(*column)?);
    }
    if let Some(dim) = network.pairs {
        logits.push(sheet.pairs("pairs", &fields[..network.deep.len()], dim));
    }
    if let Some(part) = &network.product {
        logits.push(product(sheet, part)?);
    }
    let all = sheet.concat("logits", &logits, 1);
    if deep {
        return Ok(sheet.sum("logit", &all, 1, true));
    }
    let rest = sheet.sum("logit/rest", &all, 1, true);
    let bias = sheet.parameter("output.bias")?;
    Ok(sheet.add("Add", "logit", &[&rest, &bias]))
}

/// `Σ_k gmf[k]·p[k]·q[k]`.
fn product(sheet: &mut Sheet<'_>, product: &Product) -> Result<String, ModelError> {
    let mut sides = Vec::new();
    for (name, columns) in [("gmf.p", &product.user), ("gmf.q", &product.item)] {
        let rows = columns.iter().map(|column| sheet.pooled(*column));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        sides.push(sheet.total(name, &rows));
    }
    let weight = sheet.parameter("gmf.weight")?;
    let both = sheet.add("Mul", "gmf/both", &[&sides[0], &sides[1]]);
    let weighed = sheet.add("Mul", "gmf/weighed", &[&both, &weight]);
    Ok(sheet.sum("gmf", &weighed, 1, true))
}
