//! Samples where the tables live: the statement runs in PostgreSQL, its rows come back as a stream of text.
//!
//! The decision: `COPY … TO STDOUT` of one read-only snapshot, so that all days of a run see the same tables and a day is
//! never twice in memory; the statement is prepared first, which tells the types.

use std::io::BufRead as _;

use postgres::Client;
use postgres::types::{Kind as TypeKind, Type};
use rankine_table::{Kind, Progress, Table};

use super::{Engine, Task, cell, empty, order};
use crate::PipelineError;
use crate::sample_sql::outputs::{Origin, outputs};
use crate::sample_sql::template::{LabelKind, Template};
use crate::sample_sql::{Day, Dialect, statement};
use crate::stream::lookup_postgres::connect;
use crate::stream::postgres::quoted;

/// See the module's text.
pub(super) struct PostgresSamples {
    client: Client,
}

impl PostgresSamples {
    pub(super) fn connect(dsn: &str) -> Result<PostgresSamples, PipelineError> {
        let mut client = connect(dsn)?;
        client
            .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .map_err(PipelineError::postgres("begin a snapshot"))?;
        Ok(PostgresSamples { client })
    }

    /// The columns of a statement and their types; names are those of the sample.
    fn prepared(&mut self, sql: &str) -> Result<Vec<(String, Type)>, PipelineError> {
        let prepared = self
            .client
            .prepare(sql)
            .map_err(PipelineError::postgres("prepare the samples' statement"))?;
        let columns = prepared.columns().iter();
        Ok(columns
            .map(|column| (column.name().to_owned(), column.type_().clone()))
            .collect())
    }
}

impl Engine for PostgresSamples {
    fn columns(&mut self, table: &str) -> Result<Vec<String>, PipelineError> {
        let sql = format!("SELECT * FROM {} LIMIT 0", Dialect::Postgres.table(table));
        let columns = self.prepared(&sql)?;
        Ok(columns.into_iter().map(|(name, _)| name).collect())
    }

    fn samples(
        &mut self,
        task: &Task,
        _span: (Day, Day),
        _progress: &Progress,
    ) -> Result<Table, PipelineError> {
        let sql = statement(&task.template, Dialect::Postgres, 1, &task.variables);
        let types = self.prepared(&sql)?;
        let mut table = empty(&kinds(&task.template, &types)?);
        let copy = format!("COPY (\n{}\n) TO STDOUT", wrapped(&sql, &task.template, &types));
        let fail = || PipelineError::postgres("run the samples' statement");
        let mut reader = self.client.copy_out(&copy).map_err(fail())?;
        let broken = |reason: String| PipelineError::Postgres {
            action: "read the samples".to_owned(),
            reason,
            code: None,
        };
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader
                .read_until(b'\n', &mut line)
                .map_err(|error| broken(error.to_string()))?;
            if read == 0 {
                return Ok(table);
            }
            push_line(&mut table, &line).map_err(broken)?;
        }
    }
}

/// The types of a sample's columns.
fn kinds(template: &Template, types: &[(String, Type)]) -> Result<Vec<(String, Kind)>, PipelineError> {
    let label = match template.kind {
        LabelKind::Regression => Kind::Float,
        LabelKind::Classification | LabelKind::Pairwise => Kind::Int,
    };
    let day = &template.tables.behaviour.partition;
    let outputs = outputs(template).into_iter().zip(types);
    outputs
        .map(|(output, (name, found))| {
            let kind = match output.origin {
                Origin::Label => Some(label),
                Origin::Behaviour if output.column == *day => Some(Kind::Text),
                Origin::Behaviour | Origin::User | Origin::Item => kind(found),
            };
            let kind = kind.ok_or_else(|| PipelineError::Template {
                template: template.name.clone(),
                reason: format!(
                    "column `{name}` has the type `{found}`, which samples cannot hold; cast it in a view"
                ),
            });
            Ok((name.clone(), kind?))
        })
        .collect()
}

fn kind(found: &Type) -> Option<Kind> {
    const INTS: [Type; 4] = [Type::INT2, Type::INT4, Type::INT8, Type::OID];
    const FLOATS: [Type; 3] = [Type::FLOAT4, Type::FLOAT8, Type::NUMERIC];
    const TEXTS: [Type; 8] = [
        Type::TEXT,
        Type::VARCHAR,
        Type::BPCHAR,
        Type::NAME,
        Type::CHAR,
        Type::UUID,
        Type::JSON,
        Type::JSONB,
    ];
    const TIMES: [Type; 3] = [Type::TIMESTAMP, Type::TIMESTAMPTZ, Type::DATE];
    const LISTS: [(Kind, Kind); 3] = [
        (Kind::Int, Kind::Ints),
        (Kind::Float, Kind::Floats),
        (Kind::Text, Kind::Texts),
    ];
    if let TypeKind::Domain(of) = found.kind() {
        return kind(of);
    }
    if let TypeKind::Array(of) = found.kind() {
        let of = kind(of)?;
        return LISTS.iter().find(|(one, _)| *one == of).map(|(_, list)| *list);
    }
    let is_enum = matches!(found.kind(), TypeKind::Enum(_));
    let among = [
        (INTS.contains(found), Kind::Int),
        (FLOATS.contains(found), Kind::Float),
        (TEXTS.contains(found) || is_enum, Kind::Text),
        (TIMES.contains(found), Kind::Time),
        (*found == Type::BOOL, Kind::Bool),
    ];
    among.into_iter().find(|(fits, _)| *fits).map(|(_, kind)| kind)
}

/// The statement with lists as JSON, ordered as SQLite orders: texts by their bytes, what is missing first.
fn wrapped(sql: &str, template: &Template, types: &[(String, Type)]) -> String {
    let list = types.iter().map(|(name, found)| {
        let name = quoted(name);
        if matches!(found.kind(), TypeKind::Array(_)) {
            format!("to_json(r.{name})::text AS {name}")
        } else {
            format!("r.{name}")
        }
    });
    let list: Vec<String> = list.collect();
    let by = |name: &String| {
        let found = types.iter().find(|(other, _)| other == name);
        let is_text = found.is_some_and(|(_, found)| kind(found) == Some(Kind::Text));
        let bytes = if is_text { "::text COLLATE \"C\"" } else { "" };
        format!("r.{}{bytes} NULLS FIRST", quoted(name))
    };
    let order: Vec<String> = order(template).iter().map(by).collect();
    format!(
        "SELECT {} FROM (\n{sql}) AS r ORDER BY {}",
        list.join(", "),
        order.join(", ")
    )
}

/// Appends a line of `COPY`'s text form.
fn push_line(table: &mut Table, line: &[u8]) -> Result<(), String> {
    let line = std::str::from_utf8(line).map_err(|_| "expected UTF-8".to_owned())?;
    let line = line.strip_suffix('\n').unwrap_or(line);
    let mut cells = line.split('\t');
    for (name, column) in &mut table.columns {
        let cell = cells
            .next()
            .ok_or_else(|| format!("no cell for column `{name}`"))?;
        let cell = (cell != "\\N").then(|| plain(cell));
        cell::push_text(column, cell.as_deref()).map_err(|reason| format!("column `{name}`: {reason}"))?;
    }
    Ok(())
}

/// A cell without its escapes.
fn plain(cell: &str) -> String {
    let (mut text, mut chars) = (String::with_capacity(cell.len()), cell.chars());
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('v') => text.push('\u{b}'),
            Some(other) => text.push(other),
            None => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_table::Column;

    #[test]
    fn lines_of_copy_are_read() {
        let columns = [("a", Kind::Text), ("b", Kind::Int), ("c", Kind::Floats)];
        let mut table = empty(&columns.map(|(name, kind)| (name.to_owned(), kind)));
        push_line(&mut table, b"x\\ty\\\\N\\n\t\\N\t[0.5,1]\n").unwrap();
        push_line(&mut table, b"\t7\t\\N\n").unwrap();
        assert_eq!(
            table.columns[0].1,
            Column::Text(vec![Some("x\ty\\N\n".into()), Some(String::new())])
        );
        assert_eq!(table.columns[1].1, Column::Int(vec![None, Some(7)]));
        assert_eq!(
            table.columns[2].1,
            Column::Floats(vec![Some(vec![0.5, 1.0]), None])
        );
        assert!(push_line(&mut table, b"x\n").unwrap_err().contains("`b`"));
    }
}
