//! One record: its JSON form and its frame.
//!
//! The JSON is flat (`{"seq":…,"time":…,"event_id":…, …the event's own names}`), so that a line of a dumped
//! log reads like an event anywhere else.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::StoreError;

/// First bytes of every log file: name and format version.
pub(crate) const MAGIC: &[u8; 8] = b"RKEVLOG\x01";

/// Bytes before the JSON of a record.
pub(crate) const HEADER: usize = 8;

/// Longest accepted event id, bytes.
const MAX_ID: usize = 128;

/// One event of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogRecord {
    /// Position in the order of all events.
    pub seq: u64,
    /// Time, µs UTC; strictly increasing.
    pub time: i64,
    /// The client's id for this event, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// The event's own fields.
    #[serde(flatten)]
    pub body: Map<String, Value>,
}

/// The numbers the next record gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Next {
    pub(crate) seq: u64,
    pub(crate) last_time: i64,
}

impl Next {
    /// Moves past a record that exists.
    pub(crate) fn after(&mut self, record: &LogRecord) {
        self.seq = self.seq.max(record.seq.saturating_add(1));
        self.last_time = self.last_time.max(record.time);
    }

    /// The time of an event that arrives now: later than all before it.
    pub(crate) fn time(&self, now: i64) -> i64 {
        now.max(self.last_time.saturating_add(1))
    }
}

/// Refuses what could not be read back as given.
pub(crate) fn check(event_id: Option<&str>, body: &Map<String, Value>) -> Result<(), StoreError> {
    if event_id.is_some_and(|id| id.is_empty() || id.len() > MAX_ID) {
        return Err(refuse(&format!("event_id must have 1 to {MAX_ID} bytes")));
    }
    match ["seq", "time", "event_id"]
        .into_iter()
        .find(|name| body.contains_key(*name))
    {
        Some(name) => Err(refuse(&format!("field {name:?} is the log's own"))),
        None => Ok(()),
    }
}

fn refuse(reason: &str) -> StoreError {
    StoreError::EventRefused {
        reason: reason.to_owned(),
    }
}

/// Encodes a record with its frame.
pub(crate) fn encode(record: &LogRecord, limit: usize) -> Result<Vec<u8>, StoreError> {
    let mut out = vec![0; HEADER];
    serde_json::to_writer(&mut out, record).map_err(|error| refuse(&error.to_string()))?;
    let bytes = out.len() - HEADER;
    let length = u32::try_from(bytes).ok().filter(|_| bytes <= limit);
    let Some(length) = length else {
        return Err(StoreError::EventTooLarge { bytes, limit });
    };
    let checksum = crc32c::crc32c(&out[HEADER..]);
    out[..4].copy_from_slice(&length.to_le_bytes());
    out[4..HEADER].copy_from_slice(&checksum.to_le_bytes());
    Ok(out)
}

/// What stands at some place of a log file.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    /// A complete record and the bytes it takes.
    Record(Box<LogRecord>, usize),
    /// The beginning of a record that was never finished.
    Torn,
    /// Bytes no writer leaves behind, even when it is killed.
    Damaged(String),
}

/// Reads the record at the start of `rest`, which reaches to the end of the file and is not empty.
pub(crate) fn decode(rest: &[u8], limit: usize) -> Frame {
    let Some((header, body)) = rest.split_first_chunk::<HEADER>() else {
        return Frame::Torn;
    };
    let [a, b, c, d, e, f, g, h] = *header;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let checksum = u32::from_le_bytes([e, f, g, h]);
    if rest.iter().all(|byte| *byte == 0) {
        return Frame::Torn;
    }
    if length == 0 || length > limit {
        return Frame::Damaged(format!("record length {length}, expected 1 to {limit}"));
    }
    match body.get(..length) {
        Some(json) => complete(json, checksum),
        None => incomplete(body, length, checksum),
    }
}

fn complete(json: &[u8], checksum: u32) -> Frame {
    let got = crc32c::crc32c(json);
    if got != checksum {
        return Frame::Damaged(format!("checksum {checksum:08x} stored, {got:08x} computed"));
    }
    match serde_json::from_slice::<LogRecord>(json) {
        Ok(record) => Frame::Record(Box::new(record), HEADER + json.len()),
        Err(error) => Frame::Damaged(format!("not an event: {error}")),
    }
}

/// The record claims more bytes than there are. Either its write was cut short, or the length is damaged: then
/// the whole JSON is there, and some shorter stretch of it has the stored checksum.
fn incomplete(body: &[u8], length: usize, checksum: u32) -> Frame {
    let mut running = 0;
    for (at, byte) in body.iter().enumerate() {
        running = crc32c::crc32c_append(running, std::slice::from_ref(byte));
        if running == checksum && matches!(complete(&body[..=at], checksum), Frame::Record(..)) {
            return Frame::Damaged(format!(
                "record length {length}, but the record is {} long",
                at + 1
            ));
        }
    }
    Frame::Torn
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn record(seq: u64, text: &str) -> LogRecord {
        let body = json!({ "user": 6, "text": text }).as_object().unwrap().clone();
        LogRecord {
            seq,
            time: -5,
            event_id: Some("e".into()),
            body,
        }
    }

    #[test]
    fn golden_frame() {
        let body = json!({ "user": 6 }).as_object().unwrap().clone();
        let bytes = encode(
            &LogRecord {
                seq: 1,
                time: 2,
                event_id: None,
                body,
            },
            100,
        )
        .unwrap();
        let json = br#"{"seq":1,"time":2,"user":6}"#;
        assert_eq!(bytes[..4], 27_u32.to_le_bytes());
        assert_eq!(bytes[4..8], crc32c::crc32c(json).to_le_bytes());
        assert_eq!(&bytes[8..], json);
    }

    #[test]
    fn the_limit_counts_the_json() {
        let long = record(1, &"x".repeat(100));
        let size = serde_json::to_vec(&long).unwrap().len();
        assert!(encode(&long, size).is_ok());
        assert!(
            matches!(encode(&long, size - 1), Err(StoreError::EventTooLarge { bytes, .. }) if bytes == size)
        );
    }

    #[test]
    fn own_names_and_bad_ids_are_refused() {
        let body = json!({ "time": 1 }).as_object().unwrap().clone();
        assert!(check(None, &body).unwrap_err().to_string().contains("\"time\""));
        assert!(check(Some(""), &Map::new()).is_err());
        assert!(check(Some(&"x".repeat(129)), &Map::new()).is_err());
        assert!(check(Some(&"x".repeat(128)), &Map::new()).is_ok());
    }

    #[test]
    fn zeros_left_by_a_lost_write_are_torn() {
        assert_eq!(decode(&[0; 4096], 100), Frame::Torn);
    }

    #[test]
    fn times_never_stand_still() {
        let mut next = Next {
            seq: 0,
            last_time: 10,
        };
        assert_eq!((next.time(5), next.time(11), next.time(20)), (11, 11, 20));
        next.after(&LogRecord {
            time: 30,
            ..record(4, "")
        });
        assert_eq!((next.seq, next.time(5)), (5, 31));
    }

    proptest! {
        #[test]
        fn decode_inverts_encode(seq: u64, text in ".{0,40}", tail in prop::collection::vec(any::<u8>(), 0..20)) {
            let original = record(seq, &text);
            let mut bytes = encode(&original, 1000).unwrap();
            let size = bytes.len();
            bytes.extend(tail);
            prop_assert_eq!(decode(&bytes, 1000), Frame::Record(Box::new(original), size));
        }

        #[test]
        fn any_bytes_decode_without_panic(bytes in prop::collection::vec(any::<u8>(), 1..80)) {
            decode(&bytes, 60);
        }
    }
}
