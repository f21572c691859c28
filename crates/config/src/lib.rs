//! TOML with positions: every fault of a file in one pass, nearest key.
//!
//! At the bottom of the flow: server, model and feature configurations are all read here. A type describes itself with
//! serde (`deny_unknown_fields`); [`parse`] fills it or answers with [`Faults`], one line per fault.
//!
//! Decision: a deserialiser of our own over TOML's spanned tree, run again without the faulty entry after each fault.
//! `toml::from_str` stops at the first fault; a declared key tree beside every type would have to be kept in step.
//!
//! ```
//! #[derive(Debug, serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Listen { site: u16, grpc: u16 }
//!
//! let faults = rankine_config::parse::<Listen>("site = \"x\"\ngrcp = 8500\n", "server.toml").unwrap_err();
//! assert_eq!(faults.to_string(), "\
//! server.toml:1:8: expected a whole number, 0 or more, got string \"x\"
//! server.toml:2:1: unknown key `grcp` (did you mean `grpc`?)");
//! ```

mod fault;
mod located;
mod nearest;
mod reader;
mod source;
mod trouble;

pub use fault::{Fault, Faults};
pub use located::Located;
pub use nearest::nearest;
pub use source::Source;

use serde::de::DeserializeOwned;

/// Reads TOML text into `T`, or says everything that is wrong with it.
///
/// # Errors
/// [`Faults`]: all syntax faults; or, when the syntax is right, all unknown keys, type faults and (one per table) missing
/// keys, each with line and column. What is inside a faulty value is not looked at.
pub fn parse<T: DeserializeOwned>(text: &str, file: &str) -> Result<T, Faults> {
    let (value, faults) = parse_partial(text, file);
    match (value, faults.check()) {
        (Some(value), Ok(())) => Ok(value),
        (_, Err(faults)) => Err(faults),
        (None, Ok(())) => Err(Faults(vec![Source::new(text, file).fault(
            0..0,
            "",
            "not readable",
        )])),
    }
}

/// Reads what can be read: the value without its faulty entries (none if nothing sensible is left), and the faults.
///
/// For readers that look for faults of meaning in the same pass; never use the value when there are faults.
#[must_use]
pub fn parse_partial<T: DeserializeOwned>(text: &str, file: &str) -> (Option<T>, Faults) {
    reader::read(&Source::new(text, file))
}
