//! `rankine data redis`: SparrowRecSys's feature rows and vectors out of a Redis into the home's store.

use clap::Args;
use rankine_pipeline::sparrow_redis::import;
use rankine_store::{RedbRows, RedisOptions, RedisRows};
use serde_json::json;

use super::Globals;
use crate::output;

/// Page cache of the home's store while rows are copied.
const CACHE_BYTES: usize = 32 << 20;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rankine data redis redis://127.0.0.1:6379\n\n\
    Reads the hashes uf:<id> and mf:<id> and the vectors i2vEmb:<id> as SparrowRecSys writes them.")]
pub(crate) struct Options {
    /// Address of the Redis server
    #[arg(value_name = "URL")]
    url: String,
}

/// Copies the rows; bad values are left out, counted and listed.
///
/// # Errors
/// A Redis that cannot be reached, or the home's store.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let source = RedisRows::connect(RedisOptions::new(&options.url))?;
    let target = RedbRows::open(&globals.home().rows(), CACHE_BYTES)?;
    let done = import(&source, &target)?;
    if globals.json {
        return output::json(&json!({
            "users": done.users, "items": done.items, "vectors": done.vectors.len(), "rejected": done.rejected,
        }));
    }
    output::line(&format!(
        "{} user rows, {} item rows, {} vectors",
        done.users,
        done.items,
        done.vectors.len()
    ));
    if done.rejected > 0 {
        output::line(&format!("{} values left out:", done.rejected));
    }
    for reject in &done.rejects {
        let field = reject
            .field
            .as_deref()
            .map(|f| format!(", field {f}"))
            .unwrap_or_default();
        output::line(&format!("  {}{field}: {}", reject.key, reject.reason));
    }
    Ok(())
}
