//! The confs that the server's configuration lists: the gate that models pass.

use std::sync::Arc;

use rankine_dict::{Dictionary, Generation};

use super::Conf;

/// One generation of a listed conf: all hashes of its name.
pub(crate) type ListedConfs = Generation<Vec<Arc<Conf>>>;

/// One `[[conf]]`.
pub(crate) struct Listed {
    /// Its name.
    pub(crate) name: String,
    /// All hashes of that name.
    pub(crate) dictionary: Dictionary<Vec<Arc<Conf>>>,
}

impl Listed {
    /// The confs loaded now.
    pub(crate) fn snapshot(&self) -> Option<Arc<ListedConfs>> {
        self.dictionary.snapshot()
    }

    /// Whether a conf of this name may serve.
    ///
    /// # Errors
    /// The conf's name and hash, and the hashes that may.
    pub(crate) fn admits(list: &[Listed], name: &str, hash: &str) -> Result<(), String> {
        let Some(listed) = list.iter().find(|listed| listed.name == name) else {
            return Ok(());
        };
        let generation = listed.snapshot();
        let known = generation
            .as_ref()
            .map_or(&[][..], |generation| &generation.value);
        if known.iter().any(|conf| conf.hash == hash) {
            return Ok(());
        }
        let known: Vec<&str> = known.iter().map(|conf| conf.hash.as_str()).collect();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        Err(format!(
            "conf `{name}` with hash {hash} is not loaded here (loaded: {known})"
        ))
    }
}
