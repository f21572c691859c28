//! `rankine train`: one model from a model file, a conf and sample files, published as a new version.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use rankine_feature::Plan;
use rankine_model::config::Gate;
use rankine_model::{Kind, ModelConfig, SentenceEvents, check_name};
use rankine_pipeline::events;
use rankine_pipeline::import::imported;
use rankine_server::config::{EMB, POPULARITY};
use rankine_train::Progress;
use rankine_train::metric::Evaluation;
use rankine_train::ranking::Verdict;
use rankine_train::report::drawing;
use rankine_train::vectors::summary;
use serde_json::json;

use super::Globals;
use crate::given::Given;
use crate::home::Home;
use crate::preparing::Preparing;
use crate::progress::{Bars, Listeners};
use crate::training::{
    Fitted, Going, Job, Liked, Origin, chronicle, earlier_vectors, fit, gate, lists, measure, publish,
    train_vectors,
};
use crate::watch::Watch;
use crate::{clock, output};

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine train config/models/widedeep.toml\n  \
    rankine train config/models/widedeep.toml --set train.epochs=3 --set hidden=[64,32]\n  \
    rankine train config/models/widedeep.toml --print-config\n  \
    rankine train config/models/widedeep.toml --watch 8765\n  \
    rankine train my.toml --conf my.feature.toml --train train.csv.gz --test test.csv.gz --hold-out 0.1\n  \
    rankine train my.toml --conf my.feature.toml --train day-*.parquet\n  \
    zcat log.gz | rankine train my.toml --conf my.feature.toml --train - --columns label,userId,u1..u128\n  \
    rankine train my.toml --resume\n  \
    rankine train my.toml --init-from .rankine/models/my --gate 0.02")]
pub(crate) struct Options {
    /// The model file (TOML)
    #[arg(value_name = "MODEL.toml")]
    model: PathBuf,
    #[command(flatten)]
    given: Given,
    /// Begin from the weights of this version, or of the latest version in this model's folder
    #[arg(long, value_name = "DIR")]
    init_from: Option<PathBuf>,
    /// Go on from the newest checkpoint of the same run (`train.checkpoint` in the model file)
    #[arg(long)]
    resume: bool,
    /// Test samples the published figures come from, one file after another
    #[arg(long, value_name = "FILE", num_args = 1..)]
    test: Vec<PathBuf>,
    /// Name to publish under; default: the name of the model file
    #[arg(long)]
    name: Option<String>,
    /// A file n_train=COUNT,n_val=COUNT, compared with what is read; never needed
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Replace a key of the model file, dotted (`train.epochs=3`, `embedding.user.dim=16`); may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print the model file with all defaults filled in, and train nothing
    #[arg(long)]
    print_config: bool,
    /// Show the run on a page at this port of this machine while it goes (0: a free port)
    #[arg(long, value_name = "PORT")]
    watch: Option<u16>,
    /// Do not publish a version whose recall of cold items (or what `gate` of the model file compares) is more than this below that of
    /// the version that serves; exit code 1 then. In place of the file's `gate.margin`; 1 lets everything pass
    #[arg(long, value_name = "MARGIN")]
    gate: Option<f64>,
    /// Places of the lists that the gate counts, in place of the file's `gate.k`; default: 10
    #[arg(long, value_name = "K")]
    gate_top: Option<usize>,
}

impl Options {
    /// The gate of the model file as the arguments change it, or that of the arguments alone; none where neither has one.
    fn gate(&self, config: &ModelConfig) -> Option<Gate> {
        let gate = match (config.gate(), self.gate) {
            (Some(file), margin) => Gate {
                margin: margin.unwrap_or(file.margin),
                ..file
            },
            (None, margin) => Gate::of(margin?),
        };
        Some(Gate {
            k: self.gate_top.unwrap_or(gate.k),
            ..gate
        })
    }

    /// Refuses a gate that stops nothing or everything.
    fn check_gate(&self, config: &ModelConfig) -> anyhow::Result<()> {
        let ranks = config.kind() != Kind::Item2Vec;
        anyhow::ensure!(
            ranks || self.gate.is_none(),
            "--gate: kind `item2vec` ranks nothing"
        );
        let margin = self.gate.unwrap_or_default();
        anyhow::ensure!(
            (0.0..=1.0).contains(&margin),
            "--gate is {margin}, expected 0 to 1"
        );
        anyhow::ensure!(self.gate_top != Some(0), "--gate-top is 0, expected 1 or more");
        anyhow::ensure!(
            self.gate_top.is_none() || self.gate(config).is_some(),
            "--gate-top: neither --gate nor `gate` of the model file says what may be lost"
        );
        Ok(())
    }

    /// Refuses arguments that mean nothing to the model's kind.
    fn suits(&self, config: &ModelConfig) -> anyhow::Result<()> {
        let (kind, vectors) = (config.kind(), config.kind() == Kind::Item2Vec);
        let of_events = vectors && config.item2vec.events == SentenceEvents::All;
        let refused = [
            (
                "--resume",
                self.resume && kind.is_closed(),
                "is computed at once: it writes no checkpoints",
            ),
            (
                "--init-from",
                self.init_from.is_some() && kind.is_closed(),
                "is computed at once: it begins from no earlier version",
            ),
            (
                "--valid",
                vectors && !self.given.valid.is_empty(),
                "has no figure on validation samples",
            ),
            (
                "--test",
                vectors && !self.test.is_empty(),
                "has no figure on test samples",
            ),
            (
                "--summary",
                vectors && self.summary.is_some(),
                "counts no samples",
            ),
            (
                "--user-vectors",
                vectors && self.given.layout.user_vectors.is_some(),
                "makes vectors, it reads none",
            ),
            (
                "--train",
                of_events && !self.given.train.is_empty(),
                "learns from the imported events (`item2vec.events`)",
            ),
        ];
        for (argument, given, why) in refused {
            anyhow::ensure!(!given, "{argument}: kind `{}` {why}", kind.name());
        }
        anyhow::ensure!(
            !self.resume || config.train.checkpoint.is_some(),
            "--resume: the model file has no `train.checkpoint`, so its runs write none"
        );
        Ok(())
    }
}

/// Trains, measures, publishes.
///
/// # Errors
/// Faults of the files, a loss that is no longer finite, the disk's.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    options.given.check()?;
    let home = globals.home();
    let (config, name) = model_file(options)?;
    options.check_gate(&config)?;
    if options.print_config {
        output::line(config.effective().trim_end());
        return Ok(());
    }
    options.suits(&config)?;
    let _beside = Preparing::beside(&home)?;
    if config.kind() == Kind::Item2Vec {
        return vectors(options, globals, (&config, &name));
    }
    let job = job(options, &home, (config, &name))?;
    let outcome = published(&job, options, globals);
    job.files.reading.tell()?;
    outcome
}

/// Trains a job's model, measures it, publishes it, and says so.
fn published(job: &Job, options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let home = globals.home();
    let mut fitted = watched(job, options, globals)?;
    compare(options, &fitted)?;
    let evaluation = measure(job, &fitted)?;
    fitted.ranking = lists(job, &fitted)?;
    fitted.gate = gated(job, options, &home, &fitted)?;
    let stopped = fitted.gate.as_ref().filter(|verdict| !verdict.passed);
    let stopped = stopped.map(ToString::to_string);
    let version = match stopped {
        Some(_) => None,
        None => Some(publish(job, &home, &mut fitted, &evaluation)?),
    };
    job.forget_checkpoints(&home);
    chronicle(job, &home, &fitted, version);
    tell((job, &home, globals), &fitted, &evaluation, version)?;
    match stopped {
        Some(why) => bail!("{} is not published: {why}", job.name),
        None => Ok(()),
    }
}

/// What the gate says, where there is one and a version that serves.
fn gated(job: &Job, options: &Options, home: &Home, fitted: &Fitted) -> anyhow::Result<Option<Verdict>> {
    match options.gate(&job.model) {
        Some(wanted) => gate(job, home, fitted, &wanted),
        None => Ok(None),
    }
}

/// Prints how a training went.
fn tell(
    (job, home, globals): (&Job, &Home, &Globals),
    fitted: &Fitted,
    evaluation: &Evaluation,
    version: Option<u64>,
) -> anyhow::Result<()> {
    if globals.json {
        return output::json(&json!({
            "model": job.name, "version": version, "kind": job.model.kind().name(),
            "train_samples": fitted.trained.train_samples, "epochs": fitted.trained.history.len(),
            "best_epoch": fitted.trained.best_epoch, "history": fitted.trained.history,
            "cpu_seconds": fitted.cpu_s, "wall_seconds": fitted.wall_s,
            "peak_memory_mib": clock::peak_memory_mib(), "evaluation": evaluation,
            "restored": fitted.trained.restored,
            "ranking": fitted.ranking,
            "gate": fitted.gate,
            "rejected": job.files.reading.rejected(),
        }));
    }
    if let Some(restored) = &fitted.trained.restored {
        output::line(&restored.to_string());
    }
    output::line(&evaluation.to_string());
    if let Some(ranking) = &fitted.ranking {
        output::line(&ranking.to_string());
    }
    if let Some(version) = version {
        if let Some(verdict) = &fitted.gate {
            output::line(&format!("gate: {verdict}"));
        }
        output::line(&format!(
            "published {} version {version} in {}",
            job.name,
            home.models().display()
        ));
    }
    Ok(())
}

/// Says where a summary file counts otherwise than what was read.
fn compare(options: &Options, fitted: &Fitted) -> anyhow::Result<()> {
    let Some(path) = &options.summary else {
        return Ok(());
    };
    let (said, trained) = (summary(path)?, &fitted.trained);
    if (said.train, said.valid) != (trained.train_samples, trained.valid_samples) {
        let (learnt, valid) = (trained.train_samples, trained.valid_samples);
        output::note(&format!(
            "{} says {} training and {} validation samples; read were {learnt} and {valid}",
            path.display(),
            said.train,
            said.valid
        ));
    }
    Ok(())
}

/// Trains the job's model; who watches is told.
fn watched(job: &Job, options: &Options, globals: &Globals) -> anyhow::Result<Fitted> {
    let network = drawing(&job.outline()?);
    heard(options, globals, (&job.name, Some(network)), |progress| {
        let fitted = fit(job, &globals.home(), progress)?;
        let ended = format!("best epoch {}", fitted.trained.best_epoch);
        Ok((fitted, ended))
    })
}

/// Trains so that the terminal and, where it is asked for, a page hear of it; `train` also says how it ended.
fn heard<T>(
    options: &Options,
    globals: &Globals,
    (name, network): (&str, Option<String>),
    train: impl FnOnce(&mut dyn Progress) -> anyhow::Result<(T, String)>,
) -> anyhow::Result<T> {
    let mut bar = Bars::new(globals.json).dashboard(name);
    let watch = options.watch.map(|port| Watch::start(port, name, network));
    let mut watch = watch.transpose()?;
    if let Some(watch) = &watch {
        eprintln!("watch the run at {}", watch.address());
    }
    let mut listeners: Vec<&mut dyn Progress> = vec![&mut bar];
    listeners.extend(watch.as_mut().map(|watch| watch as &mut dyn Progress));
    let (trained, ended) = train(&mut Listeners(listeners))?;
    if let Some(watch) = &watch {
        watch.done(&ended);
    }
    bar.done(ended);
    Ok(trained)
}

/// Trains vectors on what the model file says.
fn vectors(options: &Options, globals: &Globals, (config, name): (&ModelConfig, &str)) -> anyhow::Result<()> {
    let home = globals.home();
    let liked = liked(options, globals, config)?;
    let rejected = liked.rejected.clone();
    let origin = options.init_from.as_ref().map(|folder| earlier_vectors(folder));
    let going = Going {
        resume: options.resume,
        origin: origin.transpose()?,
    };
    let published = heard(options, globals, (name, None), |progress| {
        let published = train_vectors(name, config, liked, (&home, &going), progress)?;
        let ended = format!("{} vectors", published.count);
        Ok((published, ended))
    })?;
    let (version, count) = (published.version, published.count);
    if globals.json {
        return output::json(&json!({
            "model": name, "version": version, "kind": config.kind().name(), "items": count, "rejected": rejected,
            "restored": published.restored,
        }));
    }
    if let Some(restored) = &published.restored {
        output::line(&restored.to_string());
    }
    output::line(&format!(
        "published {name} version {version} with {count} vectors in {}",
        home.models().display()
    ));
    Ok(())
}

/// The likes of the training samples, or of all imported events.
fn liked(options: &Options, globals: &Globals, config: &ModelConfig) -> anyhow::Result<Liked> {
    let home = globals.home();
    match config.item2vec.events {
        SentenceEvents::Train => {
            let conf = options.given.conf()?;
            let name = Plan::compile(&conf.0, &conf.1, None)?.name().to_owned();
            let files = options.given.files(&home, (&name, &name), &options.test)?;
            let liked = Liked::of_training(config, &conf, &files);
            files.reading.tell()?;
            liked
        }
        SentenceEvents::All => {
            let log = events::load(&home.base_events())?;
            let hash = imported(home.root())?.map(|summary| summary.hash);
            Ok(Liked::of_events(&log, &hash.unwrap_or_default()))
        }
    }
}

/// The model file, and the name to publish under.
fn model_file(options: &Options) -> anyhow::Result<(ModelConfig, String)> {
    let file = options.model.display().to_string();
    let text = std::fs::read_to_string(&options.model).with_context(|| file.clone())?;
    let name = match &options.name {
        Some(name) => name.clone(),
        None => stem(&options.model)?,
    };
    check_name(&name)?;
    if [EMB, POPULARITY].contains(&name.as_str()) {
        output::note(&format!(
            "`{name}` is the name of the server's own ranker, so a model of that name cannot be listed there; --name gives another"
        ));
    }
    Ok((ModelConfig::parse_with(&text, &file, &options.set)?, name))
}

/// The job the arguments describe.
fn job(options: &Options, home: &Home, (model, name): (ModelConfig, &str)) -> anyhow::Result<Job> {
    let origin = options.init_from.as_ref();
    let origin = origin.map(|folder| Origin::open(folder, &model)).transpose()?;
    let job = options.given.job(home, (model, name), &options.test)?;
    Ok(Job {
        origin,
        resume: options.resume,
        ..job
    })
}

/// The name of a file without folder and ending.
pub(super) fn stem(path: &Path) -> anyhow::Result<String> {
    let stem = path
        .file_stem()
        .and_then(|s| s.to_str())
        .context("the model file has no name; give --name")?;
    Ok(stem.to_owned())
}
