//! From names to what is loaded: every model of a question, grouped by conf hash, each or its reason.

use std::sync::Arc;
use std::time::Duration;

use rankine_model::Scorer;

use super::admit::{Gate, Permit};
use super::answer::{ModelError, ModelFault};
use super::group::Group;
use super::question::Question;
use crate::conf::Conf;
use crate::error::PredictError;
use crate::model::Engine;
use crate::snapshot::Snapshot;

/// Where a model of a question is, or why it is nowhere.
pub(super) type Place = Result<Seat, ModelError>;

/// Where a model of a question is.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    pub(super) group: usize,
    pub(super) member: usize,
    pub(super) version: u64,
}

/// A question ready to be worked on.
pub(super) struct Prepared<'a> {
    pub(super) groups: Vec<Group<'a>>,
    /// Per ask, per model.
    pub(super) places: Vec<Vec<Place>>,
    /// The bound and the shortest wait of models that are busy.
    busy: Option<(usize, Duration)>,
}

/// A conf's group, or why it has none.
struct Tried {
    hash: String,
    group: Result<usize, ModelError>,
}

/// Resolves a question on a snapshot.
///
/// # Errors
/// `Question` for a question that is wrong in itself; `Overloaded` where every model is.
pub(super) fn prepare<'a>(
    snapshot: &'a Snapshot,
    question: &'a Question,
) -> Result<Prepared<'a>, PredictError> {
    check(question)?;
    let mut making = Making {
        snapshot,
        question,
        groups: Vec::new(),
        tried: Vec::new(),
        held: Vec::new(),
        busy: None,
    };
    let mut places = Vec::with_capacity(question.asks.len());
    for ask in &question.asks {
        let seat = |model: &'a String| making.seat(&ask.conf, model);
        places.push(ask.models.iter().map(seat).collect());
    }
    let prepared = Prepared {
        groups: making.groups,
        places,
        busy: making.busy,
    };
    prepared.all_busy().map_or(Ok(()), Err)?;
    Ok(prepared)
}

/// What is wrong with a question whoever answers it.
fn check(question: &Question) -> Result<(), PredictError> {
    let fault = |place: String, message: &str| {
        let message = message.to_owned();
        Err(PredictError::Question { place, message })
    };
    if question.asks.is_empty() {
        return fault("asks".to_owned(), "expected at least one, got none");
    }
    for (a, ask) in question.asks.iter().enumerate() {
        for (m, model) in ask.models.iter().enumerate() {
            if ask.models[..m].contains(model) {
                return fault(
                    format!("asks[{a}].models[{m}]"),
                    &format!("`{model}` is asked for twice"),
                );
            }
        }
    }
    let most = question.item_fields.len();
    match question.items.iter().position(|item| item.given.len() > most) {
        Some(i) => fault(
            format!("items[{i}].values"),
            &format!("more values than the {most} item fields"),
        ),
        None => Ok(()),
    }
}

struct Making<'a> {
    snapshot: &'a Snapshot,
    question: &'a Question,
    groups: Vec<Group<'a>>,
    tried: Vec<Tried>,
    /// Bounds under which the question has its place: a model asked for twice needs one.
    held: Vec<&'a Arc<Gate>>,
    busy: Option<(usize, Duration)>,
}

impl<'a> Making<'a> {
    fn seat(&mut self, conf: &str, asked: &'a str) -> Place {
        let (found, permit) = self.find(conf, asked)?;
        let group = self.group(&found.engine.scoring.conf)?;
        let names = [asked, found.base, found.name];
        let member = self.groups[group].join(found.engine, names, permit)?;
        Ok(Seat {
            group,
            member,
            version: found.version,
        })
    }

    fn find(&mut self, conf: &str, asked: &'a str) -> Result<(Found<'a>, Option<Permit>), ModelError> {
        let (model, output) = asked.split_once('/').map_or((asked, None), |(m, o)| (m, Some(o)));
        let (base, version) = name_and_version(model)?;
        let (name, generation) = self.snapshot.find(base, version).map_err(|e| of(&e))?;
        let mut engine = self.snapshot.engine(name, generation).map_err(|e| of(&e))?;
        engine.output = output.map_or(Ok(0), |output| number(engine.scorer, name, output))?;
        let own = &engine.scoring.conf.name;
        if !conf.is_empty() && own != conf {
            return Err(ModelError {
                fault: ModelFault::OtherConf,
                message: format!("model {name}: trained with conf `{own}`, asked for with `{conf}`"),
            });
        }
        let permit = self.permit(base).map_err(|wait| ModelError {
            fault: ModelFault::Busy,
            message: format!("model {name}: busy, come back in {} ms", wait.as_millis()),
        })?;
        let version = generation.version;
        Ok((
            Found {
                engine,
                base,
                name,
                version,
            },
            permit,
        ))
    }

    /// A place under the model's own bound, unless it has none or the question has its place already.
    fn permit(&mut self, model: &str) -> Result<Option<Permit>, Duration> {
        let Some(gate) = self.snapshot.gate(model) else {
            return Ok(None);
        };
        if self.held.iter().any(|held| Arc::ptr_eq(held, gate)) {
            return Ok(None);
        }
        let permit = gate.admit().inspect_err(|wait| {
            let shortest = self.busy.map_or(*wait, |(_, before)| before.min(*wait));
            self.busy = Some((gate.load().1, shortest));
        })?;
        self.held.push(gate);
        Ok(Some(permit))
    }

    /// The conf's group; made, and its common part extracted, when its hash is first met.
    fn group(&mut self, conf: &Arc<Conf>) -> Result<usize, ModelError> {
        if let Some(tried) = self.tried.iter().find(|tried| tried.hash == conf.hash) {
            return tried.group.clone();
        }
        let made = new_group(self.snapshot, conf, self.question);
        let group = made.map(|group| {
            self.groups.push(group);
            self.groups.len() - 1
        });
        self.tried.push(Tried {
            hash: conf.hash.clone(),
            group: group.clone(),
        });
        group
    }
}

/// The number of one of a model's outputs.
fn number(scorer: &Scorer, name: &str, output: &str) -> Result<usize, ModelError> {
    let outputs = scorer.outputs();
    let found = outputs.iter().position(|own| *own == output);
    found.ok_or_else(|| ModelError {
        fault: ModelFault::Unknown,
        message: format!(
            "model {name}: no output `{output}`, expected one of {}",
            outputs.join(", ")
        ),
    })
}

/// A group without models.
pub(super) fn new_group<'a>(
    snapshot: &Snapshot,
    conf: &Arc<Conf>,
    question: &Question,
) -> Result<Group<'a>, ModelError> {
    let bound = conf.bound(snapshot.dictionaries()).map_err(|fault| ModelError {
        fault: ModelFault::NotLoaded,
        message: format!("conf `{}`: {fault}", conf.name),
    })?;
    Group::new(Arc::clone(conf), bound, question)
}

/// A model that was found.
struct Found<'a> {
    engine: Engine<'a>,
    base: &'a str,
    name: &'a str,
    version: u64,
}

/// `ctr:12` is version 12 of `ctr`.
pub(super) fn name_and_version(asked: &str) -> Result<(&str, Option<u64>), ModelError> {
    let Some((base, version)) = asked.split_once(':') else {
        return Ok((asked, None));
    };
    match rankine_dict::parse_version(version) {
        Some(version) => Ok((base, Some(version))),
        None => Err(ModelError {
            fault: ModelFault::Unknown,
            message: format!("model {asked}: expected a version behind `:`"),
        }),
    }
}

/// A model's error of the predictor's.
pub(super) fn of(error: &PredictError) -> ModelError {
    let fault = match error {
        PredictError::UnknownModel { .. } | PredictError::UnknownVersion { .. } => ModelFault::Unknown,
        PredictError::NotLoaded { .. } => ModelFault::NotLoaded,
        PredictError::NoScores { .. } | PredictError::NoVectors { .. } => ModelFault::NoScores,
        PredictError::Name { .. }
        | PredictError::Pinned { .. }
        | PredictError::Dict { .. }
        | PredictError::Pool { .. }
        | PredictError::Input { .. }
        | PredictError::Common { .. }
        | PredictError::Overloaded { .. }
        | PredictError::Question { .. }
        | PredictError::Cancelled
        | PredictError::Deadline { .. } => ModelFault::Internal,
    };
    ModelError {
        fault,
        message: error.to_string(),
    }
}

impl Prepared<'_> {
    /// The refusal where there are models and each is busy.
    fn all_busy(&self) -> Option<PredictError> {
        let mut places = self.places.iter().flatten().peekable();
        places.peek()?;
        let busy = |place: &Place| place.as_ref().is_err_and(|error| error.fault == ModelFault::Busy);
        let (permits, wait) = self.busy.filter(|_| places.all(busy))?;
        Some(PredictError::overloaded(permits, wait))
    }

    /// Models that score.
    pub(super) fn models(&self) -> usize {
        self.groups.iter().map(|group| group.members.len()).sum()
    }
}
