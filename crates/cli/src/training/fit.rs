//! Fits the conf's statistics, then the model.

use std::sync::Arc;

use rankine_feature::{Fitter, Plan, Rows};
use rankine_train::tensorboard::EventWriter;
use rankine_train::{Progress, RowsSource, Trained, train};

use super::Job;
use crate::clock;
use crate::home::Home;
use crate::source::{FileSource, hold_out};

/// A trained model with what it was trained on.
pub(crate) struct Fitted {
    /// The conf with its statistics.
    pub(crate) plan: Arc<Plan>,
    /// Weights and history.
    pub(crate) trained: Trained,
    /// Training samples.
    pub(crate) train: RowsSource,
    /// Samples to judge on: the test file's, or the validation samples.
    pub(crate) judge: RowsSource,
    /// Whether `judge` was never looked at while training.
    pub(crate) untouched: bool,
    /// CPU seconds of statistics and training.
    pub(crate) cpu_s: f64,
    /// Wall seconds of the same.
    pub(crate) wall_s: f64,
}

/// Trains the job's model; TensorBoard events go to the home's `logs`.
///
/// # Errors
/// Unreadable samples, a model file that asks for what the conf lacks, a loss that is no longer finite.
pub(crate) fn fit(job: &Job, home: &Home, progress: &mut dyn Progress) -> anyhow::Result<Fitted> {
    let bare = Plan::compile(&job.conf.0, &job.conf.1, None)?;
    let load = |path: &std::path::Path| FileSource::open(path, &bare)?.load();
    let mut train_rows = load(&job.files.train)?;
    let test_rows = job.files.test.as_deref().map(load).transpose()?;
    let mut valid_rows = match &job.files.valid {
        Some(path) => load(path)?,
        None => {
            let (kept, held) = hold_out(&train_rows, job.files.hold_out, job.model.seed);
            train_rows = kept;
            held
        }
    };
    let (begin, cpu) = (clock::now_micros(), clock::cpu_seconds());
    let mut plan = Arc::new(with_statistics(bare, &train_rows)?);
    let folder = home.run_log(&job.name, begin);
    let mut events = EventWriter::create(&folder, "train", || clock::now_micros() as f64 / 1e6)?;
    let mut trained = train(
        &job.model,
        plan.clone(),
        &mut train_rows,
        &mut valid_rows,
        progress,
        Some(&mut events),
    )?;
    if job.model.train.refit {
        (train_rows, plan, trained) = refit(job, &train_rows, &valid_rows, trained, progress)?;
    }
    let spent = clock::cpu_seconds()
        .zip(cpu)
        .map_or(0.0, |(now, then)| now - then);
    let wall_s = (clock::now_micros() - begin) as f64 / 1e6;
    let (untouched, judge) = (test_rows.is_some(), test_rows.unwrap_or(valid_rows));
    Ok(Fitted {
        plan,
        trained,
        train: train_rows,
        judge,
        untouched,
        cpu_s: spent,
        wall_s,
    })
}

/// Trains anew on training and validation samples together, for as many epochs as early stopping chose.
fn refit(
    job: &Job,
    train_rows: &RowsSource,
    valid_rows: &RowsSource,
    first: Trained,
    progress: &mut dyn Progress,
) -> anyhow::Result<(RowsSource, Arc<Plan>, Trained)> {
    let mut all = RowsSource::new([train_rows.rows(), valid_rows.rows()].concat());
    let plan = Arc::new(with_statistics(
        Plan::compile(&job.conf.0, &job.conf.1, None)?,
        &all,
    )?);
    let model = job.model.for_epochs(u32::try_from(first.best_epoch)?);
    let mut nothing = RowsSource::default();
    let again = train(&model, plan.clone(), &mut all, &mut nothing, progress, None)?;
    let valid_samples = first.valid_samples;
    Ok((
        all,
        plan,
        Trained {
            history: first.history,
            best_epoch: first.best_epoch,
            valid_samples,
            ..again
        },
    ))
}

/// The plan with statistics of the training rows, where it needs any.
fn with_statistics(plan: Plan, rows: &RowsSource) -> anyhow::Result<Plan> {
    if !plan.needs_fit() {
        return Ok(plan);
    }
    let mut fitter = Fitter::new(&plan);
    for row in rows.rows() {
        fitter.observe(Rows {
            user: &row.user,
            item: &row.item,
            context: &row.context,
        });
    }
    Ok(plan.fitted(&fitter.finish())?)
}
