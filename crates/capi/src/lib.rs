//! Extraction and scoring for C: `include/rankine.h` is the interface, this is its other side.
//!
//! For engines that load native code and cannot ask a server. Decision: an object behind every pointer, made and freed
//! here, and text or numbers across; nothing of Rust's layout is visible. Every function runs behind `guard`, so a panic
//! becomes a status, and checks every pointer for NULL; that a pointer is otherwise what the header says is the caller's
//! promise, and the only one that `unsafe` rests on.
#![expect(unsafe_code, reason = "pointers come from C")]

mod border;
mod error;
mod extractor;
mod model;
mod plan;

pub use border::Status;
pub use error::CError;
pub use extractor::{
    Extractor, rankine_extract_json, rankine_extract_line, rankine_extractor_free, rankine_extractor_new,
    rankine_extractor_of_model, rankine_score,
};
pub use model::{Model, rankine_model_free, rankine_model_open, rankine_model_plan};
pub use plan::{
    Plan, rankine_plan_compile, rankine_plan_field, rankine_plan_fields, rankine_plan_free, rankine_plan_hash,
};

use std::ffi::{CString, c_char};

/// The version of this interface; `RANKINE_ABI` of the header.
pub const ABI: u32 = 1;

/// The version of this interface.
// SAFETY: no other symbol of this name exists in the process's libraries of ours; the header declares this signature.
#[unsafe(no_mangle)]
pub extern "C" fn rankine_abi() -> u32 {
    ABI
}

/// Why this thread's last call failed.
// SAFETY: as above.
#[unsafe(no_mangle)]
pub extern "C" fn rankine_error() -> *const c_char {
    border::LAST.with(|last| {
        last.borrow()
            .as_ref()
            .map_or(c"".as_ptr(), |text: &CString| text.as_ptr())
    })
}
