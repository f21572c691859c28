//! Generation-swapped dictionaries: anything loaded from disk and replaced while requests are being answered.
//!
//! In the flow: a trainer publishes `<models>/<name>/<version>/`; a [`Dictionary`] notices (poll and notify), loads it
//! aside on its loader thread, swaps an `Arc`, and the old generation is freed when its last reader leaves.
//! The decision behind it: the crate knows folders, versions and swaps, and nothing of what is inside; verifying and
//! warming belong to the [`Parser`], whose refusal keeps the old generation. Refused: reading half a folder "because
//! it will be complete soon", and locks on the reading side.
//!
//! ```
//! use rankine_dict::{Candidate, Dictionary, LoadFault, Options, Source};
//! let home = std::env::temp_dir().join("rankine-dict-doc");
//! std::fs::create_dir_all(home.join("7"))?;
//! std::fs::write(home.join("7/words"), "film")?;
//! let words = Dictionary::open("words", Source::Versions(home), Options::new(|| 0), |c: &Candidate| {
//!     Ok::<_, LoadFault>(std::fs::read_to_string(c.path.join("words"))?)
//! })?;
//! assert_eq!(words.snapshot().map(|g| (g.version, g.value.clone())), Some((7, "film".to_owned())));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod conformance;
mod dictionary;
mod error;
mod generation;
mod pace;
mod parser;
pub mod pin;
mod reload;
mod source;
mod status;
mod watch;

pub use dictionary::{Clock, Dictionary, Options, Swapped};
pub use error::DictError;
pub use generation::Generation;
pub use pace::Pace;
pub use parser::{LoadFault, Parser, Waiting};
pub use source::{Candidate, Source, parse_version};
pub use status::{Failure, Status};
