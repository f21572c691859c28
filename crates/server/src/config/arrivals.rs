//! `[arrivals]` and `[insert]`: the change stream whose new items are recommended, and the form that writes into its source.
//!
//! The decision: the site and the stream are two processes, so the site is told an address; what is written into a source is
//! said by the stream's own configuration, which the form reads.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Items that come into being while the server runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArrivalsConfig {
    /// Address of the stream; empty: none.
    pub url: String,
    /// PostgreSQL with pgvector, searched instead of the stream; empty: the stream is asked.
    pub dsn: String,
    /// The set of item vectors there.
    pub set: String,
    /// Whether an HNSW index may be used: pgvector's, or the stream's own.
    pub approximate: bool,
    /// The two-sided model, one of the models, whose user tower makes the user's vector; empty: stored vectors.
    pub model: String,
    /// The set of stored user vectors; empty: `set` with `_users` behind it.
    pub users: String,
    /// How long an item is new, in hours; 0: for ever.
    pub fresh_h: f64,
    /// Only items of one of these categories; empty: of any.
    pub categories: Vec<String>,
    /// Share of the places of a list that are kept for new items.
    pub share: f64,
    /// Films of the row on a user's page.
    pub row: usize,
    /// Most new items that stand on shelves and are known without asking.
    pub known: usize,
    /// Joined column of the title.
    pub title: String,
    /// Joined column of the genres.
    pub genres: String,
    /// Joined column of the year; a title may end in it, too.
    pub year: String,
    /// Longest wait for the stream.
    pub timeout_ms: u64,
    /// How often the stream is asked for changes.
    pub poll_ms: u64,
    /// How long the answer to a list's search is kept for the same user, unless the stream or the user moves first; 0: not at all.
    pub keep_ms: u64,
}

impl Default for ArrivalsConfig {
    fn default() -> Self {
        ArrivalsConfig {
            url: String::new(),
            dsn: String::new(),
            set: "items".to_owned(),
            approximate: false,
            model: String::new(),
            users: String::new(),
            fresh_h: 720.0,
            categories: Vec::new(),
            share: 0.1,
            row: 12,
            known: 2_000,
            title: "title".to_owned(),
            genres: "genres".to_owned(),
            year: "year".to_owned(),
            timeout_ms: 200,
            poll_ms: 250,
            keep_ms: 1_000,
        }
    }
}

/// The page that inserts films into the stream's source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InsertConfig {
    /// The stream's configuration, relative to the home folder; empty: no such page.
    pub stream: PathBuf,
    /// Column of the source's table that takes the title.
    pub title: String,
    /// Column that takes the genres, a list.
    pub genres: String,
}

impl Default for InsertConfig {
    fn default() -> Self {
        InsertConfig {
            stream: PathBuf::new(),
            title: "title".to_owned(),
            genres: "genres".to_owned(),
        }
    }
}

impl super::ServerConfig {
    /// What is wrong with `[arrivals]` and `[insert]`.
    pub(super) fn arrival_faults(&self) -> Vec<String> {
        let (arrivals, mut faults) = (&self.arrivals, Vec::new());
        let mut need = |fault: bool, text: String| {
            if fault {
                faults.push(text);
            }
        };
        let (url, model) = (&arrivals.url, &arrivals.model);
        need(
            !url.is_empty() && !url.starts_with("http://"),
            format!("arrivals.url: expected an http:// address, got {url:?}"),
        );
        need(
            url.is_empty() && !arrivals.dsn.is_empty(),
            "arrivals.url: expected the stream's address, which names what the vectors in PostgreSQL are of, got nothing".to_owned(),
        );
        need(
            !model.is_empty() && self.model.iter().all(|listed| listed.name != *model),
            format!("arrivals.model: expected one of the models, got {model:?}"),
        );
        need(
            !(0.0..=1.0).contains(&arrivals.share),
            format!("arrivals.share: expected 0 to 1, got {}", arrivals.share),
        );
        need(
            !(0.0..=1e6).contains(&arrivals.fresh_h),
            format!(
                "arrivals.fresh_h: expected 0 to a million hours, got {}",
                arrivals.fresh_h
            ),
        );
        need(
            url.is_empty() && !self.insert.stream.as_os_str().is_empty(),
            "insert.stream: expected arrivals.url, too: without it nobody sees what is inserted".to_owned(),
        );
        faults
    }
}
