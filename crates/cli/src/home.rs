//! The home folder: where each thing lies. One home holds one business: data, samples, models, events, logs.

use std::path::{Path, PathBuf};

/// Paths under `--home` (default `./.rankine`).
#[derive(Clone, Debug)]
pub(crate) struct Home {
    root: PathBuf,
}

impl Home {
    /// A home at `root`; nothing is created.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Locked by whoever prepares the home; empty.
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join(".prepare.lock")
    }

    /// The imported event log, sorted by time.
    pub(crate) fn base_events(&self) -> PathBuf {
        self.root.join("events").join("base-1.parquet")
    }

    /// Samples of a conf: `train.parquet`, `valid.parquet`, `test.parquet`, `split.json`.
    pub(crate) fn samples(&self, conf: &str) -> PathBuf {
        self.root.join("samples").join(conf)
    }

    /// Model folders, one per name, versions inside.
    pub(crate) fn models(&self) -> PathBuf {
        self.root.join("models")
    }

    /// Lookup dictionaries that verbs write.
    pub(crate) fn dictionaries(&self) -> PathBuf {
        self.root.join("dictionaries")
    }

    /// The embedded store of feature rows.
    pub(crate) fn rows(&self) -> PathBuf {
        self.root.join("features").join("rows.redb")
    }

    /// Parsed samples of streaming trainings, and the lines they could not read.
    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// Checkpoints of a training run.
    pub(crate) fn checkpoints(&self, run: &str) -> PathBuf {
        self.root.join("checkpoints").join(run)
    }

    /// TensorBoard events of a model's training runs.
    pub(crate) fn run_log(&self, model: &str, run: i64) -> PathBuf {
        self.root.join("logs").join(model).join(run.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_lies_under_the_root() {
        let home = Home::new(PathBuf::from("/x"));
        for path in [
            home.lock(),
            home.rows(),
            home.base_events(),
            home.samples("movielens"),
            home.models(),
            home.cache(),
            home.checkpoints("a"),
            home.dictionaries(),
            home.run_log("a", 7),
        ] {
            assert!(path.starts_with(home.root()), "{}", path.display());
        }
    }
}
