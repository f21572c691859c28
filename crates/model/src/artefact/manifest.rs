//! `manifest.json`: what an artefact is and what its files must be. Keys may be added within a format, never renamed.

use super::{FORMAT, checksum, file};
use crate::error::ModelError;
use crate::network::Network;
use rankine_feature::{Group, SlotKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// No manifest is larger; a larger file is not read.
const MAX_BYTES: u64 = 16 << 20;

/// The conf a model was trained with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfInfo {
    /// Its name.
    pub name: String,
    /// Hash over conf and fit, 32 hex digits.
    pub hash: String,
}

/// The samples a model was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DataInfo {
    /// How they were split, in words that can be repeated.
    pub split: String,
    /// Training samples.
    pub rows: u64,
    /// Hash of the data, where known.
    pub hash: String,
}

/// One slot a model reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The slot.
    pub slot: u32,
    /// The feature's name.
    pub name: String,
    /// `common`, `item` or `cross`.
    pub group: String,
    /// `sparse` or `dense`.
    pub kind: String,
    /// Floats of a dense slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
}

/// One number a model gives per candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The label it predicts.
    pub name: String,
    /// The name of what it means ([`Meaning::name`](crate::config::Meaning::name)): `probability`, `number` or `order`. Earlier
    /// versions say `value` of the latter two, and some of them `probability` of an order.
    pub kind: String,
}

/// What a file must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// Its size.
    pub bytes: u64,
    /// Its checksum, 32 hex digits.
    pub xxh3_128: String,
}

/// The manifest of an artefact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Artefact format.
    pub format: u32,
    /// Kind of model, as in the model file.
    pub kind: String,
    /// The model's name.
    pub name: String,
    /// Its version.
    pub version: u64,
    /// When it was published: microseconds since 1970, UTC.
    pub created: i64,
    /// The conf; none for vectors.
    #[serde(default)]
    pub conf: Option<ConfInfo>,
    /// The instruction set that computed the golden scores.
    pub isa: String,
    /// The model file, as TOML text.
    pub config: String,
    /// Versions it was made from.
    #[serde(default)]
    pub parents: Vec<String>,
    /// What became of a parent's parameters, where training began from one; else null.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub restored: serde_json::Value,
    /// The samples.
    #[serde(default)]
    pub data: Option<DataInfo>,
    /// Towers that can be served apart (none yet).
    #[serde(default)]
    pub towers: Vec<String>,
    /// The slots it reads.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// What it gives.
    #[serde(default)]
    pub outputs: Vec<Output>,
    /// Metrics, as `train` names them.
    #[serde(default)]
    pub metrics: serde_json::Value,
    /// The same metrics of trivial baselines.
    #[serde(default)]
    pub baselines: serde_json::Value,
    /// Every other file of the folder.
    pub files: BTreeMap<String, FileInfo>,
    /// Checksum of this file, with zeros in its own place. Last.
    pub checksum: String,
}

/// Just enough to refuse what a newer program wrote.
#[derive(Deserialize)]
struct Head {
    format: serde_json::Value,
}

impl Manifest {
    /// Reads and verifies the manifest of a folder: its format, its checksum and its file names.
    ///
    /// # Errors
    /// [`ModelError::Io`], [`ModelError::Format`], [`ModelError::Damaged`], [`ModelError::Invalid`].
    pub fn read(dir: &Path) -> Result<Manifest, ModelError> {
        let path = dir.join(file::MANIFEST);
        let bytes = std::fs::metadata(&path).map_err(ModelError::io(&path))?.len();
        if bytes > MAX_BYTES {
            return Err(ModelError::invalid(
                &path,
                format!("{bytes} bytes are too many for a manifest"),
            ));
        }
        let text = std::fs::read(&path).map_err(ModelError::io(&path))?;
        let head: Head = serde_json::from_slice(&text).map_err(|e| ModelError::invalid(&path, e))?;
        if head.format != FORMAT {
            let (expected, got) = (FORMAT, head.format.to_string());
            return Err(ModelError::Format {
                path: dir.to_owned(),
                expected,
                got,
            });
        }
        let sums = checksum::sealed(&text).ok_or_else(|| ModelError::invalid(&path, "it has no checksum"))?;
        if sums.0 != sums.1 {
            return Err(ModelError::Damaged {
                path,
                what: "xxh3_128",
                expected: sums.0,
                got: sums.1,
            });
        }
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| ModelError::invalid(&path, e))?;
        match manifest.files.keys().find(|name| !plain_file(name)) {
            Some(name) => Err(ModelError::invalid(
                &path,
                format!("`{name}` is no name of a file in the folder"),
            )),
            None => Ok(manifest),
        }
    }

    /// Verifies that every file is there with its size: cheap, and enough to call a version complete.
    ///
    /// # Errors
    /// [`ModelError::Io`], [`ModelError::Damaged`].
    pub fn check_sizes(&self, dir: &Path) -> Result<(), ModelError> {
        for (name, info) in &self.files {
            let path = dir.join(name);
            let got = std::fs::metadata(&path).map_err(ModelError::io(&path))?.len();
            if got != info.bytes {
                let (expected, got) = (info.bytes.to_string(), got.to_string());
                return Err(ModelError::Damaged {
                    path,
                    what: "bytes",
                    expected,
                    got,
                });
            }
        }
        Ok(())
    }

    /// Returns the text of the file, sealed with its checksum.
    pub(super) fn text(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        checksum::seal(&mut text);
        Ok(text)
    }
}

/// Describes the slots of a network, once each, by slot.
pub(super) fn inputs(network: &Network) -> Vec<Input> {
    let linear = network.linear.iter().flat_map(|part| &part.slots);
    let slots = network
        .columns
        .iter()
        .map(|c| &c.slot)
        .chain(&network.dense)
        .chain(linear);
    let inputs = slots.map(|slot| {
        let group = match slot.group {
            Group::Common => "common",
            Group::Item => "item",
            Group::Cross => "cross",
        };
        let (kind, width) = match slot.kind {
            SlotKind::Sparse => ("sparse", None),
            SlotKind::Dense(width) => ("dense", Some(width)),
        };
        let (group, kind) = (group.to_owned(), kind.to_owned());
        (
            slot.slot,
            Input {
                slot: slot.slot,
                name: slot.name.to_string(),
                group,
                kind,
                width,
            },
        )
    });
    inputs.collect::<BTreeMap<_, _>>().into_values().collect()
}

/// Whether a name is a file directly in the folder, other than the manifest.
pub(super) fn plain_file(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain) && name != file::MANIFEST
}
