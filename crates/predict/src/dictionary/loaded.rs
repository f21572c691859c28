//! One loaded state of a dictionary, and the port through which confs read it.

use std::sync::Arc;

use rankine_dict::Generation;
use rankine_feature::{FieldType, Key, Lookup, MemoryDictionary, Value};

use super::{ItemTable, VectorTable};

/// What a file holds.
pub(crate) enum Loaded {
    /// Item rows.
    Items(ItemTable),
    /// Item vectors.
    Vectors(VectorTable),
    /// Anything small by key.
    Memory(MemoryDictionary),
}

/// The floats of a vector.
fn floats(value: &Value) -> &[f32] {
    if let Value::Vector(floats) = value {
        floats
    } else {
        &[]
    }
}

/// A generation as a plan reads it; holding it keeps the generation.
pub(crate) struct Held(pub(crate) Arc<Generation<Loaded>>);

impl Lookup for Loaded {
    fn columns(&self) -> &[(Arc<str>, FieldType)] {
        match self {
            Loaded::Items(items) => items.columns(),
            Loaded::Vectors(vectors) => vectors.columns(),
            Loaded::Memory(memory) => memory.columns(),
        }
    }

    fn get(&self, key: Key<'_>, column: usize) -> &Value {
        match self {
            Loaded::Items(items) => items.cell(key, column),
            Loaded::Vectors(_) => &Value::Missing,
            Loaded::Memory(memory) => memory.get(key, column),
        }
    }

    fn vector(&self, key: Key<'_>, column: usize) -> &[f32] {
        match (self, key) {
            (Loaded::Vectors(vectors), Key::Int(id)) => vectors.get(id).unwrap_or(&[]),
            (Loaded::Vectors(_), Key::Text(_)) => &[],
            (Loaded::Items(_) | Loaded::Memory(_), _) => floats(self.get(key, column)),
        }
    }

    fn each(&self, column: usize, see: &mut dyn FnMut(Key<'_>, &Value)) -> bool {
        match self {
            Loaded::Items(items) => items.each(column, see),
            Loaded::Vectors(_) => return false,
            Loaded::Memory(memory) => _ = memory.each(column, see),
        }
        true
    }

    fn digest(&self) -> u64 {
        match self {
            Loaded::Items(items) => items.digest(),
            Loaded::Vectors(vectors) => vectors.digest(),
            Loaded::Memory(memory) => memory.digest(),
        }
    }
}

impl Lookup for Held {
    fn columns(&self) -> &[(Arc<str>, FieldType)] {
        self.0.value.columns()
    }

    fn get(&self, key: Key<'_>, column: usize) -> &Value {
        self.0.value.get(key, column)
    }

    fn vector(&self, key: Key<'_>, column: usize) -> &[f32] {
        self.0.value.vector(key, column)
    }

    fn each(&self, column: usize, see: &mut dyn FnMut(Key<'_>, &Value)) -> bool {
        self.0.value.each(column, see)
    }

    fn digest(&self) -> u64 {
        self.0.value.digest()
    }
}
