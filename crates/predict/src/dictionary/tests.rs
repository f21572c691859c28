//! Files of every kind, good and damaged.

use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use rankine_dict::Candidate;
use rankine_feature::{FieldType, Key, Lookup, Value};
use rankine_table::{Column, Table, parquet};

use super::loaded::Held;
use super::*;
use crate::rows::FeatureRows;

fn load(kind: DictionaryKind, path: &Path) -> Result<Loaded, String> {
    let candidate = Candidate {
        version: 0,
        path: path.to_owned(),
        stamp: 0,
    };
    let parser = DictionaryEntry::new("d", kind, path).parser();
    parser(&candidate).map_err(|fault| fault.to_string())
}

/// A dictionary of this kind, as confs read it.
fn held(kind: DictionaryKind, path: &Path) -> Held {
    let options = Options {
        poll: Duration::from_secs(3600),
        notices: false,
        ..Options::new(|| 0)
    };
    let entries = [DictionaryEntry::new("d", kind, path)];
    let dictionaries = Dictionaries::open(&entries, &options).unwrap();
    Held(dictionaries.0[0].dictionary.snapshot().unwrap())
}

fn file(folder: &tempfile::TempDir, content: &[u8]) -> PathBuf {
    let path = folder.path().join("file");
    std::fs::write(&path, content).unwrap();
    path
}

fn table(folder: &tempfile::TempDir, columns: Vec<(&str, Column)>) -> PathBuf {
    let path = folder.path().join("file");
    let columns = columns
        .into_iter()
        .map(|(name, column)| (name.to_owned(), column))
        .collect();
    parquet::write(&path, &Table::new(columns).unwrap(), &[]).unwrap();
    path
}

fn ids(ids: &[i64]) -> Column {
    Column::Int(ids.iter().copied().map(Some).collect())
}

fn vectors(rows: &[&[f32]]) -> Column {
    let width = rows[0].len();
    Column::Vector {
        width,
        rows: rows.iter().map(|row| Some(row.to_vec())).collect(),
    }
}

#[test]
fn a_vocabulary_gives_line_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let words = held(
        DictionaryKind::Vocabulary,
        &file(&folder, "drama\nwar\n科幻\n".as_bytes()),
    );
    assert_eq!(words.columns(), [("line".into(), FieldType::Int)]);
    assert_eq!(words.get(Key::Text("科幻"), 0), &Value::Int(2));
    assert_eq!(words.get(Key::Text("other"), 0), &Value::Missing);
    for (bad, says) in [("a\nb\na\n", "line 3: `a`"), ("a\nb", "cut off")] {
        let fault = load(DictionaryKind::Vocabulary, &file(&folder, bad.as_bytes()))
            .err()
            .unwrap();
        assert!(fault.contains(says), "{fault}");
    }
    let fault = load(DictionaryKind::Vocabulary, &file(&folder, b"a\n\xff\n"))
        .err()
        .unwrap();
    assert_eq!(fault, "line 2: not UTF-8");
}

#[test]
fn boundaries_increase_strictly() {
    let folder = tempfile::tempdir().unwrap();
    let good = file(
        &folder,
        b"feature,boundaries\nage,\"18,25.5,40\"\nprice,\"-1,0\"\n",
    );
    let found = held(DictionaryKind::Boundaries, &good);
    assert_eq!(
        found.get(Key::Text("age"), 0),
        &Value::floats(&[18.0, 25.5, 40.0])
    );
    for (bad, says) in [
        ("feature,boundaries\na,\"1,1\"\n", "line 2: boundaries of `a`"),
        ("feature,boundaries\na,\"2,1\"\n", "strictly increasing"),
        ("feature,boundaries\na,\n", "strictly increasing"),
        ("feature,boundaries\na,\"1,inf\"\n", "finite"),
        (
            "feature,boundaries\na,1\na,2\n",
            "line 3: feature `a` is there twice",
        ),
        ("feature,boundaries\na,x\n", "line 2: expected list<float>"),
        ("name,list\na,1\n", "feature"),
    ] {
        let fault = load(DictionaryKind::Boundaries, &file(&folder, bad.as_bytes()))
            .err()
            .unwrap();
        assert!(fault.contains(says), "{bad}: {fault}");
    }
    let columns = vec![
        ("feature", Column::Text(vec![Some("age".into())])),
        ("boundaries", Column::Floats(vec![Some(vec![1.0, 2.0])])),
    ];
    let found = held(DictionaryKind::Boundaries, &table(&folder, columns));
    assert_eq!(found.get(Key::Text("age"), 0), &Value::floats(&[1.0, 2.0]));
}

#[test]
fn keyed_values_come_as_text_or_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let found = held(DictionaryKind::Keyed, &file(&folder, b"a\tone\nb\tt\\two\n"));
    assert_eq!(found.get(Key::Text("b"), 0), &Value::str("t\two"));
    let mut entry = DictionaryEntry::new("d", DictionaryKind::Keyed, file(&folder, b"1\t2.5\n-3\t\\N\n"));
    (entry.key, entry.value) = (FieldType::Int, FieldType::Float);
    let candidate = Candidate {
        version: 0,
        path: entry.path.clone(),
        stamp: 0,
    };
    let Ok(Loaded::Memory(found)) = entry.parser()(&candidate) else {
        panic!("loads");
    };
    assert_eq!(
        (found.get(Key::Int(1), 0), found.get(Key::Int(-3), 0)),
        (&Value::Float(2.5), &Value::Missing)
    );
    for (bad, says) in [
        ("a one\n", "line 1: expected a key, a tab"),
        ("a\t1\na\t1\n", "line 2: key `a`"),
        ("\\N\t1\n", "key is missing"),
    ] {
        let fault = load(DictionaryKind::Keyed, &file(&folder, bad.as_bytes()))
            .err()
            .unwrap();
        assert!(fault.contains(says), "{fault}");
    }
    let columns = vec![
        ("id", ids(&[5, 6])),
        ("w", Column::Float(vec![Some(1.0), None])),
        ("t", Column::Texts(vec![Some(vec!["x".into()]), None])),
    ];
    let found = held(DictionaryKind::Keyed, &table(&folder, columns));
    assert_eq!(found.columns().len(), 2);
    assert_eq!(
        (found.get(Key::Int(5), 0), found.get(Key::Int(5), 1)),
        (&Value::Float(1.0), &Value::strs(&["x"]))
    );
    let twice = table(&folder, vec![("id", ids(&[5, 5]))]);
    assert_eq!(
        load(DictionaryKind::Keyed, &twice).err().unwrap(),
        "row 2: key 5 is there twice"
    );
    let float = table(&folder, vec![("id", Column::Float(vec![Some(1.0)]))]);
    assert!(
        load(DictionaryKind::Keyed, &float)
            .err()
            .unwrap()
            .contains("expected int or string")
    );
}

#[test]
fn item_rows_have_versions_that_follow_their_content() {
    let folder = tempfile::tempdir().unwrap();
    let columns = |last: &str| {
        vec![
            ("id", ids(&[7, 8])),
            ("genre", Column::Text(vec![Some("war".into()), Some(last.into())])),
        ]
    };
    let rows = |last: &str| match load(DictionaryKind::Items, &table(&folder, columns(last))) {
        Ok(Loaded::Items(items)) => items,
        _ => panic!("loads"),
    };
    let (before, after) = (rows("noir"), rows("drama"));
    let version = |rows: &ItemTable, id| rows.item(id).unwrap().1;
    assert_eq!(version(&before, 7), version(&after, 7));
    assert_ne!(version(&before, 8), version(&after, 8));
    assert_eq!(before.item(8).unwrap().0.get("genre"), Some(&Value::str("noir")));
    assert!(before.item(9).is_none() && before.digest() != after.digest());
    let found = held(DictionaryKind::Items, &table(&folder, columns("x")));
    assert_eq!(
        (found.get(Key::Int(8), 1), found.get(Key::Text("8"), 1)),
        (&Value::str("x"), &Value::Missing)
    );
    for (bad, says) in [
        (vec![("id", ids(&[7, 7]))], "row 2: key 7 is in row 1 already"),
        (vec![("id", Column::Int(vec![None]))], "row 1: the key is missing"),
        (
            vec![("id", Column::Text(vec![Some("7".into())]))],
            "key column `id`: expected int, got",
        ),
    ] {
        let fault = load(DictionaryKind::Items, &table(&folder, bad)).err().unwrap();
        assert!(fault.contains(says), "{fault}");
    }
}

#[test]
fn versions_of_rows_follow_every_number_of_a_vector() {
    let folder = tempfile::tempdir().unwrap();
    let version = |rows: [&[f32]; 2]| {
        let columns = vec![
            ("id", ids(&[7])),
            ("a", vectors(&[rows[0]])),
            ("b", vectors(&[rows[1]])),
        ];
        match load(DictionaryKind::Items, &table(&folder, columns)) {
            Ok(Loaded::Items(items)) => items.item(7).unwrap().1,
            _ => panic!("loads"),
        }
    };
    let first = version([&[1.0, 2.0], &[3.0]]);
    assert_eq!(first, version([&[1.0, 2.0], &[3.0]]));
    for other in [
        [&[1.0, 2.0][..], &[3.5]],
        [&[1.0], &[2.0, 3.0]],
        [&[2.0, 1.0], &[3.0]],
    ] {
        assert_ne!(first, version(other), "{other:?}");
    }
}

#[test]
fn vectors_are_of_one_artefact_version() {
    let folder = tempfile::tempdir().unwrap();
    let good = vec![
        ("id", ids(&[7, 9])),
        ("emb", vectors(&[&[1.0, 2.0], &[3.0, 4.0]])),
        ("version", ids(&[12, 12])),
    ];
    let found = held(DictionaryKind::Vectors, &table(&folder, good));
    assert_eq!(found.columns(), [("emb".into(), FieldType::Vector(2))]);
    assert_eq!(
        (found.vector(Key::Int(9), 0), found.vector(Key::Int(8), 0)),
        (&[3.0, 4.0][..], &[][..])
    );
    let Loaded::Vectors(vectors_of) = &found.0.value else {
        panic!("vectors")
    };
    assert_eq!(
        (vectors_of.version(), vectors_of.width(), vectors_of.len()),
        (12, 2, 2)
    );
    let two = |versions: &[i64], last: f32| {
        vec![
            ("id", ids(&[1, 2])),
            ("emb", vectors(&[&[1.0], &[last]])),
            ("version", ids(versions)),
        ]
    };
    for (bad, says) in [
        (two(&[1, 2], 0.0), "row 2: artefact version: expected 1, got 2"),
        (
            two(&[0, 0], 0.0),
            "row 1: artefact version: expected a version above 0",
        ),
        (two(&[1, 1], f32::NAN), "row 2: the vector of id 2 is not finite"),
        (
            vec![("id", ids(&[1])), ("emb", vectors(&[&[1.0]]))],
            "expected columns id int, vector, artefact version int",
        ),
    ] {
        let fault = load(DictionaryKind::Vectors, &table(&folder, bad)).err().unwrap();
        assert!(fault.contains(says), "{fault}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_bytes_panic(content in prop::collection::vec(any::<u8>(), 0..300), parquet in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let content = if parquet { [b"PAR1", &content[..], b"PAR1"].concat() } else { content };
        let path = file(&folder, &content);
        for kind in [DictionaryKind::Items, DictionaryKind::Vectors, DictionaryKind::Vocabulary, DictionaryKind::Boundaries, DictionaryKind::Keyed] {
            drop(load(kind, &path));
        }
    }

    #[test]
    fn a_cut_parquet_file_never_loads(thousandths in 0usize..1000) {
        let folder = tempfile::tempdir().unwrap();
        let path = table(&folder, vec![("id", ids(&[1, 2, 3])), ("emb", vectors(&[&[1.0], &[2.0], &[3.0]])), ("version", ids(&[4, 4, 4]))]);
        let content = std::fs::read(&path).unwrap();
        let cut = content.len() * thousandths / 1000;
        std::fs::write(&path, &content[..cut]).unwrap();
        prop_assert!(load(DictionaryKind::Vectors, &path).is_err());
    }
}
