//! `rankine check`: every fault of a configuration file in one pass, with line and nearest key; of a conf without faults,
//! the plan: order, group and dependencies of each feature, as a table or as a graph; of a model file with its conf, the
//! network: layers, shapes, parameters.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use rankine_feature::{FeatureOutline, Group, Plan};
use rankine_model::outline::Outline;
use rankine_model::{Kind as ModelKind, ModelConfig, Network};
use rankine_pipeline::stream::config::StreamConfig;
use rankine_server::ServerConfig;
use rankine_train::linear::TextFormat;
use rankine_train::report::drawing;
use rankine_train::vectors;
use serde_json::{Value, json};

use super::{Globals, check_skew, tune};
use crate::given::text_conf;
use crate::training::reads;
use crate::{clock, output};

/// The variable that says where a stream's PostgreSQL is.
const DSN: &str = "RANKINE_STREAM_DSN";

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Examples:\n  \
    rankine check config/movielens.feature.toml\n  \
    rankine check config/movielens.feature.toml --dot > plan.dot\n  \
    rankine check config/models/widedeep.toml --conf config/movielens.feature.toml\n  \
    rankine check config/models/din.toml --conf config/movielens.feature.toml --svg > din.svg\n  \
    rankine check examples/models/dssm-finetune.toml --widths 64,64\n  \
    rankine check examples/cold-start/films/stream.toml\n  \
    rankine check config/server.toml")]
pub(crate) struct Options {
    #[command(subcommand)]
    other: Option<Other>,
    /// A conf, a model file, a tune file, a stream's or a server's configuration
    #[arg(value_name = "FILE.toml", required = true)]
    file: Option<PathBuf>,
    /// With a model file: the conf whose slots it must fit
    #[arg(long, value_name = "CONF.toml")]
    conf: Option<PathBuf>,
    /// Of a conf, print the plan as a graph for Graphviz instead, of a model file with --conf the network:
    /// `rankine check CONF --dot | dot -Tsvg`
    #[arg(long)]
    dot: bool,
    /// With a model file of `conf = "vectors"`, whose conf is made: how many numbers the vectors of a user and of an item have
    #[arg(long, value_name = "USER,ITEM", default_value = "128,128", value_parser = widths)]
    widths: (usize, usize),
    /// Of a model file with --conf, print a picture of the network (SVG) instead
    #[arg(long, conflicts_with = "dot")]
    svg: bool,
}

/// Checks of other things than configuration files.
#[derive(Debug, Subcommand)]
enum Other {
    /// Compare a log of served samples with offline extraction, feature by feature
    Skew(check_skew::Options),
}

/// What a file is, by its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Conf,
    Model,
    Tune,
    Stream,
    Server,
}

/// Checks.
///
/// # Errors
/// All faults.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    if let Some(Other::Skew(options)) = &options.other {
        return check_skew::run(options, globals);
    }
    let path = options.file.as_deref().context("expected a file")?;
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| file.clone())?;
    let found = match kind_of(&text) {
        Kind::Conf if options.svg => {
            bail!("{file}: --svg draws the network of a model file; a conf has --dot")
        }
        Kind::Conf => return conf(&Plan::compile(&text, &file, None)?, &file, options, globals),
        Kind::Model => return model(&text, &file, options, globals),
        Kind::Server | Kind::Stream | Kind::Tune if options.dot || options.svg => {
            bail!(
                "{file}: --dot draws the plan of a conf, --svg the network of a model file, and this is neither"
            )
        }
        Kind::Tune => tune::read(path)?.told(),
        Kind::Stream => stream(path)?,
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

/// Which stream it is; where PostgreSQL is may be left to the variable of the run.
fn stream(path: &Path) -> anyhow::Result<String> {
    let config = StreamConfig::load(path)?;
    let compiled = |dsn| config.clone().compile(path, dsn, clock::now_micros);
    let what = format!("the change stream \"{}\"", config.name);
    let dsn = std::env::var(DSN).ok();
    let Err(faults) = compiled(dsn) else {
        return Ok(what);
    };
    match compiled(Some("dbname=somewhere".to_owned())) {
        Ok(_) => Ok(format!("{what} (runs where {DSN} says where PostgreSQL is)")),
        Err(_) => Err(faults.into()),
    }
}

/// Streams have a source or a join (and may name a `schema_file`), confs features or a schema, model files a kind, tune files a space, the rest is the server's.
/// Looked up by line, so that a file that does not parse is still explained by the right reader.
fn kind_of(text: &str) -> Kind {
    let begins = |key: &str| text.lines().any(|line| line.trim_start().starts_with(key));
    if ["[source]", "source.", "[join]", "join."].into_iter().any(begins) {
        Kind::Stream
    } else if begins("[[feature]]") || begins("schema") || begins("[schema") {
        Kind::Conf
    } else if begins("kind") && begins("format") {
        Kind::Model
    } else if begins("[space") || begins("space") {
        Kind::Tune
    } else {
        Kind::Server
    }
}

/// What a conf was compiled into: a table, JSON, or a graph.
fn conf(plan: &Plan, file: &str, options: &Options, globals: &Globals) -> anyhow::Result<()> {
    if options.dot {
        output::line(plan.dot().trim_end());
        return Ok(());
    }
    let found = format!("the conf \"{}\" with {} slots", plan.name(), plan.slots().len());
    if globals.json {
        let features: Vec<Value> = plan.outline().iter().map(as_json).collect();
        return output::json(&json!({
            "file": file, "is": found, "faults": [], "hash": plan.hash(), "needs_fit": plan.needs_fit(),
            "features": features,
        }));
    }
    output::line(&format!("{file}: {found}, no faults"));
    plan.outline().chunk_by(|a, b| a.group == b.group).for_each(table);
    for dictionary in plan.dictionaries() {
        output::line(&format!(
            "\nreads dictionary @{} (key {})",
            dictionary.name, dictionary.key
        ));
    }
    if plan.needs_fit() {
        output::line("\nfitted when trained: features marked *");
    }
    Ok(())
}

/// One group's features, in order of execution.
fn table(features: &[FeatureOutline]) {
    let Some(first) = features.first() else {
        return;
    };
    let often = match first.group {
        Group::Common => "once per request",
        Group::Item => "once per version of an item's row",
        Group::Cross => "per candidate",
    };
    output::line(&format!("\n{} ({often})", first.group.name()));
    let rows: Vec<[String; 5]> = features.iter().map(row).collect();
    let head = ["feature", "slot", "operator", "output", "rests on"].map(str::to_owned);
    let rows: Vec<&[String; 5]> = std::iter::once(&head).chain(&rows).collect();
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    for row in rows {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let cells: Vec<String> = cells.chain([row[4].clone()]).collect();
        output::line(&format!("  {}", cells.join("  ")));
    }
}

fn row(feature: &FeatureOutline) -> [String; 5] {
    let slot = feature
        .slot
        .map_or_else(|| "-".to_owned(), |slot| slot.to_string());
    let share = feature
        .share
        .map_or_else(String::new, |share| format!(" = {share}"));
    let rests: Vec<&str> = feature
        .depend
        .iter()
        .map(AsRef::as_ref)
        .chain(feature.reads.iter().map(String::as_str))
        .collect();
    [
        feature.name.to_string(),
        format!("{slot}{share}"),
        format!("{}{}", feature.class, if feature.fitted { " *" } else { "" }),
        feature.output.describe(),
        rests.join(", "),
    ]
}

fn as_json(feature: &FeatureOutline) -> Value {
    json!({
        "name": &*feature.name, "class": feature.class, "slot": feature.slot, "share": feature.share,
        "group": feature.group.name(), "output": feature.output.describe(), "fitted": feature.fitted,
        "depend": feature.depend.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), "reads": feature.reads,
    })
}

/// What a model file describes: with its conf, the network.
fn model(text: &str, file: &str, options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let config = ModelConfig::parse(text, file)?;
    let what = format!("a model file of kind {}", config.kind().name());
    let (what, outline) = match conf_of(&config, options)? {
        None => (what, None),
        Some(conf) => (format!("{what}, fits {}", conf.1), outline(&config, &conf)?),
    };
    let drawn = || {
        let message = if config.kind() == ModelKind::Item2Vec {
            "kind `item2vec` has no network to draw"
        } else {
            "--dot and --svg draw the network of a model file with its --conf"
        };
        outline.as_ref().context(message)
    };
    if options.dot {
        output::line(drawn()?.dot().trim_end());
    } else if options.svg {
        output::line(drawing(drawn()?).trim_end());
    } else if globals.json {
        let network = outline.as_ref().map(network_json);
        return output::json(&json!({ "file": file, "is": what, "faults": [], "network": network }));
    } else {
        output::line(&format!("{file}: {what}, no faults"));
        outline
            .iter()
            .for_each(|outline| output::line(&format!("\n{outline}")));
    }
    Ok(())
}

/// Reads two counts `USER,ITEM`.
fn widths(text: &str) -> Result<(usize, usize), String> {
    let count = |part: &str| {
        part.trim()
            .parse::<usize>()
            .ok()
            .filter(|count| (1..=1 << 16).contains(count))
    };
    let found = text.split_once(',');
    let found = found.and_then(|(user, item)| count(user).zip(count(item)));
    found.ok_or_else(|| "expected two counts, 64,64 for instance".to_owned())
}

/// The text of the conf a model file is held against, and what it is called: the given one, or the one that training would
/// make of samples without any.
fn conf_of(config: &ModelConfig, options: &Options) -> anyhow::Result<Option<(String, String)>> {
    if let Some(path) = &options.conf {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| file.clone())?;
        return Ok(Some((text, file)));
    }
    let named = config.conf.as_deref().unwrap_or_default();
    if named == vectors::NAME {
        let (user, item) = options.widths;
        let called = format!("vectors of {user} and {item} numbers (--widths)");
        return Ok(Some((vectors::conf(user, item), called)));
    }
    let mut formats = [TextFormat::Libsvm, TextFormat::Libffm].into_iter();
    let format = formats.find(|format| format.name() == named);
    Ok(format.map(|format| text_conf(format, config)))
}

/// The network of a model file over a conf (text, name); item vectors have none.
fn outline(config: &ModelConfig, (conf, file): &(String, String)) -> anyhow::Result<Option<Outline>> {
    let plan = Plan::compile(conf, file, None)?;
    if config.kind() == ModelKind::Item2Vec {
        reads(config, &plan)?;
        return Ok(None);
    }
    Ok(Some(Network::compile(config, &plan)?.outline()))
}

fn network_json(outline: &Outline) -> Value {
    let layer = |[name, what, width, parameters, reads]: [String; 5]| json!({ "name": name, "what": what, "output": width, "parameters": parameters, "reads": reads });
    let layers: Vec<Value> = outline.lines().into_iter().map(layer).collect();
    json!({ "layers": layers, "dense_parameters": outline.dense(), "total": outline.total() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_even_when_they_are_broken() {
        assert_eq!(kind_of("[[feature]]\nnam = 1"), Kind::Conf);
        assert_eq!(kind_of("format = 1\nkind = \"widedeep\"\nx"), Kind::Model);
        assert_eq!(kind_of("format = 1\nmodel = \"m.toml\"\n[space]\nx"), Kind::Tune);
        assert_eq!(kind_of("home = 1"), Kind::Server);
    }

    #[test]
    fn widths_are_two_counts() {
        assert_eq!(widths("64, 32"), Ok((64, 32)));
        for wrong in ["", "64", "64,0", "a,b", "1,2,3", "1,99999999"] {
            assert!(widths(wrong).unwrap_err().contains("two counts"), "{wrong}");
        }
    }
}
