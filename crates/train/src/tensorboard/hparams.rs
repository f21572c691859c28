//! The hyper-parameters plugin: what a run was given and how it ended, so that runs can be compared in TensorBoard's table.
//!
//! Decision: three messages of plugin data with an empty tensor each, as `tensorboard.plugins.hparams` writes them:
//! the experiment's columns, a session's start with its values, a session's end.

use super::proto::Message;
use super::{EventWriter, field};
use crate::TrainError;

/// A hyper-parameter's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Hyper {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

/// Fields of `plugin_data.proto`, `api.proto` and `struct.proto`.
mod number {
    pub(super) const EXPERIMENT: u32 = 2;
    pub(super) const START: u32 = 3;
    pub(super) const END: u32 = 4;
    pub(super) const EXPERIMENT_HPARAMS: u32 = 4;
    pub(super) const EXPERIMENT_METRICS: u32 = 5;
}

impl Hyper {
    /// `google.protobuf.Value`.
    fn message(&self) -> Message {
        match self {
            Hyper::Number(value) => Message::default().double(2, *value),
            Hyper::Text(text) => Message::default().string(3, text),
            Hyper::Flag(flag) => Message::default().varied(4, u64::from(*flag)),
        }
    }

    /// `hparams.DataType`.
    fn kind(&self) -> i64 {
        match self {
            Hyper::Text(_) => 1,
            Hyper::Flag(_) => 2,
            Hyper::Number(_) => 3,
        }
    }
}

impl EventWriter {
    /// Writes the hyper-parameters of the run and the tags of the figures it is judged by; `started` is in seconds since
    /// 1970.
    ///
    /// # Errors
    /// [`TrainError::Io`] when the file cannot be written.
    pub fn hyper(
        &mut self,
        values: &[(String, Hyper)],
        figures: &[&str],
        started: f64,
    ) -> Result<(), TrainError> {
        let mut experiment = Message::default();
        for (name, value) in values {
            let info = Message::default().string(1, name).integer(4, value.kind());
            experiment = experiment.message(number::EXPERIMENT_HPARAMS, &info);
        }
        for figure in figures {
            let name = Message::default().string(2, figure);
            let info = Message::default().message(1, &name);
            experiment = experiment.message(number::EXPERIMENT_METRICS, &info);
        }
        self.plugin("_hparams_/experiment", number::EXPERIMENT, &experiment)?;
        let mut start = Message::default();
        for (name, value) in values {
            let entry = Message::default().string(1, name).message(2, &value.message());
            start = start.message(1, &entry);
        }
        self.plugin(
            "_hparams_/session_start_info",
            number::START,
            &start.double(5, started),
        )
    }

    /// Writes that the run has ended well, at `ended` seconds since 1970.
    ///
    /// # Errors
    /// [`TrainError::Io`] when the file cannot be written.
    pub fn ended(&mut self, ended: f64) -> Result<(), TrainError> {
        const SUCCESS: i64 = 1;
        let end = Message::default().integer(1, SUCCESS).double(2, ended);
        self.plugin("_hparams_/session_end_info", number::END, &end)?;
        self.flush()
    }

    /// A value that is nothing but plugin data.
    fn plugin(&mut self, tag: &str, which: u32, content: &Message) -> Result<(), TrainError> {
        let data = Message::default().message(which, content);
        let plugin = Message::default().string(1, "hparams").message(2, &data);
        const FLOAT: i64 = 1;
        let tensor = Message::default()
            .integer(1, FLOAT)
            .message(2, &Message::default());
        let value = Message::default()
            .string(field::VALUE_TAG, tag)
            .message(field::VALUE_METADATA, &Message::default().message(1, &plugin))
            .message(field::VALUE_TENSOR, &tensor.float(5, 0.0));
        self.value(0, value)
    }
}

/// The values of a model file as hyper-parameters, dotted names; lists as text.
#[must_use]
pub fn of_config(text: &str) -> Vec<(String, Hyper)> {
    let mut values = Vec::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        collect("", &toml::Value::Table(table), &mut values);
    }
    values
}

fn collect(path: &str, value: &toml::Value, out: &mut Vec<(String, Hyper)>) {
    let own = match value {
        toml::Value::Table(table) => {
            for (name, value) in table {
                let dot = if path.is_empty() { "" } else { "." };
                collect(&format!("{path}{dot}{name}"), value, out);
            }
            return;
        }
        toml::Value::Array(values) if values.iter().any(toml::Value::is_table) => {
            for (i, value) in values.iter().enumerate() {
                let name = value.get("table").and_then(toml::Value::as_str);
                let name = name.map_or_else(|| i.to_string(), str::to_owned);
                collect(&format!("{path}.{name}"), value, out);
            }
            return;
        }
        toml::Value::Integer(value) => Hyper::Number(*value as f64),
        toml::Value::Float(value) => Hyper::Number(*value),
        toml::Value::Boolean(value) => Hyper::Flag(*value),
        toml::Value::String(text) => Hyper::Text(text.clone()),
        toml::Value::Array(_) | toml::Value::Datetime(_) => Hyper::Text(value.to_string()),
    };
    out.push((path.to_owned(), own));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_file_is_flat_and_typed() {
        let found = of_config(
            "kind = \"lr\"\nhidden = [4, 2]\nembedding = [{ table = \"user\", dim = 3 }]\n[train]\nshuffle = true\n",
        );
        let expected = [
            ("embedding.user.dim", Hyper::Number(3.0)),
            ("embedding.user.table", Hyper::Text("user".into())),
            ("hidden", Hyper::Text("[4, 2]".into())),
            ("kind", Hyper::Text("lr".into())),
            ("train.shuffle", Hyper::Flag(true)),
        ];
        let expected: Vec<(String, Hyper)> = expected.map(|(n, v)| (n.to_owned(), v)).into();
        assert_eq!(found, expected);
    }
}
