//! Fields: their names, types, sides, and the two orders in which they stand.
//!
//! A row of one side is a slice of values in the order of that side; a sample line has all fields in the all-order.
//! Decision: fields are found by index everywhere; names are looked up once, when something is compiled or opened.

use rustc_hash::FxHashMap;
use std::fmt;
use std::sync::Arc;

/// The type of a field, as a conf declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// `int`: i64.
    Int,
    /// `float`: f64.
    Float,
    /// `string`: UTF-8.
    String,
    /// `timestamp`: i64 microseconds UTC.
    Timestamp,
    /// `bool`.
    Bool,
    /// `list<int>`.
    IntList,
    /// `list<float>`.
    FloatList,
    /// `list<string>`.
    StringList,
    /// `map<string,float>`: weighted tags.
    Weighted,
    /// `vector<n>`: n floats (f32), n ≥ 1.
    Vector(usize),
}

impl FieldType {
    /// Reads the name a conf uses, for example `list<int>` or `vector<16>`; spaces do not count.
    #[must_use]
    pub fn from_name(name: &str) -> Option<FieldType> {
        let name: String = name.chars().filter(|c| !c.is_whitespace()).collect();
        let plain = FieldType::PLAIN.into_iter().find(|ty| ty.to_string() == name);
        plain.or_else(|| {
            let width = name.strip_prefix("vector<")?.strip_suffix('>')?.parse().ok()?;
            (1..=MAX_VECTOR)
                .contains(&width)
                .then_some(FieldType::Vector(width))
        })
    }

    /// All types but vectors.
    pub const PLAIN: [FieldType; 9] = [
        FieldType::Int,
        FieldType::Float,
        FieldType::String,
        FieldType::Timestamp,
        FieldType::Bool,
        FieldType::IntList,
        FieldType::FloatList,
        FieldType::StringList,
        FieldType::Weighted,
    ];
}

/// The widest vector a schema may declare.
pub(crate) const MAX_VECTOR: usize = 65_536;

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FieldType::Int => "int",
            FieldType::Float => "float",
            FieldType::String => "string",
            FieldType::Timestamp => "timestamp",
            FieldType::Bool => "bool",
            FieldType::IntList => "list<int>",
            FieldType::FloatList => "list<float>",
            FieldType::StringList => "list<string>",
            FieldType::Weighted => "map<string,float>",
            FieldType::Vector(width) => return write!(f, "vector<{width}>"),
        })
    }
}

/// Whose field it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Who is asked for.
    User,
    /// What may be shown.
    Item,
    /// The circumstances of the request.
    Context,
}

impl Side {
    /// The three sides in the default order of all fields.
    pub const ALL: [Side; 3] = [Side::User, Side::Item, Side::Context];

    /// `user`, `item` or `context`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Side::User => "user",
            Side::Item => "item",
            Side::Context => "context",
        }
    }
}

/// A declared field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name, unique in the schema.
    pub name: Arc<str>,
    /// Its type.
    pub ty: FieldType,
    /// Its side.
    pub side: Side,
}

/// All fields of a conf.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    all: Vec<Field>,
    sides: [Vec<Field>; 3],
    index: FxHashMap<Arc<str>, (Side, usize)>,
}

impl Schema {
    /// Builds a schema from fields in the all-order, each side's fields in the order of `sides`. The caller has
    /// checked that both hold the same fields and that names are unique.
    pub(crate) fn new(all: Vec<Field>, sides: [Vec<Field>; 3]) -> Schema {
        let mut index = FxHashMap::default();
        for side in &sides {
            for (i, field) in side.iter().enumerate() {
                index.insert(field.name.clone(), (field.side, i));
            }
        }
        Schema { all, sides, index }
    }

    /// All fields in the all-order (default: user, item, context; a conf may give another).
    #[must_use]
    pub fn all(&self) -> &[Field] {
        &self.all
    }

    /// The fields of one side, in the order of that side's rows.
    #[must_use]
    pub fn side(&self, side: Side) -> &[Field] {
        &self.sides[side as usize]
    }

    /// The side of a field and its index within that side.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(Side, usize)> {
        self.index.get(name).copied()
    }
}

/// Which columns of a sample are not features: `sample = { label, weight, time, group }` of a conf.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SampleSpec {
    /// Label columns; empty where a conf is only served.
    pub label: Vec<String>,
    /// The column with the sample's weight.
    pub weight: Option<String>,
    /// The column with the sample's time.
    pub time: Option<String>,
    /// The column that groups samples for grouped metrics, usually the user.
    pub group: Option<String>,
}
