//! `rankine eval`: a published model on held-out samples, beside baselines fitted on training samples.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use rankine_feature::Plan;
use rankine_model::{Artefact, Network, Scorer};
use rankine_table::{FileRows, stream};
use rankine_train::metric::Evaluation;
use rankine_train::ranking::{Ranking, RankingOptions, World};
use serde::Serialize;

use super::{Globals, model_named};
use crate::dictionaries::Dictionaries;
use crate::given::{Layout, listed};
use crate::output;
use crate::preparing::Preparing;
use crate::source::{Chained, Reading};
use crate::training::{Baselines, Files, content_slots, judge, ranked, ranking_options};

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine eval widedeep\n  \
    rankine eval widedeep@3 --train train.csv.gz --test test.csv.gz --json\n  \
    zcat log.gz | rankine eval my --train train.csv.gz --test - --columns label,userId,u1..u128")]
pub(crate) struct Options {
    /// The model, and with @ a version (default: the newest)
    #[arg(value_name = "NAME[@VERSION]")]
    model: String,
    /// Samples the baselines are fitted on, one file after another, or `-` for standard input; default: the home's samples the
    /// model learnt from
    #[arg(long, value_name = "FILE", num_args = 1..)]
    train: Vec<PathBuf>,
    /// Samples to measure on, one file after another, or `-`; default: the home's test samples
    #[arg(long, value_name = "FILE", num_args = 1..)]
    test: Vec<PathBuf>,
    #[command(flatten)]
    layout: Layout,
    /// Measure lists of so many items over all items, too (kinds that learn from who met what: 10)
    #[arg(long, value_name = "K")]
    top: Option<usize>,
    /// Rank each held-out item among so many that the user never met, too (with lists)
    #[arg(long, value_name = "N", default_value_t = 99)]
    negatives: usize,
    #[command(flatten)]
    dictionaries: Dictionaries,
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Judged<'a> {
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    #[serde(skip_serializing_if = "Option::is_none")]
    ranking: &'a Option<Ranking>,
    rejected: Vec<FileRows>,
}

/// Measures and prints.
///
/// # Errors
/// No such model or samples, or damage to either.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let artefact = model_named(&globals.home(), &options.model)?;
    let name = &artefact.manifest().name;
    let (plan, scorer) = artefact
        .plan()
        .zip(artefact.scorer())
        .with_context(|| format!("{name} holds vectors, it scores nothing"))?;
    let plan = &options.dictionaries.bound(plan, &globals.home())?;
    let _beside = Preparing::beside(&globals.home())?;
    let given = given(options, globals)?;
    let (learnt, test) = samples(&given, globals, (plan, artefact.config().train.refit))?;
    let reading = options.layout.reading(&globals.home(), &format!("{name}.eval"))?;
    let labels = artefact.config().labels(plan.sample_spec());
    let loss = artefact.config().loss.into();
    let open = |paths: &[PathBuf]| -> anyhow::Result<Chained> {
        let parts = paths.iter().map(|path| reading.open(path, plan, &labels, loss));
        Ok(Chained::new(parts.collect::<anyhow::Result<_>>()?))
    };
    let baselines = Baselines::fit(plan, &mut open(&learnt)?)?;
    let evaluation = judge(
        &listed(&test),
        (name, plan, scorer),
        &Network::compile(artefact.config(), plan)?,
        &mut open(&test)?,
        &baselines,
    )?;
    let ranking = lists(
        options,
        globals,
        (name, plan, scorer),
        (&artefact, &given, &reading),
    )?;
    reading.tell()?;
    if globals.json {
        return output::json(&Judged {
            evaluation: &evaluation,
            ranking: &ranking,
            rejected: reading.rejected(),
        });
    }
    output::line(&evaluation.to_string());
    if let Some(ranking) = &ranking {
        output::line(&ranking.to_string());
    }
    Ok(())
}

/// Lists over all items, where the kind is one that ranks or they are asked for.
fn lists(
    options: &Options,
    globals: &Globals,
    (name, plan, scorer): (&str, &Plan, &Scorer),
    (artefact, given, reading): (&Artefact, &Given, &Reading),
) -> anyhow::Result<Option<Ranking>> {
    let config = artefact.config();
    let asked = options.top.or(config.kind().is_matrix().then_some(10));
    let Some(k) = asked.filter(|k| *k > 0) else {
        return Ok(None);
    };
    let measured = RankingOptions {
        k,
        negatives: options.negatives,
        ..ranking_options(config)
    };
    // whatever the model learnt from, its users had met the validation samples before the test samples
    let (met, test) = samples(given, globals, (plan, true))?;
    let labels = config.labels(plan.sample_spec());
    let open = |paths: Vec<&PathBuf>| -> anyhow::Result<Chained> {
        let parts = paths.into_iter();
        let parts = parts.map(|path| reading.open(path, plan, &labels, config.loss.into()));
        Ok(Chained::new(parts.collect::<anyhow::Result<_>>()?))
    };
    ranked(
        &listed(&test),
        (name, plan, scorer),
        &mut open(met.iter().filter(|path| !test.contains(path)).collect())?,
        &mut open(test.iter().collect())?,
        &measured,
        World::default().described_by(content_slots(config)),
    )
    .map(Some)
}

/// Files to fit baselines on, and to measure on.
type Given = (Vec<PathBuf>, Vec<PathBuf>);

/// The files that are given.
fn given(options: &Options, globals: &Globals) -> anyhow::Result<Given> {
    let standard = options.train.iter().chain(&options.test);
    anyhow::ensure!(
        standard.filter(|path| stream::is_standard(path)).count() < 2,
        "`-` is given more than once; there is one standard input"
    );
    let spooled = |paths: &[PathBuf]| options.layout.spooled(paths, &globals.home());
    Ok((spooled(&options.train)?, spooled(&options.test)?))
}

/// What the baselines are fitted on and what is measured: the given files, or the home's.
fn samples((train, test): &Given, globals: &Globals, (plan, refit): (&Plan, bool)) -> anyhow::Result<Given> {
    let (train, test) = (train.clone(), test.clone());
    if !train.is_empty() && !test.is_empty() {
        return Ok((train, test));
    }
    let files = Files::of_home(&globals.home(), plan.name())?;
    let given = |paths: Vec<PathBuf>, own: Vec<PathBuf>| if paths.is_empty() { own } else { paths };
    Ok((given(train, learnt(&files, refit)), given(test, files.test)))
}

/// The files a model learnt from, as `train` fits its baselines: a refitted one has seen the validation samples, too.
fn learnt(files: &Files, refit: bool) -> Vec<PathBuf> {
    let valid = files.valid.iter().filter(|_| refit);
    files.train.iter().chain(valid).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baselines_learn_from_the_rows_the_model_learnt_from() {
        let files = |valid: &[&str]| Files {
            train: vec!["train".into()],
            valid: valid.iter().map(PathBuf::from).collect(),
            hold_out: 0.0,
            test: Vec::new(),
            split: String::new(),
            hash: String::new(),
            reading: crate::source::Reading::default(),
        };
        for (valid, refit, expected) in [
            (&["valid", "more"][..], true, &["train", "valid", "more"][..]),
            (&["valid"], false, &["train"]),
            (&[], true, &["train"]),
        ] {
            let learnt: Vec<PathBuf> = learnt(&files(valid), refit);
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(learnt, expected);
        }
    }
}
