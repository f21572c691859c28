//! The two rows of the document that describes such files, faults by line, and the join.

use super::*;
use crate::loss::Loss;
use crate::source::SampleSource;
use rankine_feature::{Plan, Value};
use rankine_table::vectors::VectorTable;
use std::path::{Path, PathBuf};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/two_vectors.csv")
}

fn floats(value: &Value) -> &[f32] {
    let Value::Vector(floats) = value else {
        panic!("{value:?}");
    };
    floats
}

#[test]
fn the_documents_two_rows_are_read_to_the_bit_again_and_again() {
    let widths = VectorText::widths(&fixture(), None).unwrap().unwrap();
    assert_eq!(widths, (128, 128));
    let mut source = VectorText::open(&fixture(), widths, Loss::Bce).unwrap();
    let text = std::fs::read_to_string(fixture()).unwrap();
    for _ in 0..2 {
        source.rewind().unwrap();
        let mut rows = Vec::new();
        assert_eq!(source.next(&mut rows, 9).unwrap(), 2);
        assert_eq!(rows.iter().map(|r| r.label).collect::<Vec<_>>(), [1.0, 0.0]);
        for (row, line) in rows.iter().zip(text.lines()) {
            let expected: Vec<u32> = line
                .split(',')
                .skip(1)
                .map(|x| x.parse::<f32>().unwrap().to_bits())
                .collect();
            let got = floats(&row.user[0]).iter().chain(floats(&row.item[0]));
            assert_eq!(got.map(|x| x.to_bits()).collect::<Vec<_>>(), expected);
        }
    }
    let plan = Plan::compile(&conf(128, 128), "made", None).unwrap();
    assert_eq!(
        (plan.name(), plan.slot(1).is_some(), plan.slot(2).is_some()),
        (NAME, true, true)
    );
}

fn refusal(path: &Path, text: &str) -> String {
    std::fs::write(path, text).unwrap();
    let mut source = VectorText::open(path, (1, 1), Loss::Bce).unwrap();
    let fault = source.next(&mut Vec::new(), 10).unwrap_err().to_string();
    fault.rsplit_once(".csv:").unwrap().1.to_owned()
}

#[test]
fn what_is_no_sample_is_told_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.csv");
    assert_eq!(refusal(&path, "1,2,3\n\n0,1\n"), "3: 2 columns, expected 3");
    assert_eq!(refusal(&path, "1,2,x\n"), "1: column 3 is `x`, expected a number");
    assert_eq!(
        refusal(&path, "1,2,inf\n"),
        "1: column 3 is inf, expected a finite number"
    );
    assert_eq!(
        refusal(&path, "2,2,3\n"),
        "1: the label is 2, expected a number from 0 to 1"
    );
    std::fs::write(&path, "1,2,3,4\n").unwrap();
    assert!(
        VectorText::widths(&path, None)
            .unwrap_err()
            .to_string()
            .contains("3 numbers behind the label")
    );
    assert_eq!(VectorText::widths(&path, Some(1)).unwrap(), Some((1, 2)));
    std::fs::write(&path, "label,user,item\n").unwrap();
    assert_eq!(VectorText::widths(&path, None).unwrap(), None);
}

#[test]
fn broken_lines_are_listed_and_the_most_lines_say_how_long_vectors_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.csv");
    std::fs::write(&path, "1,2\n1,2,3\n\n0,x,1\n0,4,5\n3,1,1").unwrap();
    assert_eq!(VectorText::widths(&path, None).unwrap(), Some((1, 1)));
    let list = folder.path().join("rejects.tsv");
    let ledger = rankine_table::LeftOut::listed_in(&list);
    let mut source = VectorText::open(&path, (1, 1), Loss::Bce)
        .unwrap()
        .leaving_out(ledger.of(&path));
    for _ in 0..2 {
        let mut rows = Vec::new();
        source.rewind().unwrap();
        while source.next(&mut rows, 1).unwrap() > 0 {}
        let numbers: Vec<_> = rows
            .iter()
            .map(|r| (r.label, floats(&r.user[0])[0], floats(&r.item[0])[0]))
            .collect();
        assert_eq!(numbers, [(1.0, 2.0, 3.0), (0.0, 4.0, 5.0)]);
    }
    let listed = std::fs::read_to_string(list).unwrap();
    let lines: Vec<&str> = listed.lines().skip(1).collect();
    assert_eq!(lines[0], "v.csv\t1\tnumbers\t2 columns, expected 3\t1,2");
    assert!(
        lines.len() == 3 && lines[1].starts_with("v.csv\t4\t") && lines[2].ends_with("\t3,1,1"),
        "{listed}"
    );
    assert_eq!((ledger.files()[0].left_out, ledger.files()[0].rows), (3, 5));
    std::fs::write(&path, "0,x,1\n0,2\n").unwrap();
    let mut source = VectorText::open(&path, (1, 1), Loss::Bce)
        .unwrap()
        .leaving_out(ledger.of(&path));
    let fault = source.next(&mut Vec::new(), 9).unwrap_err().to_string();
    assert!(
        fault.contains("no row can be read; the first is line 1: column 2 is `x`"),
        "{fault}"
    );
}

#[test]
fn ids_are_joined_to_their_vectors_and_unknown_ones_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let table = |ids: &[&str], width: usize| VectorTable {
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        width,
        floats: (0..ids.len() * width).map(|x| x as f32).collect(),
        version: None,
    };
    table(&["1", "2"], 2).write(&path("u.parquet")).unwrap();
    table(&["a", "b", "c"], 3).write(&path("i.txt")).unwrap();
    std::fs::write(path("s.csv"), "item,label,user\nb,1,2\nz,0,1\nc,0,1\n").unwrap();
    let joined = Joined::read(&path("u.parquet"), &path("i.txt")).unwrap();
    assert_eq!(joined.widths(), (2, 3));
    let mut source = JoinedSamples::open(&path("s.csv"), &joined, Loss::Bce).unwrap();
    for _ in 0..2 {
        let mut rows = Vec::new();
        source.rewind().unwrap();
        assert_eq!((source.next(&mut rows, 9).unwrap(), source.unknown()), (2, 1));
        assert_eq!(
            (floats(&rows[0].user[0]), floats(&rows[0].item[0])),
            (&[2.0, 3.0][..], &[3.0, 4.0, 5.0][..])
        );
        assert_eq!((rows[1].label, rows[1].group), (0.0, 1));
    }
    std::fs::write(path("s.csv"), "item,label,user\nb,no,2\n").unwrap();
    let mut source = JoinedSamples::open(&path("s.csv"), &joined, Loss::Bce).unwrap();
    assert!(
        source
            .next(&mut Vec::new(), 9)
            .unwrap_err()
            .to_string()
            .contains(":2: label: the label is `no`")
    );
}

#[test]
fn a_summary_is_read_or_its_line_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    std::fs::write(&path, "n_train=1000,n_val=20\n").unwrap();
    assert_eq!(
        summary(&path).unwrap(),
        Summary {
            train: 1000,
            valid: 20
        }
    );
    std::fs::write(&path, "n_train=1000\n").unwrap();
    assert!(
        summary(&path)
            .unwrap_err()
            .to_string()
            .contains("expected n_train=COUNT,n_val=COUNT")
    );
}
