//! `rankine_model`: an opened artefact.

use std::ffi::c_char;
use std::path::Path;
use std::sync::Arc;

use rankine_model::Artefact;

use crate::border::{borrow, free, give, guard, text};
use crate::{CError, Plan, Status};

/// An artefact; extractors share it.
pub struct Model {
    pub(crate) artefact: Arc<Artefact>,
}

impl Model {
    /// The model's conf.
    pub(crate) fn plan(&self) -> Result<Plan, CError> {
        Plan::new(self.artefact.plan().ok_or(CError::Vectors)?.clone())
    }
}

/// Opens an artefact folder.
///
/// # Safety
/// As the header says: a readable text, a writable place for the model.
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_model_open(
    folder: *const c_char,
    folder_length: usize,
    model: *mut *mut Model,
) -> Status {
    guard(|| {
        // SAFETY: readable by the caller's promise
        let folder = unsafe { text(folder, folder_length, "folder") }?;
        let artefact = Arc::new(Artefact::open(Path::new(folder))?);
        // SAFETY: writable by the caller's promise
        unsafe { give(model, Model { artefact }, "model") }
    })
}

/// Frees a model.
///
/// # Safety
/// NULL, or a model that nobody uses and that has not been freed.
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_model_free(model: *mut Model) {
    // SAFETY: by the caller's promise
    unsafe { free(model) }
}

/// The model's conf.
///
/// # Safety
/// NULL or a model; a writable place for the plan.
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_model_plan(model: *const Model, plan: *mut *mut Plan) -> Status {
    guard(|| {
        // SAFETY: by the caller's promise
        let model = unsafe { borrow(model, "model") }?;
        // SAFETY: writable by the caller's promise
        unsafe { give(plan, model.plan()?, "plan") }
    })
}
