//! The line that a training adds to its model's chronicle, whatever came of it.
//!
//! Decision: a chronicle that cannot be written is told and fails nothing; the version is published by then, or must not be.

use rankine_train::chronicle::{Begun, Event, Training, add};

use super::{Fitted, Job};
use crate::home::Home;
use crate::{clock, output};

/// Writes down a training that published `version`, or nothing.
pub(crate) fn chronicle(job: &Job, home: &Home, fitted: &Fitted, version: Option<u64>) {
    let files = job.files.train.iter().map(|path| path.display().to_string());
    let begun = job.origin.as_ref().zip(fitted.trained.restored.as_ref());
    let training = Training {
        time: clock::now_micros(),
        version,
        learnt: files.collect(),
        samples: fitted.trained.train_samples,
        seconds: fitted.wall_s,
        begun: begun.map(|(origin, restored)| Begun::of(&origin.parent, restored)),
        compared: fitted.gate.as_ref().map(Into::into),
    };
    if let Err(fault) = add(
        &home.models().join(&job.name),
        &Event::Training(Box::new(training)),
    ) {
        output::note(&fault.to_string());
    }
}
