//! `rankine model split`: the user and the item side of a two-sided model as models of their own.

use clap::Args;
use rankine_model::{publish, split};
use serde_json::json;

use super::{Globals, model_named};
use crate::{clock, output};

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rankine model split dssm        (publishes dssm-user and dssm-item)")]
pub(crate) struct Options {
    /// The model, and with @ a version (default: the newest)
    #[arg(value_name = "NAME[@VERSION]")]
    model: String,
}

/// Splits, publishes both halves and says under which versions.
///
/// # Errors
/// No such model, or one that cannot be split, with the reason.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let home = globals.home();
    let halves = split(&model_named(&home, &options.model)?)?;
    let mut made = Vec::new();
    for half in [&halves.user, &halves.item] {
        let version = publish(&home.models(), half, clock::now_micros())?;
        made.push((half.name.as_str(), version));
    }
    let [(user, users), (item, items)] = made[..] else {
        return Ok(());
    };
    if globals.json {
        return output::json(&json!({
            "user": { "name": user, "version": users }, "item": { "name": item, "version": items },
            "difference": halves.difference,
        }));
    }
    output::line(&format!(
        "{user} version {users}, {item} version {items}; together they differ from {} by {:e} at most on the logit, where an item's \
         preference is not given: a half knows content alone",
        options.model, halves.difference
    ));
    Ok(())
}
