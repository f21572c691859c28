//! The bytes that the sample log may hold: rows in the queue and rows that wait for their file, together.
//!
//! The decision: a row takes its share when it is handed over and gives it back when the share is dropped, so no way out
//! (written, failed, dropped) can forget to.

use super::ServedItem;
use rankine_feature::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// See the module.
#[derive(Debug)]
pub(super) struct Budget {
    most: u64,
    used: Arc<AtomicU64>,
}

/// Bytes that are counted for as long as this lives.
#[derive(Debug, Default)]
pub(super) struct Share {
    bytes: u64,
    used: Option<Arc<AtomicU64>>,
}

impl Budget {
    pub(super) fn new(most: usize) -> Budget {
        Budget {
            most: most as u64,
            used: Arc::default(),
        }
    }

    /// Bytes in use.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether these bytes are half of all: time to write them, so that the queue has room.
    pub(super) fn is_half(&self, bytes: u64) -> bool {
        bytes >= self.most / 2
    }

    /// Lets all rows of a question in, or none.
    pub(super) fn admit(&self, items: &mut [ServedItem]) -> bool {
        let sizes: Vec<u64> = items.iter().map(|item| bytes(item) as u64).collect();
        let all: u64 = sizes.iter().sum();
        let more = |used: u64| used.checked_add(all).filter(|sum| *sum <= self.most);
        let admitted = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok();
        for (item, bytes) in items.iter_mut().zip(sizes).filter(|_| admitted) {
            item.share = Share {
                bytes,
                used: Some(Arc::clone(&self.used)),
            };
        }
        admitted
    }
}

impl Share {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Counts another's bytes from now on.
    pub(super) fn add(&mut self, mut other: Share) {
        self.used = self.used.take().or_else(|| other.used.clone());
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(used) = &self.used {
            used.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

/// About how much memory a row takes; shared text and lists are counted as if they were its own.
fn bytes(item: &ServedItem) -> usize {
    let values: usize = item.tapped.sides.iter().flatten().map(Value::bytes).sum();
    let scores: usize = item.scores.iter().map(|(model, _)| 40 + model.len()).sum();
    size_of::<ServedItem>() + item.tapped.conf_hash.len() + item.tapped.bytes.len() + values + scores
}
