//! All dictionaries at one moment.

use std::sync::Arc;

use rankine_dict::Generation;
use rankine_feature::Lookup;

use super::loaded::Held;
use super::{DictionaryKind, ItemTable, Loaded, VectorTable};

/// One dictionary's name, kind and generation.
type Taken = (Arc<str>, DictionaryKind, Option<Arc<Generation<Loaded>>>);

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct DictionarySnapshot(Arc<[Taken]>);

impl DictionarySnapshot {
    pub(crate) fn new(taken: Vec<Taken>) -> Self {
        Self(taken.into())
    }

    fn find(&self, name: &str) -> Option<&Arc<Generation<Loaded>>> {
        let (_, _, generation) = self.0.iter().find(|(known, _, _)| **known == *name)?;
        generation.as_ref()
    }

    /// What confs read; `None` where it is not configured or not loaded.
    pub(crate) fn lookup(&self, name: &str) -> Option<Arc<dyn Lookup>> {
        Some(Arc::new(Held(Arc::clone(self.find(name)?))))
    }

    /// The number of the generation; 0 where there is none.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.find(name).map_or(0, |generation| generation.number)
    }

    /// The item rows a request asks for: by name, or the only ones configured. `None` where none are configured.
    ///
    /// # Errors
    /// Why there are none, in words.
    pub(crate) fn items(&self, name: &str) -> Result<Option<&ItemTable>, String> {
        let mut of_items = self
            .0
            .iter()
            .filter(|(_, kind, _)| *kind == DictionaryKind::Items);
        let found = if name.is_empty() {
            let Some(first) = of_items.next() else {
                return Ok(None);
            };
            if of_items.next().is_some() {
                return Err("several item dictionaries are configured, name one".to_owned());
            }
            first
        } else {
            of_items
                .find(|(known, _, _)| **known == *name)
                .ok_or_else(|| format!("no item dictionary `{name}` is configured"))?
        };
        match found.2.as_ref().map(|generation| &generation.value) {
            Some(Loaded::Items(items)) => Ok(Some(items)),
            _ => Err(format!("item dictionary `{}` has not loaded", found.0)),
        }
    }

    /// Vectors by the dictionary's name.
    pub(crate) fn vectors(&self, name: &str) -> Option<&VectorTable> {
        match &self.find(name)?.value {
            Loaded::Vectors(vectors) => Some(vectors),
            Loaded::Items(_) | Loaded::Memory(_) => None,
        }
    }
}
