//! Artefacts on disk.
