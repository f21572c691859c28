//! Tables of the source as PostgreSQL knows them: their full names, and whether a delete can be told apart.
//!
//! Asked once when the stream opens. The decision: a table whose deletes would come without the key is refused with the
//! statement that mends it, since vectors of deleted rows would otherwise stay for ever.

use postgres::Client;

use crate::error::PipelineError;

/// A table as the stream names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceTable {
    /// `schema.name`, as changes carry it.
    pub(crate) name: String,
    /// The same, quoted for a statement.
    pub(crate) quoted: String,
    oid: u32,
}

/// A name as SQL's delimited identifier.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Finds a table by its name, with or without its schema.
///
/// # Errors
/// `SourceTable`: there is none.
pub(crate) fn find(client: &mut Client, table: &str) -> Result<SourceTable, PipelineError> {
    const QUERY: &str = "SELECT n.nspname::text, c.relname::text, c.oid, c.relkind = 'p' FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)::oid";
    let row = client.query_opt(QUERY, &[&table]);
    let row = row.map_err(PipelineError::postgres(format!("look for table {table}")))?;
    let Some(row) = row else {
        return Err(fault(table, "there is no such table in this database"));
    };
    let (schema, name): (String, String) = (row.get(0), row.get(1));
    if row.get(3) {
        tracing::warn!(
            table,
            "the table is partitioned: PostgreSQL does not tell when a partition is truncated, dropped, attached or detached; \
             items that go with one leave with the next refresh"
        );
    }
    Ok(SourceTable {
        quoted: format!("{}.{}", quoted(&schema), quoted(&name)),
        name: format!("{schema}.{name}"),
        oid: row.get(2),
    })
}

/// Checks that the table has the column, and that a deleted row comes with it.
///
/// # Errors
/// `SourceTable` with the statement to run.
pub(crate) fn check_key(client: &mut Client, table: &SourceTable, key: &str) -> Result<(), PipelineError> {
    const QUERY: &str = "SELECT c.relreplident::text, \
         EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = $2 AND NOT a.attisdropped), \
         EXISTS (SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) \
           WHERE i.indrelid = c.oid AND a.attname = $2 AND i.indnkeyatts >= 1 \
           AND ((c.relreplident = 'd' AND i.indisprimary) OR (c.relreplident = 'i' AND i.indisreplident))) \
         FROM pg_class c WHERE c.oid = $1";
    let row = client.query_one(QUERY, &[&table.oid, &key]);
    let row = row.map_err(PipelineError::postgres(format!("look at table {}", table.name)))?;
    let (identity, exists, covered): (String, bool, bool) = (row.get(0), row.get(1), row.get(2));
    if !exists {
        return Err(fault(&table.name, &format!("it has no column `{key}`")));
    }
    if covered || identity == "f" {
        return Ok(());
    }
    let reason = format!(
        "a deleted row would come without `{key}`, which is not part of its replica identity; \
         make it the primary key, or run: ALTER TABLE {} REPLICA IDENTITY FULL",
        table.quoted
    );
    Err(fault(&table.name, &reason))
}

/// Checks that the table has a column.
///
/// # Errors
/// `SourceTable`: it has none of this name.
pub(crate) fn check_column(
    client: &mut Client,
    table: &SourceTable,
    column: &str,
) -> Result<(), PipelineError> {
    const QUERY: &str =
        "SELECT 1 FROM pg_attribute WHERE attrelid = $1 AND attname = $2 AND NOT attisdropped";
    let row = client.query_opt(QUERY, &[&table.oid, &column]);
    match row.map_err(PipelineError::postgres(format!("look at table {}", table.name)))? {
        Some(_) => Ok(()),
        None => Err(fault(&table.name, &format!("it has no column `{column}`"))),
    }
}

fn fault(table: &str, reason: &str) -> PipelineError {
    PipelineError::SourceTable {
        table: table.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted("item"), "\"item\"");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
