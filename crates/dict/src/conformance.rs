//! The suite every [`Parser`] has to pass; run by the crates that write parsers, with their real files.
//!
//! It damages a good version in the ways disks and copies do, and holds the parser to its contract through a real
//! dictionary: the damaged version never serves, the old one does, and the repaired one takes over.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::dictionary::{Dictionary, Options};
use crate::parser::Parser;
use crate::source::{Candidate, Source};

/// Runs the suite in `scratch` (an empty folder). `write` puts a good version into the folder it is given.
///
/// `guarded` says whether a file's content must be protected: for those every truncation and a flipped byte must be
/// refused. Files the parser does not read (a card, say) are not guarded.
///
/// # Panics
/// Where the parser breaks its contract; this is a test.
pub fn parser_suite<P: Parser>(
    scratch: &Path,
    parser: P,
    write: &dyn Fn(&Path),
    guarded: &dyn Fn(&Path) -> bool,
) {
    let parser = Arc::new(parser);
    let seen = Arc::clone(&parser);
    let folder = scratch.join("versions");
    let good = folder.join("1");
    put(&good, write);
    let options = Options {
        poll: Duration::from_secs(3600),
        notices: false,
        ..Options::new(|| 0)
    };
    let load = move |candidate: &Candidate| seen.load(candidate);
    let Ok(dictionary) = Dictionary::open("suite", Source::Versions(folder.clone()), options, load) else {
        panic!("the loader thread did not start");
    };
    assert_eq!(
        version(&dictionary),
        Some(1),
        "a good version loads: {:?}",
        dictionary.status().error
    );
    let mut next = 2;
    for name in files(&good).iter().filter(|name| guarded(name)) {
        for damage in damages(&good.join(name)) {
            refuse_then_serve(&dictionary, &folder.join(next.to_string()), name, &damage, write);
            next += 1;
        }
    }
    assert!(next > 2, "the suite found no guarded file");
}

/// What is done to one file.
#[derive(Debug)]
enum Damage {
    Missing,
    Cut(usize),
    Flipped(usize),
    Longer,
}

fn damages(file: &Path) -> Vec<Damage> {
    let size = fs::metadata(file).map_or(0, |m| usize::try_from(m.len()).unwrap_or(usize::MAX));
    let cuts = [0, size / 3, size.saturating_sub(1)].into_iter().map(Damage::Cut);
    let flips = [0, size / 2, size.saturating_sub(1)]
        .into_iter()
        .map(Damage::Flipped);
    [Damage::Missing, Damage::Longer]
        .into_iter()
        .chain(cuts)
        .chain(flips)
        .filter(|_| size > 0)
        .collect()
}

/// The damaged version must not serve; once repaired it must.
fn refuse_then_serve<T: Send + Sync + 'static>(
    dictionary: &Dictionary<T>,
    folder: &Path,
    name: &Path,
    damage: &Damage,
    write: &dyn Fn(&Path),
) {
    let before = version(dictionary);
    put(folder, write);
    let file = folder.join(name);
    let Ok(bytes) = fs::read(&file) else {
        panic!("{} cannot be read", file.display())
    };
    match damage {
        Damage::Missing => assert!(fs::remove_file(&file).is_ok()),
        Damage::Cut(length) => store(&file, &bytes[..*length]),
        Damage::Flipped(at) => store(&file, &flipped(&bytes, *at)),
        Damage::Longer => store(&file, &[&bytes[..], b"x"].concat()),
    }
    let outcome = dictionary.reload();
    assert!(outcome.is_err(), "{}: {damage:?} was accepted", name.display());
    assert_eq!(
        version(dictionary),
        before,
        "{}: {damage:?} replaced the old one",
        name.display()
    );
    assert!(dictionary.status().error.is_some());
    store(&file, &bytes);
    let repaired = dictionary.reload();
    assert!(
        repaired.is_ok_and(|swapped| swapped),
        "{}: repaired, not served",
        name.display()
    );
}

fn version<T: Send + Sync + 'static>(dictionary: &Dictionary<T>) -> Option<u64> {
    dictionary.snapshot().map(|generation| generation.version)
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let flip = |(i, b): (usize, &u8)| if i == at { b ^ 0x20 } else { *b };
    bytes.iter().enumerate().map(flip).collect()
}

fn put(folder: &Path, write: &dyn Fn(&Path)) {
    assert!(
        fs::create_dir_all(folder).is_ok(),
        "{} cannot be made",
        folder.display()
    );
    write(folder);
}

fn store(file: &Path, bytes: &[u8]) {
    assert!(
        fs::write(file, bytes).is_ok(),
        "{} cannot be written",
        file.display()
    );
}

/// Files below a folder, relative to it, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else if let Ok(name) = entry.path().strip_prefix(folder) {
                found.push(name.to_path_buf());
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::LoadFault;

    /// Length and byte sum before the text: enough to notice every damage of the suite.
    fn checked(candidate: &Candidate) -> Result<Vec<u8>, LoadFault> {
        let bytes = fs::read(candidate.path.join("text"))?;
        let sum = bytes
            .iter()
            .rev()
            .skip(1)
            .fold(0u8, |a, b| a.wrapping_mul(31).wrapping_add(*b));
        (bytes.len() == 6 && bytes.last() == Some(&sum))
            .then_some(bytes)
            .ok_or_else(|| "checksum".into())
    }

    fn write_checked(folder: &Path) {
        let mut bytes = b"films".to_vec();
        bytes.push(
            bytes
                .iter()
                .rev()
                .fold(0u8, |a, b| a.wrapping_mul(31).wrapping_add(*b)),
        );
        fs::write(folder.join("text"), bytes).unwrap();
        fs::write(folder.join("card"), "not read").unwrap();
    }

    #[test]
    fn a_checking_parser_passes() {
        let scratch = tempfile::tempdir().unwrap();
        parser_suite(scratch.path(), checked, &write_checked, &|name| {
            name.ends_with("text")
        });
    }

    #[test]
    #[should_panic(expected = "was accepted")]
    fn a_careless_parser_fails() {
        let scratch = tempfile::tempdir().unwrap();
        let careless = |c: &Candidate| -> Result<Vec<u8>, LoadFault> { Ok(fs::read(c.path.join("text"))?) };
        parser_suite(scratch.path(), careless, &write_checked, &|name| {
            name.ends_with("text")
        });
    }
}
