//! Opening an artefact: manifest → sizes → checksums → conf → model file → weights by memory map → golden samples.

use super::manifest::Manifest;
use super::weights::{MappedVectors, Reader};
use super::{Golden, checksum, file, golden};
use crate::config::{Kind, ModelConfig};
use crate::error::ModelError;
use crate::network::Network;
use crate::parameters::Parameters;
use crate::scorer::Scorer;
use rankine_feature::{Fit, Plan};
use rankine_kernel::map::MappedFile;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an artefact holds.
enum Content {
    Model {
        plan: Arc<Plan>,
        network: Box<Network>,
        scorer: Box<Scorer>,
    },
    Vectors(MappedVectors),
}

/// An open, verified artefact. Its files stay mapped as long as it lives.
pub struct Artefact {
    dir: PathBuf,
    manifest: Manifest,
    config: ModelConfig,
    content: Content,
}

impl std::fmt::Debug for Artefact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Artefact")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl Artefact {
    /// Opens and verifies a version's folder.
    ///
    /// # Errors
    /// Any [`ModelError`] but `Draft`: whatever is missing, damaged, unknown or contradictory. Never panics, whatever
    /// the bytes are.
    pub fn open(dir: &Path) -> Result<Artefact, ModelError> {
        let manifest = Manifest::read(dir)?;
        manifest.check_sizes(dir)?;
        let files = Files::open(dir, &manifest)?;
        let config = ModelConfig::parse_published(
            &manifest.config,
            &format!("{}: config", files.path(file::MANIFEST).display()),
        )?;
        if config.kind().name() != manifest.kind {
            let message = format!(
                "kind `{}`, but its config says `{}`",
                manifest.kind,
                config.kind().name()
            );
            return Err(ModelError::invalid(&files.path(file::MANIFEST), message));
        }
        let reader = Reader::open(files.get(file::WEIGHTS)?)?;
        let content = match config.kind() {
            Kind::Item2Vec => Content::Vectors(reader.vectors()?),
            Kind::EmbeddingMlp
            | Kind::WideDeep
            | Kind::DeepFm
            | Kind::NeuralCf
            | Kind::Dssm
            | Kind::TwoTower
            | Kind::YoutubeDnn
            | Kind::DropoutNet
            | Kind::Lr
            | Kind::Fm
            | Kind::Ffm
            | Kind::Ials
            | Kind::Bpr
            | Kind::Ease
            | Kind::ItemKnn
            | Kind::Popularity
            | Kind::Walk
            | Kind::Dcn
            | Kind::AutoInt
            | Kind::Din
            | Kind::Dien
            | Kind::Mmoe
            | Kind::Ple
            | Kind::Esmm => model(&files, &manifest, &config, &reader)?,
        };
        Ok(Artefact {
            dir: dir.to_owned(),
            manifest,
            config,
            content,
        })
    }

    /// Returns the folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the model file.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Returns the plan of the conf it was trained with; none for vectors.
    #[must_use]
    pub fn plan(&self) -> Option<&Arc<Plan>> {
        match &self.content {
            Content::Model { plan, .. } => Some(plan),
            Content::Vectors(_) => None,
        }
    }

    /// Returns the compiled network; none for vectors.
    #[must_use]
    pub fn network(&self) -> Option<&Network> {
        match &self.content {
            Content::Model { network, .. } => Some(network),
            Content::Vectors(_) => None,
        }
    }

    /// Returns the scorer; none for vectors.
    #[must_use]
    pub fn scorer(&self) -> Option<&Scorer> {
        match &self.content {
            Content::Model { scorer, .. } => Some(scorer),
            Content::Vectors(_) => None,
        }
    }

    /// Returns all weights, copied into memory.
    ///
    /// # Errors
    /// [`ModelError::Tensor`], [`ModelError::Map`] if the file has changed since it was opened.
    pub fn parameters(&self) -> Result<Parameters<f32>, ModelError> {
        let map = MappedFile::open(&self.dir.join(file::WEIGHTS))?;
        Reader::open(Arc::new(map))?.parameters()
    }

    /// Returns the golden samples; none for vectors.
    ///
    /// # Errors
    /// [`ModelError::Io`], [`ModelError::Invalid`] if the file has changed since it was opened.
    pub fn golden(&self) -> Result<Vec<Golden>, ModelError> {
        let Some(plan) = self.plan() else {
            return Ok(Vec::new());
        };
        let path = self.dir.join(file::GOLDEN);
        let text = std::fs::read_to_string(&path).map_err(ModelError::io(&path))?;
        let read = golden::read(&text, plan).collect::<Result<_, String>>();
        read.map_err(|message| ModelError::invalid(&path, message))
    }

    /// Returns (ids ascending, dim, rows) of item vectors; none for a model that scores.
    #[must_use]
    pub fn vectors(&self) -> Option<(&[i64], usize, &[f32])> {
        match &self.content {
            Content::Vectors(vectors) => Some((&vectors.ids, vectors.dim, &vectors.rows)),
            Content::Model { .. } => None,
        }
    }
}

fn model(
    files: &Files,
    manifest: &Manifest,
    config: &ModelConfig,
    reader: &Reader,
) -> Result<Content, ModelError> {
    let plan = plan(files, manifest)?;
    let network = Network::compile(config, &plan)?;
    let scorer = Scorer::assemble(&network, &reader.tables()?, &reader.dense()?, reader.path())?;
    files.get(file::GOLDEN)?;
    golden::verify(&files.dir, &manifest.isa, &plan, &scorer)?;
    Ok(Content::Model {
        plan: Arc::new(plan),
        network: Box::new(network),
        scorer: Box::new(scorer),
    })
}

/// Compiles the conf beside the weights and compares its hash.
fn plan(files: &Files, manifest: &Manifest) -> Result<Plan, ModelError> {
    let (conf, fit) = (files.text(file::FEATURE)?, files.text(file::FIT)?);
    let fit = Fit::from_json(&fit).map_err(|e| ModelError::invalid(&files.path(file::FIT), e))?;
    let path = files.path(file::FEATURE);
    let plan = Plan::compile(&conf, &path.display().to_string(), Some(&fit))?;
    let expected = manifest.conf.as_ref().map(|c| c.hash.clone()).unwrap_or_default();
    let got = plan.hash();
    if got == expected {
        Ok(plan)
    } else {
        Err(ModelError::Damaged {
            path,
            what: "conf hash",
            expected,
            got,
        })
    }
}

/// The mapped files of a folder, checksums verified.
struct Files {
    dir: PathBuf,
    maps: BTreeMap<String, Arc<MappedFile>>,
}

impl Files {
    fn open(dir: &Path, manifest: &Manifest) -> Result<Files, ModelError> {
        let mut maps = BTreeMap::new();
        for (name, info) in &manifest.files {
            let map = MappedFile::open(&dir.join(name))?;
            let got = checksum::hex(&map);
            if got != info.xxh3_128 {
                let (path, expected) = (dir.join(name), info.xxh3_128.clone());
                return Err(ModelError::Damaged {
                    path,
                    what: "xxh3_128",
                    expected,
                    got,
                });
            }
            maps.insert(name.clone(), Arc::new(map));
        }
        Ok(Files {
            dir: dir.to_owned(),
            maps,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn get(&self, name: &str) -> Result<Arc<MappedFile>, ModelError> {
        let missing = || ModelError::invalid(&self.path(file::MANIFEST), format!("it lists no `{name}`"));
        self.maps.get(name).cloned().ok_or_else(missing)
    }

    fn text(&self, name: &str) -> Result<String, ModelError> {
        let text = String::from_utf8(self.get(name)?.to_vec());
        text.map_err(|e| ModelError::invalid(&self.path(name), e))
    }
}
