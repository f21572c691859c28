//! Writes a trained, measured model as the next version of its folder.

use std::collections::BTreeMap;

use rankine_model::{DataInfo, Draft, GoldenSample, Network, publish as publish_draft, write_parameters};
use rankine_train::card::{CURVE_FILE, Card, Kept, RELIABILITY_FILE, REPORT_FILE};
use rankine_train::metric::{Evaluation, Line};
use rankine_train::places::Places;
use rankine_train::report::page;
use rankine_train::{SampleSource, Trained};
use serde_json::{Map, Value, json};

use super::fit::chosen;
use super::origin::{OPTIMIZER, slots};
use super::{Files, Fitted, Job, Part};
use crate::clock;
use crate::home::Home;

/// Raw samples kept with their scores in every artefact.
const GOLDEN: usize = 16;

/// Publishes the model and returns its version.
///
/// # Errors
/// What the artefact format refuses, or the disk.
pub(crate) fn publish(
    job: &Job,
    home: &Home,
    fitted: &mut Fitted,
    evaluation: &Evaluation,
) -> anyhow::Result<u64> {
    let golden = golden(job, fitted)?;
    let card = card(job, fitted, evaluation);
    let mut files = files(&card)?;
    let state = fitted.trained.optimizer.as_ref();
    files.extend(state.map(|state| (OPTIMIZER.to_owned(), write_parameters(state))));
    files.extend(places(job, fitted)?);
    let (measured, trivial): (Vec<&Line>, Vec<&Line>) =
        evaluation.lines.iter().partition(|line| !line.baseline);
    let draft = Draft {
        name: job.name.clone(),
        config: job.model.text().to_owned(),
        plan: Some(fitted.plan.clone()),
        parameters: std::mem::take(&mut fitted.trained.parameters),
        metrics: by_name(&measured),
        baselines: by_name(&trivial),
        data: Some(DataInfo {
            split: job.files.split.clone(),
            rows: fitted.trained.train_samples,
            hash: job.files.hash.clone(),
        }),
        card: card.markdown(),
        parents: job.origin.iter().map(|origin| origin.parent.clone()).collect(),
        restored: fitted
            .trained
            .restored
            .as_ref()
            .map(serde_json::to_value)
            .transpose()?
            .unwrap_or_default(),
        files,
        golden,
        ..Draft::default()
    };
    let version = publish_draft(&home.models(), &draft, clock::now_micros());
    // lent, not copied: a table may be half of the memory there is
    fitted.trained.parameters = draft.parameters;
    Ok(version?)
}

/// What stands beside the card: pictures, the report, the history.
pub(super) fn files(card: &Card) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::from([
        (CURVE_FILE.to_owned(), card.curve().into_bytes()),
        (REPORT_FILE.to_owned(), page(card).into_bytes()),
        ("history.json".to_owned(), serde_json::to_vec(&card.history)?),
    ]);
    if let Some(plot) = card.reliability() {
        files.insert(RELIABILITY_FILE.to_owned(), plot.into_bytes());
    }
    Ok(files)
}

/// Where dictionaries have the words of the model's vocabularies: another version may begin from this one.
fn places(job: &Job, fitted: &Fitted) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let network = Network::compile(&job.model, &fitted.plan)?;
    let all = Places::of(&fitted.plan, &slots(&network));
    let files = (0..).zip(&all);
    let files = files.map(|(number, places)| (Places::file(number), places.lines().into_bytes()));
    Ok(files.collect())
}

/// Raw inputs whose scores the artefact keeps: judged samples, or learnt ones where none is judged.
fn golden(job: &Job, fitted: &Fitted) -> anyhow::Result<Vec<GoldenSample>> {
    let judged = first_of_users(&mut *job.open(&fitted.plan, Part::Judge)?)?;
    if judged.is_empty() {
        return first_of_users(&mut *job.open(&fitted.plan, Part::All)?);
    }
    Ok(judged)
}

/// The first samples of different users; the first samples, where no users are named.
fn first_of_users(samples: &mut dyn SampleSource) -> anyhow::Result<Vec<GoldenSample>> {
    let (mut kept, mut users, named) = (Vec::new(), Vec::new(), samples.names().users);
    samples.rewind()?;
    let mut block = Vec::new();
    while kept.len() < GOLDEN && samples.next(&mut block, 1024)? > 0 {
        for row in block.drain(..) {
            if kept.len() < GOLDEN && !(named && users.contains(&row.group)) {
                users.push(row.group);
                kept.push(GoldenSample {
                    user: row.user,
                    item: row.item,
                    context: row.context,
                });
            }
        }
    }
    Ok(kept)
}

/// Measures as one JSON object by line name.
fn by_name(lines: &[&Line]) -> Value {
    let entries = lines.iter().map(|line| (line.name.clone(), json!(line.measures)));
    Value::Object(entries.collect::<Map<String, Value>>())
}

fn card(job: &Job, fitted: &Fitted, evaluation: &Evaluation) -> Card {
    let kind = job.model.kind().name();
    let rows: Vec<String> = fitted
        .trained
        .table_rows
        .iter()
        .map(|(name, rows)| format!("{name} {rows}"))
        .collect();
    let text = |value: &dyn std::fmt::Display| value.to_string();
    let gate = fitted
        .gate
        .iter()
        .map(|verdict| ("gate".to_owned(), verdict.to_string()));
    let kept = kept(job, &fitted.trained);
    let best = (kept != Kept::Last).then(|| ("best epoch".to_owned(), text(&fitted.trained.best_epoch)));
    Card {
        name: job.name.clone(),
        what: format!(
            "A model of kind `{kind}` over the conf `{}`, trained by Rankine.",
            fitted.plan.name()
        ),
        facts: [
            ("conf hash".to_owned(), fitted.plan.hash()),
            ("rows by table".to_owned(), rows.join(", ")),
            ("CPU seconds".to_owned(), format!("{:.2}", fitted.cpu_s)),
        ]
        .into_iter()
        .chain(best)
        .chain(gate)
        .collect(),
        data: vec![
            ("training samples".to_owned(), text(&fitted.trained.train_samples)),
            (
                "validation samples".to_owned(),
                text(&fitted.trained.valid_samples),
            ),
            ("input hash".to_owned(), job.files.hash.clone()),
        ]
        .into_iter()
        .chain(left_out(&job.files))
        .collect(),
        split: job.files.split.clone(),
        config: job.model.effective(),
        evaluations: vec![evaluation.clone()],
        rankings: fitted.ranking.iter().cloned().collect(),
        history: fitted.trained.history.clone(),
        kept,
        limits: limits(job, evaluation),
        network: Network::compile(&job.model, &fitted.plan)
            .ok()
            .map(|n| n.outline()),
    }
}

/// Whose weights are published: the last epoch's, too, where none was the best.
fn kept(job: &Job, trained: &Trained) -> Kept {
    let (train, epoch) = (&job.model.train, trained.best_epoch);
    match (train.refit, train.early_stop.is_some() && chosen(trained)) {
        (true, _) => Kept::Anew(epoch),
        (false, true) => Kept::Best(epoch),
        (false, false) => Kept::Last,
    }
}

/// Rows that were in the files and not in the figures.
fn left_out(files: &Files) -> Option<(String, String)> {
    let told: Vec<String> = files.reading.rejected().iter().map(ToString::to_string).collect();
    (!told.is_empty()).then(|| ("broken rows".to_owned(), told.join("; ")))
}

/// What a reader must not conclude.
fn limits(job: &Job, evaluation: &Evaluation) -> Vec<String> {
    let unit = if evaluation.users == 0 { "rows" } else { "users" };
    let mut limits = vec![format!(
        "Figures are of one seed; the interval is over {unit}, not over training runs."
    )];
    if job.files.test.is_empty() {
        limits.push("Measured on the samples that early stopping watched: a little too good.".to_owned());
    }
    limits
}
