//! `golden.jsonl`: raw inputs with the scores they had at publication, one JSON object a line. Replayed whenever the
//! artefact is opened: it proves conf, weights and code together, and warms them up. What a sample reads from dictionaries
//! is kept with it ([`super::reads`]), so look-ups are proved, too.
//!
//! On the instruction set that wrote them scores must be equal; on another within 1e-5.

use super::file;
use super::reads::{self, Listening};
use crate::error::ModelError;
use crate::scorer::{Hidden, ScoreScratch, Scorer};
use rankine_feature::{Part, Plan, Rows, Scratch, Side, Value};
use rankine_kernel::Machine;
use serde_json::{Map, Value as Json};
use std::path::Path;

/// What scores may differ by across instruction sets.
const TOLERANCE: f32 = 1e-5;

/// A raw input: values of each side in the order of the plan's schema.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GoldenSample {
    /// User fields.
    pub user: Vec<Value>,
    /// Item fields.
    pub item: Vec<Value>,
    /// Context fields.
    pub context: Vec<Value>,
}

impl GoldenSample {
    /// Extracts the sample: common, item and cross part.
    #[must_use]
    pub fn parts(&self, plan: &Plan) -> [Part; 3] {
        let mut scratch = Scratch::default();
        let [mut common, mut item, mut cross] = [Part::default(), Part::default(), Part::default()];
        plan.common(&self.user, &self.context, &mut scratch, &mut common);
        plan.item(&self.item, &mut scratch, &mut item);
        let rows = Rows {
            user: &self.user,
            item: &self.item,
            context: &self.context,
        };
        plan.cross(rows, &common, &item, &mut scratch, &mut cross);
        [common, item, cross]
    }

    /// Scores the sample as serving does.
    pub(crate) fn score(&self, plan: &Plan, scorer: &Scorer) -> f32 {
        let [common, item, cross] = self.parts(plan);
        let (mut user_hidden, mut item_hidden) = (Hidden::default(), Hidden::default());
        scorer.common(&common, &mut user_hidden);
        scorer.item(&item, &mut item_hidden);
        scorer.score(&user_hidden, &item_hidden, &cross, &mut ScoreScratch::default())
    }

    fn print(&self, plan: &Plan) -> Json {
        let side = |side: Side, values: &[Value]| {
            let fields = plan
                .schema()
                .side(side)
                .iter()
                .zip(values)
                .filter(|(_, v)| !v.is_missing());
            let pairs =
                fields.map(|(field, value)| (field.name.to_string(), rankine_feature::json::print(value)));
            Json::Object(pairs.collect::<Map<_, _>>())
        };
        serde_json::json!({
            "user": side(Side::User, &self.user),
            "item": side(Side::Item, &self.item),
            "context": side(Side::Context, &self.context),
        })
    }
}

/// Returns the file's text.
///
/// Each sample is scored as it reads back from its line: JSON may order a map's tags otherwise, or hold one of two
/// equal ones, and the file must agree with itself.
///
/// # Errors
/// What is wrong with a sample: it cannot be read back, or its score is not finite.
pub(super) fn text(samples: &[GoldenSample], plan: &Plan, scorer: &Scorer) -> Result<String, String> {
    let mut text = String::new();
    for (i, sample) in samples.iter().enumerate() {
        let mut json = sample.print(plan);
        let read = parse(&json, plan).map_err(|message| format!("golden sample {i}: {message}"))?;
        let listening = Listening::to(plan).map_err(|fault| format!("golden sample {i}: {fault}"))?;
        let score = read.score(&listening.plan, scorer);
        if !score.is_finite() {
            return Err(format!("golden sample {i}: its score {score} is not finite"));
        }
        json["score"] = f64::from(score).into();
        if let Some(heard) = listening.heard() {
            json["reads"] = heard;
        }
        text.push_str(&json.to_string());
        text.push('\n');
    }
    Ok(text)
}

/// A golden sample as the file keeps it.
#[derive(Debug, Clone)]
pub struct Golden {
    /// The raw input.
    pub sample: GoldenSample,
    /// The plan, reading the dictionary cells that were kept with the sample; none where none were.
    pub plan: Option<Plan>,
    /// The score at publication.
    pub score: f32,
}

/// Reads the lines of a file; a fault says in which line it is.
pub(crate) fn read(text: &str, plan: &Plan) -> impl Iterator<Item = Result<Golden, String>> {
    text.lines().enumerate().map(|(i, line)| {
        let fault = |message: String| format!("line {}: {message}", i + 1);
        let json: Json = serde_json::from_str(line).map_err(|e| fault(e.to_string()))?;
        let sample = parse(&json, plan).map_err(fault)?;
        let score = json["score"].as_f64().map(narrow);
        Ok(Golden {
            sample,
            plan: reads::replay(plan, &json["reads"]).map_err(fault)?,
            score: score.ok_or_else(|| fault("no `score`".to_owned()))?,
        })
    })
}

/// Replays the file of a folder.
pub(super) fn verify(dir: &Path, isa: &str, plan: &Plan, scorer: &Scorer) -> Result<(), ModelError> {
    let path = dir.join(file::GOLDEN);
    let text = std::fs::read_to_string(&path).map_err(ModelError::io(&path))?;
    let same = isa == Machine::detect().name();
    for (i, golden) in read(&text, plan).enumerate() {
        let golden = golden.map_err(|message| ModelError::invalid(&path, message))?;
        let (expected, bound) = (golden.score, golden.plan.as_ref());
        let got = golden.sample.score(bound.unwrap_or(plan), scorer);
        let close = if same {
            got.to_bits() == expected.to_bits()
        } else {
            (got - expected).abs() <= TOLERANCE
        };
        if !close {
            return Err(ModelError::Golden {
                path,
                line: i + 1,
                expected,
                got,
            });
        }
    }
    Ok(())
}

fn parse(json: &Json, plan: &Plan) -> Result<GoldenSample, String> {
    let side = |side: Side, key: &str| -> Result<Vec<Value>, String> {
        let object = json[key].as_object().ok_or_else(|| format!("no `{key}`"))?;
        let fields = plan.schema().side(side).iter();
        let value = |field: &rankine_feature::Field| match object.get(&*field.name) {
            Some(json) => rankine_feature::json::parse(field.ty, json)
                .map_err(|e| format!("field `{}`: {e}", field.name)),
            None => Ok(Value::Missing),
        };
        fields.map(value).collect()
    };
    let (user, item) = (side(Side::User, "user")?, side(Side::Item, "item")?);
    Ok(GoldenSample {
        user,
        item,
        context: side(Side::Context, "context")?,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the number was an f32 when it was written"
)]
fn narrow(score: f64) -> f32 {
    score as f32
}
