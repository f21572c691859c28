//! One item of a question, explained: as it is served, beside the offline road of the same raw values.

use std::sync::Arc;

use rankine_feature::Sample;

use super::question::Question;
use super::tap::Tap;
use crate::error::PredictError;
use crate::explain::Explanation;
use crate::predictor::Predictor;
use crate::snapshot::Snapshot;

impl Predictor {
    /// Answers a question about one item and one model, and explains the score: online what was served, tapped where it was
    /// scored; offline the same raw values printed as a text line, read back and extracted anew. With the version that scored.
    ///
    /// # Errors
    /// As [`Predictor::ask_on`]; `Question` where there is no score, with the reason.
    pub fn explain_on(
        &self,
        snapshot: &Snapshot,
        question: &Question,
    ) -> Result<(u64, Explanation), PredictError> {
        let fault = |message: String| PredictError::Question {
            place: "items[0]".to_owned(),
            message,
        };
        let tap = Arc::new(Tap::default());
        let question = Question {
            tap: Some(Arc::clone(&tap)),
            ..question.clone()
        };
        let answer = self.ask_on(snapshot, &question)?;
        let model = answer.confs.into_iter().flat_map(|conf| conf.models).next();
        let model = model.ok_or_else(|| fault("expected a model, got none".to_owned()))?;
        let scored = model.outcome.map_err(|error| fault(error.message))?;
        let score = match scored.scores.first() {
            Some(Ok(score)) => Some(*score),
            Some(Err(absence)) => return Err(fault(absence.message.clone())),
            None => None,
        };
        let tapped = tap.take().into_iter().next();
        let tapped = tapped.ok_or_else(|| fault("expected an item, got none".to_owned()))?;
        let plan = &tapped.plan;
        let mut sample = Sample::new(plan.schema());
        let value = |name: &str| {
            let (side, at) = plan.schema().find(name)?;
            tapped.sides[side as usize].get(at).cloned()
        };
        sample.set(|field| value(&field.name).unwrap_or_default());
        let (mut line, mut offline) = (String::new(), Sample::new(plan.schema()));
        sample.print(&mut line);
        offline.line(&line).map_err(|error| fault(error.to_string()))?;
        let base = model.model.split(':').next().unwrap_or(&model.model);
        let (_, artefact) = snapshot.artefact(base, Some(scored.version))?;
        let mut explained = Explanation::offline(plan, artefact.scorer(), &offline);
        explained
            .beside(&tapped.bytes, score)
            .map_err(|error| fault(error.to_string()))?;
        Ok((scored.version, explained))
    }
}
