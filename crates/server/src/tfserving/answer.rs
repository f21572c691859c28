//! The answer of a predict call: `predictions` or `outputs`, one list of one score per instance, in request order.
//!
//! The decision here: JSON has no NaN, so an instance without a score is `null` and `faults` says why; the key is
//! absent when every instance has its score, which keeps the usual answer exactly TensorFlow Serving's.

use rankine_predict::Response;
use serde_json::{Value, json};

use super::body::Form;

/// Scores gathered from one or more responses.
#[derive(Debug, Default)]
pub(super) struct Scored {
    scores: Vec<f32>,
    faults: Vec<Value>,
}

impl Scored {
    /// Adds the next instances' scores.
    pub(super) fn append(&mut self, response: Response) {
        let before = self.scores.len();
        self.scores.extend(response.scores);
        let faults = response.faults.iter();
        self.faults
            .extend(faults.map(|f| json!({ "instance": before + f.index, "error": f.message })));
    }

    /// The body.
    pub(super) fn into_json(self, form: Form) -> Value {
        let rows: Vec<Value> = self.scores.iter().map(|score| json!([score])).collect();
        let mut body = match form {
            Form::Row => json!({ "predictions": rows }),
            Form::Column => json!({ "outputs": rows }),
        };
        if !self.faults.is_empty() {
            body["faults"] = Value::Array(self.faults);
        }
        body
    }
}
