//! The thread that writes the sample log: rows by conf, a file when one is full, when time is up, when half of the memory is used,
//! and at the end.

use super::budget::{Budget, Share};
use super::{Counts, Served, ServedItem};
use crate::config::SamplesConfig;
use rankine_pipeline::sample_log::{LogRow, LogTable};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

pub(super) struct Writer {
    folder: PathBuf,
    most: usize,
    longest: Duration,
    counts: Arc<Counts>,
    budget: Arc<Budget>,
    /// By conf hash.
    open: BTreeMap<String, Open>,
}

/// Rows of one conf that are not in a file yet.
struct Open {
    table: LogTable,
    file: PathBuf,
    begun: Instant,
    /// The memory of its rows.
    share: Share,
}

impl Writer {
    pub(super) fn new(
        config: &SamplesConfig,
        home: &Path,
        (counts, budget): (Arc<Counts>, Arc<Budget>),
    ) -> Writer {
        Writer {
            folder: home.join(&config.path),
            most: config.rows,
            longest: Duration::from_secs(config.flush_s),
            counts,
            budget,
            open: BTreeMap::new(),
        }
    }

    /// Takes questions until nobody sends any more.
    pub(super) fn run(mut self, served: &Receiver<Served>) {
        loop {
            match served.recv_timeout(self.wait()) {
                Ok(served) => self.take(served),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let (most, longest) = (self.most, self.longest);
            let held: u64 = self.open.values().map(|open| open.share.bytes()).sum();
            let full = self.budget.is_half(held);
            self.save(|open| full || open.table.rows() >= most || open.begun.elapsed() >= longest);
        }
        self.save(|_| true);
    }

    /// To when the oldest rows must be in a file.
    fn wait(&self) -> Duration {
        let oldest = self.open.values().map(|open| open.begun.elapsed()).max();
        self.longest
            .saturating_sub(oldest.unwrap_or_default())
            .max(Duration::from_millis(10))
    }

    fn take(&mut self, served: Served) {
        for mut item in served.items {
            let (plan, hash) = (&item.tapped.plan, &item.tapped.conf_hash);
            let (folder, share) = (&self.folder, std::mem::take(&mut item.share));
            let open = self.open.entry(hash.clone()).or_insert_with(|| {
                let conf = format!("{}-{hash:.12}", plan.name());
                Open {
                    table: LogTable::new(plan),
                    file: folder
                        .join(conf)
                        .join(format!("{}-{}.parquet", served.time, served.request)),
                    begun: Instant::now(),
                    share: Share::default(),
                }
            });
            match open.table.push(&row(item, served.time, served.request)) {
                Ok(()) => open.share.add(share),
                Err(fault) => {
                    tracing::error!(%fault, "a sample is not logged");
                    self.counts.failed.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    fn save(&mut self, due: impl Fn(&Open) -> bool) {
        let hashes: Vec<String> = self
            .open
            .iter()
            .filter(|(_, open)| due(open))
            .map(|(hash, _)| hash.clone())
            .collect();
        for hash in hashes {
            let Some(mut open) = self.open.remove(&hash) else {
                continue;
            };
            let rows = open.table.rows() as u64;
            match open.table.save(&open.file) {
                Ok(()) => self.counts.written.fetch_add(rows, Ordering::Relaxed),
                Err(fault) => {
                    tracing::error!(%fault, rows, "samples are lost");
                    self.counts.failed.fetch_add(1, Ordering::Relaxed)
                }
            };
        }
    }
}

fn row(item: ServedItem, time: i64, request: i64) -> LogRow {
    let (models, scores) = item
        .scores
        .into_iter()
        .map(|(model, score)| (model, f64::from(score)))
        .unzip();
    LogRow {
        time,
        request,
        item: item.id,
        models,
        scores,
        sides: item.tapped.sides,
        bytes: item.tapped.bytes,
    }
}
