//! What a source hands on: a change of one row, with its place in the source's order and the time it was committed.
//!
//! First step of the stream. The decision: cells are text, as PostgreSQL's replication sends them, and typed only where
//! the schema is known; a column the source did not send because it did not change is its own case, never a null.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rankine_store::vectors::ROW_BITS;

/// A place in the source's order: positions of one source never go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The commit's place, a multiple of 8: in PostgreSQL the commit's log sequence number, in a file eight times the byte
    /// after the line, in a topic eight times the offset after the record (of several partitions: a count over the order of reading).
    pub lsn: u64,
    /// The row's number within its transaction, from 0.
    pub seq: u32,
}

impl Position {
    /// The place `seq` within the commit at `lsn`.
    #[must_use]
    pub const fn new(lsn: u64, seq: u32) -> Position {
        Position { lsn, seq }
    }

    /// As one growing number, as vector stores keep it: 49 bits of place (4.5 PB of log), 14 bits of row ([`ROW_BITS`]). Rows
    /// of one transaction beyond the 16,383rd share a number, at which a store lets the last write stand: their order is
    /// the worker's, who knows the places themselves.
    #[must_use]
    pub fn packed(self) -> i64 {
        let place = (self.lsn >> 3).min((1 << 49) - 1);
        let row = u64::from(self.seq).min((1 << ROW_BITS) - 1);
        i64::try_from(place << ROW_BITS | row).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:X}/{:X}.{}",
            self.lsn >> 32,
            self.lsn & 0xFFFF_FFFF,
            self.seq
        )
    }
}

/// Reads a log sequence number as PostgreSQL prints it: `16/B374D848`.
#[must_use]
pub fn parse_lsn(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    let part = |digits: &str| u32::from_str_radix(digits, 16).ok().map(u64::from);
    Some(part(high)? << 32 | part(low)?)
}

/// As PostgreSQL prints a log sequence number.
#[must_use]
pub fn print_lsn(lsn: u64) -> String {
    format!("{:X}/{:X}", lsn >> 32, lsn & 0xFFFF_FFFF)
}

/// One column of a changed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// SQL's null.
    Null,
    /// The source did not send it, because the change did not touch it (a large value stored out of line).
    Unchanged,
    /// Its text.
    Text(String),
}

impl Cell {
    /// The text, where there is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text),
            Cell::Null | Cell::Unchanged => None,
        }
    }
}

/// A row's columns by name.
pub type Fields = BTreeMap<Arc<str>, Cell>;

/// What happened to the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It was there when the stream began.
    Snapshot,
    /// It is new.
    Insert,
    /// It has other values.
    Update,
    /// It is gone; `fields` holds what identifies it.
    Delete,
    /// All rows of its table are gone; `fields` is empty.
    Truncate,
}

/// A change of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The table, with its schema where it has one: `public.item`.
    pub table: Arc<str>,
    /// What happened.
    pub kind: Kind,
    /// The row after the change (for a delete: before it).
    pub fields: Fields,
    /// Where in the source's order.
    pub position: Position,
    /// When it was committed, microseconds since 1970 UTC.
    pub commit_time: i64,
    /// When this process had read it, by the clock it was given.
    pub received: i64,
    /// The transaction's number, where the source has such.
    pub xid: Option<u32>,
}

impl Change {
    /// The text of a column, where it has one.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<&str> {
        self.fields.get(column).and_then(Cell::text)
    }

    /// Whether the row is gone after it.
    #[must_use]
    pub fn removes(&self) -> bool {
        matches!(self.kind, Kind::Delete | Kind::Truncate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn positions_are_ordered_by_commit_then_row() {
        let mut places = [Position::new(2, 0), Position::new(1, 9), Position::new(1, 2)];
        places.sort_unstable();
        assert_eq!(
            places,
            [Position::new(1, 2), Position::new(1, 9), Position::new(2, 0)]
        );
        assert_eq!(Position::new(0x16_0000_00AB, 3).to_string(), "16/AB.3");
    }

    #[test]
    fn a_foreign_lsn_is_none() {
        for text in ["", "16", "x/1", "1/x", "1/2/3", "123456789/0"] {
            assert_eq!(parse_lsn(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn packing_keeps_the_order(a in (0_u64..1 << 49, 0_u32..16_384), b in (0_u64..1 << 49, 0_u32..16_384)) {
            let (a, b) = (Position::new(a.0 << 3, a.1), Position::new(b.0 << 3, b.1));
            prop_assert_eq!(a.packed().cmp(&b.packed()), a.cmp(&b));
        }

        #[test]
        fn lsn_round_trip(lsn: u64) {
            prop_assert_eq!(parse_lsn(&print_lsn(lsn)), Some(lsn));
        }
    }
}
