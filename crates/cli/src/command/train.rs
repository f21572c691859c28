//! `rankine train`: one model from a model file, a conf and sample files, published as a new version.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Parser};
use rankine_feature::Plan;
use rankine_model::{Kind, ModelConfig, SentenceEvents};
use rankine_pipeline::events;
use rankine_pipeline::import::imported;
use rankine_server::config::{EMB, POPULARITY};
use rankine_table::{AtomicFile, LeftOut, stream};
use rankine_train::Progress;
use rankine_train::linear::TextFormat;
use rankine_train::metric::Evaluation;
use rankine_train::ranking::Verdict;
use rankine_train::report::drawing;
use rankine_train::vectors::{self, Joined, summary};
use serde_json::json;

use super::Globals;
use crate::dictionaries::Dictionaries;
use crate::home::Home;
use crate::preparing::Preparing;
use crate::progress::{Bars, Listeners};
use crate::source::{Reading, vectors_conf};
use crate::training::{
    Files, Fitted, Gate, Going, Job, Liked, Origin, earlier_vectors, fit, gate, lists, measure, publish,
    rejects, train_vectors,
};
use crate::watch::Watch;
use crate::{clock, output, recipe};

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
    /// The conf it reads; default: the bundled MovieLens conf
    #[arg(long, value_name = "CONF.toml")]
    conf: Option<PathBuf>,
    /// Training samples (.parquet, .csv, .tsv, .jsonl, .libsvm, .libffm, .gz, .zst), one file after another, or `-` for
    /// standard input; default: the home's samples of the conf
    #[arg(long, value_name = "FILE", num_args = 1..)]
    train: Vec<PathBuf>,
    /// Form of standard input: what a file's name would end in
    #[arg(long, default_value = "csv", value_name = "FORM")]
    format: String,
    /// Names of the columns of text without a header line, `u1..u128` for a run of them
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// End at the first row that cannot be read, instead of listing it in cache/NAME.rejects.tsv
    #[arg(long)]
    strict: bool,
    /// Begin from the weights of this version, or of the latest version in this model's folder
    #[arg(long, value_name = "DIR")]
    init_from: Option<PathBuf>,
    /// Go on from the newest checkpoint of the same run (`train.checkpoint` in the model file)
    #[arg(long)]
    resume: bool,
    /// Validation samples for early stopping; default: the home's, or a part of the training samples with --train
    #[arg(long, value_name = "FILE")]
    valid: Option<PathBuf>,
    /// Test samples the published figures come from
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
    /// Share of the training samples held out for validation where there is no --valid
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    hold_out: f64,
    /// Name to publish under; default: the name of the model file
    #[arg(long)]
    name: Option<String>,
    /// Vectors of users that the ids of the samples (columns label, user, item) are joined to: Parquet, word2vec text, CSV, .npy
    #[arg(long, value_name = "FILE", requires = "item_vectors")]
    user_vectors: Option<PathBuf>,
    /// Vectors of items, for the same
    #[arg(long, value_name = "FILE", requires = "user_vectors")]
    item_vectors: Option<PathBuf>,
    /// How many numbers of a line label,u1,…,i1,… are the user's; default: half
    #[arg(long, value_name = "COUNT")]
    user_numbers: Option<usize>,
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
    /// Do not publish a version whose recall on cold items (of all items where none is cold) is more than this below that of the
    /// version that serves; exit code 1 then
    #[arg(long, value_name = "MARGIN")]
    gate: Option<f64>,
    /// Places of the lists that the gate counts
    #[arg(long, value_name = "K", default_value_t = 10, requires = "gate")]
    gate_top: usize,
    #[command(flatten)]
    dictionaries: Dictionaries,
}

/// The verb's arguments alone, as another verb would write them.
#[derive(Debug, Parser)]
struct Alone {
    #[command(flatten)]
    options: Options,
}

impl Options {
    /// Reads arguments as the command line would.
    ///
    /// # Errors
    /// What the command line would say.
    pub(super) fn of(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Self> {
        let all = std::iter::once(OsString::from("train")).chain(arguments);
        Ok(Alone::try_parse_from(all)?.options)
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
                "--watch",
                vectors && self.watch.is_some(),
                "has no page of its run",
            ),
            (
                "--valid",
                vectors && self.valid.is_some(),
                "has no figure on validation samples",
            ),
            (
                "--test",
                vectors && self.test.is_some(),
                "has no figure on test samples",
            ),
            (
                "--summary",
                vectors && self.summary.is_some(),
                "counts no samples",
            ),
            (
                "--user-vectors",
                vectors && self.user_vectors.is_some(),
                "makes vectors, it reads none",
            ),
            (
                "--train",
                of_events && !self.train.is_empty(),
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
    anyhow::ensure!(
        (0.0..1.0).contains(&options.hold_out),
        "--hold-out is {}, expected 0 to 1",
        options.hold_out
    );
    anyhow::ensure!(
        options.gate.is_none_or(|margin| (0.0..=1.0).contains(&margin)),
        "--gate is {}, expected 0 to 1",
        options.gate.unwrap_or_default()
    );
    let home = globals.home();
    let (config, name) = model_file(options)?;
    if options.print_config {
        output::line(config.effective().trim_end());
        return Ok(());
    }
    options.suits(&config)?;
    let _beside = Preparing::beside(&home)?;
    if config.kind() == Kind::Item2Vec {
        anyhow::ensure!(options.gate.is_none(), "--gate: kind `item2vec` ranks nothing");
        return vectors(options, globals, (&config, &name));
    }
    let job = job(options, globals, (config, name))?;
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
    tell((job, &home, globals), &fitted, &evaluation, version)?;
    match stopped {
        Some(why) => bail!("{} is not published: {why}", job.name),
        None => Ok(()),
    }
}

/// What the gate says, where there is one and a version that serves.
fn gated(job: &Job, options: &Options, home: &Home, fitted: &Fitted) -> anyhow::Result<Option<Verdict>> {
    let Some(margin) = options.gate else {
        return Ok(None);
    };
    let k = options.gate_top;
    gate(job, home, fitted, Gate { margin, k })
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
    let mut bar = Bars::new(globals.json).dashboard(&job.name);
    let mut watch = match options.watch {
        Some(port) => Some(Watch::start(port, &job.name, Some(drawing(&job.outline()?)))?),
        None => None,
    };
    if let Some(watch) = &watch {
        eprintln!("watch the run at {}", watch.address());
    }
    let mut listeners: Vec<&mut dyn Progress> = vec![&mut bar];
    listeners.extend(watch.as_mut().map(|watch| watch as &mut dyn Progress));
    let fitted = fit(job, &globals.home(), &mut Listeners(listeners))?;
    let ended = format!("best epoch {}", fitted.trained.best_epoch);
    if let Some(watch) = &watch {
        watch.done(&ended);
    }
    bar.done(ended);
    Ok(fitted)
}

/// Trains vectors on what the model file says.
fn vectors(options: &Options, globals: &Globals, (config, name): (&ModelConfig, &str)) -> anyhow::Result<()> {
    let home = globals.home();
    let liked = liked(options, globals, config)?;
    let rejected = liked.rejected.clone();
    let mut bar = Bars::new(globals.json).run(name);
    let origin = options.init_from.as_ref().map(|folder| earlier_vectors(folder));
    let going = Going {
        resume: options.resume,
        origin: origin.transpose()?,
    };
    let published = train_vectors(name, config, liked, (&home, &going), &mut bar)?;
    let (version, count) = (published.version, published.count);
    bar.done(format!("{count} vectors"));
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
            let conf = conf(options)?;
            let name = Plan::compile(&conf.0, &conf.1, None)?.name().to_owned();
            let files = files(options, globals, (&name, &name))?;
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
    if [EMB, POPULARITY].contains(&name.as_str()) {
        output::note(&format!(
            "`{name}` is the name of the server's own ranker, so a model of that name cannot be listed there; --name gives another"
        ));
    }
    Ok((ModelConfig::parse_with(&text, &file, &options.set)?, name))
}

/// The job the arguments describe.
pub(super) fn job(
    options: &Options,
    globals: &Globals,
    (model, name): (ModelConfig, String),
) -> anyhow::Result<Job> {
    let wanted = model.conf.as_deref().unwrap_or_default();
    let files = files(options, globals, (wanted, &name))?;
    let conf = match (
        &options.conf,
        files.train.first().and_then(|path| TextFormat::of(path)),
    ) {
        (None, Some(format)) => text_conf(format, &model),
        (None, None) if model.conf.as_deref() == Some(vectors::NAME) => made_conf(options, &files)?,
        _ => conf(options)?,
    };
    let plan = Plan::compile(&conf.0, &conf.1, None)?;
    let tables = options.dictionaries.load(&plan, &globals.home())?;
    let origin = options
        .init_from
        .as_ref()
        .map(|folder| Origin::open(folder, &model));
    let origin = origin.transpose()?;
    let mut job = Job::new(&name, model, conf, files)?.reading(tables);
    job.origin = origin;
    job.resume = options.resume;
    Ok(job)
}

/// The conf's text and the name of its file.
fn conf(options: &Options) -> anyhow::Result<(String, String)> {
    let Some(path) = &options.conf else {
        return Ok((recipe::CONF.text.to_owned(), recipe::CONF.file.to_owned()));
    };
    let file = path.display().to_string();
    Ok((std::fs::read_to_string(path).with_context(|| file.clone())?, file))
}

/// The conf of samples that are vectors.
fn made_conf(options: &Options, files: &Files) -> anyhow::Result<(String, String)> {
    let text = match &files.joined {
        Some(joined) => vectors::conf(joined.widths().0, joined.widths().1),
        None => {
            let first = files.train.first().context("--train names no file")?;
            vectors_conf(first, options.user_numbers)?
        }
    };
    Ok((text, "the conf of vectors".to_owned()))
}

/// The conf of a file without one.
pub(super) fn text_conf(format: TextFormat, model: &ModelConfig) -> (String, String) {
    let slots = model.linear.iter().flat_map(|linear| &linear.slots);
    let slots: Vec<u32> = slots.map(|slot| slot.value).collect();
    (
        format.conf(&slots),
        format!("the conf of {} files", format.name()),
    )
}

/// The name of a file without folder and ending.
pub(super) fn stem(path: &Path) -> anyhow::Result<String> {
    let stem = path
        .file_stem()
        .and_then(|s| s.to_str())
        .context("the model file has no name; give --name")?;
    Ok(stem.to_owned())
}

/// The given sample files, or the home's.
fn files(options: &Options, globals: &Globals, (conf, name): (&str, &str)) -> anyhow::Result<Files> {
    let reading = Reading {
        columns: (!options.columns.is_empty()).then(|| columns(&options.columns)),
        left_out: (!options.strict).then(|| LeftOut::listed_in(&rejects(&globals.home(), name))),
    };
    if options.train.is_empty() {
        let mut files = Files {
            reading,
            ..Files::of_home(&globals.home(), conf)?
        };
        for (part, given, own) in [
            ("validation", &options.valid, &mut files.valid),
            ("test", &options.test, &mut files.test),
        ] {
            if let Some(path) = given {
                files.split += &format!("; {part} {}", path.display());
                *own = Some(path.clone());
            }
        }
        return Ok(files);
    }
    let train = options.train.iter().map(|path| spool(path, options, globals));
    let split = match &options.valid {
        Some(path) => format!("given files; validation {}", path.display()),
        None => format!(
            "given files; validation: {} of the training samples, drawn by the seed",
            options.hold_out
        ),
    };
    Ok(Files {
        train: train.collect::<anyhow::Result<_>>()?,
        valid: options.valid.clone(),
        hold_out: options.hold_out,
        test: options.test.clone(),
        split,
        hash: String::new(),
        joined: match (&options.user_vectors, &options.item_vectors) {
            (Some(user), Some(item)) => Some(Joined::read(user, item)?),
            _ => None,
        },
        reading,
    })
}

/// Where standard input goes so that it can be read again; any other file is where it is.
fn spooled(path: &Path, options: &Options, globals: &Globals) -> PathBuf {
    if !stream::is_standard(path) {
        return path.to_owned();
    }
    globals.home().cache().join(format!("stdin.{}", options.format))
}

/// The same with standard input copied there.
fn spool(path: &Path, options: &Options, globals: &Globals) -> anyhow::Result<PathBuf> {
    let to = spooled(path, options, globals);
    if to != *path {
        let mut file = AtomicFile::create(&to)?;
        std::io::copy(&mut stream::open(path)?, &mut file)?;
        file.commit()?;
    }
    Ok(to)
}

/// Column names with runs like `u1..u128` written out.
fn columns(given: &[String]) -> Vec<String> {
    given
        .iter()
        .flat_map(|name| run_of(name).unwrap_or_else(|| vec![name.clone()]))
        .collect()
}

/// The names of `u1..u128` (or `u1..128`); none for a plain name.
fn run_of(name: &str) -> Option<Vec<String>> {
    let (first, last) = name.split_once("..")?;
    let stem = first.trim_end_matches(|c: char| c.is_ascii_digit());
    let (from, to) = (first.strip_prefix(stem)?, last.strip_prefix(stem).unwrap_or(last));
    let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
    Some((from..=to).map(|n| format!("{stem}{n}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_columns_are_written_out() {
        let given = ["label", "u1..u3", "v9..10", "a..b"].map(str::to_owned);
        assert_eq!(columns(&given), ["label", "u1", "u2", "u3", "v9", "v10", "a..b"]);
    }
}
