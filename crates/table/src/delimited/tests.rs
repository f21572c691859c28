//! Tests of delimited text: hand-made rows, agreement with the `csv` crate, round trips, any bytes.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

type Rows = Vec<Result<Vec<String>, (u64, &'static str)>>;

fn read_all(path: &Path, layout: Layout) -> Rows {
    let mut reader = DelimitedReader::open(path, layout).unwrap();
    let mut record = Record::default();
    let mut rows = Vec::new();
    loop {
        match reader.next(&mut record).unwrap() {
            Step::Row => rows.push(Ok(record.iter().map(|cell| cell.unwrap().to_owned()).collect())),
            Step::Fault(fault) => rows.push(Err((fault.line, fault.rule))),
            Step::End => return rows,
        }
    }
}

fn rows_of(bytes: &[u8], layout: Layout) -> Rows {
    let (_folder, path) = file(bytes);
    read_all(&path, layout)
}

fn row(cells: &[&str]) -> Result<Vec<String>, (u64, &'static str)> {
    Ok(cells.iter().map(|&cell| cell.to_owned()).collect())
}

#[test]
fn quotes_hold_commas_quotes_and_line_ends() {
    let text =
        b"id,title\r\n1,\"Carey, \"\"Tom\"\"\"\r\n2,\"two\r\nlines\"\n\n3,plain \"inside\"\n4,\"tail\"ed\n5,";
    let expected = [
        row(&["1", "Carey, \"Tom\""]),
        row(&["2", "two\r\nlines"]),
        row(&["3", "plain \"inside\""]),
        row(&["4", "tailed"]),
        row(&["5", ""]),
    ];
    assert_eq!(rows_of(text, Layout::csv()), expected);
}

#[test]
fn a_delimiter_may_have_two_characters_and_the_text_be_latin_1() {
    let layout = Layout {
        delimiter: "::".into(),
        quotes: false,
        encoding: Encoding::Latin1,
        ..Layout::csv()
    };
    let rows = rows_of(
        b"1::Am\xe9lie: \"a\"::Comedy\n2::x\n",
        layout.with_columns(&["id", "title", "genres"]),
    );
    assert_eq!(
        rows,
        [row(&["1", "Am\u{e9}lie: \"a\"", "Comedy"]), Err((2, "fields"))]
    );
}

#[test]
fn an_open_quote_costs_one_line() {
    let text = b"id,title\n1,a\n2,\"never closed\n3,c\n4,d\n";
    assert_eq!(
        rows_of(text, Layout::csv()),
        [
            row(&["1", "a"]),
            Err((3, "quote")),
            row(&["3", "c"]),
            row(&["4", "d"])
        ]
    );
}

#[test]
fn bad_rows_tell_line_rule_and_source_text() {
    let (_folder, path) = file(b"id,title\n1,\"a\nb\"\n2\n\xff,x\n");
    let mut reader = DelimitedReader::open(&path, Layout::csv()).unwrap();
    let mut record = Record::default();
    assert_eq!(reader.next(&mut record).unwrap(), Step::Row);
    let Step::Fault(fault) = reader.next(&mut record).unwrap() else {
        panic!("expected a fault")
    };
    assert_eq!((fault.line, fault.rule, fault.raw.as_str()), (4, "fields", "2\n"));
    assert_eq!(fault.reason, "expected 2 fields, got 1");
    let Step::Fault(fault) = reader.next(&mut record).unwrap() else {
        panic!("expected a fault")
    };
    assert_eq!((fault.line, fault.rule), (5, "encoding"));
    assert_eq!(reader.next(&mut record).unwrap(), Step::End);
}

#[test]
fn headers_are_checked() {
    let open = |bytes: &[u8]| {
        let (_folder, path) = file(bytes);
        DelimitedReader::open(&path, Layout::csv()).map(|reader| reader.column("c").err())
    };
    let message = |bytes: &[u8]| open(bytes).err().unwrap().to_string();
    assert!(message(b"").ends_with("rows.csv:1: the file is empty, expected a header line"));
    assert!(message(b"a,b,a\n").ends_with("rows.csv:1: column `a` stands twice in the header"));
    let missing = open(b"a,b\n").unwrap().unwrap().to_string();
    assert!(
        missing.ends_with("rows.csv:1: column `c` is missing; there are: a, b"),
        "{missing}"
    );
}

#[test]
fn a_damaged_gzip_stream_is_an_error_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv.gz");
    let mut writer = DelimitedWriter::create(&path, ",", &["a"]).unwrap();
    for number in 0..9_000 {
        writer
            .write([format!("{}", number * 7919 % 10_007).as_str()])
            .unwrap();
    }
    writer.commit().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let mut reader = DelimitedReader::open(&path, Layout::csv()).unwrap();
    let mut record = Record::default();
    let error = loop {
        match reader.next(&mut record) {
            Ok(step) => assert_eq!(step, Step::Row),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, TableError::Read { line: 1.., .. }), "{error}");
}

fn cell() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-c,;:|\"\r\n\t \u{e9}\u{feff}]{0,6}").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_back(
        rows in prop::collection::vec(prop::collection::vec(cell(), 1..4), 1..8),
        delimiter in prop::sample::select(vec![",", "\t", "::", ";", "|"]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        for row in &rows {
            let names: Vec<String> = (0..row.len()).map(|at| format!("c{at}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut writer = DelimitedWriter::create(&path, delimiter, &names).unwrap();
            writer.write(row.iter().map(String::as_str)).unwrap();
            writer.write(row.iter().map(String::as_str)).unwrap();
            writer.commit().unwrap();
            let layout = Layout { delimiter: delimiter.into(), ..Layout::csv() };
            prop_assert_eq!(read_all(&path, layout), vec![Ok(row.clone()), Ok(row.clone())]);
        }
    }

    #[test]
    fn well_formed_csv_is_read_as_the_csv_crate_reads_it(
        rows in prop::collection::vec(prop::collection::vec(cell(), 3), 0..8),
        crlf in any::<bool>(),
    ) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
        writer.write_record(["x", "y", "z"]).unwrap();
        rows.iter().for_each(|row| writer.write_record(row).unwrap());
        let bytes = writer.into_inner().unwrap();
        let expected: Rows = csv::Reader::from_reader(bytes.as_slice())
            .records()
            .map(|record| Ok(record.unwrap().iter().map(str::to_owned).collect()))
            .collect();
        prop_assert_eq!(rows_of(&bytes, Layout::csv()), expected);
    }

    #[test]
    fn any_bytes_are_rows_or_faults_and_every_line_is_accounted_for(
        bytes in prop::collection::vec(prop::sample::select(b"ab,\"\r\n\xff\xc3\xa9:".to_vec()), 0..200),
        quotes in any::<bool>(),
    ) {
        let layout = Layout { quotes, ..Layout::csv() }.with_columns(&["a", "b"]);
        let (_folder, path) = file(&bytes);
        let mut reader = DelimitedReader::open(&path, layout).unwrap();
        let mut record = Record::default();
        let mut last = 0;
        loop {
            let line = match reader.next(&mut record).unwrap() {
                Step::Row => record.line(),
                Step::Fault(fault) => fault.line,
                Step::End => break,
            };
            prop_assert!(line > last, "line {line} after {last}");
            last = line;
        }
        prop_assert!(last <= 1 + bytes.iter().filter(|&&byte| byte == b'\n').count() as u64);
    }
}
