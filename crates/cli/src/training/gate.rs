//! The gate of `train` (`gate` in the model file, `--gate`): a version that ranks worse than the serving one does is not published.
//!
//! Both rank the held-out samples, each through its own conf, against the same learnt ones. The decision: the gate stands before
//! publishing and not before serving, since whatever is published may be served by any server on the folder.

use anyhow::Context;
use rankine_dict::pin;
use rankine_model::config::Gate;
use rankine_model::{Artefact, Network, Scorer, versions};
use rankine_train::ranking::{RankingOptions, Verdict};

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
    let lists = |plan, scorer| {
        ranked(
            title,
            (&job.name, plan, scorer),
            &mut *job.open(plan, met)?,
            &mut *job.open(plan, Part::Judge)?,
            &options,
            // no baselines are compared
            &[],
        )
    };
    let new = lists(&fitted.plan, &scorer)?;
    let old = lists(&plan, old).with_context(about)?;
    Ok(Some(Verdict::of(&new, &old, &name, gate)))
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
