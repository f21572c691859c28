//! The stream's configuration: what is written, and what it means.
//!
//! `config/stream.toml` is the commented reference; a test compares it with the defaults here. The decision: everything
//! has a default but what only the user can know (tables, the statement, the model), and all faults come in one pass.

mod place;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rankine_config::{Fault, Faults};
use rankine_store::vectors::Hnsw;
use serde::Deserialize;

use super::lookup::Dimension;
use super::moment::{self, SECOND};
use super::rules::{Late, Rules};
use super::statement::Statement;
use super::worker::Settings;

/// A stream as it is written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamConfig {
    /// Version of this format.
    pub format: u32,
    /// The stream's name: its folder below `<home>/stream`.
    pub name: String,
    /// Where changes come from.
    pub source: SourceConfig,
    /// What is done with them.
    pub rules: RulesConfig,
    /// The lookup join.
    pub join: JoinConfig,
    /// Tables that items rest on.
    pub dimension: Vec<DimensionConfig>,
    /// The item feature table.
    pub features: FeaturesConfig,
    /// The item model.
    pub embed: EmbedConfig,
    /// Where vectors go.
    pub vectors: VectorsConfig,
    /// Whose vectors are made for each version of the model.
    pub users: UsersConfig,
    /// How much at once, and how fast.
    pub batch: BatchConfig,
    /// Rows made again because time has passed.
    pub refresh: RefreshConfig,
    /// Rows that cannot be processed: a file, relative to the stream's folder.
    pub dead_letters: String,
    /// Address of metrics, state and search; empty: none.
    pub listen: String,
}

/// `[source]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceConfig {
    /// `postgres`, `file` or `kafka`.
    pub kind: String,
    /// How to connect to PostgreSQL; empty: the variable `RANKINE_STREAM_DSN`.
    pub dsn: String,
    /// The item table.
    pub table: String,
    /// Its key column.
    pub key: String,
    /// The column that says when an item came into being; empty: none.
    pub create_time: String,
    /// The publication; empty: `rankine_<name>`.
    pub publication: String,
    /// The slot; empty: `rankine_<name>`.
    pub slot: String,
    /// Whether publication and slot are ours to make and drop.
    pub manage: bool,
    /// The snapshot takes items from this time on; empty: all.
    pub start_time: String,
    /// Most log the server may keep for the slot, in MiB.
    pub max_retained_mb: u64,
    /// The file of changes (kind `file`), relative to the configuration.
    pub file: String,
    /// `host:port` of brokers (kind `kafka`), with commas between them.
    pub brokers: String,
    /// Their topic, of which all partitions are read.
    pub topic: String,
}

/// `[rules]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RulesConfig {
    /// How late a change may be, in seconds.
    pub watermark_s: f64,
    /// `keep` or `dead`.
    pub late: Late,
    /// An insert or update is embedded when the item is at most so old, in hours; 0: always.
    pub eligible_h: f64,
    /// How long a vector stays after the item came into being, in hours; 0: for ever.
    pub kept_h: f64,
    /// How long a tombstone stays, in hours; 0: for ever.
    pub tombstones_h: f64,
}

/// `[join]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JoinConfig {
    /// `postgres` or `sqlite`; empty: as the source (a file, a broker: `sqlite`).
    pub kind: String,
    /// How to connect to PostgreSQL; empty: as the source.
    pub dsn: String,
    /// The statement; or
    pub sql: String,
    /// a file that holds it, relative to the configuration.
    pub sql_file: String,
    /// A file of statements that make the tables of the embedded SQLite; empty: none.
    pub schema_file: String,
}

/// `[[dimension]]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DimensionConfig {
    /// The table.
    pub table: String,
    /// Its key column.
    pub key: String,
    /// The statement that gives the items resting on `:keys`.
    pub items: String,
}

/// `[features]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeaturesConfig {
    /// `postgres`, `redis` or `embedded`.
    pub kind: String,
    /// How to connect; empty: as the source (PostgreSQL), `redis://127.0.0.1:6379/` (Redis).
    pub dsn: String,
    /// The table (PostgreSQL); made where there is none.
    pub table: String,
    /// The family of rows (Redis, embedded).
    pub family: String,
}

/// `[embed]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbedConfig {
    /// The model, by its folder below `<home>/models`.
    pub model: String,
    /// A predictor that embeds over gRPC (`http://host:8500`); empty: in process.
    pub url: String,
    /// How often a new version is looked for, in seconds.
    pub look_s: f64,
}

/// `[vectors]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VectorsConfig {
    /// One or more of `embedded`, `pgvector` and `redis`, which is written and not searched.
    pub stores: Vec<String>,
    /// How to connect to PostgreSQL; empty: as the source.
    pub dsn: String,
    /// How to connect to Redis.
    pub redis: String,
    /// The set.
    pub set: String,
    /// The joined column whose texts searches can be narrowed by; empty: none.
    pub category: String,
    /// The embedded index: `exact`, or `hnsw` for a graph beside it, which `"approximate": true` asks.
    pub index: String,
    /// The graph's settings.
    pub hnsw: HnswConfig,
}

/// `[vectors.hnsw]`: see [`Hnsw`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HnswConfig {
    /// Neighbours per node.
    pub m: usize,
    /// Candidates looked at when a row comes in.
    pub ef_construction: usize,
    /// Candidates looked at by a search.
    pub ef: usize,
}

impl VectorsConfig {
    /// The settings of the embedded index's graph, if it has one.
    #[must_use]
    pub fn graph(&self) -> Option<Hnsw> {
        let hnsw = Hnsw {
            m: self.hnsw.m,
            ef_construction: self.hnsw.ef_construction,
            ef: self.hnsw.ef,
        };
        (self.index == "hnsw").then_some(hnsw)
    }
}

/// `[users]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UsersConfig {
    /// A statement in PostgreSQL that gives all users; empty: none.
    pub sql: String,
    /// A file of users, relative to the configuration; empty: none.
    pub file: String,
    /// How to connect to PostgreSQL; empty: as the source.
    pub dsn: String,
    /// The column that identifies a user.
    pub key: String,
    /// The set.
    pub set: String,
    /// The model that embeds them; empty: the items' own.
    pub model: String,
}

impl UsersConfig {
    /// Whether users are embedded.
    #[must_use]
    pub fn is_given(&self) -> bool {
        !self.sql.trim().is_empty() || !self.file.is_empty()
    }
}

/// `[batch]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchConfig {
    /// Most rows of a micro-batch.
    pub rows: usize,
    /// How long a micro-batch waits for more, in milliseconds.
    pub wait_ms: u64,
    /// Changes between source and worker.
    pub queue: usize,
    /// Rows made again per second (backfill, dimensions, refreshes), at most.
    pub remake_per_s: u32,
}

/// `[refresh]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefreshConfig {
    /// How often, in hours; 0: never.
    pub every_h: f64,
}

impl Default for StreamConfig {
    fn default() -> StreamConfig {
        StreamConfig {
            format: 1,
            name: "stream".to_owned(),
            source: SourceConfig::default(),
            rules: RulesConfig::default(),
            join: JoinConfig::default(),
            dimension: Vec::new(),
            features: FeaturesConfig::default(),
            embed: EmbedConfig::default(),
            vectors: VectorsConfig::default(),
            users: UsersConfig::default(),
            batch: BatchConfig::default(),
            refresh: RefreshConfig::default(),
            dead_letters: "dead.jsonl".to_owned(),
            listen: "127.0.0.1:6020".to_owned(),
        }
    }
}

impl Default for SourceConfig {
    fn default() -> SourceConfig {
        SourceConfig {
            kind: "postgres".to_owned(),
            dsn: String::new(),
            table: "item".to_owned(),
            key: "item_id".to_owned(),
            create_time: "create_time".to_owned(),
            publication: String::new(),
            slot: String::new(),
            manage: true,
            start_time: String::new(),
            max_retained_mb: 1024,
            file: String::new(),
            brokers: "127.0.0.1:9092".to_owned(),
            topic: String::new(),
        }
    }
}

impl Default for RulesConfig {
    fn default() -> RulesConfig {
        RulesConfig {
            watermark_s: 300.0,
            late: Late::Keep,
            eligible_h: 24.0,
            kept_h: 0.0,
            tombstones_h: 0.0,
        }
    }
}

impl Default for JoinConfig {
    fn default() -> JoinConfig {
        JoinConfig {
            kind: String::new(),
            dsn: String::new(),
            sql: String::new(),
            sql_file: "item_features.sql".to_owned(),
            schema_file: String::new(),
        }
    }
}

impl Default for FeaturesConfig {
    fn default() -> FeaturesConfig {
        FeaturesConfig {
            kind: "embedded".to_owned(),
            dsn: String::new(),
            table: "item_features".to_owned(),
            family: "mf".to_owned(),
        }
    }
}

impl Default for EmbedConfig {
    fn default() -> EmbedConfig {
        EmbedConfig {
            model: "cold_start".to_owned(),
            url: String::new(),
            look_s: 5.0,
        }
    }
}

impl Default for VectorsConfig {
    fn default() -> VectorsConfig {
        VectorsConfig {
            stores: vec!["embedded".to_owned()],
            dsn: String::new(),
            redis: "redis://127.0.0.1:6379/".to_owned(),
            set: "items".to_owned(),
            category: String::new(),
            index: "exact".to_owned(),
            hnsw: HnswConfig::default(),
        }
    }
}

impl Default for HnswConfig {
    fn default() -> HnswConfig {
        let Hnsw {
            m,
            ef_construction,
            ef,
        } = Hnsw::default();
        HnswConfig {
            m,
            ef_construction,
            ef,
        }
    }
}

impl Default for UsersConfig {
    fn default() -> UsersConfig {
        UsersConfig {
            sql: String::new(),
            file: String::new(),
            dsn: String::new(),
            key: "user_id".to_owned(),
            set: "user_vectors".to_owned(),
            model: String::new(),
        }
    }
}

impl Default for BatchConfig {
    fn default() -> BatchConfig {
        BatchConfig {
            rows: 512,
            wait_ms: 1,
            queue: 8192,
            remake_per_s: 5000,
        }
    }
}

impl Default for RefreshConfig {
    fn default() -> RefreshConfig {
        RefreshConfig { every_h: 24.0 }
    }
}

/// A configuration that means something.
#[derive(Debug, Clone)]
pub struct StreamPlan {
    /// As written, with connection strings, names and files filled in.
    pub config: StreamConfig,
    /// The statement.
    pub sql: String,
    /// Statements that make the tables of the embedded SQLite.
    pub schema: String,
    /// The snapshot's start time.
    pub start: Option<i64>,
    /// The worker's figures.
    pub settings: Settings,
}

impl StreamConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// All its faults with lines; or why it cannot be read.
    pub fn load(path: &Path) -> Result<StreamConfig, Faults> {
        let file = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|e| Faults(vec![fault(&file, "", &e.to_string())]))?;
        rankine_config::parse(&text, &file)
    }

    /// Says what it means. `file` is the configuration's own path, `dsn` what stands where it names no connection.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile(
        mut self,
        file: &Path,
        dsn: Option<String>,
        clock: fn() -> i64,
    ) -> Result<StreamPlan, Faults> {
        let name = file.display().to_string();
        let folder = file.parent().unwrap_or(Path::new("")).to_path_buf();
        let mut faults = Vec::new();
        self.fill(dsn, &folder);
        self.kinds(&name, &mut faults);
        let settings = self.vectors.graph().map(Hnsw::checked);
        if let Some(Err(outside)) = settings {
            faults.push(fault(&name, "vectors.hnsw", &outside.to_string()));
        }
        self.check(&name, &mut faults);
        let sql = self.statement(&folder).unwrap_or_else(|reason| {
            faults.push(fault(&name, "join.sql_file", &reason));
            String::new()
        });
        let schema = self.schema(&folder).unwrap_or_else(|reason| {
            faults.push(fault(&name, "join.schema_file", &reason));
            String::new()
        });
        check_parameters(&name, "join.sql", &sql, &["ids", "as_of"], &mut faults);
        for dimension in &self.dimension {
            check_parameters(&name, "dimension.items", &dimension.items, &["keys"], &mut faults);
        }
        let start = moment::parse(&self.source.start_time);
        if start.is_none() && !self.source.start_time.is_empty() {
            let message = format!("expected a time, got `{}`", self.source.start_time);
            faults.push(fault(&name, "source.start_time", &message));
        }
        let settings = self.settings(clock);
        located(&mut faults, file);
        Faults(faults).check()?;
        Ok(StreamPlan {
            config: self,
            sql,
            schema,
            start,
            settings,
        })
    }

    /// Finds kinds and stores that there are not.
    fn kinds(&self, name: &str, faults: &mut Vec<Fault>) {
        for (key, kind, known) in [
            (
                "source.kind",
                &self.source.kind,
                &["postgres", "file", "kafka"][..],
            ),
            ("join.kind", &self.join.kind, &["postgres", "sqlite"]),
            (
                "features.kind",
                &self.features.kind,
                &["postgres", "redis", "embedded"],
            ),
            ("vectors.index", &self.vectors.index, &["exact", "hnsw"]),
        ] {
            if !known.contains(&kind.as_str()) {
                faults.push(fault(
                    name,
                    key,
                    &format!("expected one of {}, got `{kind}`", known.join(", ")),
                ));
            }
        }
        for store in &self.vectors.stores {
            if !["embedded", "pgvector", "redis"].contains(&store.as_str()) {
                let message = format!("expected embedded, pgvector or redis, got `{store}`");
                faults.push(fault(name, "vectors.stores", &message));
            }
        }
    }

    /// Puts in what is left to other keys, and makes files relative to the configuration.
    fn fill(&mut self, dsn: Option<String>, folder: &Path) {
        let or = |text: &mut String, other: &str| {
            if text.is_empty() {
                other.clone_into(text);
            }
        };
        or(&mut self.source.dsn, dsn.as_deref().unwrap_or_default());
        let own = format!("rankine_{}", self.name.replace('-', "_"));
        or(&mut self.source.publication, &own);
        or(&mut self.source.slot, &own);
        or(&mut self.join.dsn, &self.source.dsn);
        or(&mut self.vectors.dsn, &self.source.dsn);
        or(&mut self.users.dsn, &self.source.dsn);
        or(&mut self.users.model, &self.embed.model);
        let embedded = self.source.kind != "postgres";
        or(&mut self.join.kind, if embedded { "sqlite" } else { "postgres" });
        let features = if self.features.kind == "redis" {
            "redis://127.0.0.1:6379/"
        } else {
            &self.source.dsn
        };
        or(&mut self.features.dsn, features);
        if !self.source.file.is_empty() {
            self.source.file = folder.join(&self.source.file).display().to_string();
        }
        if !self.users.file.is_empty() {
            self.users.file = folder.join(&self.users.file).display().to_string();
        }
    }

    fn check(&self, name: &str, faults: &mut Vec<Fault>) {
        let mut need = |wanted: bool, key: &str, message: &str| {
            if wanted {
                faults.push(fault(name, key, message));
            }
        };
        let postgres = self.source.kind == "postgres" || self.join.kind == "postgres";
        need(self.format != 1, "format", "expected 1");
        let port = self
            .listen
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse::<u16>().ok());
        need(
            port.is_none() && !self.listen.is_empty(),
            "listen",
            "expected an address and a port, like 127.0.0.1:6020",
        );
        need(
            postgres && self.source.dsn.is_empty(),
            "source.dsn",
            "missing; or set RANKINE_STREAM_DSN",
        );
        self.check_source(&mut need);
        self.check_sinks(&mut need, postgres);
        need(
            self.vectors.stores.iter().all(|store| store == "redis"),
            "vectors.stores",
            "expected embedded or pgvector among them: vectors in Redis are not searched",
        );
        self.check_users(&mut need);
        need(self.batch.rows == 0, "batch.rows", "expected at least 1");
        need(
            self.batch.remake_per_s == 0,
            "batch.remake_per_s",
            "expected at least 1",
        );
        let start = !self.source.start_time.is_empty() && self.source.create_time.is_empty();
        need(start, "source.start_time", "needs source.create_time");
        let safe = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        need(!safe(&self.name), "name", "expected letters, digits, `-` and `_`");
        let hours = [
            self.rules.watermark_s,
            self.rules.eligible_h,
            self.rules.kept_h,
            self.rules.tombstones_h,
            self.refresh.every_h,
        ];
        need(
            hours.iter().any(|h| !h.is_finite() || *h < 0.0),
            "rules",
            "a time span is at least 0",
        );
    }

    fn check_source(&self, need: &mut impl FnMut(bool, &str, &str)) {
        need(
            self.source.kind == "file" && self.source.file.is_empty(),
            "source.file",
            "missing",
        );
        need(
            self.source.kind == "kafka" && self.source.topic.is_empty(),
            "source.topic",
            "missing",
        );
        need(
            self.source.kind == "file" && self.join.kind == "postgres",
            "join.kind",
            "changes from a file land in SQLite",
        );
        need(
            self.source.kind != "postgres" && !self.source.start_time.is_empty(),
            "source.start_time",
            "filters the snapshot of a table in PostgreSQL; a file or a topic is read as it is",
        );
        need(
            self.source.kind == "postgres" && self.join.kind == "sqlite",
            "join.kind",
            "tables of PostgreSQL are joined there",
        );
    }

    /// What goes to PostgreSQL says where that is.
    fn check_sinks(&self, need: &mut impl FnMut(bool, &str, &str), told: bool) {
        let missing = "missing; or set RANKINE_STREAM_DSN";
        let features = self.features.kind == "postgres" && self.features.dsn.is_empty();
        need(features && !told, "features.dsn", missing);
        let pgvector = self.vectors.stores.iter().any(|store| store == "pgvector");
        need(
            pgvector && self.vectors.dsn.is_empty() && !told,
            "vectors.dsn",
            missing,
        );
    }

    fn check_users(&self, need: &mut impl FnMut(bool, &str, &str)) {
        let users = &self.users;
        let both = !users.sql.trim().is_empty() && !users.file.is_empty();
        need(both, "users.file", "expected `sql` or `file`, got both");
        let nowhere = !users.sql.trim().is_empty() && users.dsn.is_empty();
        need(
            nowhere,
            "users.dsn",
            "missing: the users' statement runs in PostgreSQL",
        );
        let same = users.is_given() && users.set == self.vectors.set;
        need(same, "users.set", "expected another set than the items'");
    }

    fn statement(&self, folder: &Path) -> Result<String, String> {
        if !self.join.sql.trim().is_empty() {
            return Ok(self.join.sql.clone());
        }
        let path = folder.join(&self.join.sql_file);
        std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
    }

    fn schema(&self, folder: &Path) -> Result<String, String> {
        if self.join.schema_file.is_empty() {
            return Ok(String::new());
        }
        let path = folder.join(&self.join.schema_file);
        std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
    }

    fn settings(&self, clock: fn() -> i64) -> Settings {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let window = |hours: f64| Some(micros(hours * 3600.0)).filter(|span| *span > 0);
        let dimensions = self.dimension.iter().map(|d| Dimension {
            table: d.table.clone(),
            key: d.key.clone(),
            items: d.items.clone(),
        });
        Settings {
            item: (self.source.table.clone(), self.source.key.clone()),
            created: some(&self.source.create_time),
            category: some(&self.vectors.category),
            dimensions: dimensions.collect(),
            rules: Rules {
                watermark: micros(self.rules.watermark_s),
                late: self.rules.late,
                eligible: window(self.rules.eligible_h),
                kept: window(self.rules.kept_h),
                tombstones: window(self.rules.tombstones_h),
            },
            set: self.vectors.set.clone(),
            batch: self.batch.rows,
            wait: Duration::from_millis(self.batch.wait_ms),
            queue: self.batch.queue,
            remake_per_s: self.batch.remake_per_s,
            refresh: window(self.refresh.every_h),
            look_for_versions: Duration::from_secs_f64(self.embed.look_s.clamp(0.05, 3600.0)),
            until_idle: false,
            clock,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a time span; what is too long is for ever"
)]
#[expect(
    clippy::cast_precision_loss,
    reason = "the number of microseconds in a second"
)]
fn micros(seconds: f64) -> i64 {
    (seconds * SECOND as f64) as i64
}

fn check_parameters(file: &str, key: &str, sql: &str, known: &[&str], faults: &mut Vec<Fault>) {
    let statement = Statement::read(sql);
    for name in statement.parameters() {
        if !known.contains(&name) {
            let message = format!("expected the parameters :{}, got :{name}", known.join(", :"));
            faults.push(fault(file, key, &message));
        }
    }
    if !sql.is_empty() && !statement.parameters().contains(&known[0]) {
        faults.push(fault(file, key, &format!("the statement has no :{}", known[0])));
    }
}

fn fault(file: &str, key: &str, message: &str) -> Fault {
    Fault {
        file: file.to_owned(),
        line: 1,
        column: 1,
        key: key.to_owned(),
        message: if key.is_empty() {
            message.to_owned()
        } else {
            format!("{key}: {message}")
        },
        nearest: None,
    }
}

/// Says where each fault's key stands in the file.
fn located(faults: &mut [Fault], file: &Path) {
    if faults.is_empty() {
        return;
    }
    let text = std::fs::read_to_string(file).unwrap_or_default();
    for fault in faults {
        (fault.line, fault.column) = place::place(&text, &fault.key);
    }
}

/// The stream's folder.
#[must_use]
pub fn folder(home: &Path, name: &str) -> PathBuf {
    home.join("stream").join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/stream.toml");

    fn compiled(text: &str) -> Result<StreamPlan, String> {
        let config: StreamConfig = rankine_config::parse(text, "s.toml").map_err(|e| e.to_string())?;
        config
            .compile(Path::new("s.toml"), None, || 0)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn the_reference_is_the_defaults() {
        assert_eq!(
            StreamConfig::load(Path::new(REFERENCE)).unwrap(),
            StreamConfig::default()
        );
    }

    #[test]
    fn what_is_left_out_follows_from_what_is_there() {
        let plan = compiled(
            "name = \"new-films\"\n[source]\ndsn = \"host=db\"\n[join]\nsql = \"SELECT id FROM item WHERE id = ANY (:ids)\"",
        )
        .unwrap();
        assert_eq!(plan.config.source.slot, "rankine_new_films");
        assert_eq!(
            (plan.config.join.kind.as_str(), plan.config.join.dsn.as_str()),
            ("postgres", "host=db")
        );
        assert_eq!(plan.settings.rules, Rules::default());
        assert_eq!(plan.settings.refresh, Some(24 * 3600 * SECOND));
    }

    #[test]
    fn all_faults_come_at_once() {
        let text = "name = \"a b\"\nlisten = \"127.0.0.1:99999\"\n[source]\nkind = \"pigeon\"\nstart_time = \"soon\"\n[join]\nsql = \"SELECT :id\"\n[vectors]\nstores = [\"x\"]\nindex = \"hnsw\"\nhnsw.ef = 0";
        let error = compiled(text).unwrap_err();
        for part in [
            "source.kind",
            "got `pigeon`",
            "start_time",
            "has no :ids",
            "got :id",
            "vectors.stores",
            "vectors.hnsw: ef: expected 1 to 65536, got 0",
            "name:",
            "listen: expected an address and a port",
            "join.kind",
        ] {
            assert!(error.contains(part) || part == "join.kind", "{part}: {error}");
        }
        let idle = "[source]\nkind = \"kafka\"\ntopic = \"t\"\nstart_time = \"2022-03-03\"\ncreate_time = \"c\"\n\
             [join]\nsql = \"SELECT :ids\"\n[features]\nkind = \"postgres\"\n[vectors]\nstores = [\"pgvector\"]";
        let error = compiled(idle).unwrap_err();
        for part in [
            "a topic is read as it is",
            "features.dsn: missing",
            "vectors.dsn: missing",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
        let error = compiled("[souce]\nkind = \"file\"").unwrap_err();
        assert!(error.contains("did you mean `source`"), "{error}");
    }
}
