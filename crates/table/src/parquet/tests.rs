//! Tests of Parquet files: all kinds there and back, foreign types, damage.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    ArrayRef, Date32Array, DictionaryArray, Float32Array, Int16Array, LargeStringArray, RecordBatch,
    TimestampNanosecondArray, UInt64Array,
};
use proptest::prelude::*;

use super::*;
use crate::{Column, Kind};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    (folder, path)
}

fn foreign(path: &Path, arrays: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(arrays).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn table_of(rows: &[Row]) -> Table {
    let pick = |get: fn(&Row) -> Option<i64>| rows.iter().map(get).collect::<Vec<_>>();
    let columns = vec![
        ("int".to_owned(), Column::Int(pick(|row| row.0))),
        ("time".to_owned(), Column::Time(pick(|row| row.0))),
        (
            "float".to_owned(),
            Column::Float(rows.iter().map(|row| row.1).collect()),
        ),
        (
            "bool".to_owned(),
            Column::Bool(rows.iter().map(|row| row.1.map(|v| v > 0.0)).collect()),
        ),
        (
            "text".to_owned(),
            Column::Text(rows.iter().map(|row| row.2.clone()).collect()),
        ),
        (
            "ints".to_owned(),
            Column::Ints(rows.iter().map(|row| row.3.clone()).collect()),
        ),
        (
            "floats".to_owned(),
            Column::Floats(rows.iter().map(|row| row.3.as_ref().map(floats)).collect()),
        ),
        (
            "texts".to_owned(),
            Column::Texts(rows.iter().map(|row| row.2.clone().map(|t| vec![t; 2])).collect()),
        ),
        (
            "map".to_owned(),
            Column::Weighted(
                rows.iter()
                    .map(|row| row.2.clone().map(|t| vec![(t, 0.5)]))
                    .collect(),
            ),
        ),
        (
            "signs".to_owned(),
            Column::Signs(rows.iter().map(|row| row.3.as_ref().map(signs)).collect()),
        ),
        (
            "vector".to_owned(),
            Column::Vector {
                width: 2,
                rows: rows.iter().map(|row| row.0.map(pair)).collect(),
            },
        ),
    ];
    Table::new(columns).unwrap()
}

type Row = (Option<i64>, Option<f64>, Option<String>, Option<Vec<i64>>);

#[expect(clippy::ptr_arg, reason = "passed to Option<&Vec<i64>>::map")]
fn signs(ints: &Vec<i64>) -> crate::Signs {
    ints.iter().map(|x| (x.cast_unsigned(), 0.5)).collect()
}

#[expect(clippy::ptr_arg, reason = "passed to Option<&Vec<i64>>::map")]
fn floats(values: &Vec<i64>) -> Vec<f64> {
    values.iter().map(|&value| value as f64 / 4.0).collect()
}

fn pair(value: i64) -> Vec<f32> {
    vec![value as f32, 1.0]
}

fn row() -> impl Strategy<Value = Row> {
    use prop::option::of;
    let list = prop::collection::vec(any::<i64>(), 0..4);
    (of(any::<i64>()), of(-1e300..1e300f64), of("\\PC{0,6}"), of(list))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_kind_is_read_back_as_written(rows in prop::collection::vec(row(), 0..20)) {
        let (_folder, path) = folder();
        let table = table_of(&rows);
        let metadata = vec![("schema".to_owned(), "a = 1".to_owned())];
        write(&path, &table, &metadata).unwrap();
        prop_assert_eq!(read(&path).unwrap(), (table, metadata));
    }

    #[test]
    fn damaged_files_are_errors_or_tables_never_panics(
        rows in prop::collection::vec(row(), 1..20),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keep in any::<prop::sample::Index>(),
    ) {
        let (_folder, path) = folder();
        write(&path, &table_of(&rows), &[]).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        for (at, byte) in &damage {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        std::fs::write(&path, &bytes).unwrap();
        if let Ok((table, _)) = read(&path) {
            prop_assert!(table.check().is_ok());
        }
        bytes.truncate(keep.index(bytes.len()));
        std::fs::write(&path, &bytes).unwrap();
        prop_assert!(read(&path).is_err(), "a file that lost its end was read");
    }

    #[test]
    fn any_bytes_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (_folder, path) = folder();
        std::fs::write(&path, bytes).unwrap();
        prop_assert!(read(&path).is_err());
    }
}

#[test]
fn foreign_types_are_widened() {
    let (_folder, path) = folder();
    let colours = DictionaryArray::<Int8Type>::from_iter([Some("red"), None, Some("red")]);
    let arrays: Vec<(&str, ArrayRef)> = vec![
        ("i16", Arc::new(Int16Array::from(vec![Some(-1), None, Some(3)]))),
        ("f32", Arc::new(Float32Array::from(vec![Some(0.5), None, None]))),
        (
            "large",
            Arc::new(LargeStringArray::from(vec![Some("a"), None, Some("c")])),
        ),
        ("colour", Arc::new(colours)),
        ("day", Arc::new(Date32Array::from(vec![Some(-1), None, Some(2)]))),
        (
            "nano",
            Arc::new(TimestampNanosecondArray::from(vec![Some(-1), None, Some(5_999)])),
        ),
    ];
    foreign(&path, arrays);
    let (table, _) = read(&path).unwrap();
    let text = |texts: [Option<&str>; 3]| Column::Text(texts.map(|t| t.map(str::to_owned)).to_vec());
    assert_eq!(
        table.find("i16"),
        Some(&Column::Int(vec![Some(-1), None, Some(3)]))
    );
    assert_eq!(
        table.find("f32"),
        Some(&Column::Float(vec![Some(0.5), None, None]))
    );
    assert_eq!(table.find("large"), Some(&text([Some("a"), None, Some("c")])));
    assert_eq!(
        table.find("colour"),
        Some(&text([Some("red"), None, Some("red")]))
    );
    assert_eq!(
        table.find("day"),
        Some(&Column::Time(vec![
            Some(-86_400_000_000),
            None,
            Some(172_800_000_000)
        ]))
    );
    assert_eq!(
        table.find("nano"),
        Some(&Column::Time(vec![Some(-1), None, Some(5)]))
    );
}

#[test]
fn numbers_out_of_range_and_types_without_counterpart_name_the_column() {
    let (_folder, path) = folder();
    foreign(
        &path,
        vec![("big", Arc::new(UInt64Array::from(vec![u64::MAX])) as ArrayRef)],
    );
    let error = read(&path).unwrap_err().to_string();
    assert!(
        error.contains("column `big`: expected int, got 18446744073709551615, which exceeds"),
        "{error}"
    );
    let nested = arrow_array::ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None])]);
    foreign(&path, vec![("gaps", Arc::new(nested) as ArrayRef)]);
    let error = read(&path).unwrap_err().to_string();
    assert!(
        error.contains("column `gaps`: expected list of int, got a list with a missing element"),
        "{error}"
    );
    foreign(
        &path,
        vec![(
            "raw",
            Arc::new(arrow_array::BinaryArray::from_vec(vec![b"x"])) as ArrayRef,
        )],
    );
    let error = read(&path).unwrap_err().to_string();
    assert!(
        error.contains("column `raw`") && error.contains("got Binary"),
        "{error}"
    );
}

#[test]
fn batches_and_chosen_columns_are_read_in_file_order() {
    let (_folder, path) = folder();
    let numbers: Vec<Option<i64>> = (0..1_000).map(Some).collect();
    let columns = ["a", "b", "c"].map(|name| (name.to_owned(), Column::Int(numbers.clone())));
    write(&path, &Table::new(columns.to_vec()).unwrap(), &[]).unwrap();
    let mut reader = Reader::open_columns(&path, 300, &["c", "a"]).unwrap();
    assert_eq!(
        reader.columns(),
        [("a".to_owned(), Kind::Int), ("c".to_owned(), Kind::Int)]
    );
    assert_eq!((reader.rows(), reader.empty().rows()), (1_000, 0));
    let mut sizes = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        sizes.push(batch.rows());
    }
    assert_eq!(sizes, [300, 300, 300, 100]);
    let error = Reader::open_columns(&path, 300, &["z"]).unwrap_err().to_string();
    assert_eq!(error, "column `z` is missing; there are: a, b, c");
}

#[test]
fn a_writer_takes_only_the_columns_it_was_made_for_and_is_deterministic() {
    let (_folder, path) = folder();
    let table = table_of(&[(Some(1), Some(2.0), Some("x".into()), None)]);
    let mut writer = Writer::create(&path, &table, &[]).unwrap();
    let other = Table::new(vec![("x".into(), Column::Int(vec![]))]).unwrap();
    assert!(
        writer
            .write(&other)
            .unwrap_err()
            .to_string()
            .contains("columns differ")
    );
    drop(writer);
    assert!(!path.exists());
    write(&path, &table, &[]).unwrap();
    let first = std::fs::read(&path).unwrap();
    write(&path, &table, &[]).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), first);
}
