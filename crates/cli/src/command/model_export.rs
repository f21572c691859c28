//! `rankine model export`: a version as an ONNX file, with the keys of its rows and a case to try it on.
//!
//! `m.onnx` → also `m.keys.parquet` (table, key, row) and `m.golden.json` (the golden samples as inputs, and their outputs).

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use rankine_model::onnx;
use rankine_table::AtomicFile;
use serde_json::json;
use std::io::Write;

use super::{Globals, model_named};
use crate::{keys, output};

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    rankine model export widedeep --onnx widedeep.onnx\n\n\
    Beside the file appear widedeep.keys.parquet (which key has which row) and widedeep.golden.json (samples to try it on).")]
pub(crate) struct Options {
    /// The model, and with @ a version (default: the newest)
    #[arg(value_name = "NAME[@VERSION]")]
    model: String,
    /// Where the graph goes
    #[arg(long, value_name = "FILE")]
    onnx: PathBuf,
}

/// Writes the files and says what is fed.
///
/// # Errors
/// No such model, a kind that has no form in ONNX, a file that cannot be written.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let artefact = model_named(&globals.home(), &options.model)?;
    let manifest = artefact.manifest();
    let exported =
        onnx::export_artefact(&artefact).with_context(|| format!("{} cannot be exported", manifest.name))?;
    let case = onnx::golden_case(&artefact, &exported)?;
    let (beside, golden) = (
        keys::beside(&options.onnx),
        options.onnx.with_extension("golden.json"),
    );
    keys::write(&beside, &exported.keys)?;
    put(&golden, case.to_string().as_bytes())?;
    put(&options.onnx, &exported.bytes)?;
    let inputs: Vec<String> = exported.inputs.iter().map(onnx::Input::name).collect();
    if globals.json {
        return output::json(&json!({
            "model": manifest.name, "version": manifest.version, "file": options.onnx, "keys": beside, "golden": golden,
            "bytes": exported.bytes.len(), "inputs": inputs, "outputs": exported.outputs,
        }));
    }
    output::line(&format!(
        "{} version {}: {}, {} bytes\n{}\n{}\ninputs: {}\noutputs: {}",
        manifest.name,
        manifest.version,
        options.onnx.display(),
        exported.bytes.len(),
        beside.display(),
        golden.display(),
        inputs.join(", "),
        exported.outputs.join(", ")
    ));
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)
        .with_context(|| path.display().to_string())?;
    Ok(file.commit()?)
}
