//! One sample explained: raw values → operators → signs or numbers → what each does to the score.
//!
//! In the flow: `rankine extract --explain` and the page `explain.html` print it. The decisions: the offline side is made by
//! the road of batches (values printed as a text line, read back, extracted anew), the online side is the bytes that the
//! running server made, and they are compared slot by slot; a slot's contribution is how far the logit falls when what that slot
//! holds is taken away: its signs (then it reads its missing row, where the model has one), its floats (zeros, a missing flag
//! too). Of a linear model that is weight times value, less the weight of the missing row.

use std::sync::Arc;

use rankine_feature::{Content, Extractor, FeatureError, Group, Part, Plan, Sample, Side, canonical};
use rankine_model::{Hidden, ScoreScratch, Scorer};

/// A field of the sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedField {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub side: Side,
    /// Its type, as confs write it.
    pub ty: String,
    /// Its value in the text form; `\N` is missing.
    pub value: String,
}

/// A feature of the sample.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedFeature {
    /// Its name.
    pub name: String,
    /// Its operator.
    pub class: &'static str,
    /// Its slot; none for a stub.
    pub slot: Option<u32>,
    /// How often it is computed.
    pub group: Group,
    /// What it rests on, and what stood there: values of fields, contents of features.
    pub inputs: Vec<(String, String)>,
    /// What it gave offline.
    pub offline: String,
    /// What it gave online; none where nobody asked, or for a stub.
    pub online: Option<String>,
    /// How far the logit falls without what it holds; none where no model reads it.
    pub contribution: Option<f64>,
}

impl ExplainedFeature {
    /// Whether both sides gave the same; true while there is one side only.
    #[must_use]
    pub fn same(&self) -> bool {
        self.online.as_ref().is_none_or(|online| *online == self.offline)
    }
}

/// A sample explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The conf's name.
    pub conf: String,
    /// Its hash.
    pub conf_hash: String,
    /// All fields in the all-order.
    pub fields: Vec<ExplainedField>,
    /// All features in order of execution.
    pub features: Vec<ExplainedFeature>,
    /// The score offline; none without a model that scores.
    pub score: Option<f32>,
    /// The score that the server gave.
    pub online_score: Option<f32>,
    /// Canonical bytes offline.
    pub bytes: Vec<u8>,
    /// Whether the bytes of both sides are the same; none while there is one side only.
    pub same_bytes: Option<bool>,
}

impl Explanation {
    /// Explains a sample offline. `plan` is bound to what it reads; `scorer` belongs to a model of this plan.
    #[must_use]
    pub fn offline(plan: &Arc<Plan>, scorer: Option<&Scorer>, sample: &Sample) -> Explanation {
        let mut extractor = Extractor::new(Arc::clone(plan));
        extractor.run(sample.rows());
        let parts = [Group::Common, Group::Item, Group::Cross].map(|group| extractor.part(group));
        let mut bytes = Vec::new();
        extractor.encode(&mut bytes);
        let logits = scorer.map(|scorer| Logits::new(scorer, parts));
        Explanation {
            conf: plan.name().to_owned(),
            conf_hash: plan.unbound().hash(),
            fields: fields(sample),
            features: features(plan, sample, (parts, logits.as_ref())),
            score: logits.map(|logits| logits.score),
            online_score: None,
            bytes,
            same_bytes: None,
        }
    }

    /// Puts what a server made of the same sample beside it.
    ///
    /// # Errors
    /// `FeatureError::Canonical` for bytes that are no slots.
    pub fn beside(&mut self, bytes: &[u8], score: Option<f32>) -> Result<(), FeatureError> {
        let slots = canonical::read(bytes)?;
        for feature in &mut self.features {
            let found = slots.iter().find(|slot| Some(slot.slot) == feature.slot);
            feature.online = feature.slot.map(|_| match found {
                Some(slot) => printed(slot.content()),
                None => "not there".to_owned(),
            });
        }
        self.same_bytes = Some(bytes == self.bytes);
        self.online_score = score;
        Ok(())
    }

    /// Slots in which the sides differ.
    pub fn differing(&self) -> impl Iterator<Item = &ExplainedFeature> {
        self.features.iter().filter(|feature| !feature.same())
    }
}

fn fields(sample: &Sample) -> Vec<ExplainedField> {
    let field = |(field, value): (&rankine_feature::Field, &rankine_feature::Value)| {
        let mut text = String::new();
        rankine_feature::text::print(value, &mut text);
        ExplainedField {
            name: field.name.to_string(),
            side: field.side,
            ty: field.ty.to_string(),
            value: text,
        }
    };
    sample.values().map(field).collect()
}

fn printed(content: Content<'_>) -> String {
    let mut text = String::new();
    content.print(&mut text);
    text
}

fn features(
    plan: &Plan,
    sample: &Sample,
    (parts, logits): ([&Part; 3], Option<&Logits<'_>>),
) -> Vec<ExplainedFeature> {
    let fields = fields(sample);
    let mut found: Vec<ExplainedFeature> = Vec::new();
    for traced in plan.trace(parts) {
        let feature = traced.feature;
        let input = |name: &Arc<str>| {
            let field = fields.iter().find(|field| field.name == **name);
            let made = || found.iter().find(|made| made.name == **name);
            let value = field.map(|field| field.value.clone());
            let value = value.or_else(|| made().map(|made| made.offline.clone()));
            (name.to_string(), value.unwrap_or_default())
        };
        let dictionary = |read: &String| (read.clone(), String::new());
        let inputs = feature
            .depend
            .iter()
            .map(input)
            .chain(feature.reads.iter().map(dictionary));
        let spec = feature.slot.and_then(|slot| plan.slot(slot));
        let made = ExplainedFeature {
            name: feature.name.to_string(),
            class: feature.class,
            slot: feature.slot,
            group: feature.group,
            inputs: inputs.collect(),
            offline: printed(traced.content),
            online: None,
            contribution: logits.zip(spec).and_then(|(logits, spec)| logits.without(spec)),
        };
        found.push(made);
    }
    found
}

/// A model's logit of one sample, whole and with a slot emptied.
struct Logits<'a> {
    scorer: &'a Scorer,
    parts: [&'a Part; 3],
    score: f32,
    logit: f32,
    common: Hidden,
    item: Hidden,
}

impl<'a> Logits<'a> {
    fn new(scorer: &'a Scorer, parts: [&'a Part; 3]) -> Logits<'a> {
        let (mut common, mut item) = (Hidden::default(), Hidden::default());
        scorer.common(parts[0], &mut common);
        scorer.item(parts[1], &mut item);
        let scratch = &mut ScoreScratch::default();
        Logits {
            score: scorer.score(&common, &item, parts[2], scratch),
            logit: scorer.logit(&common, &item, parts[2], scratch),
            scorer,
            parts,
            common,
            item,
        }
    }

    /// How far the logit falls without what a slot holds; none where the model does not read it.
    fn without(&self, spec: &rankine_feature::SlotSpec) -> Option<f64> {
        if !self.scorer.reads(spec.slot) {
            return None;
        }
        let part = self.parts[spec.group as usize].without(spec);
        let mut hidden = Hidden::default();
        let scratch = &mut ScoreScratch::default();
        let logit = match spec.group {
            Group::Common => {
                self.scorer.common(&part, &mut hidden);
                self.scorer.logit(&hidden, &self.item, self.parts[2], scratch)
            }
            Group::Item => {
                self.scorer.item(&part, &mut hidden);
                self.scorer.logit(&self.common, &hidden, self.parts[2], scratch)
            }
            Group::Cross => self.scorer.logit(&self.common, &self.item, &part, scratch),
        };
        Some(f64::from(self.logit) - f64::from(logit))
    }
}
