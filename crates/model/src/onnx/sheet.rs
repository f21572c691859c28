//! A sheet: the ONNX graph while it is drawn. Values are named; what is drawn twice under one name is there once.
//!
//! Parameters keep the names and shapes of the weights file, so that they are found again when a file is read back;
//! constants are named by what they hold; every other value begins with a slash.

use super::inputs::Input;
use super::proto::{
    AttributeProto, DimensionProto, FLOAT, GraphProto, INT64, NodeProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::error::ModelError;
use crate::network::Network;
use crate::parameters::Parameters;
use rankine_kernel::rows::MISSING;
use std::collections::BTreeSet;

/// A length of an input that each feeding chooses.
pub(super) const BATCH: &str = "batch";

/// A graph being drawn.
pub(super) struct Sheet<'a> {
    pub(super) network: &'a Network,
    parameters: &'a Parameters<f32>,
    pub(super) graph: GraphProto,
    pub(super) inputs: Vec<Input>,
    known: BTreeSet<String>,
}

/// One length of an input's shape.
pub(super) enum Length {
    /// Always this.
    Fixed(usize),
    /// As the feeding has it, the same wherever the name stands.
    Free(String),
}

pub(super) fn fault(message: impl Into<String>) -> ModelError {
    ModelError::Onnx {
        message: message.into(),
    }
}

/// A length as ONNX counts.
pub(super) fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

impl<'a> Sheet<'a> {
    pub(super) fn new(network: &'a Network, parameters: &'a Parameters<f32>) -> Sheet<'a> {
        Sheet {
            network,
            parameters,
            graph: GraphProto {
                name: Some(network.kind.name().to_owned()),
                ..GraphProto::default()
            },
            inputs: Vec::new(),
            known: BTreeSet::new(),
        }
    }

    /// Adds a node of one output and returns the output's name.
    pub(super) fn add(&mut self, op: &str, name: &str, from: &[&str]) -> String {
        self.with(op, name, from, Vec::new())
    }

    /// The same with attributes.
    pub(super) fn with(
        &mut self,
        op: &str,
        name: &str,
        from: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> String {
        let out = format!("/{name}");
        if self.known.insert(out.clone()) {
            self.graph
                .node
                .push(node(op, from, std::slice::from_ref(&out), attributes));
        }
        out
    }

    /// Adds values side by side along an axis; one is itself.
    pub(super) fn concat(&mut self, name: &str, from: &[String], axis: i64) -> String {
        if let [one] = from {
            return one.clone();
        }
        let from: Vec<&str> = from.iter().map(String::as_str).collect();
        self.with("Concat", name, &from, vec![super::attribute::int("axis", axis)])
    }

    /// Adds the sum along an axis.
    pub(super) fn sum(&mut self, name: &str, from: &str, axis: i64, keep: bool) -> String {
        let axes = self.ints(&[axis]);
        let keep = super::attribute::int("keepdims", keep.into());
        self.with("ReduceSum", name, &[from, &axes], vec![keep])
    }

    /// Adds another shape of a value; −1 is what is left.
    pub(super) fn reshape(&mut self, name: &str, from: &str, shape: &[i64]) -> String {
        let shape = self.ints(shape);
        self.add("Reshape", name, &[from, &shape])
    }

    /// Adds an axis of length 1.
    pub(super) fn unsqueeze(&mut self, name: &str, from: &str, axis: i64) -> String {
        let axes = self.ints(&[axis]);
        self.add("Unsqueeze", name, &[from, &axes])
    }

    /// Takes an axis of length 1 away.
    pub(super) fn squeeze(&mut self, name: &str, from: &str, axis: i64) -> String {
        let axes = self.ints(&[axis]);
        self.add("Squeeze", name, &[from, &axes])
    }

    /// Adds another order of axes.
    pub(super) fn transpose(&mut self, name: &str, from: &str, order: &[i64]) -> String {
        self.with(
            "Transpose",
            name,
            &[from],
            vec![super::attribute::ints("perm", order)],
        )
    }

    /// Adds a constant of whole numbers.
    pub(super) fn ints(&mut self, values: &[i64]) -> String {
        let words: Vec<String> = values.iter().map(ToString::to_string).collect();
        let name = format!("ints:{}", words.join(","));
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, INT64, vec![values.len()], bytes)
    }

    /// Adds a constant of one number.
    pub(super) fn float(&mut self, value: f32) -> String {
        self.constant(
            format!("float:{value}"),
            FLOAT,
            Vec::new(),
            value.to_le_bytes().to_vec(),
        )
    }

    /// Adds a dense tensor of the model, under its own name.
    pub(super) fn parameter(&mut self, name: &str) -> Result<String, ModelError> {
        let Some(tensor) = self.parameters.dense.get(name) else {
            return Err(fault(format!("the model has no tensor `{name}`")));
        };
        let bytes = tensor.data.iter().flat_map(|v| v.to_le_bytes()).collect();
        Ok(self.constant(name.to_owned(), FLOAT, tensor.shape.clone(), bytes))
    }

    /// Adds a table's rows by ascending key, the missing row last, and returns the name.
    pub(super) fn table(&mut self, table: &str) -> Result<String, ModelError> {
        let name = rows_name(table);
        if self.known.contains(&name) {
            return Ok(name);
        }
        let Some(rows) = self.parameters.tables.get(table) else {
            return Err(fault(format!("the model has no table `{table}`")));
        };
        let sorted = rows.sorted();
        let order = sorted.iter().map(|(_, row)| *row).chain([MISSING]);
        let bytes = order
            .flat_map(|row| rows.weights(row))
            .flat_map(|v| v.to_le_bytes());
        let bytes = bytes.collect();
        Ok(self.constant(name, FLOAT, vec![sorted.len() + 1, rows.dim()], bytes))
    }

    /// Adds the number of a table's missing row.
    pub(super) fn missing(&mut self, table: &str) -> Result<String, ModelError> {
        let Some(rows) = self.parameters.tables.get(table) else {
            return Err(fault(format!("the model has no table `{table}`")));
        };
        let known = count(rows.len());
        Ok(self.ints(&[known]))
    }

    fn constant(&mut self, name: String, data_type: i32, shape: Vec<usize>, bytes: Vec<u8>) -> String {
        if self.known.insert(name.clone()) {
            self.graph.initializer.push(TensorProto {
                dims: shape.into_iter().map(count).collect(),
                data_type: Some(data_type),
                name: Some(name.clone()),
                raw_data: Some(bytes),
                ..TensorProto::default()
            });
        }
        name
    }

    /// Adds an input, once, and returns its name.
    pub(super) fn input(&mut self, input: Input, told: String) -> String {
        let name = input.name();
        if self.known.insert(name.clone()) {
            let (data_type, shape) = input.shape();
            let mut info = value(&name, data_type, Some(shape));
            info.doc_string = Some(told);
            self.graph.input.push(info);
            self.inputs.push(input);
        }
        name
    }

    /// Makes a value an output of the graph.
    pub(super) fn output(&mut self, name: &str, from: &str) {
        self.graph
            .node
            .push(node("Identity", &[from], &[name.to_owned()], Vec::new()));
        let shape = vec![Length::Free(BATCH.to_owned())];
        self.graph.output.push(value(name, FLOAT, Some(shape)));
    }
}

/// What a table's rows are called.
pub(super) fn rows_name(table: &str) -> String {
    format!("emb.{table}.rows")
}

/// A node; its name is its first output's.
pub(super) fn node(op: &str, from: &[&str], to: &[String], attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        input: from.iter().map(|name| (*name).to_owned()).collect(),
        output: to.to_vec(),
        name: to.first().cloned(),
        op_type: Some(op.to_owned()),
        attribute,
        domain: None,
    }
}

/// A value with its type, and its shape where it has one to be told.
pub(super) fn value(name: &str, data_type: i32, shape: Option<Vec<Length>>) -> ValueInfoProto {
    let dimension = |length| match length {
        Length::Fixed(length) => DimensionProto {
            dim_value: Some(count(length)),
            dim_param: None,
        },
        Length::Free(name) => DimensionProto {
            dim_value: None,
            dim_param: Some(name),
        },
    };
    let shape = shape.map(|shape| TensorShapeProto {
        dim: shape.into_iter().map(dimension).collect(),
    });
    ValueInfoProto {
        name: Some(name.to_owned()),
        ty: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: Some(data_type),
                shape,
            }),
        }),
        doc_string: None,
    }
}
