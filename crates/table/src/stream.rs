//! Bytes of a file in and out, through gzip or zstd where the name ends in `.gz` or `.zst`.
//!
//! The decision: compression is told by the name alone, and is streamed, so a large file never
//! stands in memory; what is written this way is as atomic as any other file. The name `-` is the standard input.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::{AtomicFile, TableError};

/// How the bytes of a file are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Zstd,
}

fn packing(path: &Path) -> Packing {
    match path.extension().and_then(|end| end.to_str()) {
        Some("gz") => Packing::Gzip,
        Some("zst") => Packing::Zstd,
        _ => Packing::None,
    }
}

/// The ending of a file's name in lower case, without `.gz` or `.zst`: `csv` for `films.CSV.gz`.
pub fn inner_extension(path: &Path) -> Option<String> {
    let bare = match packing(path) {
        Packing::None => path.to_owned(),
        Packing::Gzip | Packing::Zstd => path.with_extension(""),
    };
    bare.extension()
        .and_then(|end| end.to_str())
        .map(str::to_ascii_lowercase)
}

/// Whether a name stands for the standard input or output.
pub fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// Opens a file for reading its unpacked bytes; `-` is the standard input as it comes.
///
/// # Errors
/// [`TableError::Open`].
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>, TableError> {
    if is_standard(path) {
        return Ok(Box::new(std::io::stdin()));
    }
    let fail = |source| TableError::Open {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fail)?;
    Ok(match packing(path) {
        Packing::None => Box::new(file),
        Packing::Gzip => Box::new(MultiGzDecoder::new(std::io::BufReader::new(file))),
        Packing::Zstd => Box::new(zstd::Decoder::new(file).map_err(fail)?),
    })
}

/// Writes bytes to a file that appears at [`OutputFile::commit`], packed as its name says.
pub struct OutputFile(Output);

enum Output {
    Plain(AtomicFile),
    Gzip(GzEncoder<AtomicFile>),
    Zstd(zstd::Encoder<'static, AtomicFile>),
}

impl OutputFile {
    /// Starts a file.
    ///
    /// # Errors
    /// [`TableError::Write`].
    pub fn create(path: &Path) -> Result<Self, TableError> {
        let file = AtomicFile::create(path)?;
        Ok(Self(match packing(path) {
            Packing::None => Output::Plain(file),
            Packing::Gzip => Output::Gzip(GzEncoder::new(file, Compression::default())),
            Packing::Zstd => {
                Output::Zstd(zstd::Encoder::new(file, 3).map_err(|source| TableError::Write {
                    path: path.to_owned(),
                    source,
                })?)
            }
        }))
    }

    /// The name the file will have.
    pub fn path(&self) -> &Path {
        match &self.0 {
            Output::Plain(file) => file.path(),
            Output::Gzip(packer) => packer.get_ref().path(),
            Output::Zstd(packer) => packer.get_ref().path(),
        }
    }

    /// Ends the stream and makes the file visible and durable.
    ///
    /// # Errors
    /// [`TableError::Write`].
    pub fn commit(self) -> Result<(), TableError> {
        let path = self.path().to_owned();
        let file = match self.0 {
            Output::Plain(file) => Ok(file),
            Output::Gzip(packer) => packer.finish(),
            Output::Zstd(packer) => packer.finish(),
        };
        file.map_err(|source| TableError::Write { path, source })?
            .commit()
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &mut self.0 {
            Output::Plain(file) => file.write(bytes),
            Output::Gzip(packer) => packer.write(bytes),
            Output::Zstd(packer) => packer.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match &mut self.0 {
            Output::Plain(file) => file.flush(),
            Output::Gzip(packer) => packer.flush(),
            Output::Zstd(packer) => packer.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(name: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let mut out = OutputFile::create(&path).unwrap();
        out.write_all(b"one\n").unwrap();
        out.write_all(b"two\n").unwrap();
        out.commit().unwrap();
        let mut text = String::new();
        open(&path).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
        std::fs::read(&path).unwrap()
    }

    #[test]
    fn bytes_are_packed_as_the_name_says_and_alike_each_time() {
        assert_eq!(round_trip("a.csv"), b"one\ntwo\n");
        assert_eq!(round_trip("a.csv.gz")[..2], [0x1f, 0x8b]);
        assert_eq!(round_trip("a.csv.gz"), round_trip("a.csv.gz"));
        assert_eq!(round_trip("a.csv.zst")[..4], [0x28, 0xb5, 0x2f, 0xfd]);
    }

    #[test]
    fn the_inner_extension_ignores_packing_and_case() {
        let ending = |name: &str| inner_extension(Path::new(name));
        assert_eq!(ending("x/films.CSV.gz").as_deref(), Some("csv"));
        assert_eq!(ending("a.jsonl.zst").as_deref(), Some("jsonl"));
        assert_eq!(ending("a.parquet").as_deref(), Some("parquet"));
        assert_eq!(ending("README"), None);
    }

    #[test]
    fn an_absent_file_is_named() {
        let error = open(Path::new("/absent/file.gz")).err().unwrap();
        assert!(error.to_string().starts_with("/absent/file.gz: cannot open"));
    }
}
