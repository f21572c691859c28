//! The pin: a file `pin` in a folder of versions says which one serves, until it is taken away.
//!
//! Written by `rankine model rollback`, obeyed by every server that watches the folder. The decision here: a pin that
//! cannot be read, or names a version that is not there, changes nothing: what serves goes on, and the status says why.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::source::parse_version;

/// Name of the file.
const NAME: &str = "pin";
/// No pin is longer.
const LONGEST: u64 = 64;

/// The version a folder is pinned to; `None` without a pin.
///
/// # Errors
/// What the system answers, or `InvalidData` where the file holds no version.
pub fn pinned(folder: &Path) -> io::Result<Option<u64>> {
    let path = path(folder);
    let length = match fs::metadata(&path) {
        Ok(meta) => meta.len(),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let text = if length <= LONGEST {
        fs::read_to_string(&path)?
    } else {
        String::new()
    };
    let version = parse_version(text.trim());
    version.map(Some).ok_or_else(|| {
        let message = format!("{}: expected the number of a version", path.display());
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// Pins a folder to a version, at once and durably.
///
/// # Errors
/// What the system answers.
pub fn pin(folder: &Path, version: u64) -> io::Result<()> {
    let aside = folder.join(format!(".{NAME}.{}", std::process::id()));
    let mut file = fs::File::create(&aside)?;
    writeln!(file, "{version}")?;
    file.sync_all()?;
    fs::rename(&aside, path(folder))?;
    fs::File::open(folder)?.sync_all()
}

/// Takes the pin away; says whether there was one.
///
/// # Errors
/// What the system answers.
pub fn unpin(folder: &Path) -> io::Result<bool> {
    match fs::remove_file(path(folder)) {
        Ok(()) => fs::File::open(folder)?.sync_all().map(|()| true),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(fault) => Err(fault),
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_set_changed_and_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(pinned(folder.path()).unwrap(), None);
        for version in [3, 12] {
            pin(folder.path(), version).unwrap();
            assert_eq!(pinned(folder.path()).unwrap(), Some(version));
        }
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left aside"
        );
        assert!(unpin(folder.path()).unwrap());
        assert!(!unpin(folder.path()).unwrap());
        assert_eq!(pinned(folder.path()).unwrap(), None);
    }

    #[test]
    fn what_is_no_version_is_a_fault_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "0", "-1", "latest", "1 2", &"1".repeat(100)] {
            fs::write(folder.path().join("pin"), text).unwrap();
            let fault = pinned(folder.path()).unwrap_err();
            assert!(fault.to_string().contains("/pin: expected"), "{text}: {fault}");
        }
    }
}
