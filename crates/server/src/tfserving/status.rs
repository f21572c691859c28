//! `GET …/M[/versions/V]`: the versions that serve, and the newer one that did not load, with its reason.

use rankine_predict::{ModelStatus, Predictor};
use serde_json::{Value, json};

use super::error::Refusal;
use super::path::Target;

/// The body.
///
/// # Errors
/// 404 in TensorFlow Serving's words.
pub(super) fn answer(predictor: &Predictor, target: &Target) -> Result<Value, Refusal> {
    let status = predictor
        .model_status(&target.model)
        .map_err(|_| no_versions(target))?;
    let mut versions = versions(&status);
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    if let Some(asked) = target.version {
        versions.retain(|(version, _)| *version == asked);
        if versions.is_empty() {
            let text = format!("Could not find version {asked} of model {}", target.model);
            return Err(Refusal::not_found(text));
        }
    }
    if versions.is_empty() {
        return Err(no_versions(target));
    }
    let list: Vec<Value> = versions.into_iter().map(|(_, body)| body).collect();
    Ok(json!({ "model_version_status": list }))
}

fn no_versions(target: &Target) -> Refusal {
    Refusal::not_found(format!("Could not find any versions of model {}", target.model))
}

fn versions(status: &ModelStatus) -> Vec<(u64, Value)> {
    let serving = status
        .dictionaries
        .iter()
        .filter_map(|d| d.version)
        .map(|v| (v, one(v, "AVAILABLE", "OK", "")));
    let failed = status
        .dictionaries
        .iter()
        .filter_map(|d| d.error.as_ref())
        .filter(|f| f.version > 0);
    let failed = failed.map(|f| (f.version, one(f.version, "END", "DATA_LOSS", &f.message)));
    serving.chain(failed).collect()
}

fn one(version: u64, state: &str, code: &str, message: &str) -> Value {
    json!({
        "version": version.to_string(),
        "state": state,
        "status": { "error_code": code, "error_message": message },
    })
}
