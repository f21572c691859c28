//! Record batches (format 2): the records a consumer that reads committed ones sees.
//!
//! What a transaction that was broken off has written is left out, as are the marks of transactions themselves; they count for
//! where reading goes on. A batch cut short at the end of an answer comes again.

use super::squeezed::loosened;
use super::wire::{unread, wrong};
use crate::error::PipelineError;
use crate::stream::bytes::Input;

/// Bytes of a batch from its length to its first record.
const HEAD: usize = 49;
/// Bytes of values after which the rest of an answer is left to be asked for again: batches unpack to more than they are.
const ENOUGH: usize = 64 << 20;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Its offset.
    pub(super) offset: i64,
    /// Its value; none says that its key is gone (compaction).
    pub(super) value: Option<Vec<u8>>,
}

/// One batch's head.
struct Batch<'a> {
    first: i64,
    last: i64,
    method: i16,
    producer: i64,
    transactional: bool,
    control: bool,
    count: usize,
    records: &'a [u8],
}

/// The records at or above `from`, and where to go on; `aborted` are producers with their broken-off transactions' first offsets.
///
/// # Errors
/// `Kafka`: damaged, or an older format.
pub(super) fn records(
    bytes: &[u8],
    from: i64,
    aborted: &[(i64, i64)],
) -> Result<(Vec<Record>, i64), PipelineError> {
    let (mut input, mut found, mut next) = (unread(bytes), Vec::new(), from);
    let (mut broken_off, mut unpacked) = (aborted.to_vec(), 0);
    while unpacked < ENOUGH
        && let Some(batch) = batch(&mut input)?
    {
        next = next.max(batch.last.saturating_add(1));
        let mine = |one: &(i64, i64)| one.0 == batch.producer && one.1 <= batch.last;
        if batch.control {
            if marks_the_end_of_nothing(&batch)? {
                broken_off.retain(|one| !mine(one));
            }
        } else if !(batch.transactional && broken_off.iter().any(mine)) {
            unpacked += read(&batch, from, &mut found)?;
        }
    }
    Ok((found, next))
}

/// The next whole batch.
fn batch<'a>(input: &mut Input<'a>) -> Result<Option<Batch<'a>>, PipelineError> {
    let mut ahead = *input;
    let (Ok(first), Ok(Some(length))) = (ahead.i64(), ahead.count()) else {
        return Ok(None);
    };
    if ahead.rest().len() < length {
        return Ok(None);
    }
    let body = ahead.take(length)?;
    *input = ahead;
    if length < HEAD {
        return Err(wrong("a batch", &format!("{length} bytes")));
    }
    let mut head = unread(body);
    head.i32()?;
    let magic = head.i8()?;
    if magic != 2 {
        return Err(wrong("records in format 2", &magic.to_string()));
    }
    let sum = head.u32()?;
    if crc32c::crc32c(head.rest()) != sum {
        return Err(wrong("a batch with its checksum", "a damaged one"));
    }
    let attributes = head.i16()?;
    let last = first.saturating_add(head.i32()?.into());
    head.take(16)?;
    let producer = head.i64()?;
    head.take(6)?;
    let count = head.count()?.unwrap_or(0);
    Ok(Some(Batch {
        first,
        last,
        method: attributes & 7,
        producer,
        transactional: attributes & 16 != 0,
        control: attributes & 32 != 0,
        count,
        records: head.rest(),
    }))
}

/// Adds a batch's records; the bytes that it has unpacked.
fn read(batch: &Batch<'_>, from: i64, found: &mut Vec<Record>) -> Result<usize, PipelineError> {
    let bytes = loosened(batch.method, batch.records)?;
    let mut input = unread(&bytes);
    // read one by one: the count is not believed before the bytes are there
    for _ in 0..batch.count {
        let (delta, _, value) = record(&mut input)?;
        let offset = batch.first.saturating_add(delta);
        if offset >= from {
            found.push(Record {
                offset,
                value: value.map(<[u8]>::to_vec),
            });
        }
    }
    Ok(bytes.len())
}

type Parts<'a> = (i64, Option<&'a [u8]>, Option<&'a [u8]>);

/// Its offset within the batch, key and value.
fn record<'a>(input: &mut Input<'a>) -> Result<Parts<'a>, PipelineError> {
    let length = usize::try_from(input.varint()?).unwrap_or(usize::MAX);
    let mut inside = unread(input.take(length)?);
    inside.i8()?;
    inside.varint()?;
    let delta = inside.varint()?;
    Ok((delta, inside.piece()?, inside.piece()?))
}

/// Whether a control batch says that its producer's transaction was broken off.
fn marks_the_end_of_nothing(batch: &Batch<'_>) -> Result<bool, PipelineError> {
    let bytes = loosened(batch.method, batch.records)?;
    let (_, key, _) = record(&mut unread(&bytes))?;
    let mut key = unread(key.unwrap_or_default());
    key.i16()?;
    Ok(key.i16()? == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An answer of Apache Kafka 4.0.2: three records by each of no compression, gzip, snappy, lz4 and zstd; a delete and its null;
    /// one record of a transaction that was broken off, one of a transaction that was not.
    const FETCHED: &[u8] = include_bytes!("../../../tests/data/kafka/fetch.bin");

    fn batches() -> (&'static [u8], [(i64, i64); 1]) {
        let aborted = 4 + 4 + 2 + 4 + 4 + 2 + "shop.public.film".len() + 4 + 4 + 2 + 24 + 4;
        let number = |at: usize| i64::from_be_bytes(FETCHED[at..at + 8].try_into().unwrap());
        (&FETCHED[aborted + 20..], [(number(aborted), number(aborted + 8))])
    }

    fn ids(records: &[Record]) -> Vec<Option<i64>> {
        let id = |record: &Record| {
            let value: serde_json::Value = serde_json::from_slice(record.value.as_ref()?).unwrap();
            let row = &value["payload"];
            row["after"]["film_id"]
                .as_i64()
                .or(row["before"]["film_id"].as_i64())
        };
        records.iter().map(id).collect()
    }

    #[test]
    fn every_compression_is_read_and_what_was_broken_off_is_not() {
        let (bytes, aborted) = batches();
        let (found, next) = records(bytes, 0, &aborted).unwrap();
        let mut expected: Vec<Option<i64>> = [0, 10, 20, 30, 40]
            .into_iter()
            .flat_map(|from| (from..from + 3).map(Some))
            .collect();
        expected.extend([Some(10), None, Some(91)]);
        assert_eq!(ids(&found), expected);
        assert_eq!(next, 21, "marks of transactions count");
        let offsets: Vec<i64> = found.iter().map(|record| record.offset).collect();
        assert_eq!(offsets, (0..17).chain([19]).collect::<Vec<_>>());
        assert_eq!(
            records(bytes, 0, &[]).unwrap().0.len(),
            19,
            "all, where none is said to be broken off"
        );
    }

    #[test]
    fn reading_goes_on_in_the_middle_of_a_batch_and_after_a_cut() {
        let (bytes, aborted) = batches();
        assert_eq!(ids(&records(bytes, 4, &aborted).unwrap().0)[0], Some(11));
        let (cut, next) = records(&bytes[..bytes.len() / 2], 0, &aborted).unwrap();
        assert!(!cut.is_empty() && next == cut.last().unwrap().offset + 1);
        assert_eq!(records(&bytes[..10], 7, &[]).unwrap(), (Vec::new(), 7));
    }

    #[test]
    fn a_damaged_batch_is_refused() {
        let mut bytes = batches().0.to_vec();
        bytes[70] ^= 1;
        assert!(
            records(&bytes, 0, &[])
                .unwrap_err()
                .to_string()
                .contains("checksum")
        );
    }

    /// A batch with its checksum.
    fn sealed(first: i64, count: i32, method: u8, records: &[u8]) -> Vec<u8> {
        let mut body = vec![0, method];
        body.extend((count - 1).to_be_bytes());
        body.extend([0; 16]);
        body.extend((-1_i64).to_be_bytes());
        body.extend([0xff; 6]);
        body.extend(count.to_be_bytes());
        body.extend(records);
        let mut batch = first.to_be_bytes().to_vec();
        batch.extend(i32::try_from(body.len() + 9).unwrap().to_be_bytes());
        batch.extend([0, 0, 0, 0, 2]);
        batch.extend(crc32c::crc32c(&body).to_be_bytes());
        batch.extend(body);
        batch
    }

    /// One record whose value is `size` bytes.
    fn record_of(size: usize) -> Vec<u8> {
        let varint = |number: usize| {
            let (mut rest, mut bytes) = (number << 1, Vec::new());
            while rest > 0x7f {
                bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
                rest >>= 7;
            }
            bytes.push(u8::try_from(rest).unwrap());
            bytes
        };
        let inside = [&[0, 0, 0, 1], &varint(size)[..], &vec![b' '; size], &[0]].concat();
        [varint(inside.len()), inside].concat()
    }

    #[test]
    fn what_unpacks_to_more_than_enough_is_taken_in_portions() {
        let packed = zstd::encode_all(record_of(40 << 20).as_slice(), 1).unwrap();
        let answer: Vec<u8> = (0..6).flat_map(|first| sealed(first, 1, 4, &packed)).collect();
        assert!(answer.len() < 1 << 17, "{} bytes", answer.len());
        let (found, next) = records(&answer, 0, &[]).unwrap();
        assert_eq!((found.len(), next), (2, 2), "the rest comes again from offset 2");
        let rest = &answer[answer.len() / 6 * 2..];
        assert_eq!(records(rest, 2, &[]).unwrap().1, 4);
    }

    #[test]
    fn counts_that_are_made_up_are_told() {
        let told = |count: i32| {
            records(&sealed(0, count, 0, &record_of(3)), 0, &[])
                .unwrap_err()
                .to_string()
        };
        assert!(
            told(i32::MAX).contains("expected 1 more bytes, got 0"),
            "{}",
            told(i32::MAX)
        );
        let long = [&[0xfe, 0xff, 0xff, 0xff, 0x0f][..], &[0; 9]].concat();
        let told = records(&sealed(0, 1, 0, &long), 0, &[]).unwrap_err().to_string();
        assert!(told.contains("expected 2147483647 more bytes"), "{told}");
    }

    proptest! {
        /// Records that say anything behind a right checksum.
        #[test]
        fn no_sealed_bytes_panic(
            method in 0_u8..6, count: i32, junk in proptest::collection::vec(any::<u8>(), 0..60), at in 0_usize..12,
        ) {
            let mut near = record_of(4);
            near.truncate(at);
            near.extend(junk);
            let _ = records(&sealed(0, count.max(i32::MIN + 1), method, &near), 0, &[(-1, 0)]);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..2000, value: u8) {
            let _ = records(&bytes, 0, &[(1, 1)]);
            let mut near = batches().0.to_vec();
            near[at] = value;
            let _ = records(&near, 0, &[]);
        }
    }
}
