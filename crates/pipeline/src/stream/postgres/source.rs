//! The stream out of PostgreSQL: from a snapshot that the slot itself exported, on to every later commit.
//!
//! First step of the pipeline. The decision: the snapshot reads keys only, in the transaction that the new slot exports,
//! and hands them to the durable backfill; so it is over in seconds, however large the catalogue, replication begins at
//! once, and new rows never wait for old ones. Between the two is neither gap nor overlap: a row is in the snapshot or
//! in the stream, as its commit lies before or after the slot's first place.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postgres::Client;
use rustc_hash::FxHashMap;

use super::decode::{EPOCH_2000, Message, Relation, decode, unread};
use super::slot::{self, SlotState};
use super::table::{self, SourceTable, quoted};
use super::wire::Wire;
use crate::error::PipelineError;
use crate::stream::change::{Cell, Change, Fields, Kind, Position, parse_lsn, print_lsn};
use crate::stream::lookup_postgres::config_of;
use crate::stream::source::{Arrival, Backfill, Opened, Past, Retained, Source};

/// Keys per message of the snapshot.
const SNAPSHOT_CHUNK: usize = 10_000;
/// How often the server hears how far we are, at least.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// How often at most.
const STATUS_GAP: Duration = Duration::from_millis(50);
/// Bytes of log kept from which on the server is asked to note which transactions run.
const MARK_AFTER: u64 = 4 << 20;
/// How often a slot is tried to be dropped, a gap of [`STATUS_GAP`] between two; after that it is dropped when the stream opens again.
const DROP_TRIES: u32 = 40;

/// What to read, and through what.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// How to connect: `host=… user=… dbname=…` or `postgres://…`.
    pub dsn: String,
    /// The item table.
    pub table: String,
    /// Its key column: whole numbers.
    pub key: String,
    /// Other tables whose changes are wanted, each with its key column.
    pub others: Vec<(String, String)>,
    /// The publication.
    pub publication: String,
    /// The slot.
    pub slot: String,
    /// Whether publication and slot are ours to make and drop.
    pub managed: bool,
    /// The snapshot takes rows only where this column is at least this time (microseconds since 1970).
    pub start: Option<(String, i64)>,
    /// How much log the server may keep for the slot before it is given up, in bytes.
    pub max_retained: u64,
    /// The clock: microseconds since 1970 UTC.
    pub clock: fn() -> i64,
}

/// See the module's text.
pub struct PostgresSource {
    options: PostgresOptions,
    stream: Option<Stream>,
    watch: Option<Client>,
}

impl std::fmt::Debug for PostgresSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresSource")
            .field("slot", &self.options.slot)
            .finish_non_exhaustive()
    }
}

/// What a running replication connection remembers.
struct Stream {
    wire: Wire,
    /// Key columns by table.
    keys: FxHashMap<String, String>,
    relations: FxHashMap<u32, Relation>,
    waiting: std::collections::VecDeque<Arrival>,
    transaction: Option<Transaction>,
    /// The furthest place the server has told of.
    seen: u64,
    confirmed: u64,
    told: Instant,
    told_place: u64,
}

/// The transaction being read.
#[derive(Clone, Copy)]
struct Transaction {
    lsn: u64,
    time: i64,
    xid: u32,
    rows: u32,
}

/// Where to begin.
enum Begin {
    /// From what was confirmed.
    Resume(u64),
    /// With a new slot and the snapshot it exports.
    Fresh,
    /// With a snapshot of its own, from a given slot's place: what lies between is read twice, to no effect.
    Given(u64),
}

impl PostgresSource {
    /// A source that is not connected yet.
    #[must_use]
    pub fn new(options: PostgresOptions) -> PostgresSource {
        PostgresSource {
            options,
            stream: None,
            watch: None,
        }
    }

    fn config(&self) -> Result<postgres::Config, PipelineError> {
        let mut config = config_of(&self.options.dsn)?;
        config.application_name("rankine stream");
        Ok(config)
    }

    fn client(&self) -> Result<Client, PipelineError> {
        let client = self.config()?.connect(postgres::NoTls);
        client.map_err(PipelineError::postgres("connect"))
    }

    /// Finds the tables, item table first, and checks them and the publication.
    fn tables(&self, client: &mut Client) -> Result<Vec<SourceTable>, PipelineError> {
        let options = &self.options;
        let mut tables = vec![table::find(client, &options.table)?];
        table::check_key(client, &tables[0], &options.key)?;
        if let Some((column, _)) = &options.start {
            table::check_column(client, &tables[0], column)?;
        }
        for (other, key) in &options.others {
            let other = table::find(client, other)?;
            table::check_key(client, &other, key)?;
            tables.push(other);
        }
        match options.managed {
            true => slot::ensure_publication(client, &options.publication, &tables)?,
            false => slot::check_publication(client, &options.publication, &tables)?,
        }
        Ok(tables)
    }

    /// Decides how to begin.
    fn begin(&self, past: &Past, origin: &str, found: Option<&SlotState>) -> Result<Begin, PipelineError> {
        let refuse = |reason: &str| PipelineError::Slot {
            slot: self.options.slot.clone(),
            reason: reason.to_owned(),
        };
        let known = past.origin.as_deref().is_none_or(|o| o == origin);
        let confirmed = past.confirmed.filter(|_| known);
        let Some(found) = found else {
            return match self.options.managed {
                true => Ok(Begin::Fresh),
                false => Err(refuse(
                    "there is no such slot, and `manage = false` forbids to make it",
                )),
            };
        };
        if found.plugin != "pgoutput" {
            return Err(refuse(&format!(
                "it decodes with `{}`, not with pgoutput",
                found.plugin
            )));
        }
        // somebody else has read from it: what lies between will not come again; or the server was set back to an earlier state
        let gap = confirmed.is_some_and(|confirmed| found.confirmed > confirmed || confirmed > found.written);
        match confirmed {
            Some(confirmed) if !found.lost && !gap => Ok(Begin::Resume(confirmed)),
            _ if self.options.managed => Ok(Begin::Fresh),
            _ if found.lost => Err(refuse(
                "the server has thrown away log it needs; drop it and make it anew",
            )),
            _ => Ok(Begin::Given(found.confirmed)),
        }
    }

    /// Makes the slot anew and reads the snapshot it exports, before the connection runs anything else.
    fn fresh(
        &self,
        wire: &mut Wire,
        client: &mut Client,
        item: &SourceTable,
        backfill: &mut dyn Backfill,
    ) -> Result<u64, PipelineError> {
        slot::drop_slot(client, &self.options.slot)?;
        slot::warn_of_no_bound(client, &self.options.slot);
        let command = format!(
            "CREATE_REPLICATION_SLOT {} LOGICAL pgoutput EXPORT_SNAPSHOT",
            quoted(&self.options.slot)
        );
        let rows = wire.query(&command)?;
        let cell = |at: usize| rows.first()?.get(at)?.as_deref();
        let (Some(lsn), Some(snapshot)) = (cell(1).and_then(parse_lsn), cell(2)) else {
            return Err(PipelineError::Replication {
                what: "a new slot",
                expected: "its place and its snapshot".to_owned(),
                got: format!("{rows:?}"),
            });
        };
        let set = format!("SET TRANSACTION SNAPSHOT '{}'", snapshot.replace('\'', "''"));
        self.snapshot(client, item, &set, Position::new(lsn, 0), backfill)?;
        Ok(lsn)
    }

    /// Hands the keys of all rows (from the start time on) to the backfill.
    fn snapshot(
        &self,
        client: &mut Client,
        item: &SourceTable,
        set: &str,
        at: Position,
        backfill: &mut dyn Backfill,
    ) -> Result<(), PipelineError> {
        let fail = || PipelineError::postgres(format!("read the snapshot of {}", item.name));
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {set}");
        client.batch_execute(&begin).map_err(fail())?;
        let filter = self
            .options
            .start
            .as_ref()
            .map_or_else(String::new, |(column, micros)| {
                format!(
                    " WHERE {} >= timestamptz 'epoch' + {micros} * interval '1 microsecond'",
                    quoted(column)
                )
            });
        let declare = format!(
            "DECLARE rankine_snapshot NO SCROLL CURSOR FOR SELECT {}::bigint FROM {}{filter}",
            quoted(&self.options.key),
            item.quoted
        );
        client.batch_execute(&declare).map_err(fail())?;
        let fetch = format!("FETCH FORWARD {SNAPSHOT_CHUNK} FROM rankine_snapshot");
        loop {
            let rows = client.query(&fetch, &[]).map_err(fail())?;
            let keys: Vec<i64> = rows
                .iter()
                .filter_map(|row| row.get::<_, Option<i64>>(0))
                .collect();
            if rows.is_empty() {
                return client.batch_execute("COMMIT").map_err(fail());
            }
            backfill.rows(at, &keys)?;
        }
    }

    /// The log kept is more than allowed: lets go of it, once the server has noticed that nobody reads any more.
    fn give_up(&mut self, kept: Retained) -> PipelineError {
        self.stream = None;
        for last in (0..DROP_TRIES).rev().map(|left| left == 0) {
            let client = self.client();
            match client.and_then(|mut c| slot::drop_slot(&mut c, &self.options.slot)) {
                Ok(()) => break,
                Err(error) if last => tracing::warn!(%error, "cannot drop the slot yet"),
                Err(_) => std::thread::sleep(STATUS_GAP),
            }
        }
        PipelineError::Retained {
            slot: self.options.slot.clone(),
            bytes: kept.bytes,
            allowed: self.options.max_retained,
        }
    }
}

impl Source for PostgresSource {
    fn open(&mut self, past: &Past, backfill: &mut dyn Backfill) -> Result<Opened, PipelineError> {
        self.stream = None;
        let mut client = self.client()?;
        let tables = self.tables(&mut client)?;
        let mut wire = Wire::connect(&self.config()?)?;
        let system = wire.query("IDENTIFY_SYSTEM")?;
        let cell = |at: usize| {
            system
                .first()
                .and_then(|row| row.get(at)?.clone())
                .unwrap_or_default()
        };
        // a server that was set back to an earlier state goes on on another timeline
        let origin = format!("postgres {} {} {}", cell(0), cell(1), cell(3));
        let found = slot::state(&mut client, &self.options.slot)?;
        let (from, snapshot) = match self.begin(past, &origin, found.as_ref())? {
            Begin::Resume(confirmed) => (confirmed, false),
            Begin::Fresh => (self.fresh(&mut wire, &mut client, &tables[0], backfill)?, true),
            Begin::Given(from) => {
                let at = Position::new(from, 0);
                self.snapshot(&mut client, &tables[0], "", at, backfill)?;
                (from, true)
            }
        };
        let publication = quoted(&self.options.publication).replace('\'', "''");
        wire.start_copy(&format!(
            "START_REPLICATION SLOT {} LOGICAL {} (proto_version '1', publication_names '{publication}')",
            quoted(&self.options.slot),
            print_lsn(from),
        ))?;
        slot::mark(&mut client)?;
        let keys = std::iter::once(&self.options.key).chain(self.options.others.iter().map(|(_, key)| key));
        let keys = tables.into_iter().map(|t| t.name).zip(keys.cloned()).collect();
        self.stream = Some(Stream::new(wire, keys, from));
        self.watch = Some(client);
        Ok(Opened {
            origin,
            from,
            base: 0,
            snapshot,
        })
    }

    fn next(&mut self, wait: Duration) -> Result<Option<Arrival>, PipelineError> {
        let clock = self.options.clock;
        match &mut self.stream {
            Some(stream) => stream.next(wait, clock),
            None => Err(closed()),
        }
    }

    fn confirm(&mut self, end: u64) -> Result<(), PipelineError> {
        let clock = self.options.clock;
        let stream = self.stream.as_mut().ok_or_else(closed)?;
        stream.confirmed = stream.confirmed.max(end);
        stream.tell_if_due(clock)
    }

    fn retained(&mut self) -> Result<Option<Retained>, PipelineError> {
        if self.watch.as_ref().is_none_or(Client::is_closed) {
            self.watch = Some(self.client()?);
        }
        let Some(client) = &mut self.watch else {
            return Ok(None);
        };
        let kept = slot::retained(client, &self.options.slot)?;
        match kept {
            Some(kept) if self.options.managed && kept.bytes > self.options.max_retained => {
                Err(self.give_up(kept))
            }
            Some(kept) if kept.bytes > MARK_AFTER => slot::mark(client).map(|()| Some(kept)),
            kept => Ok(kept),
        }
    }
}

fn closed() -> PipelineError {
    PipelineError::Postgres {
        action: "read changes".to_owned(),
        reason: "the stream is not open".to_owned(),
        code: None,
    }
}

impl Stream {
    fn new(wire: Wire, keys: FxHashMap<String, String>, from: u64) -> Stream {
        Stream {
            wire,
            keys,
            relations: FxHashMap::default(),
            waiting: std::collections::VecDeque::new(),
            transaction: None,
            seen: from,
            confirmed: from,
            told: Instant::now(),
            told_place: 0,
        }
    }

    fn next(&mut self, wait: Duration, clock: fn() -> i64) -> Result<Option<Arrival>, PipelineError> {
        let until = Instant::now() + wait;
        loop {
            self.tell_if_due(clock)?;
            if let Some(arrival) = self.waiting.pop_front() {
                return Ok(Some(arrival));
            }
            let left = until.saturating_duration_since(Instant::now());
            let Some(piece) = self.wire.copied(left)? else {
                return Ok(None);
            };
            self.take(&piece, clock)?;
        }
    }

    fn take(&mut self, piece: &[u8], clock: fn() -> i64) -> Result<(), PipelineError> {
        let mut input = unread(piece);
        match input.u8()? {
            b'w' => {
                let (start, end) = (input.u64()?, input.u64()?);
                input.i64()?;
                self.seen = self.seen.max(start).max(end);
                self.message(decode(input.rest())?, clock)
            }
            b'k' => {
                let end = input.u64()?;
                input.i64()?;
                self.seen = self.seen.max(end);
                // everything before it was sent; nothing of ours is under way
                if self.transaction.is_none() {
                    self.waiting.push_back(Arrival::Commit { end });
                }
                match input.u8()? {
                    0 => Ok(()),
                    _ => self.tell(clock),
                }
            }
            _ => Ok(()),
        }
    }

    fn message(&mut self, message: Message, clock: fn() -> i64) -> Result<(), PipelineError> {
        match message {
            Message::Begin { lsn, time, xid } => {
                self.transaction = Some(Transaction {
                    lsn,
                    time,
                    xid,
                    rows: 0,
                });
            }
            Message::Commit { end, .. } => {
                self.transaction = None;
                self.waiting.push_back(Arrival::Commit { end });
            }
            Message::Relation(relation) => {
                self.relations.insert(relation.oid, relation);
            }
            Message::Insert { oid, new } => self.row(oid, Kind::Insert, new, clock)?,
            Message::Update { oid, old, new } => self.update(oid, old, new, clock)?,
            Message::Delete { oid, old } => self.row(oid, Kind::Delete, old, clock)?,
            Message::Truncate { oids } => {
                for oid in oids {
                    self.row(oid, Kind::Truncate, Vec::new(), clock)?;
                }
            }
            Message::Other => {}
        }
        Ok(())
    }

    /// An update; one that moved the row to another key is the old row's end, too.
    fn update(
        &mut self,
        oid: u32,
        old: Option<Vec<Cell>>,
        mut new: Vec<Cell>,
        clock: fn() -> i64,
    ) -> Result<(), PipelineError> {
        if let Some(old) = old {
            // a whole old row knows the large values that the new one does not repeat
            let known = |cell: &Cell| matches!(cell, Cell::Text(_));
            for (new, old) in new.iter_mut().zip(&old) {
                if *new == Cell::Unchanged && known(old) {
                    new.clone_from(old);
                }
            }
            if self.moved(oid, &old, &new) {
                self.row(oid, Kind::Delete, old, clock)?;
            }
        }
        self.row(oid, Kind::Update, new, clock)
    }

    /// Whether the key is another one; the rest of a whole old row may differ as it likes.
    fn moved(&self, oid: u32, old: &[Cell], new: &[Cell]) -> bool {
        let place = self.relations.get(&oid).and_then(|relation| {
            let key = self.keys.get(relation.name.as_ref())?;
            relation.columns.iter().position(|column| column.as_ref() == key)
        });
        place.is_some_and(|at| old.get(at) != new.get(at))
    }

    fn row(
        &mut self,
        oid: u32,
        kind: Kind,
        cells: Vec<Cell>,
        clock: fn() -> i64,
    ) -> Result<(), PipelineError> {
        let fault = |expected: &str| PipelineError::Replication {
            what: "a changed row",
            expected: expected.to_owned(),
            got: format!("table {oid}"),
        };
        let relation = self.relations.get(&oid).ok_or_else(|| fault("a known table"))?;
        let at = self
            .transaction
            .as_mut()
            .ok_or_else(|| fault("a transaction around it"))?;
        let change = Change {
            table: relation.name.clone(),
            kind,
            fields: fields(relation, cells),
            position: Position::new(at.lsn, at.rows),
            commit_time: at.time,
            received: clock(),
            xid: Some(at.xid),
        };
        at.rows += 1;
        self.waiting.push_back(Arrival::Change(change));
        Ok(())
    }

    fn tell_if_due(&mut self, clock: fn() -> i64) -> Result<(), PipelineError> {
        let since = self.told.elapsed();
        let news = self.confirmed > self.told_place && since > STATUS_GAP;
        if news || since > STATUS_EVERY {
            return self.tell(clock);
        }
        Ok(())
    }

    fn tell(&mut self, clock: fn() -> i64) -> Result<(), PipelineError> {
        let mut status = vec![b'r'];
        for place in [self.seen.max(self.confirmed), self.confirmed, self.confirmed] {
            status.extend(place.to_be_bytes());
        }
        status.extend((clock() - EPOCH_2000).to_be_bytes());
        status.push(0);
        self.told = Instant::now();
        self.told_place = self.confirmed;
        self.wire.put(&status)
    }
}

fn fields(relation: &Relation, cells: Vec<Cell>) -> Fields {
    let named = relation.columns.iter().cloned().zip(cells);
    named.collect::<std::collections::BTreeMap<Arc<str>, Cell>>()
}
