//! Kinds whose sum is fixed ([`crate::network`]): dense stack, wide part, pairs, product.

use super::sheet::Sheet;
use crate::error::ModelError;
use crate::network::Product;
use rankine_kernel::activation::Activation;

/// Draws the logit, `[batch, 1]`.
pub(super) fn draw(sheet: &mut Sheet<'_>) -> Result<String, ModelError> {
    let network = sheet.network;
    let fields = sheet.fields(&network.deep, &network.dense)?;
    let mut x = sheet.concat("input", &fields, 1);
    for (i, (name, _, _)) in network.layers().into_iter().enumerate() {
        let activation = if i < network.hidden.len() {
            network.activation
        } else {
            Activation::Linear
        };
        x = sheet.dense(&name, &x, activation)?;
    }
    let mut logits = vec![x];
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
    Ok(sheet.sum("logit", &all, 1, true))
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
