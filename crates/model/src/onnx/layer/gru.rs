//! ONNX's own GRU, whose gates stand in our order and whose biases stand as PyTorch's (`linear_before_reset`).

use super::super::attribute::int;
use super::super::pooled::Entries;
use super::super::proto::INT32;
use super::super::sheet::{Sheet, count};
use crate::error::ModelError;
use crate::graph::Gru;

impl Sheet<'_> {
    /// Each entry's state.
    pub(in super::super) fn gru(
        &mut self,
        name: &str,
        layer: &Gru,
        entries: &Entries,
    ) -> Result<Entries, ModelError> {
        let of = |part: &str| format!("{name}/{part}");
        let (input, input_bias) = self.block(&format!("{name}.input"))?;
        let (state, state_bias) = self.block(&format!("{name}.state"))?;
        let input = self.transpose(&of("w"), &input, &[1, 0]);
        let input = self.unsqueeze(&of("W"), &input, 0);
        let state = self.transpose(&of("r"), &state, &[1, 0]);
        let state = self.unsqueeze(&of("R"), &state, 0);
        let biases = self.concat(&of("b"), &[input_bias, state_bias], 0);
        let biases = self.unsqueeze(&of("B"), &biases, 0);
        let by_time = self.transpose(&of("X"), &entries.values, &[1, 0, 2]);
        let lengths = self.with(
            "Cast",
            &of("lengths"),
            &[&entries.there],
            vec![int("to", INT32.into())],
        );
        let how = vec![
            int("hidden_size", count(layer.states)),
            int("linear_before_reset", 1),
        ];
        let from = [&*by_time, &input, &state, &biases, &lengths];
        let states = self.with("GRU", &of("Y"), &from, how);
        let states = self.squeeze(&of("by_time"), &states, 1);
        let values = self.transpose(name, &states, &[1, 0, 2]);
        Ok(Entries {
            values,
            ..entries.clone()
        })
    }
}
