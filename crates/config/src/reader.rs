//! The deserialiser over TOML's spanned tree, and the loop that collects faults.
//!
//! An *entry* is a key of a table or an element of an array, known by the offset where it starts. Each attempt ends at
//! its first fault; the entry is then left out and the next attempt finds the next fault. Struct errors that only follow
//! from an entry left out are silent. Attempts are bounded, so a hostile file costs a bounded multiple of its size.

use crate::trouble::{Kind, Trouble};
use crate::{Faults, Source, located};
use serde::de::value::{StrDeserializer, UsizeDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use std::collections::BTreeSet;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// No more than this many attempts at one file, hence at most this many faults from one file.
const ATTEMPTS: usize = 200;

/// Reads as much of a text as can be read.
pub(crate) fn read<T: DeserializeOwned>(source: &Source<'_>) -> (Option<T>, Faults) {
    let (table, errors) = DeTable::parse_recoverable(source.text);
    if !errors.is_empty() {
        let faults = errors.iter().take(ATTEMPTS);
        let faults = faults.map(|e| source.fault(e.span().unwrap_or(0..0), "", e.message()));
        return (None, Faults(faults.collect()));
    }
    let root = Spanned::new(0..0, DeValue::Table(table.into_inner()));
    let mut faults = Vec::new();
    let value = attempt(&root, source, &mut faults);
    faults.sort();
    (value, Faults(faults))
}

/// Tries until the rest reads or nothing can be left out any more.
fn attempt<T: DeserializeOwned>(
    root: &Spanned<DeValue<'_>>,
    source: &Source<'_>,
    faults: &mut Vec<crate::Fault>,
) -> Option<T> {
    let mut left_out = BTreeSet::new();
    for _ in 0..ATTEMPTS {
        let node = Node {
            value: root,
            left_out: &left_out,
        };
        let trouble = match T::deserialize(node) {
            Ok(value) => return Some(value),
            Err(trouble) => node.blame(trouble),
        };
        let entry = trouble.at.as_ref().map(|(_, entry)| *entry);
        faults.extend(trouble.fault(source));
        if !entry.is_some_and(|entry| left_out.insert(entry)) {
            return None;
        }
    }
    None
}

/// One value of the tree.
#[derive(Clone, Copy)]
struct Node<'a, 'i> {
    value: &'a Spanned<DeValue<'i>>,
    left_out: &'a BTreeSet<usize>,
}

impl<'a, 'i> Node<'a, 'i> {
    fn entries(&self, table: &'a DeTable<'i>) -> Entries<'a, 'i> {
        Entries {
            iter: table.iter(),
            value: None,
            left_out: self.left_out,
        }
    }

    /// Gives the value to a seed; says where the fault is, as near as is known.
    fn read<'de, S: DeserializeSeed<'de>>(self, seed: S, entry: usize) -> Result<S::Value, Trouble> {
        seed.deserialize(self)
            .map_err(|trouble| self.blame(trouble).or_at(self.value.span(), entry))
    }

    /// Finds the key in this table that a fault without a place is about.
    fn blame(&self, mut trouble: Trouble) -> Trouble {
        let DeValue::Table(table) = self.value.get_ref() else {
            return trouble;
        };
        let Some(key) = table.keys().find(|key| key.get_ref().as_ref() == trouble.key) else {
            return trouble;
        };
        match &trouble.kind {
            Kind::MissingKey if trouble.at.is_none() => trouble.kind = Kind::Silent,
            Kind::UnknownKey => return trouble.or_at(key.span(), key.span().start),
            Kind::Plain | Kind::MissingKey | Kind::Silent => {}
        }
        trouble
    }

    /// Gives an array to a visitor; a wrong length is silent when elements were left out.
    fn array<'de, V: Visitor<'de>>(
        self,
        items: &'a [Spanned<DeValue<'i>>],
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        visitor
            .visit_seq(Items {
                iter: items.iter(),
                left_out: self.left_out,
            })
            .map_err(|mut trouble| {
                let short = items
                    .iter()
                    .any(|item| self.left_out.contains(&item.span().start));
                if short && trouble.at.is_none() {
                    trouble.kind = Kind::Silent;
                }
                trouble
            })
    }
}

impl<'de> de::Deserializer<'de> for Node<'_, '_> {
    type Error = Trouble;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        match self.value.get_ref() {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Integer(number) => integer(number, visitor),
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(x) if x.is_finite() || number.as_str().contains(['i', 'n']) => visitor.visit_f64(x),
                _ => Err(Trouble::custom(format!(
                    "number {} is out of range",
                    number.as_str()
                ))),
            },
            DeValue::Boolean(truth) => visitor.visit_bool(*truth),
            DeValue::Datetime(time) => visitor.visit_string(time.to_string()),
            DeValue::Array(items) => self.array(items, visitor),
            DeValue::Table(table) => visitor.visit_map(self.entries(table)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        if name == located::NAME {
            return visitor.visit_seq(Place { node: self, step: 0 });
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Trouble> {
        let value = self.value.get_ref();
        if let Some(text) = value.as_str() {
            return visitor.visit_enum(IntoDeserializer::<Trouble>::into_deserializer(text));
        }
        match value.as_table().filter(|table| table.len() == 1) {
            Some(table) => visitor.visit_enum(de::value::MapAccessDeserializer::new(self.entries(table))),
            None => {
                let got = value.type_str();
                Err(Trouble::custom(format!(
                    "expected a string or a table of one key, got {got}"
                )))
            }
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Trouble> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier
    }
}

/// TOML integers are i64; larger unsigned ones are accepted where the type takes them.
fn integer<'de, V: Visitor<'de>>(number: &DeInteger<'_>, visitor: V) -> Result<V::Value, Trouble> {
    if let Ok(x) = i64::from_str_radix(number.as_str(), number.radix()) {
        return visitor.visit_i64(x);
    }
    match u64::from_str_radix(number.as_str(), number.radix()) {
        Ok(x) => visitor.visit_u64(x),
        Err(_) => Err(Trouble::invalid_value(
            Unexpected::Other("an integer out of range"),
            &visitor,
        )),
    }
}

/// The entries of a table that are not left out.
struct Entries<'a, 'i> {
    iter: toml::map::Iter<'a, Spanned<std::borrow::Cow<'i, str>>, Spanned<DeValue<'i>>>,
    value: Option<(usize, &'a Spanned<DeValue<'i>>)>,
    left_out: &'a BTreeSet<usize>,
}

impl<'de> de::MapAccess<'de> for Entries<'_, '_> {
    type Error = Trouble;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Trouble> {
        let Some((key, value)) = self
            .iter
            .find(|(key, _)| !self.left_out.contains(&key.span().start))
        else {
            return Ok(None);
        };
        self.value = Some((key.span().start, value));
        let name: StrDeserializer<'_, Trouble> = key.get_ref().as_ref().into_deserializer();
        seed.deserialize(name)
            .map(Some)
            .map_err(|trouble| trouble.or_at(key.span(), key.span().start))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Trouble> {
        let Some((entry, value)) = self.value.take() else {
            return Err(Trouble::custom("value asked for before its key"));
        };
        Node {
            value,
            left_out: self.left_out,
        }
        .read(seed, entry)
    }
}

/// The elements of an array that are not left out.
struct Items<'a, 'i> {
    iter: std::slice::Iter<'a, Spanned<DeValue<'i>>>,
    left_out: &'a BTreeSet<usize>,
}

impl<'de> de::SeqAccess<'de> for Items<'_, '_> {
    type Error = Trouble;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Trouble> {
        let Some(value) = self
            .iter
            .find(|value| !self.left_out.contains(&value.span().start))
        else {
            return Ok(None);
        };
        Node {
            value,
            left_out: self.left_out,
        }
        .read(seed, value.span().start)
        .map(Some)
    }
}

/// A value as its start, its end and itself, for [`crate::Located`].
struct Place<'a, 'i> {
    node: Node<'a, 'i>,
    step: usize,
}

impl<'de> de::SeqAccess<'de> for Place<'_, '_> {
    type Error = Trouble;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Trouble> {
        self.step += 1;
        let span = self.node.value.span();
        let number = |x| UsizeDeserializer::<Trouble>::new(x);
        match self.step {
            1 => seed.deserialize(number(span.start)).map(Some),
            2 => seed.deserialize(number(span.end)).map(Some),
            3 => seed.deserialize(self.node).map(Some),
            _ => Ok(None),
        }
    }
}
