//! The verbs and what they share: `--home`, `--json`, `-v`.

mod check;
mod check_skew;
mod conf_import;
mod data_check;
mod data_describe;
mod data_import;
mod data_redis;
mod demo;
mod docs_operators;
mod embed;
mod eval;
mod extract;
mod feature_binning;
mod index_build;
mod index_check;
mod index_measure;
mod index_query;
mod model_chronicle;
mod model_export;
mod model_import;
mod model_list;
mod model_rollback;
mod model_show;
mod model_split;
mod model_verify;
mod replay;
mod sample_build;
mod sample_events;
mod sample_label;
mod sample_sql;
mod sample_template;
mod sample_vectors;
mod serve;
mod stream;
mod train;
mod tune;

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use rankine_model::{Artefact, versions};

use crate::home::Home;

/// Rankine: behaviour logs in, recommendations out.
#[derive(Debug, Parser)]
#[command(name = "rankine", version, about, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    verb: Verb,
}

/// Flags every verb takes.
#[derive(Debug, Args)]
pub(crate) struct Globals {
    /// Folder that holds data, samples, models, events and logs
    ///
    /// [default: ./.rankine, or what the configuration of `serve` says]
    #[arg(long, global = true, env = "RANKINE_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Print results as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say more on standard error (twice: debug)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl Globals {
    /// The home folder's paths.
    pub(crate) fn home(&self) -> Home {
        Home::new(self.home.clone().unwrap_or_else(|| PathBuf::from("./.rankine")))
    }
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Import, features, train, publish, serve: MovieLens in, a page of recommendations out
    Demo(demo::Options),
    /// Read behaviour logs and item tables, look at them
    #[command(subcommand)]
    Data(Data),
    /// Make labelled samples from the imported events, or from tables by a template
    #[command(subcommand)]
    Sample(Sample),
    /// Learn from rows what operators read
    #[command(subcommand)]
    Feature(Feature),
    /// Run a conf over files or standard input: the features, as training and serving have them
    Extract(extract::Options),
    /// Train a model and publish it as a new version
    Train(train::Options),
    /// Search for the best values of a model file's keys, on validation samples
    Tune(tune::Options),
    /// Measure a model on held-out samples, beside the trivial baselines
    Eval(eval::Options),
    /// Write the item vectors of a two-sided model, as a dictionary for `serve`
    Embed(embed::Options),
    /// Search vectors: build an index, ask it, compare it with an exact search
    #[command(subcommand)]
    Index(Index),
    /// Look at published models
    #[command(subcommand)]
    Model(Model),
    /// Serve recommendations, pages and predictions
    Serve(serve::Options),
    /// Follow a table's changes: each new or changed item becomes a vector that searches find
    Stream(stream::Options),
    /// Send logged requests through two versions of a model: scores, features, latency
    Replay(replay::Options),
    /// Explain every fault of a configuration file; show the plan of a conf
    Check(check::Options),
    /// Make confs from what other systems have
    #[command(subcommand)]
    Conf(Conf),
    /// Print what the program knows of itself
    #[command(subcommand)]
    Docs(Docs),
}

#[derive(Debug, Subcommand)]
enum Conf {
    /// Read an EasyRec or TorchEasyRec fg.json
    Import(conf_import::Options),
}

#[derive(Debug, Subcommand)]
enum Docs {
    /// Every operator: inputs, settings, formula, missing values, examples
    Operators(docs_operators::Options),
}

#[derive(Debug, Subcommand)]
enum Data {
    /// Read a data set into the catalogue and the event log
    Import(data_import::Options),
    /// Read SparrowRecSys's feature rows and vectors out of a Redis
    Redis(data_redis::Options),
    /// Count what is wrong: duplicates, missing values, unknown items
    Check(data_check::Options),
    /// Describe the data: counts, time span, sparsity, a histogram of ratings
    Describe(data_describe::Options),
}

#[derive(Debug, Subcommand)]
enum Sample {
    /// Replay the events in time order into train, valid and test samples; or run a template over tables, day by day
    Build(sample_build::Options),
    /// Write behaviour, or positives with drawn negatives, of a span and a context of the imported events
    Events(sample_events::Options),
    /// Join labels to logged samples: what was served, as a sample file to train on
    Label(sample_label::Options),
    /// Print the SQL that makes samples by a template
    Sql(sample_sql::Options),
    /// Make users' vectors from their items', and samples of vectors from samples of ids
    Vectors(sample_vectors::Options),
}

#[derive(Debug, Subcommand)]
enum Feature {
    /// Write boundaries of numeric columns by quantiles, the table that `bucketize` reads
    Binning(feature_binning::Options),
}

#[derive(Debug, Subcommand)]
enum Index {
    /// Make an index of a file of vectors
    Build(index_build::Options),
    /// The nearest items of users
    Query(index_query::Options),
    /// Compare an index with an exact search over the vectors it was made of
    Check(index_check::Options),
    /// Measure vectors of users and items on held-out samples: AUC, recall and NDCG of lists
    Measure(index_measure::Options),
}

#[derive(Debug, Subcommand)]
enum Model {
    /// List models and versions
    List(model_list::Options),
    /// Show one version: manifest, metrics, shapes
    Show(model_show::Options),
    /// Check sizes, checksums and golden scores
    Verify(model_verify::Options),
    /// Show what became of a model's trainings: published, blocked, rolled back
    Chronicle(model_chronicle::Options),
    /// Let an older version serve, or the newest again
    Rollback(model_rollback::Options),
    /// Publish the user and the item side of a two-sided model as models of their own
    Split(model_split::Options),
    /// Write a version as an ONNX file
    Export(model_export::Options),
    /// Publish what `export` wrote, its weights as they are by now
    Import(model_import::Options),
}

/// Opens `NAME` (the newest version) or `NAME@VERSION`, verified.
///
/// # Errors
/// No such model or version, or a damaged one.
pub(crate) fn model_named(home: &Home, text: &str) -> anyhow::Result<Artefact> {
    let (name, wanted) = match text.split_once('@') {
        None => (text, None),
        Some((name, version)) => (
            name,
            Some(
                version
                    .parse::<u64>()
                    .with_context(|| format!("version \"{version}\" is not a number"))?,
            ),
        ),
    };
    let folder = home.models().join(name);
    let found = versions(&folder);
    let path = match wanted {
        None => found.last(),
        Some(version) => found.iter().find(|(v, _)| *v == version),
    };
    let Some((_, path)) = path else {
        let there: Vec<String> = found.iter().map(|(v, _)| v.to_string()).collect();
        bail!(
            "no model {text} in {}; versions there: [{}]",
            folder.display(),
            there.join(", ")
        );
    };
    Ok(Artefact::open(path)?)
}

/// Runs the verb.
///
/// # Errors
/// Whatever it failed on.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let globals = &arguments.globals;
    match arguments.verb {
        Verb::Demo(options) => demo::run(&options, globals),
        Verb::Data(Data::Import(options)) => data_import::run(&options, globals),
        Verb::Data(Data::Redis(options)) => data_redis::run(&options, globals),
        Verb::Data(Data::Check(options)) => data_check::run(&options, globals),
        Verb::Data(Data::Describe(options)) => data_describe::run(&options, globals),
        Verb::Sample(Sample::Build(options)) => sample_build::run(&options, globals),
        Verb::Sample(Sample::Events(options)) => sample_events::run(&options, globals),
        Verb::Sample(Sample::Label(options)) => sample_label::run(&options, globals),
        Verb::Sample(Sample::Sql(options)) => sample_sql::run(&options, globals),
        Verb::Sample(Sample::Vectors(options)) => sample_vectors::run(&options, globals),
        Verb::Feature(Feature::Binning(options)) => feature_binning::run(&options, globals),
        Verb::Extract(options) => extract::run(&options, globals),
        Verb::Train(options) => train::run(&options, globals),
        Verb::Tune(options) => tune::run(&options, globals),
        Verb::Eval(options) => eval::run(&options, globals),
        Verb::Embed(options) => embed::run(&options, globals),
        Verb::Index(Index::Build(options)) => index_build::run(&options, globals),
        Verb::Index(Index::Query(options)) => index_query::run(&options, globals),
        Verb::Index(Index::Check(options)) => index_check::run(&options, globals),
        Verb::Index(Index::Measure(options)) => index_measure::run(&options, globals),
        Verb::Model(Model::List(options)) => model_list::run(&options, globals),
        Verb::Model(Model::Show(options)) => model_show::run(&options, globals),
        Verb::Model(Model::Verify(options)) => model_verify::run(&options, globals),
        Verb::Model(Model::Chronicle(options)) => model_chronicle::run(&options, globals),
        Verb::Model(Model::Rollback(options)) => model_rollback::run(&options, globals),
        Verb::Model(Model::Split(options)) => model_split::run(&options, globals),
        Verb::Model(Model::Export(options)) => model_export::run(&options, globals),
        Verb::Model(Model::Import(options)) => model_import::run(&options, globals),
        Verb::Serve(options) => serve::run(&options, globals),
        Verb::Stream(options) => stream::run(&options, globals),
        Verb::Replay(options) => replay::run(&options, globals),
        Verb::Check(options) => check::run(&options, globals),
        Verb::Conf(Conf::Import(options)) => conf_import::run(&options, globals),
        Verb::Docs(Docs::Operators(options)) => docs_operators::run(&options, globals),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed_and_every_verb_shows_an_example() {
        let command = Arguments::command();
        command.clone().debug_assert();
        let mut open: Vec<clap::Command> = command.get_subcommands().cloned().collect();
        while let Some(verb) = open.pop() {
            if verb.has_subcommands() {
                open.extend(verb.get_subcommands().cloned());
                continue;
            }
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                help.contains("Example"),
                "{} --help has no example",
                verb.get_name()
            );
        }
    }
}
