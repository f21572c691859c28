//! Every form written and read back; faults by line.

use super::*;
use crate::{Column, TableError};
use proptest::prelude::*;
use std::path::Path;

#[path = "../../../model/tests/python/venv.rs"]
mod venv;

fn table() -> VectorTable {
    VectorTable {
        ids: vec!["7".into(), "11".into(), "-3".into()],
        width: 2,
        floats: vec![0.1, -2.5, 3.0e-9, 1.0 / 3.0, 16_777_217.0, 0.0],
        version: None,
    }
}

#[test]
fn what_is_written_comes_back_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["v.parquet", "v.csv", "v.npy", "v.faiss", "v.txt"] {
        let path = folder.path().join(name);
        table().write(&path).unwrap();
        assert_eq!(VectorTable::read(&path).unwrap(), table(), "{name}");
    }
    let words = VectorTable {
        ids: vec!["rain".into(), "sun".into(), "b c".into()],
        ..table()
    };
    for name in ["w.parquet", "w.faiss"] {
        let path = folder.path().join(name);
        words.write(&path).unwrap();
        assert_eq!(VectorTable::read(&path).unwrap(), words, "{name}");
    }
}

#[test]
fn parquet_keeps_the_version_and_refuses_two() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.parquet");
    let made = VectorTable {
        version: Some(7),
        ..table()
    };
    made.write(&path).unwrap();
    assert_eq!(VectorTable::read(&path).unwrap(), made);
    let (mut mixed, _) = crate::parquet::read(&path).unwrap();
    mixed.columns[2].1 = Column::Int(vec![Some(7), Some(8), Some(7)]);
    crate::parquet::write(&path, &mixed, &[]).unwrap();
    let fault = VectorTable::read(&path).unwrap_err().to_string();
    assert!(fault.contains("its vectors are of versions 7 and 8"), "{fault}");
}

fn refused(path: &Path, text: &[u8]) -> String {
    std::fs::write(path, text).unwrap();
    let fault = VectorTable::read(path).unwrap_err();
    if let TableError::Header { reason, .. } = fault {
        return reason;
    }
    fault.to_string()
}

#[test]
fn what_is_no_table_is_told_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |bytes: &[u8]| refused(&path("v.txt"), bytes);
    assert_eq!(
        text(b"2 2\na 1 2\nb 1 x\n"),
        "line 3: column 2 is `x`, expected a number"
    );
    assert_eq!(
        text(b"2 2\na 1 2\nb 1 2 3\n"),
        "line 3: `b` has 3 numbers, expected 2"
    );
    assert_eq!(text(b"2 1\na 1\na 2\n"), "an id occurs twice");
    assert_eq!(text(b"alone\n"), "line 1: expected an id and numbers");
    assert_eq!(
        text(b"3 2\na 1 2\nb 3 4\n"),
        "line 1 says 3 vectors of 2 numbers, got 2 of 2",
        "a file that was cut between two lines"
    );
    assert_eq!(
        text(b"99999999999 2\na 1 2\n"),
        "line 1 says 99999999999 vectors of 2 numbers, got 1 of 2"
    );
    assert_eq!(
        text(b"1 3\na 1 2\n"),
        "line 1 says 1 vectors of 3 numbers, got 1 of 2"
    );
    std::fs::write(path("bare.txt"), "7 0.5\n8 1.5\n").unwrap();
    let bare = VectorTable::read(&path("bare.txt")).unwrap();
    assert_eq!(
        (bare.ids, bare.floats),
        (vec!["7".to_owned(), "8".to_owned()], vec![0.5, 1.5])
    );
}

#[test]
fn what_is_no_npy_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("v.ids.txt"), "a\n").unwrap();
    assert_eq!(
        refused(&path("v.npy"), b"PK"),
        "it does not begin like a .npy file"
    );
    let bytes = npy::encode(2, 1, &[1.0, 2.0]);
    assert!(refused(&path("v.npy"), &bytes).starts_with("1 ids for the 2 vectors"));
    for cut in 0..bytes.len() {
        refused(&path("v.npy"), &bytes[..cut]);
    }
    let forged = |from: &str, to: &str| {
        let text = bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
        // as many bytes as before: the padding gives way
        let text = text
            .replacen(&" ".repeat(to.len() - from.len()), "", 1)
            .replace(from, to);
        npy::decode(
            &text
                .chars()
                .map(|c| u8::try_from(u32::from(c)).unwrap())
                .collect::<Vec<_>>(),
        )
        .unwrap_err()
    };
    assert_eq!(
        forged("(2, 1)", "(2, x, 1)"),
        "its shape is (2, x, 1), expected two sizes"
    );
    assert_eq!(
        forged("(2, 1)", "(99999999999, 99999999999)"),
        "it holds 2 numbers, expected 99999999999 × 99999999999"
    );
    let longer = npy::decode(&[&bytes[..], b"abc"].concat()).unwrap_err();
    assert_eq!(longer, "its last number is cut: 3 bytes of it");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// A file with anything in it is a table that is whole, or a fault that names it.
    #[test]
    fn no_bytes_make_reading_panic(
        form in 0_usize..5, at: prop::sample::Index, junk in prop::collection::vec(any::<u8>(), 1..12), cut: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(["v.npy", "v.faiss", "v.txt", "v.csv", "v.parquet"][form]);
        table().write(&path).unwrap();
        std::fs::write(folder.path().join("v.ids.txt"), "7\n11\n-3\n").unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        // heads have the counts
        let at = at.index(bytes.len().min(200));
        let end = bytes.len().min(at + junk.len());
        bytes[at..end].copy_from_slice(&junk[..end - at]);
        bytes.truncate(if cut { end } else { bytes.len() });
        std::fs::write(&path, &bytes).unwrap();
        match VectorTable::read(&path) {
            Ok(read) => prop_assert_eq!(read.floats.len(), read.ids.len() * read.width),
            Err(fault) => prop_assert!(fault.to_string().contains("/v."), "{}", fault),
        }
    }
}

#[test]
fn statements_and_commands_hold_every_vector() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film-vectors.sql");
    table().write(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("CREATE TABLE \"film_vectors\" (id text PRIMARY KEY, vector vector(2));"));
    assert!(
        text.contains("\n7\t[0.1,-2.5]\n") && text.ends_with("\\.\nCOMMIT;\n"),
        "{text}"
    );
    let path = folder.path().join("films.resp");
    table().write(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let first = b"*3\r\n$3\r\nSET\r\n$7\r\nfilms:7\r\n$8\r\n";
    assert!(bytes.starts_with(first));
    assert_eq!(bytes[first.len()..first.len() + 4], 0.1_f32.to_le_bytes());
}

#[test]
fn faiss_reads_what_is_written_and_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("v.faiss"), folder.path().join("copy.faiss"));
    table().write(&path).unwrap();
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/python/faiss_query.py"
    );
    let mut query = std::process::Command::new(venv::python());
    let told = venv::run(query.arg(script).arg(&path).arg("7").arg(&copy));
    // the products with (0.1, −2.5): 6.26, −0.83, 1,677,721.7
    assert_eq!(
        told.split_whitespace().take(3).collect::<Vec<_>>(),
        ["-3", "7", "11"]
    );
    assert_eq!(VectorTable::read(&copy).unwrap(), table());
}
