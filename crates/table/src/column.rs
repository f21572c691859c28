//! One typed column of a table: what Parquet stores and what samples are built from.
//!
//! The decision: an enum of plain vectors with `Option` for missing, rather than Arrow arrays, so
//! that callers build and read rows without a builder per type; Arrow stays inside [`crate::parquet`].

/// Weighted tags of one row, in the order they were given.
pub type WeightedTags = Vec<(String, f32)>;

/// Signs of one row with their weights, in order: one sparse slot of an extracted sample.
pub type Signs = Vec<(u64, f32)>;

/// Values of one column, one per row; `None` is missing (and missing is not zero).
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Whole numbers.
    Int(Vec<Option<i64>>),
    /// Floating-point numbers.
    Float(Vec<Option<f64>>),
    /// UTF-8 text.
    Text(Vec<Option<String>>),
    /// Truth values.
    Bool(Vec<Option<bool>>),
    /// Instants, microseconds since 1970 in UTC.
    Time(Vec<Option<i64>>),
    /// Lists of whole numbers.
    Ints(Vec<Option<Vec<i64>>>),
    /// Lists of floating-point numbers.
    Floats(Vec<Option<Vec<f64>>>),
    /// Lists of texts.
    Texts(Vec<Option<Vec<String>>>),
    /// Maps from text to weight.
    Weighted(Vec<Option<WeightedTags>>),
    /// Signs with weights: extracted sparse slots.
    Signs(Vec<Option<Signs>>),
    /// Vectors that all have one width.
    Vector {
        /// Length of every row that is not missing.
        width: usize,
        /// The rows.
        rows: Vec<Option<Vec<f32>>>,
    },
}

/// The type of a [`Column`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers, `i64`.
    Int,
    /// Floating-point numbers, `f64`.
    Float,
    /// UTF-8 text.
    Text,
    /// Truth values.
    Bool,
    /// Instants, microseconds since 1970 in UTC.
    Time,
    /// Lists of `i64`.
    Ints,
    /// Lists of `f64`.
    Floats,
    /// Lists of text.
    Texts,
    /// Maps from text to `f32`.
    Weighted,
    /// Lists of a sign, `u64`, and a weight, `f32`.
    Signs,
    /// Vectors of this many `f32`.
    Vector(usize),
}

/// Runs one expression on the vector of rows, whichever type it has.
macro_rules! with_rows {
    ($column:expr, $rows:ident => $body:expr) => {
        match $column {
            Column::Int($rows) | Column::Time($rows) => $body,
            Column::Float($rows) => $body,
            Column::Text($rows) => $body,
            Column::Bool($rows) => $body,
            Column::Ints($rows) => $body,
            Column::Floats($rows) => $body,
            Column::Texts($rows) => $body,
            Column::Weighted($rows) => $body,
            Column::Signs($rows) => $body,
            Column::Vector { rows: $rows, .. } => $body,
        }
    };
}

impl Column {
    /// Makes a column without rows, with room for `rows` of them.
    pub fn new(kind: Kind, rows: usize) -> Self {
        match kind {
            Kind::Int => Self::Int(Vec::with_capacity(rows)),
            Kind::Float => Self::Float(Vec::with_capacity(rows)),
            Kind::Text => Self::Text(Vec::with_capacity(rows)),
            Kind::Bool => Self::Bool(Vec::with_capacity(rows)),
            Kind::Time => Self::Time(Vec::with_capacity(rows)),
            Kind::Ints => Self::Ints(Vec::with_capacity(rows)),
            Kind::Floats => Self::Floats(Vec::with_capacity(rows)),
            Kind::Texts => Self::Texts(Vec::with_capacity(rows)),
            Kind::Weighted => Self::Weighted(Vec::with_capacity(rows)),
            Kind::Signs => Self::Signs(Vec::with_capacity(rows)),
            Kind::Vector(width) => Self::Vector {
                width,
                rows: Vec::with_capacity(rows),
            },
        }
    }

    /// The column's type.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Int(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::Text(_) => Kind::Text,
            Self::Bool(_) => Kind::Bool,
            Self::Time(_) => Kind::Time,
            Self::Ints(_) => Kind::Ints,
            Self::Floats(_) => Kind::Floats,
            Self::Texts(_) => Kind::Texts,
            Self::Weighted(_) => Kind::Weighted,
            Self::Signs(_) => Kind::Signs,
            Self::Vector { width, .. } => Kind::Vector(*width),
        }
    }

    /// Number of rows, missing ones included.
    pub fn len(&self) -> usize {
        with_rows!(self, rows => rows.len())
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the value of a row is missing; rows past the end are.
    pub fn is_missing(&self, row: usize) -> bool {
        with_rows!(self, rows => rows.get(row).is_none_or(Option::is_none))
    }

    /// Number of rows whose value is missing.
    pub fn missing(&self) -> usize {
        with_rows!(self, rows => rows.iter().filter(|row| row.is_none()).count())
    }

    /// Appends a missing value.
    pub fn push_missing(&mut self) {
        with_rows!(self, rows => rows.push(None));
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        with_rows!(self, rows => rows.clear());
    }

    /// Moves the rows of `other` behind this column's; `false`, and nothing happens, if the types differ.
    pub fn append(&mut self, other: &mut Self) -> bool {
        match (self, other) {
            (Self::Int(to), Self::Int(from)) | (Self::Time(to), Self::Time(from)) => to.append(from),
            (Self::Float(to), Self::Float(from)) => to.append(from),
            (Self::Text(to), Self::Text(from)) => to.append(from),
            (Self::Bool(to), Self::Bool(from)) => to.append(from),
            (Self::Ints(to), Self::Ints(from)) => to.append(from),
            (Self::Floats(to), Self::Floats(from)) => to.append(from),
            (Self::Texts(to), Self::Texts(from)) => to.append(from),
            (Self::Weighted(to), Self::Weighted(from)) => to.append(from),
            (Self::Signs(to), Self::Signs(from)) => to.append(from),
            (Self::Vector { width: a, rows: to }, Self::Vector { width: b, rows: from }) if a == b => {
                to.append(from);
            }
            _ => return false,
        }
        true
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            Self::Int => "int",
            Self::Float => "float",
            Self::Text => "string",
            Self::Bool => "bool",
            Self::Time => "timestamp",
            Self::Ints => "list of int",
            Self::Floats => "list of float",
            Self::Texts => "list of string",
            Self::Weighted => "map from string to float",
            Self::Signs => "list of sign and weight",
            Self::Vector(width) => return write!(out, "vector of {width} floats"),
        };
        out.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 11] = [
        Kind::Int,
        Kind::Float,
        Kind::Text,
        Kind::Bool,
        Kind::Time,
        Kind::Ints,
        Kind::Floats,
        Kind::Texts,
        Kind::Weighted,
        Kind::Signs,
        Kind::Vector(3),
    ];

    #[test]
    fn every_kind_makes_a_column_of_its_kind_that_counts_missing_rows() {
        for kind in KINDS {
            let mut column = Column::new(kind, 4);
            assert!(column.is_empty());
            column.push_missing();
            column.push_missing();
            assert_eq!((column.kind(), column.len(), column.missing()), (kind, 2, 2));
            assert!(column.is_missing(0) && column.is_missing(9));
            column.clear();
            assert!(column.is_empty());
        }
    }

    #[test]
    fn append_moves_rows_of_the_same_kind_only() {
        for kind in KINDS {
            let mut column = Column::new(kind, 0);
            let mut more = Column::new(kind, 0);
            more.push_missing();
            assert!(column.append(&mut more));
            assert_eq!((column.len(), more.len()), (1, 0));
        }
        let mut time = Column::Time(vec![]);
        assert!(!time.append(&mut Column::Int(vec![Some(1)])));
        let mut narrow = Column::new(Kind::Vector(2), 0);
        assert!(!narrow.append(&mut Column::new(Kind::Vector(3), 0)));
    }
}
