//! What the five dialects write differently: names, strings, the name of the double.

use rankine_config::nearest;

/// A kind of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, embedded.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// Spark SQL.
    Spark,
    /// Alibaba's MaxCompute.
    MaxCompute,
    /// Apache Hive.
    Hive,
}

/// Words that a name must be quoted for, in one dialect or another.
const RESERVED: [&str; 38] = [
    "all",
    "and",
    "as",
    "between",
    "by",
    "case",
    "cast",
    "check",
    "column",
    "current_date",
    "date",
    "default",
    "desc",
    "distinct",
    "else",
    "end",
    "from",
    "group",
    "in",
    "index",
    "interval",
    "is",
    "join",
    "key",
    "left",
    "limit",
    "not",
    "null",
    "on",
    "or",
    "order",
    "partition",
    "select",
    "table",
    "timestamp",
    "user",
    "values",
    "where",
];

impl Dialect {
    /// All of them.
    pub const ALL: [Dialect; 5] = [
        Dialect::Sqlite,
        Dialect::Postgres,
        Dialect::Spark,
        Dialect::MaxCompute,
        Dialect::Hive,
    ];

    /// As the command line names it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Dialect::Sqlite => "sqlite",
            Dialect::Postgres => "postgres",
            Dialect::Spark => "spark",
            Dialect::MaxCompute => "maxcompute",
            Dialect::Hive => "hive",
        }
    }

    /// The one of that name.
    ///
    /// # Errors
    /// Those there are, and the nearest.
    pub fn of(label: &str) -> Result<Dialect, String> {
        let labels = Dialect::ALL.map(Dialect::label);
        Dialect::ALL
            .into_iter()
            .find(|dialect| dialect.label() == label)
            .ok_or_else(|| {
                let near =
                    nearest(label, labels).map_or(String::new(), |near| format!("; nearest: `{near}`"));
                format!(
                    "unknown dialect `{label}`, expected one of: {}{near}",
                    labels.join(", ")
                )
            })
    }

    fn is_lakehouse(self) -> bool {
        matches!(self, Dialect::Spark | Dialect::MaxCompute | Dialect::Hive)
    }

    /// A string. Spark and its like read a backslash as an escape.
    #[must_use]
    pub fn text(self, text: &str) -> String {
        if self.is_lakehouse() {
            return format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
        }
        format!("'{}'", text.replace('\'', "''"))
    }

    /// A column's name, quoted where it must be.
    #[must_use]
    pub fn name(self, name: &str) -> String {
        if name.contains("${") {
            return name.to_owned();
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if starts && name.chars().all(plain) && !RESERVED.contains(&name) {
            return name.to_owned();
        }
        if self.is_lakehouse() {
            return format!("`{}`", name.replace('`', "``"));
        }
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// A table's name; a dot parts it from its schema or project.
    #[must_use]
    pub fn table(self, name: &str) -> String {
        let parts: Vec<String> = name.split('.').map(|part| self.name(part)).collect();
        parts.join(".")
    }

    /// A value as a text that sorts by its bytes: an order that all dialects share.
    #[must_use]
    pub fn sorting(self, value: &str) -> String {
        match self {
            Dialect::Sqlite => format!("CAST({value} AS TEXT)"),
            Dialect::Postgres => format!("CAST({value} AS TEXT) COLLATE \"C\""),
            Dialect::Spark | Dialect::MaxCompute | Dialect::Hive => format!("CAST({value} AS STRING)"),
        }
    }

    /// The type of a 64-bit float.
    #[must_use]
    pub fn double(self) -> &'static str {
        match self {
            Dialect::Sqlite => "REAL",
            Dialect::Postgres => "DOUBLE PRECISION",
            Dialect::Spark | Dialect::MaxCompute | Dialect::Hive => "DOUBLE",
        }
    }
}
