//! The gate of `train` (`gate` in the model file, `--gate`): a version that ranks worse than the serving one does is not published.
//!
//! Both rank the held-out samples, each through its own conf, against the same learnt ones. The decision: the gate stands before
//! publishing and not before serving, since whatever is published may be served by any server on the folder. What the serving version,
//! or the one that training began from, has learnt is not cold, though today's samples lack it.

use std::collections::BTreeSet;

use anyhow::Context;
use rankine_dict::pin;
use rankine_feature::Plan;
use rankine_model::config::Gate;
use rankine_model::{Artefact, Network, Scorer, read_parameters, versions};
use rankine_train::ranking::{RankingOptions, Verdict, World};

use super::learnt::Version;
use super::ranked::{ranked, ranking_options, title_and_met};
use super::{Fitted, Job, Part};
use crate::home::Home;

/// Holds a fit against the version that serves; none where none does.
///
/// # Errors
/// A version that does not open or cannot read the samples; what the sources report.
pub(crate) fn gate(job: &Job, home: &Home, fitted: &Fitted, gate: &Gate) -> anyhow::Result<Option<Verdict>> {
    let Some(serving) = serving(job, home)? else {
        return Ok(None);
    };
    let manifest = serving.manifest();
    let name = format!("{}@{}", manifest.name, manifest.version);
    let about = || format!("the gate: {name}, which serves, cannot be held against these samples");
    let (plan, old) = serving.plan().zip(serving.scorer()).with_context(about)?;
    let plan = job.tables.bind(plan).with_context(about)?;
    let options = RankingOptions {
        k: gate.k,
        negatives: 0,
        ..ranking_options(&job.model)
    };
    let network = Network::compile(&job.model, &fitted.plan)?;
    let scorer = Scorer::new(&network, &fitted.trained.parameters)?;
    let (title, met) = title_and_met(job);
    let learnt = learnt(job, (&serving, &plan), (&fitted.plan, &network)).with_context(about)?;
    let lists = |plan, scorer| {
        ranked(
            title,
            (&job.name, plan, scorer),
            &mut *job.open(plan, met)?,
            &mut *job.open(plan, Part::Judge)?,
            &options,
            // no baselines are compared
            World::default().learnt_before(learnt.iter().copied()),
        )
    };
    let new = lists(&fitted.plan, &scorer)?;
    let old = lists(&plan, old).with_context(about)?;
    Ok(Some(Verdict::of(&new, &old, &name, gate)))
}

/// The held-out items that the serving version has learnt, or the one that training began from.
fn learnt(
    job: &Job,
    (serving, plan): (&Artefact, &Plan),
    (own_plan, own_network): (&Plan, &Network),
) -> anyhow::Result<BTreeSet<i64>> {
    let mut learnt = BTreeSet::new();
    if let Some(network) = serving.network() {
        let version = Version {
            config: serving.config(),
            plan,
            network,
            parameters: &read_parameters(&serving.dir().join("weights.safetensors"))?,
        };
        version.learnt(&mut *job.open(plan, Part::Judge)?, &mut learnt)?;
    }
    if let Some(origin) = &job.origin {
        // its rows have the names of the new model
        let version = Version {
            config: &job.model,
            plan: own_plan,
            network: own_network,
            parameters: &origin.start.parameters,
        };
        version.learnt(&mut *job.open(own_plan, Part::Judge)?, &mut learnt)?;
    }
    Ok(learnt)
}

/// The version that servers on the folder serve.
fn serving(job: &Job, home: &Home) -> anyhow::Result<Option<Artefact>> {
    let folder = home.models().join(&job.name);
    let there = versions(&folder);
    let pinned = pin::pinned(&folder)?;
    let of = |wanted: u64| there.iter().find(|(version, _)| *version == wanted);
    let path = pinned.and_then(of).or(there.last()).map(|(_, path)| path);
    Ok(path.map(|path| Artefact::open(path)).transpose()?)
}
