//! Named columns of equal length: one batch of rows in memory.
//!
//! The decision: names are kept in order and looked up linearly; a table has tens of columns, and
//! the order is part of what is written.

use crate::{Column, TableError};

/// Named columns, all with the same number of rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Name and values of each column, in file order. Lengths are equal; [`Table::new`] checks it.
    pub columns: Vec<(String, Column)>,
}

impl Table {
    /// Makes a table of columns that have equal length.
    ///
    /// # Errors
    /// [`TableError::Lengths`] names the first column that differs from the first,
    /// [`TableError::Width`] the first vector that is not as wide as its column.
    pub fn new(columns: Vec<(String, Column)>) -> Result<Self, TableError> {
        let table = Self { columns };
        table.check()?;
        Ok(table)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// Finds a column by name.
    pub fn find(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, column)| column)
    }

    /// Finds a column by name.
    ///
    /// # Errors
    /// [`TableError::NoColumn`] lists the columns there are.
    pub fn column(&self, name: &str) -> Result<&Column, TableError> {
        self.find(name).ok_or_else(|| self.no_column(name))
    }

    /// Takes a column out by name, leaving the others.
    ///
    /// # Errors
    /// [`TableError::NoColumn`] lists the columns there are.
    pub fn take(&mut self, name: &str) -> Result<Column, TableError> {
        match self.columns.iter().position(|(other, _)| other == name) {
            Some(at) => Ok(self.columns.remove(at).1),
            None => Err(self.no_column(name)),
        }
    }

    /// Verifies what [`Table::new`] promises, for tables that were changed since.
    ///
    /// # Errors
    /// As [`Table::new`].
    pub fn check(&self) -> Result<(), TableError> {
        for (name, column) in &self.columns {
            if column.len() != self.rows() {
                let (expected, got) = (self.rows(), column.len());
                return Err(TableError::Lengths {
                    column: name.clone(),
                    expected,
                    got,
                });
            }
            check_widths(name, column)?;
        }
        Ok(())
    }

    fn no_column(&self, name: &str) -> TableError {
        let present: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        TableError::NoColumn {
            column: name.to_owned(),
            present: present.join(", "),
        }
    }
}

fn check_widths(name: &str, column: &Column) -> Result<(), TableError> {
    let Column::Vector { width, rows } = column else {
        return Ok(());
    };
    for (row, values) in rows.iter().enumerate() {
        let got = values.as_ref().map_or(*width, Vec::len);
        if got != *width {
            return Err(TableError::Width {
                column: name.to_owned(),
                row,
                expected: *width,
                got,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(rows: usize) -> Column {
        Column::Int(vec![Some(1); rows])
    }

    #[test]
    fn unequal_columns_are_refused_by_name() {
        let error = Table::new(vec![("a".into(), ints(2)), ("b".into(), ints(3))]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `b` has 3 rows, expected 2 as in the first column"
        );
    }

    #[test]
    fn vectors_must_fill_their_column_width() {
        let rows = vec![Some(vec![1.0, 2.0]), None, Some(vec![1.0])];
        let error = Table::new(vec![("v".into(), Column::Vector { width: 2, rows })]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `v`, row 2: expected a vector of width 2, got 1"
        );
    }

    #[test]
    fn columns_are_found_and_taken_by_name() {
        let mut table = Table::new(vec![
            ("a".into(), ints(2)),
            ("b".into(), Column::Bool(vec![None; 2])),
        ])
        .unwrap();
        assert_eq!(table.column("b").unwrap().missing(), 2);
        assert!(table.find("c").is_none());
        assert_eq!(table.take("a").unwrap(), ints(2));
        let error = table.take("a").unwrap_err();
        assert_eq!(error.to_string(), "column `a` is missing; there are: b");
    }
}
