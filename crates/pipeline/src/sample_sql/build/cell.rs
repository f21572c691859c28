//! Cells on their way: from a Parquet column or a text into SQLite, from SQLite or PostgreSQL into a column.
//!
//! The decision: lists, maps and vectors pass as JSON text, which both databases carry unread.

use rankine_table::{Column, Kind};
use rusqlite::types::{Value as Sql, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::stream::moment;

/// A row of a Parquet column as SQLite keeps it.
pub(super) fn of_column(column: &Column, row: usize) -> Sql {
    match column {
        Column::Int(rows) | Column::Time(rows) => rows[row].map_or(Sql::Null, Sql::Integer),
        Column::Float(rows) => rows[row].map_or(Sql::Null, Sql::Real),
        Column::Text(rows) => rows[row].clone().map_or(Sql::Null, Sql::Text),
        Column::Bool(rows) => rows[row].map_or(Sql::Null, |truth| Sql::Integer(truth.into())),
        Column::Ints(rows) => json(rows[row].as_ref()),
        Column::Floats(rows) => json(rows[row].as_ref()),
        Column::Texts(rows) => json(rows[row].as_ref()),
        Column::Weighted(rows) => json(rows[row].as_ref()),
        Column::Signs(rows) => json(rows[row].as_ref()),
        Column::Vector { rows, .. } => json(rows[row].as_ref()),
    }
}

fn json(list: Option<&impl Serialize>) -> Sql {
    list.and_then(|list| serde_json::to_string(list).ok())
        .map_or(Sql::Null, Sql::Text)
}

/// A cell of a text file as SQLite keeps it; an empty one is missing.
pub(super) fn of_text(kind: Kind, text: Option<&str>) -> Result<Sql, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(Sql::Null);
    };
    let read = match kind {
        Kind::Int => text.parse().ok().map(Sql::Integer),
        Kind::Float => number(text).map(Sql::Real),
        Kind::Time => moment::parse(text).map(Sql::Integer),
        Kind::Text
        | Kind::Bool
        | Kind::Ints
        | Kind::Floats
        | Kind::Texts
        | Kind::Weighted
        | Kind::Signs
        | Kind::Vector(_) => Some(Sql::Text(text.to_owned())),
    };
    read.ok_or_else(|| unfit(kind, text))
}

/// A finite number of a text.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|x: &f64| x.is_finite())
}

fn unfit(kind: Kind, got: impl std::fmt::Display) -> String {
    format!("expected {kind}, got `{got}`")
}

/// Appends a value of SQLite.
pub(super) fn push_value(column: &mut Column, value: ValueRef<'_>) -> Result<(), String> {
    let kind = column.kind();
    match (column, value) {
        (column, ValueRef::Null) => column.push_missing(),
        (Column::Int(rows) | Column::Time(rows), ValueRef::Integer(x)) => rows.push(Some(x)),
        (Column::Int(rows), ValueRef::Real(x)) => rows.push(Some(whole(x).ok_or_else(|| unfit(kind, x))?)),
        (Column::Float(rows), ValueRef::Real(x)) => rows.push(Some(x)),
        #[expect(clippy::cast_precision_loss, reason = "a float is what the column holds")]
        (Column::Float(rows), ValueRef::Integer(x)) => rows.push(Some(x as f64)),
        (Column::Bool(rows), ValueRef::Integer(x)) => rows.push(Some(x != 0)),
        (Column::Text(rows), ValueRef::Integer(x)) => rows.push(Some(x.to_string())),
        (Column::Text(rows), ValueRef::Real(x)) => rows.push(Some(x.to_string())),
        (Column::Text(rows), ValueRef::Text(x)) => rows.push(Some(utf8(x)?.to_owned())),
        (column, ValueRef::Text(x)) => push_list(column, utf8(x)?)?,
        (_, ValueRef::Integer(x)) => return Err(unfit(kind, x)),
        (_, ValueRef::Real(x)) => return Err(unfit(kind, x)),
        (_, ValueRef::Blob(_)) => return Err(unfit(kind, "bytes")),
    }
    Ok(())
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "expected UTF-8".to_owned())
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
fn whole(x: f64) -> Option<i64> {
    (x.fract() == 0.0 && x.abs() < 9e15).then_some(x as i64)
}

/// Appends a text of PostgreSQL.
pub(super) fn push_text(column: &mut Column, text: Option<&str>) -> Result<(), String> {
    let kind = column.kind();
    let Some(text) = text else {
        column.push_missing();
        return Ok(());
    };
    let fault = || unfit(kind, text);
    match column {
        Column::Int(rows) => {
            let read = text.parse().ok().or_else(|| whole(text.parse().ok()?));
            rows.push(Some(read.ok_or_else(fault)?));
        }
        Column::Float(rows) => {
            let read: f64 = text.parse().map_err(|_| fault())?;
            rows.push(Some(read).filter(|x| !x.is_nan()));
        }
        Column::Text(rows) => rows.push(Some(text.to_owned())),
        Column::Bool(rows) => rows.push(Some(text == "t")),
        Column::Time(rows) => rows.push(Some(moment::parse(text).ok_or_else(fault)?)),
        list @ (Column::Ints(_)
        | Column::Floats(_)
        | Column::Texts(_)
        | Column::Weighted(_)
        | Column::Signs(_)
        | Column::Vector { .. }) => push_list(list, text)?,
    }
    Ok(())
}

/// Appends a list, map or vector that passed as JSON.
fn push_list(column: &mut Column, text: &str) -> Result<(), String> {
    fn read<T: DeserializeOwned>(kind: Kind, text: &str) -> Result<Option<T>, String> {
        serde_json::from_str(text)
            .map(Some)
            .map_err(|_| unfit(kind, text))
    }
    let kind = column.kind();
    match column {
        Column::Ints(rows) => rows.push(read(kind, text)?),
        Column::Floats(rows) => rows.push(read(kind, text)?),
        Column::Texts(rows) => rows.push(read(kind, text)?),
        Column::Weighted(rows) => rows.push(read(kind, text)?),
        Column::Signs(rows) => rows.push(read(kind, text)?),
        Column::Vector { rows, .. } => rows.push(read(kind, text)?),
        Column::Int(_) | Column::Float(_) | Column::Text(_) | Column::Bool(_) | Column::Time(_) => {
            return Err(unfit(kind, text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        for column in [
            Column::Int(vec![Some(-7), None]),
            Column::Float(vec![Some(0.1), None]),
            Column::Text(vec![Some("it's\t\"x\"".into()), None]),
            Column::Bool(vec![Some(true), None]),
            Column::Time(vec![Some(1_646_265_600_000_000), None]),
            Column::Ints(vec![Some(vec![1, -2]), None]),
            Column::Floats(vec![Some(vec![0.5, 1e300]), None]),
            Column::Texts(vec![Some(vec!["a\"b".into()]), None]),
            Column::Weighted(vec![Some(vec![("a".into(), 0.1)]), None]),
            Column::Signs(vec![Some(vec![(u64::MAX, 0.3)]), None]),
            Column::Vector {
                width: 2,
                rows: vec![Some(vec![0.1, 2.0]), None],
            },
        ] {
            let mut again = Column::new(column.kind(), 0);
            for row in 0..2 {
                let value = of_column(&column, row);
                push_value(&mut again, ValueRef::from(&value)).unwrap();
            }
            assert_eq!(again, column);
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let push = |kind, text| push_text(&mut Column::new(kind, 0), Some(text)).unwrap_err();
        assert_eq!(push(Kind::Int, "0.5"), "expected int, got `0.5`");
        assert_eq!(push(Kind::Time, "soon"), "expected timestamp, got `soon`");
        assert!(push(Kind::Ints, "{1}").contains("list of int"));
        let mut column = Column::new(Kind::Int, 0);
        assert!(
            push_value(&mut column, ValueRef::Real(0.5))
                .unwrap_err()
                .contains("0.5")
        );
        push_value(&mut column, ValueRef::Real(3.0)).unwrap();
        assert_eq!(column, Column::Int(vec![Some(3)]));
        assert_eq!(
            of_text(Kind::Float, Some("nan")).unwrap_err(),
            "expected float, got `nan`"
        );
    }
}
