//! What can go wrong while training: the one error type of this crate.
//!
//! A training run is started by a person who can fix its inputs, so every message says where to look: the file and line
//! a source reported, the key of the model file, the slot or the table.

/// Failures of training, evaluation and their outputs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A sample could not be read; `detail` names line, field, what was expected and what was found.
    #[error("{place}: {detail}")]
    Sample {
        /// File and, where known, line.
        place: String,
        /// What was expected and what was found.
        detail: String,
    },
    /// A source failed.
    #[error("{message}")]
    Source {
        /// What the source says: file, line, field, expected and found.
        message: String,
    },
    /// A row does not fit the plan's schema.
    #[error("sample {row}: {side} has {got} values where the conf's schema has {expected} fields")]
    Shape {
        /// Row number in the source, from 0.
        row: u64,
        /// Side of the schema.
        side: &'static str,
        /// Fields of the schema.
        expected: usize,
        /// Values of the row.
        got: usize,
    },
    /// A label or weight is not usable for the loss.
    #[error("sample {row}: {what} is {got}, expected {expected}")]
    Label {
        /// Row number in the source, from 0.
        row: u64,
        /// `label` or `weight`.
        what: &'static str,
        /// The rule it breaks.
        expected: &'static str,
        /// The offending number.
        got: f32,
    },
    /// The model file does not fit the conf.
    #[error("{faults}")]
    Model {
        /// All of its faults.
        faults: rankine_config::Faults,
    },
    /// More samples than the cache's 32-bit numbers can name.
    #[error("more than {limit} samples")]
    TooManySamples {
        /// The limit.
        limit: u64,
    },
    /// Weights do not fit the network they are given to.
    #[error("model key `{key}`: {detail}")]
    Config {
        /// The key in the model file.
        key: String,
        /// Expected and found.
        detail: String,
    },
    /// A version to begin from that gives a model nothing.
    #[error("{from}, of kind `{there}`, has nothing for a model of kind `{here}` to begin from: {detail}")]
    Unrelated {
        /// Where the version is.
        from: String,
        /// Its kind.
        there: String,
        /// The model's kind.
        here: String,
        /// The parameters of both, or where their shapes differ.
        detail: String,
    },
    /// A source without samples.
    #[error("no {what} samples to learn from")]
    Empty {
        /// `training` or `validation`.
        what: &'static str,
    },
    /// Training samples of which none says anything.
    #[error("all {samples} training samples have weight 0, expected one above 0")]
    Weightless {
        /// Samples that were read.
        samples: u64,
    },
    /// A checkpoint that this run cannot go on from.
    #[error("{path}: {detail}; remove it, or train without resuming")]
    Checkpoint {
        /// The file.
        path: String,
        /// What it is instead.
        detail: String,
    },
    /// More rows than the cache's 32-bit ids can number.
    #[error("table `{table}` has more than {limit} rows")]
    TooManyRows {
        /// The table.
        table: String,
        /// The limit.
        limit: u64,
    },
    /// The loss became infinite or not a number.
    #[error(
        "loss is {loss} in step {step} of epoch {epoch}, after {samples} of its samples: lower the learning rate or \
         normalise the dense inputs"
    )]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
        /// Batch of that epoch, from 1.
        step: usize,
        /// Samples seen in that epoch, this batch included.
        samples: u64,
        /// The value.
        loss: f64,
    },
    /// Reading or writing a file failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_where_and_what_was_expected() {
        let error = TrainError::Shape {
            row: 7,
            side: "item",
            expected: 3,
            got: 2,
        };
        assert_eq!(
            error.to_string(),
            "sample 7: item has 2 values where the conf's schema has 3 fields"
        );
        let error = TrainError::Config {
            key: "train.batch".into(),
            detail: "expected at least 1, got 0".into(),
        };
        assert_eq!(
            error.to_string(),
            "model key `train.batch`: expected at least 1, got 0"
        );
    }
}
