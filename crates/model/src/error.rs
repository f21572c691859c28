//! The faults of models and artefacts. Everything read from disk is foreign: it can only become one of these.

use std::path::{Path, PathBuf};

/// What can go wrong while a model is compiled, published or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file cannot be mapped or read as numbers.
    #[error(transparent)]
    Map {
        /// What the kernel said; it names the file.
        #[from]
        source: rankine_kernel::KernelError,
    },
    /// The artefact is of a format this program does not know: a newer program wrote it.
    #[error("{path}: artefact format {got} is not known, expected {expected}", path = path.display())]
    Format {
        /// The artefact's folder.
        path: PathBuf,
        /// The format this program writes.
        expected: u32,
        /// The format of the artefact.
        got: String,
    },
    /// A file is missing, has another size or another checksum: half-copied or damaged.
    #[error("{path}: {what}: expected {expected}, got {got}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What differs: bytes, checksum, and so on.
        what: &'static str,
        /// What the manifest says.
        expected: String,
        /// What is there.
        got: String,
    },
    /// A file of the artefact does not parse or contradicts another.
    #[error("{path}: {message}", path = path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The conf or the model file inside has faults.
    #[error("{faults}")]
    Config {
        /// All of them.
        faults: rankine_config::Faults,
    },
    /// A tensor is missing or has another shape than the model needs.
    #[error("{path}: tensor `{tensor}`: expected {expected}, got {got}", path = path.display())]
    Tensor {
        /// The weights file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// Type and shape the model needs.
        expected: String,
        /// Type and shape in the file.
        got: String,
    },
    /// The model does not give a golden sample the score it gave when it was published.
    #[error("{path}:{line}: golden score: expected {expected}, got {got}", path = path.display())]
    Golden {
        /// The file of golden samples.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// The score at publication.
        expected: f32,
        /// The score now.
        got: f32,
    },
    /// A model has no form in ONNX, or a file is none of ours.
    #[error("ONNX: {message}")]
    Onnx {
        /// What stands in the way.
        message: String,
    },
    /// A model cannot be split.
    #[error("model `{name}` cannot be split: {message}")]
    Split {
        /// The model's name.
        name: String,
        /// Why not.
        message: String,
    },
    /// A draft cannot be published as it stands.
    #[error("model `{name}` cannot be published: {message}")]
    Draft {
        /// The model's name.
        name: String,
        /// Why not.
        message: String,
    },
}

impl ModelError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> ModelError {
        let path = path.to_owned();
        move |source| ModelError::Io { path, source }
    }

    pub(crate) fn invalid(path: &Path, message: impl std::fmt::Display) -> ModelError {
        ModelError::Invalid {
            path: path.to_owned(),
            message: message.to_string(),
        }
    }
}

impl From<rankine_config::Faults> for ModelError {
    fn from(faults: rankine_config::Faults) -> ModelError {
        ModelError::Config { faults }
    }
}
