//! Publication and replication slot: what the database keeps for this stream, made, looked at and dropped.
//!
//! Called when the stream opens and every few seconds while it runs. The decision: a slot that this program made is its
//! to drop (when it keeps more log than allowed, or has been invalidated); one that was given is never touched.

use postgres::Client;

use super::table::{SourceTable, quoted};
use crate::error::PipelineError;
use crate::stream::change::parse_lsn;
use crate::stream::source::Retained;

/// A slot as the server shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SlotState {
    /// Everything before it is confirmed.
    pub(crate) confirmed: u64,
    /// The end of the server's log.
    pub(crate) written: u64,
    /// The server has thrown away log that it would need.
    pub(crate) lost: bool,
    /// The plugin it was made with.
    pub(crate) plugin: String,
}

/// Looks at a slot; none where there is none.
///
/// # Errors
/// `Postgres`.
pub(crate) fn state(client: &mut Client, slot: &str) -> Result<Option<SlotState>, PipelineError> {
    const QUERY: &str = "SELECT confirmed_flush_lsn::text, COALESCE(wal_status, '') = 'lost', plugin::text, \
         (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text FROM pg_replication_slots WHERE slot_name = $1 AND slot_type = 'logical'";
    let row = client.query_opt(QUERY, &[&slot]);
    let row = row.map_err(PipelineError::postgres(format!("look at slot {slot}")))?;
    Ok(row.map(|row| {
        let place = |at: usize| row.get::<_, Option<String>>(at).as_deref().and_then(parse_lsn);
        SlotState {
            confirmed: place(0).unwrap_or(0),
            written: place(3).unwrap_or(u64::MAX),
            lost: row.get(1),
            plugin: row.get(2),
        }
    }))
}

/// How much log the server keeps for a slot; none where the slot is gone.
///
/// # Errors
/// `Postgres`.
pub(crate) fn retained(client: &mut Client, slot: &str) -> Result<Option<Retained>, PipelineError> {
    const QUERY: &str = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint, \
         pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint \
         FROM pg_replication_slots WHERE slot_name = $1 AND restart_lsn IS NOT NULL";
    let row = client.query_opt(QUERY, &[&slot]);
    let row = row.map_err(PipelineError::postgres(format!("look at slot {slot}")))?;
    let bytes = |n: Option<i64>| u64::try_from(n.unwrap_or(0)).unwrap_or(0);
    Ok(row.map(|row| Retained {
        bytes: bytes(row.get(0)),
        behind: bytes(row.get(1)),
    }))
}

/// Has the server note in its log which transactions run. A slot is read from the last such note before what was confirmed; the
/// server makes one every 15 seconds, and, killed more often than that, none at all: each start of the stream would then read
/// all log since the first. Where this role may not ask for it (`EXECUTE` on `pg_log_standby_snapshot`, PostgreSQL 16),
/// nothing is done.
///
/// # Errors
/// `Postgres`.
pub(crate) fn mark(client: &mut Client) -> Result<(), PipelineError> {
    const ALLOWED: &str = "SELECT NOT pg_is_in_recovery() \
         AND COALESCE(has_function_privilege(to_regprocedure('pg_log_standby_snapshot()')::oid, 'EXECUTE'), false)";
    let fail = || PipelineError::postgres("note running transactions");
    let allowed: bool = client.query_one(ALLOWED, &[]).map_err(fail())?.get(0);
    if !allowed {
        return Ok(());
    }
    let done = client.batch_execute("SELECT pg_log_standby_snapshot()");
    done.map_err(fail())
}

/// Drops a slot; none there is no fault.
///
/// # Errors
/// `Postgres`: still in use (transient: the server notices a dead connection after a while).
pub(crate) fn drop_slot(client: &mut Client, slot: &str) -> Result<(), PipelineError> {
    const QUERY: &str =
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1";
    let done = client.query(QUERY, &[&slot]);
    done.map_err(PipelineError::postgres(format!("drop slot {slot}")))
        .map(|_| ())
}

/// Makes the publication, or adds the tables that it lacks.
///
/// # Errors
/// `Postgres`: not allowed to.
pub(crate) fn ensure_publication(
    client: &mut Client,
    publication: &str,
    tables: &[SourceTable],
) -> Result<(), PipelineError> {
    let missing = missing_tables(client, publication, tables)?;
    let names: Vec<&str> = missing.iter().map(|t| t.quoted.as_str()).collect();
    let (name, list) = (quoted(publication), names.join(", "));
    let exists = client
        .query_opt("SELECT 1 FROM pg_publication WHERE pubname = $1", &[&publication])
        .map_err(PipelineError::postgres("look for the publication"))?
        .is_some();
    let command = match (exists, missing.is_empty()) {
        (true, true) => return Ok(()),
        (true, false) => format!("ALTER PUBLICATION {name} ADD TABLE {list}"),
        (false, _) => {
            format!("CREATE PUBLICATION {name} FOR TABLE {list} WITH (publish_via_partition_root = true)")
        }
    };
    client
        .batch_execute(&command)
        .map_err(PipelineError::postgres(format!("make publication {publication}")))
}

/// Checks that a given publication has all tables.
///
/// # Errors
/// `SourceTable`: one is not published.
pub(crate) fn check_publication(
    client: &mut Client,
    publication: &str,
    tables: &[SourceTable],
) -> Result<(), PipelineError> {
    match missing_tables(client, publication, tables)?.first() {
        None => Ok(()),
        Some(table) => Err(PipelineError::SourceTable {
            table: table.name.clone(),
            reason: format!(
                "publication `{publication}` does not have it; run: ALTER PUBLICATION {} ADD TABLE {}",
                quoted(publication),
                table.quoted
            ),
        }),
    }
}

fn missing_tables<'t>(
    client: &mut Client,
    publication: &str,
    tables: &'t [SourceTable],
) -> Result<Vec<&'t SourceTable>, PipelineError> {
    const QUERY: &str = "SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = $1";
    let rows = client.query(QUERY, &[&publication]);
    let rows = rows.map_err(PipelineError::postgres("look at the publication"))?;
    let there: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok(tables.iter().filter(|t| !there.contains(&t.name)).collect())
}

/// Warns where the server would keep log for a slot without any bound of its own.
pub(crate) fn warn_of_no_bound(client: &mut Client, slot: &str) {
    let bound = client.query_one("SELECT current_setting('max_slot_wal_keep_size')", &[]);
    if bound.is_ok_and(|row| row.get::<_, String>(0) == "-1") {
        tracing::warn!(
            slot,
            "the server keeps log for this slot without a bound while nobody reads it; set max_slot_wal_keep_size"
        );
    }
}
