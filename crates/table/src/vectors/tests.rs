//! Every form written and read back; faults by line.

use super::*;
use crate::{Column, TableError};
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
