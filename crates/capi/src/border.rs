//! The border: statuses, the thread's last error, and the few ways in which pointers are read, written, made and freed.
//!
//! Decision: all `unsafe` that touches memory is in this file, in functions of a few lines whose promises are stated once.

use std::cell::RefCell;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::CError;

/// `rankine_status` of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// A NULL pointer, or text that is not UTF-8.
    Invalid = 1,
    /// A conf, its statistics or an artefact has faults.
    Conf = 2,
    /// A row does not fit the schema.
    Row = 3,
    /// Called before there is a row, or without a model.
    State = 4,
    /// A fault in the code, caught.
    Panic = 5,
}

thread_local! {
    /// Why this thread's last call failed.
    pub(crate) static LAST: RefCell<Option<CString>> = const { RefCell::new(None) };
}

/// Runs a call: its error becomes a status and the thread's last error; a panic does, too, and goes no further.
pub(crate) fn guard(call: impl FnOnce() -> Result<(), CError>) -> Status {
    let (status, text) = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => (Status::Ok, None),
        Ok(Err(error)) => (error.status(), Some(error.to_string())),
        Err(_) => (
            Status::Panic,
            Some("a fault in Rankine; free the object and report it".to_owned()),
        ),
    };
    let text = text.map(|text| CString::new(text.replace('\0', " ")).unwrap_or_default());
    LAST.with(|last| *last.borrow_mut() = text);
    status
}

/// The object behind a pointer.
///
/// # Safety
/// The pointer is NULL or came from [`give`] for this type, has not been freed, and nobody writes to the object meanwhile.
pub(crate) unsafe fn borrow<'a, T>(pointer: *const T, argument: &'static str) -> Result<&'a T, CError> {
    // SAFETY: not NULL is checked by `as_ref`; alignment, life and absence of writers are the caller's promise above
    unsafe { pointer.as_ref() }.ok_or(CError::Null { argument })
}

/// The object behind a pointer, to be changed.
///
/// # Safety
/// As [`borrow`], and nobody else uses the object meanwhile.
pub(crate) unsafe fn borrow_mut<'a, T>(pointer: *mut T, argument: &'static str) -> Result<&'a mut T, CError> {
    // SAFETY: not NULL is checked by `as_mut`; that it is the only user is the caller's promise above
    unsafe { pointer.as_mut() }.ok_or(CError::Null { argument })
}

/// A text of the caller's.
///
/// # Safety
/// The pointer is NULL or `length` bytes may be read behind it, which nobody changes during the call.
pub(crate) unsafe fn text<'a>(
    pointer: *const std::ffi::c_char,
    length: usize,
    argument: &'static str,
) -> Result<&'a str, CError> {
    if pointer.is_null() {
        return Err(CError::Null { argument });
    }
    if isize::try_from(length).is_err() {
        return Err(CError::Utf8 { argument, at: 0 });
    }
    // SAFETY: not NULL and not longer than a slice may be (checked above); readable by the caller's promise; bytes have no
    // alignment and any value
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), length) };
    std::str::from_utf8(bytes).map_err(|error| CError::Utf8 {
        argument,
        at: error.valid_up_to(),
    })
}

/// Writes a value where the caller wants it.
///
/// # Safety
/// The pointer is NULL or a `T` may be written behind it.
pub(crate) unsafe fn put<T>(pointer: *mut T, value: T, argument: &'static str) -> Result<(), CError> {
    if pointer.is_null() {
        return Err(CError::Null { argument });
    }
    // SAFETY: not NULL (checked above); writable and aligned by the caller's promise; what was there is not read
    unsafe { pointer.write(value) };
    Ok(())
}

/// Hands an object to the caller, who frees it with [`free`].
///
/// # Safety
/// As [`put`].
pub(crate) unsafe fn give<T>(pointer: *mut *mut T, object: T, argument: &'static str) -> Result<(), CError> {
    if pointer.is_null() {
        return Err(CError::Null { argument });
    }
    // SAFETY: not NULL (checked above, before the object is boxed, so that it cannot be lost)
    unsafe { put(pointer, Box::into_raw(Box::new(object)), argument) }
}

/// Frees an object; NULL is nothing to free.
///
/// # Safety
/// The pointer is NULL or came from [`give`] for this type, has not been freed, and nobody uses the object.
pub(crate) unsafe fn free<T>(pointer: *mut T) {
    if pointer.is_null() {
        return;
    }
    // SAFETY: it was made by `Box::into_raw` in `give` and is freed once, by the caller's promise
    let object = unsafe { Box::from_raw(pointer) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(object)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_and_the_next_call_clears_it() {
        let status = guard(|| panic!("inside"));
        assert_eq!(status, Status::Panic);
        LAST.with(|last| assert!(last.borrow().is_some()));
        assert_eq!(guard(|| Ok(())), Status::Ok);
        LAST.with(|last| assert!(last.borrow().is_none()));
    }

    #[test]
    fn null_and_other_text_are_told_by_the_arguments_name() {
        let told = |found: Result<&str, CError>| found.unwrap_err().to_string();
        // SAFETY: NULL may be given
        let null = unsafe { text(std::ptr::null(), 3, "line") };
        assert_eq!(told(null), "line: expected a pointer, got NULL");
        let bytes = b"ab\xff";
        // SAFETY: three bytes are readable
        let other = unsafe { text(bytes.as_ptr().cast(), 3, "line") };
        assert_eq!(told(other), "line: expected UTF-8, byte 2 is not");
        // SAFETY: NULL may be given and is freed as nothing
        unsafe { free::<String>(std::ptr::null_mut()) };
    }
}
