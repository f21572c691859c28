//! `rankine check`: every fault of a configuration file in one pass, with line and nearest key.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use rankine_feature::Plan;
use rankine_model::{Kind as ModelKind, ModelConfig, Network};
use rankine_server::ServerConfig;
use serde_json::json;

use super::Globals;
use crate::output;
use crate::training::reads;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine check config/movielens.feature.toml\n  \
    rankine check config/models/widedeep.toml --conf config/movielens.feature.toml\n  \
    rankine check config/server.toml")]
pub(crate) struct Options {
    /// A conf, a model file or a server configuration
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// With a model file: the conf whose slots it must fit
    #[arg(long, value_name = "CONF.toml")]
    conf: Option<PathBuf>,
}

/// What a file is, by its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Conf,
    Model,
    Server,
}

/// Checks.
///
/// # Errors
/// All faults.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let file = options.file.display().to_string();
    let text = std::fs::read_to_string(&options.file).with_context(|| file.clone())?;
    let found = match kind_of(&text) {
        Kind::Conf => conf(&text, &file)?,
        Kind::Model => model(&text, &file, options)?,
        Kind::Server => {
            ServerConfig::parse(&text, &file)?;
            "a server configuration".to_owned()
        }
    };
    if globals.json {
        return output::json(&json!({ "file": file, "is": found, "faults": [] }));
    }
    output::line(&format!("{file}: {found}, no faults"));
    Ok(())
}

/// Confs have features or a schema, model files a kind, the rest is the server's. Looked up by line, so that a file
/// that does not parse is still explained by the right reader.
fn kind_of(text: &str) -> Kind {
    let begins = |key: &str| text.lines().any(|line| line.trim_start().starts_with(key));
    if begins("[[feature]]") || begins("schema") || begins("[schema") {
        Kind::Conf
    } else if begins("kind") && begins("format") {
        Kind::Model
    } else {
        Kind::Server
    }
}

fn conf(text: &str, file: &str) -> anyhow::Result<String> {
    let plan = Plan::compile(text, file, None)?;
    Ok(format!(
        "the conf \"{}\" with {} slots",
        plan.name(),
        plan.slots().len()
    ))
}

fn model(text: &str, file: &str, options: &Options) -> anyhow::Result<String> {
    let config = ModelConfig::parse(text, file)?;
    let what = format!("a model file of kind {}", config.kind().name());
    let Some(path) = &options.conf else {
        return Ok(what);
    };
    let conf_file = path.display().to_string();
    let conf = std::fs::read_to_string(path).with_context(|| conf_file.clone())?;
    let plan = Plan::compile(&conf, &conf_file, None)?;
    if config.kind() == ModelKind::Item2Vec {
        reads(&config, &plan)?;
    } else {
        Network::compile(&config, &plan)?;
    }
    Ok(format!("{what}, fits {conf_file}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_even_when_they_are_broken() {
        assert_eq!(kind_of("[[feature]]\nnam = 1"), Kind::Conf);
        assert_eq!(kind_of("format = 1\nkind = \"widedeep\"\nx"), Kind::Model);
        assert_eq!(kind_of("home = 1"), Kind::Server);
    }
}
