//! `rankine_plan`: a compiled conf.

use std::ffi::{CString, c_char};
use std::sync::Arc;

use rankine_feature::{Fit, Plan as Compiled};

use crate::border::{borrow, free, give, guard, put, text};
use crate::{CError, Status};

/// A compiled conf and its fields' names as C reads them.
pub struct Plan {
    pub(crate) plan: Arc<Compiled>,
    names: Vec<CString>,
}

impl Plan {
    /// A plan that needs nothing more.
    pub(crate) fn new(plan: Arc<Compiled>) -> Result<Plan, CError> {
        if plan.needs_fit() {
            return Err(CError::Unfitted);
        }
        if let Some(spec) = plan.dictionaries().first() {
            let dictionary = spec.name.to_string();
            return Err(CError::Dictionary { dictionary });
        }
        let fields = plan.schema().all().iter();
        let names = fields.map(|field| CString::new(field.name.replace('\0', " ")).unwrap_or_default());
        Ok(Plan {
            names: names.collect(),
            plan,
        })
    }
}

/// Compiles a conf.
///
/// # Safety
/// As the header says: readable texts (`fit` may be NULL), a writable place for the plan.
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_plan_compile(
    conf: *const c_char,
    conf_length: usize,
    fit: *const c_char,
    fit_length: usize,
    plan: *mut *mut Plan,
) -> Status {
    guard(|| {
        // SAFETY: readable by the caller's promise
        let conf = unsafe { text(conf, conf_length, "conf") }?;
        let fit = if fit.is_null() {
            None
        } else {
            // SAFETY: readable by the caller's promise
            let fit = unsafe { text(fit, fit_length, "fit") }?;
            Some(Fit::from_json(fit).map_err(|source| CError::Fit { source })?)
        };
        let compiled = Compiled::compile(conf, "conf", fit.as_ref())?;
        // SAFETY: writable by the caller's promise
        unsafe { give(plan, Plan::new(Arc::new(compiled))?, "plan") }
    })
}

/// Frees a plan.
///
/// # Safety
/// NULL, or a plan that nobody uses and that has not been freed.
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_plan_free(plan: *mut Plan) {
    // SAFETY: by the caller's promise
    unsafe { free(plan) }
}

/// The conf hash.
///
/// # Safety
/// NULL or a plan; room for 33 bytes.
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_plan_hash(plan: *const Plan, hash: *mut c_char) -> Status {
    guard(|| {
        // SAFETY: by the caller's promise
        let plan = unsafe { borrow(plan, "plan") }?;
        let mut digits = [0; 33];
        digits
            .iter_mut()
            .zip(plan.plan.hash().bytes())
            .take(32)
            .for_each(|(to, from)| *to = from);
        // SAFETY: 33 bytes are writable by the caller's promise; bytes have no alignment
        unsafe { put(hash.cast::<[u8; 33]>(), digits, "hash") }
    })
}

/// How many fields a line has; 0 for NULL.
///
/// # Safety
/// NULL or a plan.
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_plan_fields(plan: *const Plan) -> usize {
    // SAFETY: by the caller's promise
    unsafe { borrow(plan, "plan") }.map_or(0, |plan| plan.names.len())
}

/// The name of a field; NULL where there is none.
///
/// # Safety
/// NULL or a plan.
// SAFETY: the only symbol of this name; the header declares this signature.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rankine_plan_field(plan: *const Plan, index: usize) -> *const c_char {
    // SAFETY: by the caller's promise
    let name = unsafe { borrow(plan, "plan") }
        .ok()
        .and_then(|plan| plan.names.get(index));
    name.map_or(std::ptr::null(), |name| name.as_ptr())
}
