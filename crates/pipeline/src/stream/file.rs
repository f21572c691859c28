//! A file of JSON lines as a source: one change a line, followed as it grows.
//!
//! For a stream without any other program. Two forms of a line: `{"op", "table", "time", "row"}` (`op`: insert, update,
//! upsert, delete, snapshot, truncate), and Debezium's envelope (`before`, `after`, `op`, `ts_ms`, `source.table`). The
//! decision: a line's place is the byte after it, so a file that was cut is noticed and refused; one that begins with another line is another file.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};
use xxhash_rust::xxh3::xxh3_64;

use super::change::{Cell, Change, Fields, Kind, Position};
use super::features::iso;
use super::moment;
use super::source::{Arrival, Backfill, Opened, Past, Source};
use crate::error::PipelineError;

/// The longest line.
const MAX_LINE: usize = 64 << 20;
/// What Debezium puts where a large value did not change.
const UNCHANGED: &str = "__debezium_unavailable_value";
/// How long to wait for the file to grow before it is looked at again.
const PAUSE: Duration = Duration::from_millis(5);

/// See the module's text.
#[derive(Debug)]
pub struct FileSource {
    path: PathBuf,
    clock: fn() -> i64,
    reader: Option<BufReader<File>>,
    at: u64,
    line: Vec<u8>,
    waiting: Option<Arrival>,
}

impl FileSource {
    /// A source that is not open yet. A line without a time gets the clock's.
    #[must_use]
    pub fn new(path: &Path, clock: fn() -> i64) -> FileSource {
        FileSource {
            path: path.to_owned(),
            clock,
            reader: None,
            at: 0,
            line: Vec::new(),
            waiting: None,
        }
    }

    fn fault(&self, reason: &str) -> PipelineError {
        PipelineError::Malformed {
            path: self.path.clone(),
            reason: reason.to_owned(),
        }
    }

    /// Reads on; true once a line is whole.
    fn read_line(&mut self) -> Result<bool, PipelineError> {
        let Some(reader) = &mut self.reader else {
            return Err(self.fault("not open"));
        };
        let left = (MAX_LINE + 1).saturating_sub(self.line.len());
        let read = reader.take(left as u64).read_until(b'\n', &mut self.line);
        read.map_err(|e| self.fault(&e.to_string()))?;
        if self.line.len() > MAX_LINE {
            let told = format!(
                "byte {}: expected a line of at most {MAX_LINE} bytes, got more",
                self.at
            );
            return Err(self.fault(&told));
        }
        Ok(self.line.last() == Some(&b'\n'))
    }

    /// The whole line as an arrival; none for an empty one.
    fn take(&mut self) -> Option<Arrival> {
        self.at += self.line.len() as u64;
        let line = std::mem::take(&mut self.line);
        let (line, position) = (line.trim_ascii(), Position::new(self.at << 3, 0));
        if line.is_empty() {
            return None;
        }
        self.waiting = Some(Arrival::Commit { end: self.at << 3 });
        Some(arrival(line, position, (self.clock)()))
    }
}

impl Source for FileSource {
    fn open(&mut self, past: &Past, _: &mut dyn Backfill) -> Result<Opened, PipelineError> {
        let mut file = File::open(&self.path).map_err(|e| self.fault(&e.to_string()))?;
        let begins = first_line(&mut file).map_err(|e| self.fault(&e.to_string()))?;
        // another file under this name begins with another line
        let origin = format!("file {} {begins:016x}", self.path.display());
        let from = past
            .confirmed
            .filter(|_| past.origin.as_ref().is_none_or(|o| *o == origin))
            .unwrap_or(0);
        let length = file.metadata().map_err(|e| self.fault(&e.to_string()))?.len();
        if length < from >> 3 {
            let reason = format!("{length} bytes, where {} were read before: it was cut", from >> 3);
            return Err(self.fault(&reason));
        }
        file.seek(SeekFrom::Start(from >> 3))
            .map_err(|e| self.fault(&e.to_string()))?;
        self.reader = Some(BufReader::new(file));
        self.at = from >> 3;
        self.line.clear();
        self.waiting = None;
        Ok(Opened {
            origin,
            from,
            base: 0,
            snapshot: false,
        })
    }

    fn next(&mut self, wait: Duration) -> Result<Option<Arrival>, PipelineError> {
        if let Some(arrival) = self.waiting.take() {
            return Ok(Some(arrival));
        }
        let until = Instant::now() + wait;
        loop {
            if self.read_line()? {
                if let Some(arrival) = self.take() {
                    return Ok(Some(arrival));
                }
            } else if Instant::now() >= until {
                return Ok(None);
            } else {
                std::thread::sleep(PAUSE.min(wait));
            }
        }
    }

    fn confirm(&mut self, _: u64) -> Result<(), PipelineError> {
        // what is confirmed stands in the stream's own state
        Ok(())
    }
}

/// A line, or a message's value, as a change, or as what cannot be read: a text that is not UTF-8 is not mended by guessing.
pub(crate) fn arrival(bytes: &[u8], position: Position, now: i64) -> Arrival {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("expected UTF-8: {e}"));
    match text.and_then(|text| read(text, position, now)) {
        Ok(change) => Arrival::Change(change),
        Err(reason) => Arrival::Unreadable {
            raw: String::from_utf8_lossy(bytes).into_owned(),
            reason,
            position,
        },
    }
}

/// Reads a line of either form.
///
/// # Errors
/// What was expected and what was there.
pub fn read(line: &str, position: Position, now: i64) -> Result<Change, String> {
    let value: Json = serde_json::from_str(line).map_err(|e| format!("not JSON: {e}"))?;
    let whole = value.as_object().ok_or("expected an object")?;
    // Debezium's converter may wrap the envelope with its schema
    let body = whole.get("payload").and_then(Json::as_object).unwrap_or(whole);
    let op = body
        .get("op")
        .and_then(Json::as_str)
        .ok_or("expected a text `op`")?;
    let (kind, row) = kind_and_row(op, body)?;
    let table = body.get("table").or_else(|| body.get("source")?.get("table"));
    let table = table.and_then(Json::as_str).ok_or("expected a text `table`")?;
    let fields = match (kind, row) {
        (Kind::Truncate, _) => Fields::new(),
        (_, Some(row)) => row
            .iter()
            .map(|(name, cell)| (Arc::from(name.as_str()), cell_of(cell)))
            .collect(),
        (_, None) => {
            return Err("expected an object `row` (Debezium: `after`, for deletes `before`)".to_owned());
        }
    };
    Ok(Change {
        table: table.into(),
        kind,
        fields,
        position,
        commit_time: time_of(body)?.unwrap_or(now),
        received: now,
        xid: None,
    })
}

/// A change as a line that [`read`] takes for the same change.
#[must_use]
pub(crate) fn line(change: &Change) -> String {
    let op = match change.kind {
        Kind::Snapshot => "snapshot",
        Kind::Insert => "insert",
        Kind::Update => "update",
        Kind::Delete => "delete",
        Kind::Truncate => "truncate",
    };
    let cell = |cell: &Cell| match cell {
        Cell::Null => Json::Null,
        Cell::Unchanged => Json::from(UNCHANGED),
        Cell::Text(text) => Json::from(text.as_str()),
    };
    let row: Map<String, Json> = change
        .fields
        .iter()
        .map(|(name, c)| (name.to_string(), cell(c)))
        .collect();
    let time = iso(change.commit_time);
    serde_json::json!({"op": op, "table": change.table.as_ref(), "time": time, "row": row}).to_string()
}

type Row<'a> = Option<&'a Map<String, Json>>;

fn kind_and_row<'a>(op: &str, body: &'a Map<String, Json>) -> Result<(Kind, Row<'a>), String> {
    let object = |name: &str| body.get(name).and_then(Json::as_object);
    Ok(match op {
        "insert" => (Kind::Insert, object("row")),
        "update" | "upsert" => (Kind::Update, object("row")),
        "delete" => (Kind::Delete, object("row")),
        "snapshot" => (Kind::Snapshot, object("row")),
        "truncate" | "t" => (Kind::Truncate, None),
        "c" => (Kind::Insert, object("after")),
        "u" => (Kind::Update, object("after")),
        "r" => (Kind::Snapshot, object("after")),
        "d" => (Kind::Delete, object("before")),
        other => {
            return Err(format!(
                "`op`: expected insert, update, upsert, delete, snapshot, truncate or Debezium's c, u, d, r, t, got `{other}`"
            ));
        }
    })
}

/// The change's time: ours, or the database's own of Debezium, or when Debezium saw it.
fn time_of(body: &Map<String, Json>) -> Result<Option<i64>, String> {
    let source = |name: &str| body.get("source").and_then(|source| source.get(name));
    let ours = body.get("time");
    let found = ours
        .or_else(|| source("ts_us"))
        .or_else(|| source("ts_ms"))
        .or_else(|| body.get("ts_ms"));
    let Some(time) = found.filter(|time| !time.is_null()) else {
        return Ok(None);
    };
    moment::of_json(time)
        .map(Some)
        .ok_or_else(|| format!("expected a time, got {time}"))
}

fn cell_of(cell: &Json) -> Cell {
    match cell {
        Json::Null => Cell::Null,
        Json::String(text) if text == UNCHANGED => Cell::Unchanged,
        Json::String(text) => Cell::Text(text.clone()),
        Json::Bool(truth) => Cell::Text(if *truth { "1" } else { "0" }.to_owned()),
        Json::Number(_) | Json::Array(_) | Json::Object(_) => Cell::Text(cell.to_string()),
    }
}

/// A hash of a file's first line, or of what there is of it in 64 KiB.
fn first_line(file: &mut File) -> std::io::Result<u64> {
    let mut line = Vec::new();
    BufReader::new(file.take(1 << 16)).read_until(b'\n', &mut line)?;
    Ok(if line.ends_with(b"\n") { xxh3_64(&line) } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::State;
    use proptest::prelude::*;
    use std::io::Write as _;

    #[test]
    fn both_forms_say_the_same() {
        let ours =
            r#"{"op":"insert","table":"item","time":"2022-03-03","row":{"id":7,"title":"Heat","x":null}}"#;
        let theirs = r#"{"payload":{"op":"c","before":null,"after":{"id":7,"title":"Heat","x":null},"source":{"table":"item","ts_ms":1646265600000},"ts_ms":1}}"#;
        let (a, b) = (
            read(ours, Position::default(), 5).unwrap(),
            read(theirs, Position::default(), 5).unwrap(),
        );
        assert_eq!(a, b);
        assert_eq!(
            (a.text("id"), a.commit_time, a.kind),
            (Some("7"), 1_646_265_600_000_000, Kind::Insert)
        );
        assert_eq!(a.fields["x"], Cell::Null);
        let delete = r#"{"op":"d","before":{"id":7},"after":null,"source":{"table":"item"}}"#;
        let delete = read(delete, Position::default(), 5).unwrap();
        assert_eq!((delete.kind, delete.commit_time), (Kind::Delete, 5));
        let toast =
            r#"{"op":"u","after":{"id":7,"big":"__debezium_unavailable_value"},"source":{"table":"item"}}"#;
        assert_eq!(
            read(toast, Position::default(), 5).unwrap().fields["big"],
            Cell::Unchanged
        );
    }

    #[test]
    fn a_change_comes_back_from_its_line() {
        let cells = [
            ("id", Cell::Text("7".to_owned())),
            ("title", Cell::Null),
            ("big", Cell::Unchanged),
            ("list", Cell::Text("[1, \"a\"]".to_owned())),
        ];
        for kind in [
            Kind::Snapshot,
            Kind::Insert,
            Kind::Update,
            Kind::Delete,
            Kind::Truncate,
        ] {
            let change = Change {
                table: "public.item".into(),
                kind,
                fields: match kind {
                    Kind::Truncate => Fields::new(),
                    Kind::Snapshot | Kind::Insert | Kind::Update | Kind::Delete => cells
                        .iter()
                        .map(|(name, cell)| ((*name).into(), cell.clone()))
                        .collect(),
                },
                position: Position::new(8, 1),
                commit_time: 2_000_000_000_001,
                received: 5,
                xid: None,
            };
            assert_eq!(read(&line(&change), Position::new(8, 1), 5), Ok(change));
        }
    }

    #[test]
    fn faults_say_what_was_expected() {
        for (line, part) in [
            ("{", "not JSON"),
            ("[]", "an object"),
            ("{}", "`op`"),
            (r#"{"op":"x","table":"t"}"#, "got `x`"),
            (r#"{"op":"insert","row":{}}"#, "`table`"),
            (r#"{"op":"insert","table":"t"}"#, "`row`"),
            (r#"{"op":"insert","table":"t","row":{},"time":"soon"}"#, "a time"),
        ] {
            let error = read(line, Position::default(), 0).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn a_file_is_followed_from_what_was_confirmed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes.jsonl");
        let line = |id: i64| format!("{{\"op\":\"insert\",\"table\":\"item\",\"row\":{{\"id\":{id}}}}}\n");
        std::fs::write(&path, line(1) + "nonsense\n" + &line(2)[..20]).unwrap();
        let mut state = State::open(&folder.path().join("state.db")).unwrap();
        let mut source = FileSource::new(&path, || 3);
        source.open(&Past::default(), &mut state).unwrap();
        let wait = Duration::from_millis(1);
        assert!(matches!(source.next(wait).unwrap(), Some(Arrival::Change(_))));
        let Some(Arrival::Commit { end }) = source.next(wait).unwrap() else {
            panic!("no commit");
        };
        assert!(matches!(
            source.next(wait).unwrap(),
            Some(Arrival::Unreadable { .. })
        ));
        source.next(wait).unwrap();
        assert_eq!(source.next(wait).unwrap(), None, "half a line waits");
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&line(2).as_bytes()[20..]).unwrap();
        assert!(matches!(source.next(wait).unwrap(), Some(Arrival::Change(c)) if c.text("id") == Some("2")));
        let past = Past {
            confirmed: Some(end),
            origin: None,
            ..Past::default()
        };
        source.open(&past, &mut state).unwrap();
        assert!(matches!(
            source.next(wait).unwrap(),
            Some(Arrival::Unreadable { .. })
        ));
        std::fs::write(&path, "").unwrap();
        let error = source.open(&past, &mut state).unwrap_err().to_string();
        assert!(error.contains("it was cut"), "{error}");
    }

    #[test]
    fn what_is_no_text_is_no_change() {
        let line = b"{\"op\":\"insert\",\"table\":\"item\",\"row\":{\"id\":7,\"title\":\"Am\xe9lie\"}}";
        let Arrival::Unreadable { raw, reason, .. } = arrival(line, Position::default(), 0) else {
            panic!("a title was guessed");
        };
        assert!(
            reason.contains("expected UTF-8") && raw.contains("Am\u{fffd}lie"),
            "{reason}: {raw}"
        );
    }

    #[test]
    fn a_line_without_end_takes_no_more_memory_than_lines_may() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes.jsonl");
        // a hole of a gigabyte: zeros without a line end
        File::create(&path).unwrap().set_len(1 << 30).unwrap();
        let mut state = State::open(&folder.path().join("state.db")).unwrap();
        let mut source = FileSource::new(&path, || 3);
        source.open(&Past::default(), &mut state).unwrap();
        let told = source.next(Duration::from_millis(1)).unwrap_err().to_string();
        assert!(
            told.contains("changes.jsonl") && told.contains("at most 67108864 bytes"),
            "{told}"
        );
        assert!(source.line.len() == MAX_LINE + 1 && source.line.capacity() <= 2 * MAX_LINE);
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "\\PC{0,60}") {
            let _ = read(&line, Position::default(), 0);
        }

        /// A line of either form with something else in it is a change or says why not.
        #[test]
        fn no_change_of_a_line_panics(
            debezium: bool, at: prop::sample::Index, junk in proptest::collection::vec(any::<u8>(), 1..9), cut: bool,
        ) {
            let line = match debezium {
                true => r#"{"payload":{"op":"u","before":{"id":7},"after":{"id":7,"title":"Heat","x":[1,{"y":null}]},"source":{"table":"item","ts_ms":1646265600000},"ts_ms":1}}"#,
                false => r#"{"op":"insert","table":"item","time":"2022-03-03T10:00:00.5+01:00","row":{"id":7,"title":"Heat","x":-2.5e3}}"#,
            };
            let mut bytes = line.as_bytes().to_vec();
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + junk.len());
            bytes[at..end].copy_from_slice(&junk[..end - at]);
            bytes.truncate(if cut { end } else { bytes.len() });
            if let Arrival::Unreadable { raw, reason, .. } = arrival(&bytes, Position::default(), 5) {
                prop_assert!(!reason.is_empty() && !raw.is_empty());
            }
        }
    }
}
