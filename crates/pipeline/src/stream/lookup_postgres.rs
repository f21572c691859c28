//! The lookup join in PostgreSQL: one round trip per micro-batch.
//!
//! The decision: the user's statement stands in a lateral join over the pairs of id and commit time, so that it is
//! planned once, runs as one statement, and yet sees each row's own `:as_of`; rows come as JSON, which names columns
//! and keeps every number exact.

use std::time::Duration;

use postgres::{Client, Statement as Prepared};
use serde_json::Value as Json;

use super::change::Change;
use super::joined::JoinedRow;
use super::lookup::{Dimension, Found, Lookup, Resting, each_alone, key_by_key};
use super::postgres::quoted;
use super::statement::Statement;
use crate::error::PipelineError;

/// What to run, and where.
#[derive(Debug, Clone)]
pub struct PostgresLookupOptions {
    /// How to connect.
    pub dsn: String,
    /// The user's statement with `:ids` and `:as_of`.
    pub sql: String,
    /// The item table and its key column.
    pub item: (String, String),
    /// Tables that items rest on.
    pub dimensions: Vec<Dimension>,
}

/// See the module's text.
pub struct PostgresLookup {
    dsn: String,
    join: String,
    present: String,
    reverse: Vec<String>,
    session: Option<Session>,
}

/// A connection with its prepared statements.
struct Session {
    client: Client,
    join: Prepared,
}

impl PostgresLookup {
    /// A lookup that connects when it is first asked, and again when the connection is lost.
    #[must_use]
    pub fn new(options: &PostgresLookupOptions) -> PostgresLookup {
        let (table, key) = &options.item;
        let table: Vec<String> = table.split('.').map(quoted).collect();
        let reverse = |d: &Dimension| {
            let items = Statement::read(&d.items).with(|_| "($1::text[])".to_owned());
            format!("SELECT DISTINCT r.* FROM ({items}) AS r")
        };
        PostgresLookup {
            dsn: options.dsn.clone(),
            join: lateral(&options.sql),
            present: format!(
                "SELECT t.{0}::bigint FROM {1} AS t WHERE t.{0} = ANY ($1::bigint[])",
                quoted(key),
                table.join(".")
            ),
            reverse: options.dimensions.iter().map(reverse).collect(),
            session: None,
        }
    }

    fn session(&mut self) -> Result<&mut Session, PipelineError> {
        let session = match self.session.take() {
            Some(session) if !session.client.is_closed() => session,
            _ => {
                let mut client = connect(&self.dsn)?;
                let join = client
                    .prepare(&self.join)
                    .map_err(PipelineError::postgres("prepare the join's statement"))?;
                for reverse in &self.reverse {
                    // one that is wrong is told at once, not when the dimension's first row changes
                    client
                        .prepare(reverse)
                        .map_err(PipelineError::postgres("prepare a dimension's statement"))?;
                }
                Session { client, join }
            }
        };
        Ok(self.session.insert(session))
    }

    fn ids(&mut self, query: &str, action: &str, run: Parameter<'_>) -> Result<Vec<i64>, PipelineError> {
        let session = self.session()?;
        let rows = match run {
            Parameter::Ids(ids) => session.client.query(query, &[&ids]),
            Parameter::Keys(keys) => session.client.query(query, &[&keys]),
        };
        let rows = rows.map_err(PipelineError::postgres(action))?;
        rows.iter()
            .filter_map(|row| id_of(row, action).transpose())
            .collect()
    }
}

enum Parameter<'a> {
    Ids(&'a [i64]),
    Keys(&'a [String]),
}

/// The first column as an id, of whatever width; none where it is null. A statement that gives something else gives it again.
fn id_of(row: &postgres::Row, action: &str) -> Result<Option<i64>, PipelineError> {
    let middle = || row.try_get::<_, Option<i32>>(0).map(|id| id.map(i64::from));
    let narrow = || row.try_get::<_, Option<i16>>(0).map(|id| id.map(i64::from));
    let id = row
        .try_get::<_, Option<i64>>(0)
        .or_else(|_| middle())
        .or_else(|_| narrow());
    id.map_err(|_| PipelineError::Stream {
        reason: format!(
            "cannot {action}: expected whole numbers in its first column, got `{}` of type {}",
            row.columns().first().map_or("", |column| column.name()),
            row.columns().first().map_or("", |column| column.type_().name()),
        ),
    })
}

/// After how long without a word a server is asked whether it is there, and how long what was sent may stay unheard.
const KEEPALIVE: Duration = Duration::from_secs(30);
const UNHEARD: Duration = Duration::from_secs(60);

/// Reads a connection string; a wrong one does not become right by waiting.
pub(crate) fn config_of(dsn: &str) -> Result<postgres::Config, PipelineError> {
    let refuse = |reason: String| PipelineError::Stream {
        reason: format!("cannot read the connection string of PostgreSQL: {reason}"),
    };
    let mut config: postgres::Config = dsn.parse().map_err(|error| refuse(format!("{error}")))?;
    if config.get_hosts().len() > 1 {
        // replication and join would each find one of its own
        return Err(refuse("expected one host, got several".to_owned()));
    }
    config.keepalives_idle(KEEPALIVE).tcp_user_timeout(UNHEARD);
    Ok(config)
}

/// Connects with one form for times, whatever the server's settings.
pub(crate) fn connect(dsn: &str) -> Result<Client, PipelineError> {
    let mut config = config_of(dsn)?;
    config.application_name("rankine");
    config.options("-c datestyle=ISO,YMD -c timezone=UTC -c extra_float_digits=3");
    config
        .connect(postgres::NoTls)
        .map_err(PipelineError::postgres("connect"))
}

/// The user's statement as a lateral join over pairs of id and microseconds.
pub(crate) fn lateral(sql: &str) -> String {
    let inner = Statement::read(sql).with(|name| match name {
        "as_of" => "(timestamptz 'epoch' + rankine_changed.micros * interval '1 microsecond')".to_owned(),
        _ => "(ARRAY[rankine_changed.id])".to_owned(),
    });
    format!(
        "SELECT rankine_changed.place, row_to_json(rankine_row)::text FROM \
         unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS rankine_changed (id, micros, place) \
         CROSS JOIN LATERAL (\n{inner}\n) AS rankine_row"
    )
}

/// Whether a transaction is still under way in a snapshot: listed there, or begun after it. Numbers wrap at 32 bits.
fn under_way(xid: u32, end: u32, listed: &[u32]) -> bool {
    listed.contains(&xid) || xid.wrapping_sub(end) < 1 << 31
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the low half is what is wanted"
)]
fn low(xid: i64) -> u32 {
    xid as u32
}

impl Lookup for PostgresLookup {
    fn unsettled(&mut self, changes: &[Change]) -> Result<Option<u32>, PipelineError> {
        const QUERY: &str = "SELECT pg_snapshot_xmax(s)::text::bigint, \
             ARRAY(SELECT x::text::bigint FROM pg_snapshot_xip(s) AS x) FROM pg_current_snapshot() AS s";
        let mut xids: Vec<u32> = changes.iter().filter_map(|change| change.xid).collect();
        xids.dedup();
        if xids.is_empty() {
            return Ok(None);
        }
        let row = self.session()?.client.query_one(QUERY, &[]);
        let row = row.map_err(PipelineError::postgres("look which transactions are under way"))?;
        let listed: Vec<i64> = row.get(1);
        let (end, listed): (u32, Vec<u32>) = (low(row.get(0)), listed.into_iter().map(low).collect());
        Ok(xids.into_iter().find(|xid| under_way(*xid, end, &listed)))
    }

    fn join(&mut self, wanted: &[(i64, i64)]) -> Result<Vec<Found>, PipelineError> {
        let session = self.session()?;
        each_alone(wanted, |pairs| {
            let ids: Vec<i64> = pairs.iter().map(|pair| pair.0).collect();
            let times: Vec<i64> = pairs.iter().map(|pair| pair.1).collect();
            let rows = session.client.query(&session.join, &[&ids, &times]);
            let rows = rows.map_err(PipelineError::postgres("run the join's statement"))?;
            let mut found = vec![Found::Nothing; pairs.len()];
            for row in rows {
                let at = usize::try_from(row.get::<_, i64>(0) - 1).unwrap_or(usize::MAX);
                if let (Some(place), Some(pair)) = (found.get_mut(at), pairs.get(at)) {
                    *place = add(place, *pair, row.get(1));
                }
            }
            Ok(found)
        })
    }

    fn items_of(&mut self, dimension: usize, keys: &[String]) -> Result<Resting, PipelineError> {
        let Some(query) = self.reverse.get(dimension).cloned() else {
            return Ok(Resting::default());
        };
        key_by_key(keys, |keys| {
            match self.ids(&query, "run a dimension's statement", Parameter::Keys(keys)) {
                Err(error) if error.is_about_data() => Ok(Err(error.to_string())),
                found => found.map(Ok),
            }
        })
    }

    fn present(&mut self, ids: &[i64]) -> Result<Vec<i64>, PipelineError> {
        let query = self.present.clone();
        self.ids(&query, "look for items", Parameter::Ids(ids))
    }
}

/// Adds a row to what was found for an id; a second one is a fault.
fn add(found: &Found, (id, as_of): (i64, i64), row: &str) -> Found {
    if *found != Found::Nothing {
        return Found::Faulty("the join gives several rows for this id".to_owned());
    }
    match serde_json::from_str(row) {
        Ok(Json::Object(cells)) => Found::Row(JoinedRow { id, as_of, cells }),
        _ => Found::Faulty(format!("the join's row is not readable: {row}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_the_rows_own() {
        let sql = lateral("SELECT :as_of - v.t AS age FROM v WHERE v.id = ANY (:ids);");
        assert!(sql.contains("v.id = ANY ((ARRAY[rankine_changed.id]))"), "{sql}");
        assert!(sql.contains("rankine_changed.micros * interval"), "{sql}");
        assert!(!sql.contains(';'), "{sql}");
    }

    #[test]
    fn a_commit_that_others_cannot_see_yet_is_under_way() {
        assert!(under_way(7, 9, &[7]));
        assert!(!under_way(8, 9, &[7]));
        assert!(under_way(9, 9, &[]) && under_way(10, 9, &[]));
        assert!(
            !under_way(u32::MAX, 3, &[]) && under_way(2, u32::MAX, &[]),
            "numbers wrap"
        );
    }

    #[test]
    fn several_hosts_are_refused() {
        assert!(config_of("host=a user=b").is_ok());
        let told = config_of("postgres://b@a:5432,c:5433/d").unwrap_err().to_string();
        assert!(told.contains("expected one host"), "{told}");
    }

    #[test]
    fn a_second_row_is_a_fault() {
        let first = add(&Found::Nothing, (7, 1), "{\"a\": 1}");
        assert!(matches!(&first, Found::Row(row) if row.id == 7 && row.cells["a"] == 1));
        assert!(matches!(add(&first, (7, 1), "{}"), Found::Faulty(_)));
        assert!(matches!(add(&Found::Nothing, (7, 1), "[]"), Found::Faulty(_)));
    }
}
