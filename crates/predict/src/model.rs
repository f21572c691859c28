//! One served generation of a model: its artefact and everything derived from it once, on the loader thread.
//!
//! The decision here: whatever depends on the model (projections, item parts, scratch memory, metadata) lives and dies
//! with the generation; a request that holds the generation holds all of it, and nothing of another.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rankine_dict::{Candidate, LoadFault, Pace, Parser, Waiting};
use rankine_feature::{Field, FieldType, Plan, Side};
use rankine_model::{Artefact, Hidden, Manifest, ScoreScratch, Scorer};

use crate::cache::{Fresh, ItemCache};
use crate::conf::{Conf, Confs, Listed};
use crate::dictionary::{Dictionaries, DictionarySnapshot, VectorTable};
use crate::made;
use crate::project::Projector;
use crate::score::{Common, Extracted, KeptPart, Scratchpad};
use crate::spare::Spares;

/// Item parts that are made together before a swap.
const WARMED: usize = 256;

/// Opens artefacts for dictionaries.
pub(crate) struct Opener {
    /// Budget of each generation's item cache.
    pub(crate) item_cache_bytes: usize,
    /// Reading speed, MiB per second.
    pub(crate) max_mb_s: u32,
    /// The dictionary of its item vectors; empty: none.
    pub(crate) vectors: String,
    /// What a model's conf meets.
    pub(crate) around: Arc<Around>,
    /// The generation opened last.
    pub(crate) last: Last,
}

/// The item parts of a generation, while it lives, and the hash of its conf.
pub(crate) type Last = Mutex<Option<(String, Weak<ItemCache<KeptPart>>)>>;

/// What models share: confs by hash, the listed ones, the dictionaries that confs read.
#[derive(Default)]
pub(crate) struct Around {
    pub(crate) confs: Arc<Confs>,
    pub(crate) listed: Vec<Listed>,
    pub(crate) dictionaries: OnceLock<Dictionaries>,
}

impl Around {
    /// The dictionaries' generations now.
    pub(crate) fn snapshot(&self) -> DictionarySnapshot {
        self.dictionaries
            .get()
            .map(Dictionaries::snapshot)
            .unwrap_or_default()
    }

    /// Binds every conf in use to the newest generations; called by a dictionary's loader after a swap.
    pub(crate) fn rebind(&self) {
        let dictionaries = self.snapshot();
        for conf in self.confs.all() {
            if let Err(fault) = conf.bound(&dictionaries) {
                tracing::warn!(conf = conf.name, hash = conf.hash, %fault, "the conf cannot be served");
            }
        }
    }
}

impl Parser for Opener {
    type Output = Served;

    fn load(&self, candidate: &Candidate) -> Result<Served, LoadFault> {
        self.admit(&candidate.path)?;
        Pace::new(f64::from(self.max_mb_s)).warm(&candidate.path)?;
        let artefact = Artefact::open(&candidate.path)?;
        let conf = artefact.plan().map(|plan| self.around.confs.of(plan));
        if let Some(conf) = &conf {
            conf.bound(&self.around.snapshot())
                .map_err(|fault| waits(fault.to_string()))?;
        }
        let scoring = conf.and_then(|conf| Scoring::of(&artefact, conf, self));
        let served = Served { artefact, scoring };
        self.warm(&served);
        Ok(served)
    }
}

impl Opener {
    /// Makes the parts of the items that the generation before has kept, of the features it has kept: else the first requests
    /// after a swap would make them all.
    fn warm(&self, served: &Served) {
        let Some(engine) = served.engine() else {
            return;
        };
        let (conf, cache) = (&engine.scoring.conf, &engine.scoring.cache);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.as_ref().filter(|(hash, _)| *hash == conf.hash);
        if let Some(before) = before.and_then(|(_, cache)| cache.upgrade()) {
            engine.warm(&before);
        }
        *last = Some((conf.hash.clone(), Arc::downgrade(cache)));
    }

    /// Refuses a model whose conf is listed and not there, before anything large is read.
    fn admit(&self, path: &Path) -> Result<(), LoadFault> {
        let manifest = Manifest::read(path)?;
        let Some(conf) = &manifest.conf else {
            return Ok(());
        };
        Listed::admits(&self.around.listed, &conf.name, &conf.hash).map_err(waits)
    }
}

/// A refusal that lasts until something else has loaded.
fn waits(message: String) -> LoadFault {
    Box::new(Waiting { message })
}

/// A loaded artefact.
pub(crate) struct Served {
    /// The artefact.
    pub(crate) artefact: Artefact,
    /// What scoring needs; `None` for kinds that give vectors only.
    pub(crate) scoring: Option<Scoring>,
}

impl Served {
    /// What scores; `None` for kinds that give vectors only.
    pub(crate) fn engine(&self) -> Option<Engine<'_>> {
        Some(Engine {
            scorer: self.artefact.scorer()?,
            output: 0,
            scoring: self.scoring.as_ref()?,
            vectors: None,
        })
    }
}

/// A model with what is derived from it.
#[derive(Clone, Copy)]
pub(crate) struct Engine<'a> {
    /// The model.
    pub(crate) scorer: &'a Scorer,
    /// Which of its outputs is the score.
    pub(crate) output: usize,
    /// What is derived from it.
    pub(crate) scoring: &'a Scoring,
    /// Item vectors that this version made, of the snapshot it was taken with.
    pub(crate) vectors: Option<&'a VectorTable>,
}

impl<'a> Engine<'a> {
    /// What scores, and by which of its outputs.
    pub(crate) fn judge(&self) -> (&'a Scorer, usize) {
        (self.scorer, self.output)
    }

    /// Keeps this model's parts of everything in another cache of the same conf.
    fn warm(&self, before: &ItemCache<KeptPart>) {
        // the lock is held for a copy of pointers, not for the work
        let kept: Vec<(i64, u64, Arc<Extracted>)> = before
            .read()
            .all()
            .map(|(id, version, part)| (id, version, Arc::clone(&part.features)))
            .collect();
        let mut scratch = ScoreScratch::default();
        for kept in kept.chunks(WARMED) {
            let mut hidden = vec![Hidden::default(); kept.len()];
            let part = |i: usize| &kept[i].2.part;
            let broken = made::make(self.scorer, &part, &mut scratch, &mut hidden);
            let parts = kept
                .iter()
                .zip(hidden)
                .enumerate()
                .filter(|(i, _)| !broken.contains(i));
            let fresh = parts.map(|(_, ((id, version, features), hidden))| {
                let features = Arc::clone(features);
                Fresh::of((*id, *version), KeptPart { features, hidden }, self.scoring)
            });
            self.scoring.cache.put(fresh.collect::<Vec<_>>().into_iter());
        }
    }

    /// Makes `out` the part of an item whose vector a dictionary has; false where none has it.
    pub(crate) fn stored(&self, id: i64, out: &mut Hidden) -> bool {
        let vector = self.vectors.and_then(|vectors| vectors.get(id));
        vector.is_some_and(|vector| out.take(vector, self.scorer.vector_width()))
    }
}

/// What scoring with one generation needs beside the model.
pub(crate) struct Scoring {
    /// The model's conf.
    pub(crate) conf: Arc<Conf>,
    /// The dictionary of its item vectors; empty: none.
    pub(crate) vectors: String,
    /// The model's own plan.
    pub(crate) plan: Arc<Plan>,
    /// User rows to the plan's order.
    pub(crate) user: Projector,
    /// Item rows likewise.
    pub(crate) item: Projector,
    /// Context rows likewise.
    pub(crate) context: Projector,
    /// Item parts of this generation.
    pub(crate) cache: Arc<ItemCache<KeptPart>>,
    /// Memory of requests.
    pub(crate) commons: Spares<Common>,
    /// Memory of tasks.
    pub(crate) pads: Spares<Scratchpad>,
}

impl Scoring {
    fn of(artefact: &Artefact, conf: Arc<Conf>, opener: &Opener) -> Option<Self> {
        let plan = artefact.plan()?;
        let side = |side| Projector::new(plan.schema().side(side));
        Some(Self {
            user: side(Side::User),
            item: side(Side::Item),
            context: side(Side::Context),
            cache: Arc::new(ItemCache::new(opener.item_cache_bytes)),
            vectors: opener.vectors.clone(),
            commons: Spares::default(),
            pads: Spares::default(),
            plan: Arc::clone(plan),
            conf,
        })
    }
}

/// The user field that is the user's id: the samples' group field, else the first whole number.
pub(crate) fn user_key(plan: &Plan) -> Option<Arc<str>> {
    let fields = plan.schema().side(Side::User);
    let group = plan.sample_spec().group.as_deref();
    let named = fields
        .iter()
        .find(|f| Some(&*f.name) == group && f.ty == FieldType::Int);
    named.map(|f| Arc::clone(&f.name)).or_else(|| first_int(fields))
}

/// The item field that is the item's id: the first whole number.
pub(crate) fn item_key(plan: &Plan) -> Option<Arc<str>> {
    first_int(plan.schema().side(Side::Item))
}

fn first_int(fields: &[Field]) -> Option<Arc<str>> {
    fields
        .iter()
        .find(|f| f.ty == FieldType::Int)
        .map(|f| Arc::clone(&f.name))
}

#[cfg(test)]
#[path = "../tests/integration/fixture.rs"]
#[expect(dead_code, reason = "shared with the integration tests, which use the rest")]
mod fixture;

#[cfg(test)]
mod tests {
    use super::*;

    /// Publishes once and copies, so that every version of the suite has the same files.
    fn write(into: &Path) {
        let models = tempfile::tempdir().unwrap();
        fixture::publish_wide_deep(models.path(), "films", 3);
        for file in std::fs::read_dir(models.path().join("films/1"))
            .unwrap()
            .flatten()
        {
            std::fs::copy(file.path(), into.join(file.file_name())).unwrap();
        }
    }

    #[test]
    fn artefacts_conform_to_the_contract_of_parsers() {
        let scratch = tempfile::tempdir().unwrap();
        rankine_dict::conformance::parser_suite(
            scratch.path(),
            Opener {
                item_cache_bytes: 0,
                max_mb_s: 0,
                vectors: String::new(),
                around: Arc::default(),
                last: Last::default(),
            },
            &write,
            &|_| true,
        );
    }
}
