//! Publishing: everything is written into a hidden sibling, synced, and renamed into place as one step. Killed anywhere,
//! nobody ever sees half a version; publishers take turns through a lock on the model's folder.

use super::checksum::Summing;
use super::manifest::{ConfInfo, DataInfo, FileInfo, Manifest, Output, inputs, plain_file};
use super::weights::{Reader, Writer};
use super::{FORMAT, GoldenSample, file, golden, versions::numbered};
use crate::config::{Kind, ModelConfig};
use crate::error::ModelError;
use crate::network::Network;
use crate::parameters::Parameters;
use crate::scorer::Scorer;
use crate::tower::Towers;
use rankine_feature::Plan;
use rankine_kernel::Machine;
use rankine_kernel::map::MappedFile;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, IntoInnerError, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Hidden siblings begin with this.
const HIDDEN: &str = ".publish-";

/// Vectors by id: ascending ids, `dim` numbers each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vectors {
    /// Ascending, each once.
    pub ids: Vec<i64>,
    /// Numbers per vector.
    pub dim: usize,
    /// ids × dim.
    pub rows: Vec<f32>,
}

/// A trained model about to become a version.
#[derive(Clone, Default)]
pub struct Draft {
    /// The model's name: letters, digits, `_`, `-`, `.`.
    pub name: String,
    /// The model file, as TOML text.
    pub config: String,
    /// The plan it was trained with, fit included; none for vectors.
    pub plan: Option<Arc<Plan>>,
    /// What training found; empty for vectors.
    pub parameters: Parameters<f32>,
    /// Item vectors (kind `item2vec`).
    pub vectors: Option<Vectors>,
    /// Metrics to keep in the manifest.
    pub metrics: serde_json::Value,
    /// The same metrics of trivial baselines.
    pub baselines: serde_json::Value,
    /// The samples.
    pub data: Option<DataInfo>,
    /// Versions it was made from.
    pub parents: Vec<String>,
    /// What became of a parent's parameters; null where training began from none.
    pub restored: serde_json::Value,
    /// The card, as Markdown.
    pub card: String,
    /// Further files of the folder (plots, optimiser state), by plain file name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Inputs whose scores are kept; at least one for a model that scores.
    pub golden: Vec<GoldenSample>,
}

/// Publishes a draft below `models` and returns its version: the highest number there is, plus one.
///
/// `created` is the time in microseconds since 1970, UTC.
///
/// # Errors
/// [`ModelError::Draft`] if the draft contradicts itself, [`ModelError::Config`] for faults of the model file,
/// [`ModelError::Tensor`] for parameters that do not fit it, [`ModelError::Io`] from the disk. Nothing is visible then.
pub fn publish(models: &Path, draft: &Draft, created: i64) -> Result<u64, ModelError> {
    let files = Contents::new(draft)?;
    let home = models.join(&draft.name);
    std::fs::create_dir_all(&home).map_err(ModelError::io(&home))?;
    let lock_path = home.join(".lock");
    let lock = File::create(&lock_path).map_err(ModelError::io(&lock_path))?;
    lock.lock().map_err(ModelError::io(&lock_path))?;
    sweep(&home);
    let version = numbered(&home).iter().map(|(v, _)| *v).max().unwrap_or(0) + 1;
    let hidden = home.join(format!("{HIDDEN}{version}"));
    let written = write(&hidden, draft, files, (version, created));
    if written.is_err() {
        let _ = std::fs::remove_dir_all(&hidden);
    }
    written?;
    let target = home.join(version.to_string());
    std::fs::rename(&hidden, &target).map_err(ModelError::io(&target))?;
    sync(&home)?;
    sync(models)?;
    Ok(version)
}

/// Checks that a model may have this name: it becomes folders, so it leads nowhere.
///
/// # Errors
/// [`ModelError::Draft`].
pub fn check_name(name: &str) -> Result<(), ModelError> {
    if plain_file(name) {
        return Ok(());
    }
    Err(ModelError::Draft {
        name: name.to_owned(),
        message: "a name is made of letters, digits, `_`, `-` and `.`, and begins with no `.`".to_owned(),
    })
}

/// What is known of the files before the folder exists.
struct Contents<'a> {
    kind: Kind,
    weights: Writer<'a>,
    network: Option<Network>,
    outputs: Vec<Output>,
    files: BTreeMap<String, Vec<u8>>,
}

impl<'a> Contents<'a> {
    fn new(draft: &'a Draft) -> Result<Contents<'a>, ModelError> {
        let fault = |message: String| ModelError::Draft {
            name: draft.name.clone(),
            message,
        };
        check_name(&draft.name)?;
        let config = ModelConfig::parse_published(&draft.config, "model.toml")?;
        let mut files = draft.files.clone();
        if let Some(name) = files.keys().find(|n| !plain_file(n) || reserved(n)) {
            return Err(fault(format!("`{name}` is not free as a file name")));
        }
        files.insert(file::CARD.to_owned(), draft.card.clone().into_bytes());
        let mut contents = Contents {
            kind: config.kind(),
            weights: Writer::default(),
            network: None,
            outputs: Vec::new(),
            files,
        };
        match (config.kind(), &draft.plan, &draft.vectors) {
            (Kind::Item2Vec, None, Some(vectors)) => contents.vectors(vectors).map_err(fault)?,
            (Kind::Item2Vec, ..) => return Err(fault("`item2vec` takes vectors and no plan".to_owned())),
            (_, Some(plan), None) => contents.model(draft, plan, &config)?,
            _ => {
                return Err(fault(
                    "a model that scores takes a plan and no vectors".to_owned(),
                ));
            }
        }
        Ok(contents)
    }

    fn vectors(&mut self, vectors: &'a Vectors) -> Result<(), String> {
        if vectors.rows.len() != vectors.ids.len() * vectors.dim || !vectors.ids.is_sorted_by(|a, b| a < b) {
            return Err("vectors need ascending ids and ids × dim numbers".to_owned());
        }
        self.weights.vectors(&vectors.ids, vectors.dim, &vectors.rows);
        Ok(())
    }

    fn model(&mut self, draft: &'a Draft, plan: &Plan, config: &ModelConfig) -> Result<(), ModelError> {
        let network = Network::compile(config, plan)?;
        Scorer::fits(&network, &draft.parameters)?;
        if draft.golden.is_empty() {
            let message = "a model that scores needs golden samples".to_owned();
            return Err(ModelError::Draft {
                name: draft.name.clone(),
                message,
            });
        }
        self.weights.parameters(&draft.parameters);
        self.files
            .insert(file::FEATURE.to_owned(), plan.canonical().into_bytes());
        self.files
            .insert(file::FIT.to_owned(), plan.fit().to_json().into_bytes());
        let kind = config.meaning().name();
        let mut names = vec![config.label(plan.sample_spec())];
        if let Some(graph) = network.graph.as_ref().filter(|graph| graph.served().count() > 1) {
            names = graph.served().map(|output| output.name.as_str()).collect();
        }
        self.outputs.extend(names.into_iter().map(|name| Output {
            name: name.to_owned(),
            kind: kind.to_owned(),
        }));
        self.network = Some(network);
        Ok(())
    }
}

/// Names of the towers that read something.
fn towers(network: &Network) -> Vec<String> {
    let towers = network.towers.iter().flat_map(Towers::all);
    let reading = towers.filter(|tower| tower.input_width(network) > 0);
    reading.map(|tower| tower.name.to_owned()).collect()
}

/// Names that publishing itself writes.
fn reserved(name: &str) -> bool {
    [file::WEIGHTS, file::FEATURE, file::FIT, file::GOLDEN, file::CARD].contains(&name)
}

/// Writes the hidden folder: files, golden scores of the weights as they are on disk, and the manifest last.
fn write(
    hidden: &Path,
    draft: &Draft,
    contents: Contents<'_>,
    (version, created): (u64, i64),
) -> Result<(), ModelError> {
    std::fs::create_dir(hidden).map_err(ModelError::io(hidden))?;
    let mut infos = BTreeMap::new();
    for (name, bytes) in &contents.files {
        infos.insert(name.clone(), put(hidden, name, bytes)?);
    }
    let weights = put_by(hidden, file::WEIGHTS, |to| contents.weights.write(to))?;
    infos.insert(file::WEIGHTS.to_owned(), weights);
    if let (Some(plan), Some(network)) = (&draft.plan, &contents.network) {
        let text = golden_text(hidden, draft, plan, network)?;
        infos.insert(
            file::GOLDEN.to_owned(),
            put(hidden, file::GOLDEN, text.as_bytes())?,
        );
    }
    let manifest = Manifest {
        format: FORMAT,
        kind: contents.kind.name().to_owned(),
        name: draft.name.clone(),
        version,
        created,
        conf: draft.plan.as_ref().map(|p| ConfInfo {
            name: p.name().to_owned(),
            // a version's conf is what its folder holds; generations of dictionaries are not in it
            hash: p.unbound().hash(),
        }),
        isa: Machine::detect().name(),
        config: draft.config.clone(),
        parents: draft.parents.clone(),
        restored: draft.restored.clone(),
        data: draft.data.clone(),
        towers: contents.network.as_ref().map(towers).unwrap_or_default(),
        inputs: contents.network.as_ref().map(inputs).unwrap_or_default(),
        outputs: contents.outputs,
        metrics: draft.metrics.clone(),
        baselines: draft.baselines.clone(),
        files: infos,
        checksum: "0".repeat(32),
    };
    let text = manifest
        .text()
        .map_err(|e| ModelError::invalid(&hidden.join(file::MANIFEST), e))?;
    put(hidden, file::MANIFEST, text.as_bytes())?;
    sync(hidden)
}

/// Scores the golden samples with the weights just written, so that what is verified is what will be served.
fn golden_text(hidden: &Path, draft: &Draft, plan: &Plan, network: &Network) -> Result<String, ModelError> {
    let reader = Reader::open(Arc::new(MappedFile::open(&hidden.join(file::WEIGHTS))?))?;
    let scorer = Scorer::assemble(network, &reader.tables()?, &reader.dense()?, reader.path())?;
    golden::text(&draft.golden, plan, &scorer).map_err(|message| ModelError::Draft {
        name: draft.name.clone(),
        message,
    })
}

/// Writes and syncs one file.
fn put(dir: &Path, name: &str, bytes: &[u8]) -> Result<FileInfo, ModelError> {
    put_by(dir, name, |to| to.write_all(bytes))
}

/// Writes and syncs one file, bytes as they come.
fn put_by(
    dir: &Path,
    name: &str,
    write: impl FnOnce(&mut BufWriter<Summing<File>>) -> std::io::Result<()>,
) -> Result<FileInfo, ModelError> {
    let path = dir.join(name);
    let written = File::create_new(&path).and_then(|file| {
        let mut to = BufWriter::with_capacity(1 << 20, Summing::new(file));
        write(&mut to)?;
        let (file, bytes, xxh3_128) = to.into_inner().map_err(IntoInnerError::into_error)?.end();
        file.sync_all()?;
        Ok(FileInfo { bytes, xxh3_128 })
    });
    written.map_err(ModelError::io(&path))
}

/// Makes a folder's entries durable.
fn sync(dir: &Path) -> Result<(), ModelError> {
    File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(ModelError::io(dir))
}

/// Removes what killed publishers left behind; the lock is held, so nobody is at work in there.
fn sweep(home: &Path) {
    let entries = std::fs::read_dir(home).into_iter().flatten().flatten();
    let left: Vec<PathBuf> = entries
        .filter(|e| e.file_name().to_str().is_some_and(|n| n.starts_with(HIDDEN)))
        .map(|e| e.path())
        .collect();
    left.iter().for_each(|path| {
        let _ = std::fs::remove_dir_all(path);
    });
}
