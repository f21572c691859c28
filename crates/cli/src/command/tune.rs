//! `rankine tune`: trains a model file again and again with other values of its keys, and says which were best on the
//! validation samples. No trial sees the test samples, and none is published.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use rankine_model::config::Meaning;
use rankine_model::{Kind, ModelConfig, check_name};
use rankine_train::tune::{
    Journal, Next, Trial, TuneConfig, TuneMetric, next, picture, ranked, rungs, table, values,
};
use serde_json::json;

use super::{Globals, train};
use crate::given::{Given, quoted};
use crate::home::Home;
use crate::preparing::Preparing;
use crate::progress::Bars;
use crate::training::{Job, attempt, listed};
use crate::{clock, output};

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine tune examples/tune/widedeep.toml\n  \
    rankine tune my.tune.toml --conf my.feature.toml --train day-*.parquet --dictionaries server.toml\n\n\
    A killed search goes on where it was when run again.")]
pub(crate) struct Options {
    /// The tune file (TOML): model file, strategy, trials, space
    #[arg(value_name = "TUNE.toml")]
    tune: PathBuf,
    #[command(flatten)]
    given: Given,
    /// Forget the trials of an earlier search by this tune file
    #[arg(long)]
    anew: bool,
}

/// A search and what it varies.
struct Search {
    config: TuneConfig,
    name: String,
    job: Job,
    /// The model file's text and name.
    model: (String, String),
    /// Epochs of a trial at most.
    most: u32,
}

/// Searches.
///
/// # Errors
/// Faults of the files, a journal of another search, the disk's. A trial that fails is a line of the table.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let home = globals.home();
    options.given.check()?;
    let search = search(options, &home)?;
    let _beside = Preparing::beside(&home)?;
    let folder = home.root().join("tune");
    let journal = folder.join(format!("{}.jsonl", search.name));
    let (mut journal, mut ended) = Journal::open(&journal, &search.described(options)?, options.anew)?;
    let all: usize = rungs(&search.config, search.most).iter().map(|rung| rung.1).sum();
    if !ended.is_empty() && !globals.json {
        eprintln!(
            "{}: going on after {} of {all} trainings",
            search.name,
            ended.len()
        );
    }
    while let Some(next) = next(&search.config, search.most, &ended) {
        let trial = search.attempt(&next, (ended.len() + 1, all), globals);
        journal.add(&trial)?;
        ended.push(trial);
        let drawn = picture(&search.config, &search.name, &ended);
        std::fs::write(folder.join(format!("{}.svg", search.name)), drawn)?;
    }
    search.job.files.reading.tell()?;
    report(options, &search, &ended, globals)
}

/// Prints the table and the best trial's values as arguments of `train`.
fn report(options: &Options, search: &Search, ended: &[Trial], globals: &Globals) -> anyhow::Result<()> {
    let ranked = ranked(&search.config, ended);
    if globals.json {
        return output::json(&json!({ "search": search.name, "best": ranked.first(), "trials": ended }));
    }
    output::line(&table(&search.config, ended));
    let best = ranked.first().filter(|trial| trial.figure.is_some());
    let best = best.context("no trial succeeded")?;
    output::line(&format!(
        "\nbest: {}",
        command(options, &search.model.1, &best.values)
    ));
    Ok(())
}

/// The training that a trial was of, as one would type it.
fn command(options: &Options, model: &str, values: &[String]) -> String {
    let mut words = vec!["rankine train".to_owned(), quoted(model)];
    words.extend(options.given.typed());
    words.extend(values.iter().map(|set| format!("--set {}", quoted(set))));
    words.join(" ")
}

/// A tune file and the model file it names, without faults.
pub(super) struct Read {
    config: TuneConfig,
    model: ModelConfig,
    /// Of the model file.
    path: PathBuf,
    text: String,
}

/// Reads a tune file and the model file it names.
///
/// # Errors
/// Faults of either, a kind or a key that cannot be searched.
pub(super) fn read(tune: &Path) -> anyhow::Result<Read> {
    let file = tune.display().to_string();
    let text = std::fs::read_to_string(tune).with_context(|| file.clone())?;
    let config = TuneConfig::parse(&text, &file)?;
    let path = tune.parent().unwrap_or(Path::new("")).join(&config.model);
    let model_file = path.display().to_string();
    let model_text = std::fs::read_to_string(&path).with_context(|| format!("{file}: model {model_file}"))?;
    let model = ModelConfig::parse(&model_text, &model_file)?;
    ensure!(
        model.kind() != Kind::Item2Vec,
        "{model_file}: kind `item2vec` has no figure on validation samples to search by"
    );
    ensure!(
        !model.kind().is_matrix() || config.metric == TuneMetric::Ndcg,
        "{file}: kind `{}` is judged by its lists; expected metric = \"ndcg\"",
        model.kind().name()
    );
    let figure = match config.metric {
        TuneMetric::Logloss => model.meaning() != Meaning::Order,
        TuneMetric::Accuracy => model.meaning() == Meaning::Probability,
        TuneMetric::Auc | TuneMetric::Ndcg => true,
    };
    ensure!(
        figure,
        "{file}: scores of {model_file} are no probabilities, there is no {}",
        config.metric.name()
    );
    // a key that the model file does not know is a fault now, not after an hour
    ModelConfig::parse_with(&model_text, &model_file, &values(&config, 0)).with_context(|| file.clone())?;
    Ok(Read {
        config,
        model,
        path,
        text: model_text,
    })
}

impl Read {
    /// What it is, for people.
    pub(super) fn told(&self) -> String {
        let keys: Vec<&str> = self.config.space.keys().map(String::as_str).collect();
        format!(
            "a search of {} trials over {} of {}",
            self.config.trials.value,
            keys.join(", "),
            self.path.display()
        )
    }
}

/// Reads the files of a search.
fn search(options: &Options, home: &Home) -> anyhow::Result<Search> {
    let Read {
        config,
        model,
        path,
        text: model_text,
    } = read(&options.tune)?;
    let model_file = path.display().to_string();
    let most = config
        .epochs
        .as_ref()
        .map_or(model.train.epochs(), |epochs| epochs.value);
    let name = train::stem(&options.tune)?;
    check_name(&name)?;
    let job = options.given.job(home, (model, &name), &[])?;
    Ok(Search {
        name,
        config,
        job,
        model: (model_text, model_file),
        most,
    })
}

impl Search {
    /// Trains once.
    fn attempt(&self, next: &Next, (number, all): (usize, usize), globals: &Globals) -> Trial {
        let (begin, values) = (clock::now_micros(), values(&self.config, next.trial));
        let mut bar = Bars::new(globals.json).run(&format!("{} {number}/{all}", self.name));
        let outcome = self.trained(next, &values, globals, &mut bar);
        let seconds = (clock::now_micros() - begin) as f64 / 1e6;
        let mut trial = Trial {
            trial: next.trial,
            rung: next.rung,
            epochs: next.epochs,
            values,
            figure: None,
            best_epoch: 0,
            seconds,
            fault: None,
        };
        match outcome {
            Ok(best) => (trial.figure, trial.best_epoch) = (Some(best.0), best.1),
            Err(fault) => trial.fault = Some(format!("{fault:#}")),
        }
        let told = match (&trial.figure, &trial.fault) {
            (Some(figure), _) => format!("{figure:.5}  {}", trial.values.join(" ")),
            (None, fault) => format!("failed: {}", fault.as_deref().unwrap_or("no figure")),
        };
        bar.done(told);
        trial
    }

    /// The best figure on the validation samples, and its epoch.
    fn trained(
        &self,
        next: &Next,
        values: &[String],
        globals: &Globals,
        bar: &mut crate::progress::RunBar,
    ) -> anyhow::Result<(f64, usize)> {
        let model = ModelConfig::parse_with(&self.model.0, &self.model.1, &self.sets(next, values))?;
        let job = self.job.with_model(model)?;
        let (plan, trained) = attempt(&job, &globals.home(), bar)?;
        let best = match self.config.metric {
            TuneMetric::Ndcg => Some((listed(&job, &plan, &trained.parameters)?, trained.best_epoch)),
            TuneMetric::Auc | TuneMetric::Logloss | TuneMetric::Accuracy => {
                self.config.best(&trained.history)
            }
        };
        best.context("no figure on the validation samples")
    }

    /// The keys of a trial: its values, and how long it may learn where its kind learns in epochs.
    fn sets(&self, next: &Next, values: &[String]) -> Vec<String> {
        let mut sets = values.to_vec();
        let kind = self.job.model.kind();
        if !matches!(kind, Kind::Ease | Kind::ItemKnn | Kind::Popularity) {
            sets.push(format!("train.epochs={}", next.epochs));
        }
        if !kind.is_matrix() {
            sets.push("train.refit=false".to_owned());
        }
        sets
    }

    /// What a journal is of: its search, word for word.
    fn described(&self, options: &Options) -> anyhow::Result<String> {
        let tune = std::fs::read_to_string(&options.tune)?;
        let files = &self.job.files;
        let read = files.train.iter().chain(&files.valid);
        let read = read.map(|path| crate::training::of_file(path));
        let mut samples = read.collect::<anyhow::Result<Vec<_>>>()?;
        samples.extend(options.given.beside()?);
        Ok(format!(
            "{tune}\n{}\n{}\n{}\n{}",
            self.model.0,
            self.job.conf.0,
            files.hold_out,
            samples.join("\n")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn the_best_training_can_be_typed_as_it_is_printed() {
        let options = Alone::parse_from(["tune", "t.toml", "--train", "a.csv"]).options;
        let values = ["hidden=[8, 2]".to_owned(), "train.batch=16".to_owned()];
        assert_eq!(
            command(&options, "m.toml", &values),
            "rankine train m.toml --train a.csv --hold-out 0.1 --set 'hidden=[8, 2]' --set train.batch=16"
        );
    }
}
