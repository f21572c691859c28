//! The demo's training step: what is not there yet, as many runs at once as there are cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rankine_feature::Plan;
use rankine_model::{Artefact, ModelConfig, versions};
use serde_json::Value;

use super::super::Globals;
use super::summary::{Step, TrainedModel};
use crate::home::Home;
use crate::progress::Bars;
use crate::recipe::{self, Bundled};
use crate::training::{Files, Going, Job, Liked, fit, measure, publish, train_vectors};

/// Name of the demo's conf.
pub(crate) const CONF_NAME: &str = "movielens";

/// One thing to train.
#[derive(Clone, Copy)]
enum Task {
    Ranker(&'static str, Bundled),
    Vectors(&'static str, Bundled),
}

impl Task {
    fn parts(self) -> (&'static str, Bundled) {
        match self {
            Task::Ranker(name, model) | Task::Vectors(name, model) => (name, model),
        }
    }
}

/// What all tasks read.
struct Ground<'a> {
    home: &'a Home,
    files: Files,
    bars: Bars,
}

/// Trains and publishes every model of the recipe whose newest version is not of this data and this recipe.
///
/// # Errors
/// The first failure; models that were published stay.
pub(crate) fn train_missing(
    home: &Home,
    globals: &Globals,
    step: &mut Step,
) -> anyhow::Result<Vec<TrainedModel>> {
    let files = Files::of_home(home, CONF_NAME)?;
    let ground = Ground {
        home,
        files,
        bars: Bars::new(globals.json),
    };
    let tasks: Vec<Task> = recipe::RANKERS
        .iter()
        .map(|&(name, model)| Task::Ranker(name, model))
        .chain([Task::Vectors(recipe::VECTORS.0, recipe::VECTORS.1)])
        .collect();
    let missing = missing(&ground, &tasks)?;
    step.skipped = missing.is_empty();
    run_all(&missing, |task| train_one(&ground, *task))?;
    tasks.iter().map(|task| newest(&ground, *task)).collect()
}

/// The tasks that have no version of this data and this recipe.
fn missing(ground: &Ground<'_>, tasks: &[Task]) -> anyhow::Result<Vec<Task>> {
    let conf = Plan::compile(recipe::CONF.text, recipe::CONF.file, None)?.canonical();
    let stale = |task: &Task| {
        let (name, model) = task.parts();
        let Some((_, path)) = versions(&ground.home.models().join(name)).pop() else {
            return true;
        };
        let Ok(artefact) = Artefact::open(&path) else {
            return true;
        };
        let same_conf = artefact.plan().is_none_or(|plan| plan.canonical() == conf);
        let same_data = artefact
            .manifest()
            .data
            .as_ref()
            .is_some_and(|data| data.hash == ground.files.hash);
        !(same_conf && same_data && artefact.config().text() == model.text)
    };
    Ok(tasks.iter().copied().filter(stale).collect())
}

/// Runs `work` over `tasks` on one thread per core; returns the first failure.
fn run_all(tasks: &[Task], work: impl Fn(&Task) -> anyhow::Result<()> + Sync) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..cores.min(tasks.len()) {
            scope.spawn(|| {
                while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = work(task)
                        && let Ok(mut failure) = failure.lock()
                    {
                        failure.get_or_insert(error);
                    }
                }
            });
        }
    });
    failure.into_inner().ok().flatten().map_or(Ok(()), Err)
}

fn train_one(ground: &Ground<'_>, task: Task) -> anyhow::Result<()> {
    match task {
        Task::Ranker(name, model) => ranker(ground, name, model),
        Task::Vectors(name, model) => {
            let mut bar = ground.bars.run(name);
            let config = ModelConfig::parse(model.text, model.file)?;
            let liked = Liked::of_training(&config, &conf(), &ground.files)?;
            let going = Going::default();
            let made = train_vectors(name, &config, liked, (ground.home, &going), &mut bar)?;
            bar.done(format!("version {}, {} vectors", made.version, made.count));
            Ok(())
        }
    }
}

/// The conf's text and the name of its file.
fn conf() -> (String, String) {
    (recipe::CONF.text.to_owned(), recipe::CONF.file.to_owned())
}

fn ranker(ground: &Ground<'_>, name: &'static str, model: Bundled) -> anyhow::Result<()> {
    let job = Job::new(
        name,
        ModelConfig::parse(model.text, model.file)?,
        conf(),
        ground.files.clone(),
    )?;
    let mut bar = ground.bars.run(name);
    let mut fitted = fit(&job, ground.home, &mut bar)?;
    let evaluation = measure(&job, &fitted)?;
    let version = publish(&job, ground.home, &mut fitted, &evaluation)?;
    bar.done(format!(
        "version {version}, best epoch {}",
        fitted.trained.best_epoch
    ));
    Ok(())
}

/// What the newest version of a task's model says of itself.
fn newest(ground: &Ground<'_>, task: Task) -> anyhow::Result<TrainedModel> {
    let (name, _) = task.parts();
    let artefact = super::super::model_named(ground.home, name)?;
    let manifest = artefact.manifest();
    let auc = |measures: Option<&Value>| measures?.get("roc_auc")?.as_f64();
    let best = |lines: &Value| {
        let all = lines
            .as_object()?
            .iter()
            .filter_map(|(name, m)| Some((name.clone(), auc(Some(m))?)));
        all.max_by(|a, b| a.1.total_cmp(&b.1))
    };
    Ok(TrainedModel {
        name: name.to_owned(),
        version: manifest.version,
        samples: manifest.data.as_ref().map_or(0, |data| data.rows),
        auc: auc(manifest.metrics.get(name)),
        baseline: best(&manifest.baselines),
    })
}
