//! Lists over all items, for kinds that are made to rank: what `train` writes into the card and `eval` prints.

use anyhow::{Context, ensure};
use rankine_feature::Plan;
use rankine_model::{Kind, ModelConfig, Network, Parameters, Scorer};
use rankine_train::SampleSource;
use rankine_train::bootstrap::Bootstrap;
use rankine_train::ranking::{Ranking, RankingOptions, World, rank};

use super::{Fitted, Job, Part};
use crate::output;

/// What a model's lists are measured by.
pub(crate) fn ranking_options(config: &ModelConfig) -> RankingOptions {
    let positive = config.matrix.as_ref().map_or(0.5, |matrix| matrix.positive());
    RankingOptions {
        seed: config.seed,
        #[expect(clippy::cast_possible_truncation, reason = "labels are f32")]
        positive: positive as f32,
        ..RankingOptions::default()
    }
}

/// The slots of what is known of an item before anybody met it; none unless the model file tells content from preference.
pub(crate) fn content_slots(config: &ModelConfig) -> Vec<u32> {
    let towers = config.tower.iter().filter(|_| config.kind() == Kind::DropoutNet);
    let slots = towers.flat_map(|towers| &towers.item.slots);
    slots.map(|slot| slot.value).collect()
}

/// What a job's lists are called, and what their users had met: validation samples are met before test samples, and are judged
/// where there are none of those.
pub(super) fn title_and_met(job: &Job) -> (&'static str, Part) {
    if job.files.test.is_empty() {
        ("the validation samples", Part::Train)
    } else {
        ("the test samples", Part::All)
    }
}

/// Ranks all items for the users of `held`; items of `met` that a user met are left out of his list. `world` is what is known beside both.
///
/// # Errors
/// What the sources report; samples that name no users or no items.
pub(crate) fn ranked(
    title: &str,
    (name, plan, scorer): (&str, &Plan, &Scorer),
    met: &mut dyn SampleSource,
    held: &mut dyn SampleSource,
    options: &RankingOptions,
    mut world: World,
) -> anyhow::Result<Ranking> {
    let named = met.names().and(held.names());
    ensure!(
        named.users && named.items,
        "lists are made of items for users, and these samples name {}",
        match (named.users, named.items) {
            (false, true) => "no users (`sample.group` of the conf)",
            (true, false) => "no items",
            _ => "neither users nor items",
        }
    );
    world.learn(met)?;
    Ok(rank(title, (name, plan, scorer), &mut world, held, options)?)
}

/// The lists of a fit on the samples to judge on; none for kinds that learn to score rows, and none of samples that name no users.
///
/// # Errors
/// What the sources report.
pub(crate) fn lists(job: &Job, fitted: &Fitted) -> anyhow::Result<Option<Ranking>> {
    if !job.model.kind().is_matrix() {
        return Ok(None);
    }
    let (title, met) = title_and_met(job);
    if !job.open(&fitted.plan, Part::Judge)?.names().users {
        output::note("no lists are measured: the samples name no users (`sample.group` of the conf)");
        return Ok(None);
    }
    let network = Network::compile(&job.model, &fitted.plan)?;
    let scorer = Scorer::new(&network, &fitted.trained.parameters)?;
    ranked(
        title,
        (&job.name, &fitted.plan, &scorer),
        &mut *job.open(&fitted.plan, met)?,
        &mut *job.open(&fitted.plan, Part::Judge)?,
        &ranking_options(&job.model),
        World::default(),
    )
    .map(Some)
}

/// NDCG of a fit's lists over all items for the validation samples: what a search compares.
///
/// # Errors
/// What the sources report; no validation sample that anybody liked.
pub(crate) fn listed(job: &Job, plan: &Plan, parameters: &Parameters<f32>) -> anyhow::Result<f64> {
    let network = Network::compile(&job.model, plan)?;
    let scorer = Scorer::new(&network, parameters)?;
    let options = RankingOptions {
        negatives: 0,
        bootstrap: Bootstrap {
            resamples: 0,
            ..Bootstrap::default()
        },
        ..ranking_options(&job.model)
    };
    let ranking = ranked(
        "the validation samples",
        (&job.name, plan, &scorer),
        &mut *job.open(plan, Part::Train)?,
        &mut *job.open(plan, Part::Valid)?,
        &options,
        World::default(),
    )?;
    let own = ranking.lines.iter().find(|line| !line.baseline);
    let own = own.filter(|_| ranking.users > 0);
    Ok(own.context("no validation sample that anybody liked")?.all.ndcg)
}
