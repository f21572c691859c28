//! `GET …/metadata`: the signature TensorFlow Serving would print, made from the plan's schema.

use rankine_feature::{Field, FieldType};
use rankine_predict::Predictor;
use serde_json::{Map, Value, json};

use super::error::Refusal;
use super::path::Target;

/// The body.
///
/// # Errors
/// 404 as the predict call.
pub(super) fn answer(predictor: &Predictor, target: &Target) -> Result<Value, Refusal> {
    let known = predictor
        .metadata(&target.model, target.version)
        .map_err(|e| Refusal::of(&e, target))?;
    let inputs: Map<String, Value> = known
        .inputs
        .iter()
        .map(|f| (f.name.to_string(), input(f)))
        .collect();
    let output = tensor("DT_FLOAT", &[-1, 1], "StatefulPartitionedCall:0");
    let signature = json!({
        "inputs": inputs,
        "outputs": { "output": output },
        "method_name": "tensorflow/serving/predict",
    });
    Ok(json!({
        "model_spec": {
            "name": target.model,
            "signature_name": "",
            "version": known.version.to_string(),
        },
        "metadata": { "signature_def": { "signature_def": { "serving_default": signature } } },
    }))
}

fn input(field: &Field) -> Value {
    let (dtype, shape): (_, &[i64]) = match field.ty {
        FieldType::Int | FieldType::Timestamp => ("DT_INT64", &[-1, 1]),
        FieldType::Float => ("DT_DOUBLE", &[-1, 1]),
        FieldType::String => ("DT_STRING", &[-1, 1]),
        FieldType::Bool => ("DT_BOOL", &[-1, 1]),
        FieldType::IntList => ("DT_INT64", &[-1, -1]),
        FieldType::FloatList => ("DT_DOUBLE", &[-1, -1]),
        FieldType::StringList => ("DT_STRING", &[-1, -1]),
        FieldType::Weighted => ("DT_VARIANT", &[-1]),
        FieldType::Vector(width) => {
            let width = i64::try_from(width).unwrap_or(-1);
            return tensor("DT_FLOAT", &[-1, width], &name(field));
        }
    };
    tensor(dtype, shape, &name(field))
}

fn name(field: &Field) -> String {
    format!("serving_default_{}:0", field.name)
}

fn tensor(dtype: &str, shape: &[i64], name: &str) -> Value {
    let dim: Vec<Value> = shape
        .iter()
        .map(|size| json!({ "size": size.to_string(), "name": "" }))
        .collect();
    json!({ "dtype": dtype, "tensor_shape": { "dim": dim, "unknown_rank": false }, "name": name })
}
