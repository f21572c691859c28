//! The messages of PostgreSQL's `pgoutput` plugin (protocol version 1), from bytes.
//!
//! Between the replication connection and the source. The decision: a decoder of our own over the documented format, since
//! it is nine messages; every length is checked against the bytes that are there, so that no bytes make it panic.

use std::sync::Arc;

use crate::error::PipelineError;
use crate::stream::bytes::Input;
use crate::stream::change::Cell;

/// PostgreSQL counts microseconds from 2000-01-01; this is that day in microseconds since 1970.
pub(crate) const EPOCH_2000: i64 = 946_684_800_000_000;

/// A table as the stream announces it, before its first change and after each change of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    /// The number changes refer to it by.
    pub(crate) oid: u32,
    /// `schema.name`.
    pub(crate) name: Arc<str>,
    /// Its columns in order.
    pub(crate) columns: Vec<Arc<str>>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// A transaction begins: where its commit stands, and its time (microseconds since 1970).
    Begin { lsn: u64, time: i64, xid: u32 },
    /// It ends; `end` is what may be confirmed once all of it is safe.
    Commit { lsn: u64, end: u64 },
    /// A table's columns.
    Relation(Relation),
    /// A new row.
    Insert { oid: u32, new: Vec<Cell> },
    /// A changed row; `old` only where the key changed (or the table sends whole old rows).
    Update {
        oid: u32,
        old: Option<Vec<Cell>>,
        new: Vec<Cell>,
    },
    /// A deleted row: its key columns (the others null), or the whole of it.
    Delete { oid: u32, old: Vec<Cell> },
    /// Emptied tables.
    Truncate { oids: Vec<u32> },
    /// Types, origins and messages, which say nothing about rows.
    Other,
}

/// Reads one message.
///
/// # Errors
/// `Replication`: not a message of this protocol version.
pub(crate) fn decode(bytes: &[u8]) -> Result<Message, PipelineError> {
    let mut input = unread(bytes);
    let message = match input.u8()? {
        b'B' => {
            let lsn = input.u64()?;
            let time = input.i64()?.saturating_add(EPOCH_2000);
            let xid = input.u32()?;
            Message::Begin { lsn, time, xid }
        }
        b'C' => {
            input.u8()?;
            let (lsn, end) = (input.u64()?, input.u64()?);
            input.u64()?;
            Message::Commit { lsn, end }
        }
        b'R' => Message::Relation(relation(&mut input)?),
        b'I' => {
            let oid = input.u32()?;
            input.expect(b'N')?;
            let new = tuple(&mut input)?;
            Message::Insert { oid, new }
        }
        b'U' => update(&mut input)?,
        b'D' => {
            let oid = input.u32()?;
            input.one_of(b"KO")?;
            let old = tuple(&mut input)?;
            Message::Delete { oid, old }
        }
        b'T' => {
            let count = input.u32()?;
            input.u8()?;
            // read one by one: the count is not believed before the bytes are there
            let mut oids = Vec::new();
            for _ in 0..count {
                oids.push(input.u32()?);
            }
            Message::Truncate { oids }
        }
        b'Y' | b'O' | b'M' => return Ok(Message::Other),
        other => {
            return Err(fault(
                "a message",
                "one of BCRIUDTYOM",
                &format!("byte {other:#04x}"),
            ));
        }
    };
    input.end()?;
    Ok(message)
}

fn update(input: &mut Input<'_>) -> Result<Message, PipelineError> {
    let oid = input.u32()?;
    let mut old = None;
    if input.one_of(b"KON")? != b'N' {
        old = Some(tuple(input)?);
        input.expect(b'N')?;
    }
    let new = tuple(input)?;
    Ok(Message::Update { oid, old, new })
}

fn relation(input: &mut Input<'_>) -> Result<Relation, PipelineError> {
    let oid = input.u32()?;
    let schema = input.name()?;
    let table = input.name()?;
    input.u8()?;
    let count = input.u16()?;
    let mut columns = Vec::new();
    for _ in 0..count {
        input.u8()?;
        columns.push(Arc::from(input.name()?));
        input.u32()?;
        input.u32()?;
    }
    let name = Arc::from(format!("{schema}.{table}"));
    Ok(Relation { oid, name, columns })
}

fn tuple(input: &mut Input<'_>) -> Result<Vec<Cell>, PipelineError> {
    let count = input.u16()?;
    let mut cells = Vec::new();
    for _ in 0..count {
        cells.push(match input.one_of(b"nut")? {
            b'n' => Cell::Null,
            b'u' => Cell::Unchanged,
            _ => {
                let length = input.u32()?;
                let bytes = input.take(usize::try_from(length).unwrap_or(usize::MAX))?;
                Cell::Text(utf8(bytes)?.to_owned())
            }
        });
    }
    Ok(cells)
}

fn utf8(bytes: &[u8]) -> Result<&str, PipelineError> {
    std::str::from_utf8(bytes).map_err(|e| fault("a text", "UTF-8", &e.to_string()))
}

fn fault(what: &'static str, expected: &str, got: &str) -> PipelineError {
    PipelineError::Replication {
        what,
        expected: expected.to_owned(),
        got: got.to_owned(),
    }
}

/// A message of the server's.
pub(crate) fn unread(bytes: &[u8]) -> Input<'_> {
    Input::new(bytes, |expected, got| fault("a message", expected, got))
}

impl<'a> Input<'a> {
    fn name(&mut self) -> Result<&'a str, PipelineError> {
        let Some(length) = self.rest().iter().position(|b| *b == 0) else {
            return Err(fault("a name", "an end of text", "the end of the message"));
        };
        let text = self.take(length)?;
        self.take(1)?;
        utf8(text)
    }

    fn one_of(&mut self, tags: &[u8]) -> Result<u8, PipelineError> {
        let tag = self.u8()?;
        if tags.contains(&tag) {
            return Ok(tag);
        }
        let expected = format!("one of {}", String::from_utf8_lossy(tags));
        Err(fault(
            "a part of a message",
            &expected,
            &format!("byte {tag:#04x}"),
        ))
    }

    fn expect(&mut self, tag: u8) -> Result<(), PipelineError> {
        self.one_of(&[tag]).map(|_| ())
    }

    fn end(&self) -> Result<(), PipelineError> {
        match self.rest().len() {
            0 => Ok(()),
            left => Err(fault("a message", "its end", &format!("{left} more bytes"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(cells: &[(u8, &str)]) -> Vec<u8> {
        let mut bytes = u16::try_from(cells.len()).unwrap().to_be_bytes().to_vec();
        for (tag, text) in cells {
            bytes.push(*tag);
            if *tag == b't' {
                bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
                bytes.extend(text.bytes());
            }
        }
        bytes
    }

    fn message(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn a_transaction_says_where_and_when() {
        let begin = message(&[
            b"B",
            &9_u64.to_be_bytes(),
            &1_000_000_i64.to_be_bytes(),
            &7_u32.to_be_bytes(),
        ]);
        let time = EPOCH_2000 + 1_000_000;
        assert_eq!(decode(&begin).unwrap(), Message::Begin { lsn: 9, time, xid: 7 });
        let commit = message(&[
            b"C\0",
            &9_u64.to_be_bytes(),
            &12_u64.to_be_bytes(),
            &0_u64.to_be_bytes(),
        ]);
        assert_eq!(decode(&commit).unwrap(), Message::Commit { lsn: 9, end: 12 });
    }

    #[test]
    fn a_row_tells_null_from_unchanged() {
        let bytes = message(&[
            b"U",
            &5_u32.to_be_bytes(),
            b"N",
            &row(&[(b't', "7"), (b'n', ""), (b'u', "")]),
        ]);
        let new = vec![Cell::Text("7".into()), Cell::Null, Cell::Unchanged];
        assert_eq!(
            decode(&bytes).unwrap(),
            Message::Update {
                oid: 5,
                old: None,
                new
            }
        );
    }

    #[test]
    fn a_changed_key_comes_with_the_old_one() {
        let bytes = message(&[
            b"U",
            &5_u32.to_be_bytes(),
            b"K",
            &row(&[(b't', "1")]),
            b"N",
            &row(&[(b't', "2")]),
        ]);
        let Message::Update { old, new, .. } = decode(&bytes).unwrap() else {
            panic!("not an update");
        };
        assert_eq!(old.unwrap()[0].text(), Some("1"));
        assert_eq!(new[0].text(), Some("2"));
    }

    #[test]
    fn what_is_cut_or_too_long_is_refused() {
        let whole = message(&[b"D", &5_u32.to_be_bytes(), b"K", &row(&[(b't', "abc")])]);
        for cut in 0..whole.len() {
            assert!(decode(&whole[..cut]).is_err(), "{cut}");
        }
        let longer = message(&[&whole, b"x"]);
        let error = decode(&longer).unwrap_err().to_string();
        assert!(error.contains("expected its end, got 1 more bytes"), "{error}");
    }

    #[test]
    fn counts_that_are_made_up_are_told_and_no_memory() {
        let oid = 5_u32.to_be_bytes();
        for (forged, expected) in [
            (
                message(&[b"T", &[0xff; 4], b"\0", &oid]),
                "expected 4 more bytes, got 0",
            ),
            (
                message(&[b"I", &oid, b"N", &[0xff; 2], b"n"]),
                "expected 1 more bytes, got 0",
            ),
            (
                message(&[b"I", &oid, b"N\0\x01t", &[0xff; 4], b"abc"]),
                "expected 4294967295 more bytes, got 3",
            ),
            (
                message(&[b"R", &oid, b"s\0t\0d", &[0xff; 2]]),
                "expected 1 more bytes, got 0",
            ),
        ] {
            let told = decode(&forged).unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        }
    }

    /// One message of each kind that has a body.
    fn messages() -> Vec<Vec<u8>> {
        let (oid, cells) = (5_u32.to_be_bytes(), row(&[(b't', "7"), (b'n', ""), (b'u', "")]));
        let column = [b"\x01id\0".as_slice(), &[0; 8]].concat();
        vec![
            message(&[b"B", &[0; 20]]),
            message(&[b"C", &[0; 25]]),
            message(&[b"R", &oid, b"public\0film\0d\0\x02", &column, &column]),
            message(&[b"I", &oid, b"N", &cells]),
            message(&[b"U", &oid, b"K", &cells, b"N", &cells]),
            message(&[b"D", &oid, b"O", &cells]),
            message(&[b"T\0\0\0\x02\0", &oid, &oid]),
        ]
    }

    proptest! {
        /// A server's own messages with something else in them.
        #[test]
        fn no_change_of_a_message_panics(
            which in 0_usize..7, at: prop::sample::Index, junk in proptest::collection::vec(any::<u8>(), 1..5), cut: bool,
        ) {
            let mut bytes = messages().swap_remove(which);
            decode(&bytes).unwrap();
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + junk.len());
            bytes[at..end].copy_from_slice(&junk[..end - at]);
            bytes.truncate(if cut { end } else { bytes.len() });
            if let Err(fault) = decode(&bytes) {
                prop_assert!(fault.to_string().contains("expected "), "{}", fault);
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), tag in proptest::sample::select(b"BCRIUDTYOM".to_vec())) {
            let _ = decode(&bytes);
            let _ = decode(&[&[tag], bytes.as_slice()].concat());
        }
    }
}
