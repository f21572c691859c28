//! The one-line file `n_train=…,n_val=…` that older trainers need to know when an epoch ends. It is accepted and compared.

use std::path::Path;

use crate::TrainError;

/// Counts of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Training samples.
    pub train: u64,
    /// Validation samples.
    pub valid: u64,
}

/// Reads such a file.
///
/// # Errors
/// A file that cannot be read or says something else.
pub fn summary(path: &Path) -> Result<Summary, TrainError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| TrainError::Io {
        path: file.clone(),
        source,
    })?;
    let line = text.lines().next().unwrap_or_default();
    let number = |part: Option<&str>, key: &str| {
        let (name, number) = part?.split_once('=')?;
        number.trim().parse().ok().filter(|_| name.trim() == key)
    };
    let mut parts = line.split(',');
    match (number(parts.next(), "n_train"), number(parts.next(), "n_val")) {
        (Some(train), Some(valid)) => Ok(Summary { train, valid }),
        _ => Err(TrainError::Source {
            message: format!("{file}:1: `{line}`, expected n_train=COUNT,n_val=COUNT"),
        }),
    }
}
