//! The point-in-time join of a feature table: the youngest row that was there when the sample began.
//!
//! The decision: first the version of each key and moment (an equi-join, `MAX`, and a filter), then its row (an equi-join):
//! Hive and MaxCompute take no inequality in `ON`, and nobody needs a window over a large join.

use super::statement::Parts;
use super::tables::Side;

/// A feature table joined to one column of the sample.
pub(super) struct Join<'a> {
    pub(super) side: &'a Side,
    /// Its letter in the final statement.
    pub(super) alias: &'static str,
    /// The name of its versions.
    pub(super) versions: &'static str,
    /// The sample's column with the key, printed.
    pub(super) key: String,
    /// Put before the names of its features.
    pub(super) prefix: &'static str,
}

impl Join<'_> {
    /// The sample's column that the version is compared with, and how.
    fn moment(&self, parts: &Parts<'_>) -> (String, &'static str) {
        match self.side.time {
            Some(_) => ("first_time".to_owned(), "<="),
            None => (parts.day(), "<"),
        }
    }

    /// The expression that finds the versions; none for a table of one row per key.
    pub(super) fn version(&self, parts: &Parts<'_>, sample: &str) -> Option<(String, String)> {
        let version = parts.dialect.name(self.side.version()?);
        let (table, own) = (
            parts.dialect.table(&self.side.table),
            parts.dialect.name(&self.side.key),
        );
        let (key, (moment, compare)) = (&self.key, self.moment(parts));
        let text = format!(
            "SELECT s.{key}, s.{moment}, MAX(f.{version}) AS version\nFROM (SELECT DISTINCT {key}, {moment} FROM {sample}) AS \
             s\nJOIN {table} AS f ON f.{own} = s.{key}\nWHERE f.{version} {compare} s.{moment}\nGROUP BY s.{key}, s.{moment}"
        );
        Some((self.versions.to_owned(), text))
    }

    /// The lines of the final `FROM`.
    pub(super) fn from(&self, parts: &Parts<'_>) -> String {
        let (table, own) = (
            parts.dialect.table(&self.side.table),
            parts.dialect.name(&self.side.key),
        );
        let (alias, key) = (self.alias, &self.key);
        let Some(version) = self.side.version() else {
            return format!("\nLEFT JOIN {table} AS {alias} ON {alias}.{own} = s.{key}");
        };
        let (version, versions, (moment, _)) =
            (parts.dialect.name(version), self.versions, self.moment(parts));
        format!(
            "\nLEFT JOIN {versions} AS {alias}v ON {alias}v.{key} = s.{key} AND {alias}v.{moment} = s.{moment}\nLEFT JOIN \
             {table} AS {alias} ON {alias}.{own} = {alias}v.{key} AND {alias}.{version} = {alias}v.version"
        )
    }

    /// The columns of the final `SELECT`.
    pub(super) fn columns(&self, parts: &Parts<'_>) -> Vec<String> {
        let Some(features) = &self.side.features else {
            return vec![format!("{}.*", self.alias)];
        };
        let column = |feature: &super::tables::Feature| {
            let (column, name) = (&feature.column, format!("{}{}", self.prefix, feature.name));
            let as_name = if *column == name {
                String::new()
            } else {
                format!(" AS {}", parts.dialect.name(&name))
            };
            format!("{}.{}{as_name}", self.alias, parts.dialect.name(column))
        };
        features.iter().map(column).collect()
    }
}
