//! One look at the disk: list, decide what is better than what serves, load it aside, remember what failed.
//!
//! The decision here: candidates are tried best first, and one that failed is not tried again until its stamp changes,
//! so a damaged version costs one load and not one per poll. Whatever happens, the old generation stays.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::DictError;
use crate::parser::{Parser, Waiting};
use crate::source::{Candidate, Source};
use crate::status::Failure;

/// What is loaded now: version and stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Serving {
    /// Version that serves.
    pub(crate) version: u64,
    /// Its stamp when it was loaded.
    pub(crate) stamp: u64,
}

/// A candidate that failed.
#[derive(Debug)]
struct Failed {
    /// Its stamp then; `None` where the cause lies elsewhere, so that the next look tries again.
    stamp: Option<u64>,
    failure: Failure,
}

/// The memory of past looks.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// What serves.
    pub(crate) serving: Option<Serving>,
    /// Failed candidates by version, with the stamp they failed at.
    failed: BTreeMap<u64, Failed>,
    /// Failure of listing, until a listing succeeds.
    scan: Option<Failure>,
    /// Failures since start.
    pub(crate) failures: u64,
}

impl Memory {
    /// The failure worth showing: of listing, else of the highest failed version.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.scan
            .as_ref()
            .or_else(|| self.failed.values().next_back().map(|failed| &failed.failure))
    }

    /// Looks once; a value means it should be swapped in.
    ///
    /// # Errors
    /// The last fault met when nothing was loaded on account of it.
    pub(crate) fn look<T: Send + Sync + 'static>(
        &mut self,
        source: &Source,
        parser: &dyn Parser<Output = T>,
        now: i64,
    ) -> Result<Option<(Candidate, T)>, DictError> {
        let candidates = source
            .candidates()
            .inspect_err(|fault| self.note_scan(source, fault, now))?;
        self.scan = None;
        self.forget_vanished(&candidates);
        let mut fault = None;
        for candidate in candidates {
            if self.serves(&candidate) {
                break;
            }
            if self
                .failed
                .get(&candidate.version)
                .is_some_and(|failed| failed.stamp == Some(candidate.stamp))
            {
                continue;
            }
            match load(parser, &candidate) {
                Ok(value) => {
                    self.note_loaded(&candidate);
                    return Ok(Some((candidate, value)));
                }
                Err(refused) => fault = Some(self.note_failed(&candidate, refused, now)),
            }
        }
        fault.map_or(Ok(None), Err)
    }

    fn serves(&self, candidate: &Candidate) -> bool {
        self.serving
            == Some(Serving {
                version: candidate.version,
                stamp: candidate.stamp,
            })
    }

    fn forget_vanished(&mut self, candidates: &[Candidate]) {
        self.failed
            .retain(|version, _| candidates.iter().any(|c| c.version == *version));
    }

    fn note_loaded(&mut self, candidate: &Candidate) {
        self.serving = Some(Serving {
            version: candidate.version,
            stamp: candidate.stamp,
        });
        self.failed.retain(|version, _| *version > candidate.version);
    }

    fn note_failed(&mut self, candidate: &Candidate, fault: DictError, now: i64) -> DictError {
        let waits = matches!(fault, DictError::Waits { .. });
        let message = fault.to_string();
        let known = self.failed.get(&candidate.version);
        // to wait for one thing is one failure, however often it is looked at
        if known.is_some_and(|failed| waits && failed.failure.message == message) {
            return fault;
        }
        self.failures += 1;
        let failure = Failure {
            version: candidate.version,
            path: candidate.path.clone(),
            message,
            at: now,
        };
        let stamp = (!waits).then_some(candidate.stamp);
        self.failed.insert(candidate.version, Failed { stamp, failure });
        fault
    }

    fn note_scan(&mut self, source: &Source, fault: &DictError, now: i64) {
        let message = fault.to_string();
        if self.scan.as_ref().is_some_and(|known| known.message == message) {
            return;
        }
        self.failures += 1;
        let path = source.path().to_path_buf();
        self.scan = Some(Failure {
            version: 0,
            path,
            message,
            at: now,
        });
    }
}

/// Loads one candidate and turns a panic into a refusal.
fn load<T: Send + Sync + 'static>(
    parser: &dyn Parser<Output = T>,
    candidate: &Candidate,
) -> Result<T, DictError> {
    let (path, version) = (candidate.path.clone(), candidate.version);
    match catch_unwind(AssertUnwindSafe(|| parser.load(candidate))) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(fault)) if fault.is::<Waiting>() => Err(DictError::Waits {
            path,
            version,
            message: fault.to_string(),
        }),
        Ok(Err(fault)) => Err(DictError::Refused {
            path,
            version,
            message: fault.to_string(),
        }),
        Err(panic) => Err(DictError::Panicked {
            path,
            version,
            message: panic_text(panic.as_ref()),
        }),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no text".to_owned())
}
