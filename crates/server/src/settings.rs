//! Every key of the configuration as a flag and as an environment variable, and putting their values over a file's.
//!
//! Between the command line and [`ServerConfig`]. The decision: one table of keys, and values that are typed by the
//! configuration itself: what is given is put into its TOML form and read again by the same reader as a file, so that a
//! flag accepts and refuses what the file does. `home` is not here: it is a flag of every verb.

use crate::config::ServerConfig;
use crate::error::ServerError;
use serde::Serialize;
use toml::{Table, Value};

/// One key that can be given outside the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its place in the file: `limits.permits`.
    pub key: &'static str,
    /// Its flag, without the dashes.
    pub flag: &'static str,
    /// Another, shorter flag.
    pub alias: Option<&'static str>,
    /// Its environment variable.
    pub env: &'static str,
    /// One line for people.
    pub help: &'static str,
}

/// Every key but `home`, in the file's order.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "threads",
        flag: "threads",
        alias: None,
        env: "RANKINE_THREADS",
        help: "Threads that compute; 0: one per core",
    },
    Setting {
        key: "default_model",
        flag: "default-model",
        alias: None,
        env: "RANKINE_DEFAULT_MODEL",
        help: "The model that ranks when a request names none",
    },
    Setting {
        key: "conf",
        flag: "conf",
        alias: None,
        env: "RANKINE_CONF",
        help: "Listed confs, as in the file: [{ name = \"films\", path = \"confs/films\" }]",
    },
    Setting {
        key: "dictionary",
        flag: "dictionary",
        alias: None,
        env: "RANKINE_DICTIONARY",
        help: "Dictionaries, as in the file: [{ name = \"items\", kind = \"items\", path = \"items.parquet\" }]",
    },
    Setting {
        key: "listen.site",
        flag: "listen-site",
        alias: Some("site"),
        env: "RANKINE_LISTEN_SITE",
        help: "Address of the API and the pages; empty: off, a predictor only",
    },
    Setting {
        key: "listen.rest",
        flag: "listen-rest",
        alias: Some("rest"),
        env: "RANKINE_LISTEN_REST",
        help: "Address of TensorFlow Serving REST, /metrics and /status; empty: off",
    },
    Setting {
        key: "listen.grpc",
        flag: "listen-grpc",
        alias: Some("grpc"),
        env: "RANKINE_LISTEN_GRPC",
        help: "Address of gRPC; empty: off",
    },
    Setting {
        key: "limits.body_mb",
        flag: "limits-body-mb",
        alias: None,
        env: "RANKINE_LIMITS_BODY_MB",
        help: "Largest request body, MiB",
    },
    Setting {
        key: "limits.items",
        flag: "limits-items",
        alias: None,
        env: "RANKINE_LIMITS_ITEMS",
        help: "Most instances in one prediction request",
    },
    Setting {
        key: "limits.permits",
        flag: "limits-permits",
        alias: None,
        env: "RANKINE_LIMITS_PERMITS",
        help: "Requests at work at once",
    },
    Setting {
        key: "limits.task",
        flag: "limits-task",
        alias: None,
        env: "RANKINE_LIMITS_TASK",
        help: "Items per task of a question; 0: adapted",
    },
    Setting {
        key: "limits.deadline_ms",
        flag: "limits-deadline-ms",
        alias: None,
        env: "RANKINE_LIMITS_DEADLINE_MS",
        help: "Longest work on a request",
    },
    Setting {
        key: "limits.size",
        flag: "limits-size",
        alias: None,
        env: "RANKINE_LIMITS_SIZE",
        help: "Largest `size` parameter",
    },
    Setting {
        key: "limits.connections",
        flag: "limits-connections",
        alias: None,
        env: "RANKINE_LIMITS_CONNECTIONS",
        help: "Connections open at once, per port",
    },
    Setting {
        key: "limits.head_ms",
        flag: "limits-head-ms",
        alias: None,
        env: "RANKINE_LIMITS_HEAD_MS",
        help: "Longest wait for the head of a request",
    },
    Setting {
        key: "limits.new_users",
        flag: "limits-new-users",
        alias: None,
        env: "RANKINE_LIMITS_NEW_USERS",
        help: "Users known only from posted events, at most",
    },
    Setting {
        key: "samples.rate",
        flag: "samples-rate",
        alias: None,
        env: "RANKINE_SAMPLES_RATE",
        help: "Part of the requests to the unified predictor whose samples are logged, 0 to 1",
    },
    Setting {
        key: "samples.path",
        flag: "samples-path",
        alias: None,
        env: "RANKINE_SAMPLES_PATH",
        help: "Folder of the sample log",
    },
    Setting {
        key: "samples.queue",
        flag: "samples-queue",
        alias: None,
        env: "RANKINE_SAMPLES_QUEUE",
        help: "Requests that may wait to be logged",
    },
    Setting {
        key: "samples.memory_mb",
        flag: "samples-memory-mb",
        alias: None,
        env: "RANKINE_SAMPLES_MEMORY_MB",
        help: "Memory of the sample log, MiB",
    },
    Setting {
        key: "samples.rows",
        flag: "samples-rows",
        alias: None,
        env: "RANKINE_SAMPLES_ROWS",
        help: "Rows of a file of the sample log",
    },
    Setting {
        key: "samples.flush_s",
        flag: "samples-flush-s",
        alias: None,
        env: "RANKINE_SAMPLES_FLUSH_S",
        help: "Longest wait of a logged row for its file, seconds",
    },
    Setting {
        key: "store.kind",
        flag: "store-kind",
        alias: None,
        env: "RANKINE_STORE_KIND",
        help: "Where feature rows are kept: embedded or redis",
    },
    Setting {
        key: "store.url",
        flag: "store-url",
        alias: None,
        env: "RANKINE_STORE_URL",
        help: "Address of the Redis server; given here it makes the kind redis",
    },
    Setting {
        key: "ranker.kind",
        flag: "ranker-kind",
        alias: None,
        env: "RANKINE_RANKER_KIND",
        help: "Who ranks: local or remote",
    },
    Setting {
        key: "ranker.url",
        flag: "ranker-url",
        alias: None,
        env: "RANKINE_RANKER_URL",
        help: "Address of the remote predictor; given here it makes the kind remote",
    },
    Setting {
        key: "ranker.timeout_ms",
        flag: "ranker-timeout-ms",
        alias: None,
        env: "RANKINE_RANKER_TIMEOUT_MS",
        help: "Longest wait for the remote predictor",
    },
    Setting {
        key: "quotas.popularity",
        flag: "quotas-popularity",
        alias: None,
        env: "RANKINE_QUOTAS_POPULARITY",
        help: "Candidates by popularity",
    },
    Setting {
        key: "quotas.genre",
        flag: "quotas-genre",
        alias: None,
        env: "RANKINE_QUOTAS_GENRE",
        help: "Candidates by genre taste",
    },
    Setting {
        key: "quotas.newest",
        flag: "quotas-newest",
        alias: None,
        env: "RANKINE_QUOTAS_NEWEST",
        help: "Candidates among the newest",
    },
    Setting {
        key: "quotas.item2vec",
        flag: "quotas-item2vec",
        alias: None,
        env: "RANKINE_QUOTAS_ITEM2VEC",
        help: "Candidates by item vectors",
    },
    Setting {
        key: "quotas.arrivals",
        flag: "quotas-arrivals",
        alias: None,
        env: "RANKINE_QUOTAS_ARRIVALS",
        help: "Candidates among new items of a stream",
    },
    Setting {
        key: "quotas.limit",
        flag: "quotas-limit",
        alias: None,
        env: "RANKINE_QUOTAS_LIMIT",
        help: "Candidates ranked at most",
    },
    Setting {
        key: "coarse.model",
        flag: "coarse-model",
        alias: None,
        env: "RANKINE_COARSE_MODEL",
        help: "The model that chooses what is ranked; empty: none",
    },
    Setting {
        key: "coarse.keep",
        flag: "coarse-keep",
        alias: None,
        env: "RANKINE_COARSE_KEEP",
        help: "Candidates that the coarse model keeps",
    },
    Setting {
        key: "tower.model",
        flag: "tower-model",
        alias: None,
        env: "RANKINE_TOWER_MODEL",
        help: "The two-sided model whose user tower runs at request time; empty: none",
    },
    Setting {
        key: "tower.history",
        flag: "tower-history",
        alias: None,
        env: "RANKINE_TOWER_HISTORY",
        help: "The vector model that it learnt from",
    },
    Setting {
        key: "arrivals.url",
        flag: "arrivals-url",
        alias: None,
        env: "RANKINE_ARRIVALS_URL",
        help: "Address of the stream whose new items are recommended; empty: none",
    },
    Setting {
        key: "arrivals.dsn",
        flag: "arrivals-dsn",
        alias: None,
        env: "RANKINE_ARRIVALS_DSN",
        help: "PostgreSQL with pgvector, searched instead of the stream; empty: the stream is asked",
    },
    Setting {
        key: "arrivals.set",
        flag: "arrivals-set",
        alias: None,
        env: "RANKINE_ARRIVALS_SET",
        help: "The set of item vectors there",
    },
    Setting {
        key: "arrivals.approximate",
        flag: "arrivals-approximate",
        alias: None,
        env: "RANKINE_ARRIVALS_APPROXIMATE",
        help: "Whether an HNSW index may be used: true or false",
    },
    Setting {
        key: "arrivals.model",
        flag: "arrivals-model",
        alias: None,
        env: "RANKINE_ARRIVALS_MODEL",
        help: "The two-sided model whose user tower makes the query; empty: stored user vectors",
    },
    Setting {
        key: "arrivals.users",
        flag: "arrivals-users",
        alias: None,
        env: "RANKINE_ARRIVALS_USERS",
        help: "The set of stored user vectors; empty: the items' with _users behind it",
    },
    Setting {
        key: "arrivals.fresh_h",
        flag: "arrivals-fresh-h",
        alias: None,
        env: "RANKINE_ARRIVALS_FRESH_H",
        help: "How long an item is new, in hours; 0: for ever",
    },
    Setting {
        key: "arrivals.categories",
        flag: "arrivals-categories",
        alias: None,
        env: "RANKINE_ARRIVALS_CATEGORIES",
        help: "Only new items of these categories, as in the file: [\"Drama\"]; []: of any",
    },
    Setting {
        key: "arrivals.share",
        flag: "arrivals-share",
        alias: None,
        env: "RANKINE_ARRIVALS_SHARE",
        help: "Share of the places of a list that are kept for new items",
    },
    Setting {
        key: "arrivals.row",
        flag: "arrivals-row",
        alias: None,
        env: "RANKINE_ARRIVALS_ROW",
        help: "Films in the row of new arrivals on a user's page",
    },
    Setting {
        key: "arrivals.known",
        flag: "arrivals-known",
        alias: None,
        env: "RANKINE_ARRIVALS_KNOWN",
        help: "New items that stand on shelves, at most",
    },
    Setting {
        key: "arrivals.title",
        flag: "arrivals-title",
        alias: None,
        env: "RANKINE_ARRIVALS_TITLE",
        help: "Joined column of the title",
    },
    Setting {
        key: "arrivals.genres",
        flag: "arrivals-genres",
        alias: None,
        env: "RANKINE_ARRIVALS_GENRES",
        help: "Joined column of the genres",
    },
    Setting {
        key: "arrivals.year",
        flag: "arrivals-year",
        alias: None,
        env: "RANKINE_ARRIVALS_YEAR",
        help: "Joined column of the year",
    },
    Setting {
        key: "arrivals.timeout_ms",
        flag: "arrivals-timeout-ms",
        alias: None,
        env: "RANKINE_ARRIVALS_TIMEOUT_MS",
        help: "Longest wait for the stream",
    },
    Setting {
        key: "arrivals.poll_ms",
        flag: "arrivals-poll-ms",
        alias: None,
        env: "RANKINE_ARRIVALS_POLL_MS",
        help: "How often the stream is asked for changes",
    },
    Setting {
        key: "arrivals.keep_ms",
        flag: "arrivals-keep-ms",
        alias: None,
        env: "RANKINE_ARRIVALS_KEEP_MS",
        help: "How long a user's lists are answered by one search",
    },
    Setting {
        key: "insert.stream",
        flag: "insert-stream",
        alias: None,
        env: "RANKINE_INSERT_STREAM",
        help: "The stream's configuration, whose source the insert page writes into; empty: no such page",
    },
    Setting {
        key: "insert.title",
        flag: "insert-title",
        alias: None,
        env: "RANKINE_INSERT_TITLE",
        help: "Column of the source's table that takes the title",
    },
    Setting {
        key: "insert.genres",
        flag: "insert-genres",
        alias: None,
        env: "RANKINE_INSERT_GENRES",
        help: "Column of the source's table that takes the genres",
    },
    Setting {
        key: "model",
        flag: "model",
        alias: None,
        env: "RANKINE_MODEL",
        help: "All models: names with commas, or as in the file: [{ name = \"widedeep\", alias = [\"recmodel\"] }]",
    },
];

/// Variables of this program that are no keys of the configuration.
const OTHERS: [&str; 3] = ["RANKINE_HOME", "RANKINE_CONFIG", "RANKINE_LOG"];
/// What all its variables begin with.
const PREFIX: &str = "RANKINE_";

/// A value given outside the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// What it is for.
    pub setting: &'static Setting,
    /// Where it was given, for messages: the flag or the variable.
    pub origin: String,
    /// The value as written: text as it is, numbers in digits, lists in TOML.
    pub text: String,
}

impl ServerConfig {
    /// The configuration with the given values put over it; not checked yet. An address of a store or ranker says
    /// its kind, too, unless that is given itself; of models that are given the first one ranks, where the default one is not among them.
    ///
    /// # Errors
    /// [`ServerError::Config`] with one line for each value that its key does not take.
    pub fn overlaid(self, given: &[Given]) -> Result<Self, ServerError> {
        let (mut config, mut faults) = (self, Vec::new());
        for one in given {
            match put(&config, one.setting.key, &one.text) {
                Ok(changed) => config = changed,
                Err(fault) => faults.push(format!("{}: {fault}", one.origin)),
            }
        }
        let has = |key| {
            given
                .iter()
                .any(|one| one.setting.key == key && !one.text.is_empty())
        };
        let lacks = config.canonical(&config.default_model).is_none();
        if lacks && has("model") && !has("default_model") {
            config.default_model = config.rankers().swap_remove(0);
        }
        for (url, key, kind) in [
            ("store.url", "store.kind", "redis"),
            ("ranker.url", "ranker.kind", "remote"),
        ] {
            if has(url) && !has(key) {
                config = put(&config, key, kind).map_err(|faults| ServerError::Config { faults })?;
            }
        }
        if faults.is_empty() {
            return Ok(config);
        }
        let faults = faults.join("\n");
        Err(ServerError::Config { faults })
    }

    /// The whole configuration as a file would say it.
    ///
    /// # Errors
    /// [`ServerError::Part`] where a value has no TOML form (a path that is no text).
    pub fn to_toml(&self) -> Result<String, ServerError> {
        toml::to_string(self).map_err(|error| ServerError::part("configuration", error))
    }
}

/// Names among `variables` that are none of this program's but look like a slip of one, as messages. Others that
/// begin alike are left alone: a container's environment has `RANKINE_PORT` as soon as a service is called so.
pub fn mistyped<'v>(variables: impl IntoIterator<Item = &'v str>) -> Vec<String> {
    let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.env).chain(OTHERS).collect();
    let slip = |name: &str| {
        let rest = name.strip_prefix(PREFIX).filter(|_| !known.contains(&name))?;
        let nearest = rankine_config::nearest(rest, known.iter().filter_map(|k| k.strip_prefix(PREFIX)))?;
        Some(format!(
            "unknown variable `{name}` (did you mean `{PREFIX}{nearest}`?)"
        ))
    };
    variables.into_iter().filter_map(slip).collect()
}

/// The configuration with one key changed.
fn put(config: &ServerConfig, key: &str, text: &str) -> Result<ServerConfig, String> {
    let mut table = Table::try_from(config).map_err(|error| error.to_string())?;
    let Some(place) = place(&mut table, key) else {
        return Err(format!("unknown key `{key}`"));
    };
    *place = match named(key, text) {
        Some(models) => models,
        None => typed(place, text)?,
    };
    read(&table)
}

/// Models that are given by their names alone.
fn named(key: &str, text: &str) -> Option<Value> {
    let plain = |name: &&str| {
        let mut bytes = name.bytes();
        !name.is_empty() && bytes.all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
    };
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    let model = |name: &&str| Value::Table(Table::from_iter([("name".to_owned(), Value::from(*name))]));
    (key == "model" && names.iter().all(plain)).then(|| Value::Array(names.iter().map(model).collect()))
}

/// The value at a dotted key.
fn place<'t>(table: &'t mut Table, key: &str) -> Option<&'t mut Value> {
    match key.split_once('.') {
        None => table.get_mut(key),
        Some((section, rest)) => place(table.get_mut(section)?.as_table_mut()?, rest),
    }
}

/// The text as a value of the kind that stands there now.
fn typed(now: &Value, text: &str) -> Result<Value, String> {
    match now {
        Value::String(_) => Ok(Value::String(text.to_owned())),
        Value::Integer(_) => {
            let number = text.trim().parse().ok().filter(|number: &i64| *number >= 0);
            let number = number.map(Value::Integer);
            number.ok_or_else(|| format!("expected an integer from 0 on, got \"{text}\""))
        }
        Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
            in_toml(text)
        }
    }
}

/// A value written in TOML.
fn in_toml(text: &str) -> Result<Value, String> {
    let parsed: Result<Table, _> = toml::from_str(&format!("value = {text}"));
    let value = parsed.ok().and_then(|mut table| table.remove("value"));
    value.ok_or_else(|| format!("expected a value in TOML, got \"{text}\""))
}

/// Reads the form back; the first fault, without its place, which is nobody's file.
fn read(table: &impl Serialize) -> Result<ServerConfig, String> {
    let text = toml::to_string(table).map_err(|error| error.to_string())?;
    rankine_config::parse(&text, "").map_err(|faults| {
        let told = faults.0.into_iter().map(|fault| match fault.nearest {
            Some(nearest) => format!("{} (did you mean `{nearest}`?)", fault.message),
            None => fault.message,
        });
        told.collect::<Vec<_>>().join("; ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(key: &str, text: &str) -> Given {
        let setting = SETTINGS.iter().find(|setting| setting.key == key).unwrap();
        let origin = format!("--{}", setting.flag);
        let text = text.to_owned();
        Given {
            setting,
            origin,
            text,
        }
    }

    fn overlaid(values: &[(&str, &str)]) -> Result<ServerConfig, String> {
        let values: Vec<Given> = values.iter().map(|(key, text)| given(key, text)).collect();
        let overlaid = ServerConfig::default().overlaid(&values);
        overlaid.map_err(|error| error.to_string())
    }

    fn leaves(prefix: &str, table: &Table, to: &mut Vec<String>) {
        for (key, value) in table {
            match value.as_table() {
                Some(section) => leaves(&format!("{prefix}{key}."), section, to),
                None => to.push(format!("{prefix}{key}")),
            }
        }
    }

    #[test]
    fn every_key_of_the_configuration_is_here_under_derived_names() {
        let mut keys = Vec::new();
        leaves("", &Table::try_from(ServerConfig::default()).unwrap(), &mut keys);
        keys.retain(|key| key != "home");
        let mut here: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
        keys.sort();
        here.sort_unstable();
        assert_eq!(keys, here);
        for setting in SETTINGS {
            assert_eq!(setting.flag, setting.key.replace(['.', '_'], "-"));
            let name = setting.key.replace('.', "_").to_uppercase();
            assert_eq!(setting.env, format!("{PREFIX}{name}"));
        }
    }

    #[test]
    fn every_key_takes_another_value() {
        for setting in SETTINGS {
            let text = match setting.key {
                "store.kind" => "redis",
                "ranker.kind" => "remote",
                "arrivals.approximate" => "true",
                "arrivals.categories" => "[\"Drama\"]",
                "model" | "conf" | "dictionary" => "[{ name = \"x\" }]",
                _ => "7",
            };
            let changed = overlaid(&[(setting.key, text)]).unwrap();
            assert_ne!(changed, ServerConfig::default(), "{}", setting.key);
        }
    }

    #[test]
    fn values_are_put_over_the_file_and_addresses_say_their_kind() {
        let config = overlaid(&[("limits.permits", "3"), ("ranker.url", "http://x")]).unwrap();
        assert_eq!((config.limits.permits, config.limits.items), (3, 10_000));
        assert_eq!(config.ranker.kind, crate::config::RankerKind::Remote);
        let kept = overlaid(&[("ranker.url", "http://x"), ("ranker.kind", "local")]).unwrap();
        assert_eq!(kept.ranker.kind, crate::config::RankerKind::Local);
        let model = overlaid(&[("model", "[{ name = \"a\", alias = [\"b\"] }]")]).unwrap();
        assert_eq!((model.model.len(), &*model.model[0].alias[0]), (1, "b"));
        assert_eq!(model.default_model, "a", "the first one ranks");
        let by_name = overlaid(&[("model", "shop-1, widedeep")]).unwrap();
        let names: Vec<&str> = by_name.model.iter().map(|model| &*model.name).collect();
        assert_eq!(
            (names, &*by_name.default_model),
            (vec!["shop-1", "widedeep"], "widedeep")
        );
    }

    #[test]
    fn every_bad_value_is_told_with_its_origin() {
        let told = overlaid(&[
            ("limits.permits", "many"),
            ("store.kind", "rediss"),
            ("model", "[{ nam = \"a\" }]"),
            ("limits.items", "-1"),
        ])
        .unwrap_err();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 4, "{told}");
        assert_eq!(
            lines[0],
            "--limits-permits: expected an integer from 0 on, got \"many\""
        );
        assert!(
            lines[1].starts_with("--store-kind: ") && lines[1].ends_with("(did you mean `redis`?)"),
            "{told}"
        );
        assert!(lines[2].contains("did you mean `name`?"), "{told}");
    }

    #[test]
    fn the_printed_configuration_reads_as_itself() {
        let config = overlaid(&[("limits.permits", "3"), ("listen.site", "")]).unwrap();
        let printed = config.to_toml().unwrap();
        assert_eq!(ServerConfig::parse(&printed, "x").unwrap(), config);
    }

    #[test]
    fn slips_of_variables_are_told_and_strangers_left_alone() {
        let told = mistyped([
            "RANKINE_LIMITS_PERMIT",
            "RANKINE_HOME",
            "RANKINE_SERVICE_PORT",
            "HOME",
        ]);
        assert_eq!(
            told,
            ["unknown variable `RANKINE_LIMITS_PERMIT` (did you mean `RANKINE_LIMITS_PERMITS`?)"]
        );
    }
}
