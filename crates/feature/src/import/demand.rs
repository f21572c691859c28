//! The types of fields, from what the features that read them need.
//!
//! The source formats name fields but seldom type them. The most particular need wins; whoever cannot live with it is
//! found when the conf is compiled.

use crate::{FieldType, Side};
use std::collections::BTreeMap;

/// What a feature needs of a field, the least particular first.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) enum Demand {
    /// Any scalar: a text unless more is known.
    Scalar,
    /// A whole number.
    Int,
    /// A number.
    Number,
    /// Text to be read.
    Text,
    /// n floats.
    Vector(usize),
    /// Whole numbers.
    Ints,
    /// Texts.
    List,
    /// Weights by key.
    Map,
}

impl Demand {
    fn ty(self) -> FieldType {
        match self {
            Demand::Scalar | Demand::Text => FieldType::String,
            Demand::Int => FieldType::Int,
            Demand::Number => FieldType::Float,
            Demand::Vector(width) => FieldType::Vector(width),
            Demand::Ints => FieldType::IntList,
            Demand::List => FieldType::StringList,
            Demand::Map => FieldType::Weighted,
        }
    }
}

/// Fields in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Fields {
    order: Vec<(Side, String)>,
    demands: BTreeMap<String, Demand>,
}

impl Fields {
    /// Notes a need.
    pub(super) fn need(&mut self, side: Side, name: &str, demand: Demand) {
        let now = self.demands.entry(name.to_owned()).or_insert_with(|| {
            self.order.push((side, name.to_owned()));
            demand
        });
        if *now < demand {
            *now = demand;
        }
    }

    /// The type of a field.
    pub(super) fn ty(&self, name: &str) -> Option<FieldType> {
        self.demands.get(name).map(|demand| demand.ty())
    }

    /// Names and types of one side.
    pub(super) fn side(&self, side: Side) -> impl Iterator<Item = (&str, FieldType)> {
        let names = self.order.iter().filter(move |(of, _)| *of == side);
        names.filter_map(|(_, name)| Some((name.as_str(), self.ty(name)?)))
    }
}
