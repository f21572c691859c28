//! `rankine_extractor`: rows in, canonical bytes and scores out.

use std::ffi::c_char;
use std::sync::Arc;

use rankine_feature::{Extractor as Extraction, Group, Plan as Compiled, Sample};
use rankine_model::{Artefact, Hidden, ScoreScratch};
use serde_json::{Map, Value};

use crate::border::{borrow, borrow_mut, free, give, guard, put, text};
use crate::{CError, Model, Plan, Status};

/// A plan with working memory, and the model that scores what it extracts.
pub struct Extractor {
    sample: Sample,
    extraction: Extraction,
    bytes: Vec<u8>,
    /// The sample fits and has been extracted.
    ready: bool,
    scoring: Option<Scoring>,
}

struct Scoring {
    model: Arc<Artefact>,
    common: Hidden,
    item: Hidden,
    scratch: ScoreScratch,
}

impl Extractor {
    fn new(plan: &Arc<Compiled>) -> Extractor {
        Extractor {
            sample: Sample::new(plan.schema()),
            extraction: Extraction::new(plan.clone()),
            bytes: Vec::new(),
            ready: false,
            scoring: None,
        }
    }

    fn of_model(model: &Model) -> Result<Extractor, CError> {
        let mut extractor = Extractor::new(&model.plan()?.plan);
        extractor.scoring = Some(Scoring {
            model: model.artefact.clone(),
            common: Hidden::default(),
            item: Hidden::default(),
            scratch: ScoreScratch::default(),
        });
        Ok(extractor)
    }

    /// Extracts what `fill` put into the sample.
    fn extract(&mut self, fill: impl FnOnce(&mut Sample) -> Result<(), CError>) -> Result<&[u8], CError> {
        self.ready = false;
        fill(&mut self.sample)?;
        self.extraction.run(self.sample.rows());
        self.bytes.clear();
        self.extraction.encode(&mut self.bytes);
        self.ready = true;
        Ok(&self.bytes)
    }

    fn score(&mut self) -> Result<f32, CError> {
        let scoring = self.scoring.as_mut().ok_or(CError::NoModel)?;
        if !self.ready {
            return Err(CError::NoRow);
        }
        let scorer = scoring.model.scorer().ok_or(CError::Vectors)?;
        scorer.common(self.extraction.part(Group::Common), &mut scoring.common);
        scorer.item(self.extraction.part(Group::Item), &mut scoring.item);
        let cross = self.extraction.part(Group::Cross);
        Ok(scorer.score(&scoring.common, &scoring.item, cross, &mut scoring.scratch))
    }
}

/// An extractor of a plan.
///
/// # Safety
/// NULL or a plan; a writable place for the extractor.
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_extractor_new(plan: *const Plan, extractor: *mut *mut Extractor) -> Status {
    guard(|| {
        // SAFETY: by the caller's promise
        let plan = unsafe { borrow(plan, "plan") }?;
        // SAFETY: writable by the caller's promise
        unsafe { give(extractor, Extractor::new(&plan.plan), "extractor") }
    })
}

/// An extractor of a model's conf, which can score.
///
/// # Safety
/// NULL or a model; a writable place for the extractor.
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_extractor_of_model(
    model: *const Model,
    extractor: *mut *mut Extractor,
) -> Status {
    guard(|| {
        // SAFETY: by the caller's promise
        let model = unsafe { borrow(model, "model") }?;
        // SAFETY: writable by the caller's promise
        unsafe { give(extractor, Extractor::of_model(model)?, "extractor") }
    })
}

/// Frees an extractor.
///
/// # Safety
/// NULL, or an extractor that nobody uses and that has not been freed.
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_extractor_free(extractor: *mut Extractor) {
    // SAFETY: by the caller's promise
    unsafe { free(extractor) }
}

/// Extracts a text line.
///
/// # Safety
/// As the header says: an extractor used by this thread only, a readable text, writable places or NULL.
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_extract_line(
    extractor: *mut Extractor,
    line: *const c_char,
    line_length: usize,
    bytes: *mut *const u8,
    length: *mut usize,
) -> Status {
    guard(|| {
        // SAFETY: by the caller's promise
        let extractor = unsafe { borrow_mut(extractor, "extractor") }?;
        // SAFETY: readable by the caller's promise
        let line = unsafe { text(line, line_length, "line") }?;
        let found = extractor.extract(|sample| Ok(sample.line(line)?))?;
        // SAFETY: NULL or writable by the caller's promise
        unsafe { show(found, bytes, length) }
    })
}

/// Extracts a JSON object.
///
/// # Safety
/// As [`rankine_extract_line`].
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_extract_json(
    extractor: *mut Extractor,
    object: *const c_char,
    object_length: usize,
    bytes: *mut *const u8,
    length: *mut usize,
) -> Status {
    guard(|| {
        // SAFETY: by the caller's promise
        let extractor = unsafe { borrow_mut(extractor, "extractor") }?;
        // SAFETY: readable by the caller's promise
        let object = unsafe { text(object, object_length, "object") }?;
        let found = extractor.extract(|sample| {
            let read = serde_json::from_str::<Map<String, Value>>(object);
            let object = read.map_err(|error| CError::Json {
                message: error.to_string(),
            })?;
            Ok(sample.json(&object)?)
        })?;
        // SAFETY: NULL or writable by the caller's promise
        unsafe { show(found, bytes, length) }
    })
}

/// Tells where bytes lie; either place may be NULL.
///
/// # Safety
/// Each place is NULL or writable.
unsafe fn show(found: &[u8], bytes: *mut *const u8, length: *mut usize) -> Result<(), CError> {
    if !bytes.is_null() {
        // SAFETY: not NULL, so writable by the promise above
        unsafe { put(bytes, found.as_ptr(), "bytes") }?;
    }
    if !length.is_null() {
        // SAFETY: not NULL, so writable by the promise above
        unsafe { put(length, found.len(), "length") }?;
    }
    Ok(())
}

/// Scores the row extracted last.
///
/// # Safety
/// As the header says: an extractor used by this thread only, a writable place for the score.
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_score(extractor: *mut Extractor, score: *mut f32) -> Status {
    guard(|| {
        // SAFETY: by the caller's promise
        let extractor = unsafe { borrow_mut(extractor, "extractor") }?;
        // SAFETY: writable by the caller's promise
        unsafe { put(score, extractor.score()?, "score") }
    })
}
