//! The three questions a source asks, and what brokers answer.
//!
//! Metadata 2, ListOffsets 1 and Fetch 10: the oldest versions that say what is needed (a cluster's id, offsets as such, zstd),
//! so that brokers from 2.1 to 4 answer them.

use std::time::Duration;

use super::wire::{Broker, Question, lost, unread, wrong};
use crate::error::PipelineError;
use crate::stream::bytes::Input;

/// Bytes of records per answer.
const PORTION: i32 = 4 << 20;

/// Where a topic's partitions are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The cluster's id.
    pub(super) cluster: String,
    /// `host:port` of each partition's leader, by the partition's number.
    pub(super) leaders: Vec<String>,
}

/// A partition, and the offset to be read next.
pub(super) type Next = (usize, i64);

/// A partition's records as they came, and what was broken off among them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fetched {
    /// Batches.
    pub(super) bytes: Vec<u8>,
    /// Producers with the first offset of a transaction that was broken off.
    pub(super) aborted: Vec<(i64, i64)>,
    /// The offset that the next committed record will have.
    pub(super) end: i64,
}

/// Asks where the topic is.
///
/// # Errors
/// `Kafka`: no such topic, a partition without a leader now.
pub(super) fn place(broker: &mut Broker, topic: &str) -> Result<Place, PipelineError> {
    let question = Question::new(3, 2).i32(1).text(topic);
    let answer = broker.ask(question, Duration::ZERO)?;
    read_place(&answer, topic)
}

pub(super) fn read_place(answer: &[u8], topic: &str) -> Result<Place, PipelineError> {
    let mut input = unread(answer);
    let mut brokers = Vec::new();
    for _ in 0..input.count()?.unwrap_or(0) {
        let (node, host, port) = (input.i32()?, input.text()?, input.i32()?);
        input.text()?;
        brokers.push((node, format!("{host}:{port}")));
    }
    let cluster = input.text()?.to_owned();
    input.i32()?;
    let mut found = None;
    for _ in 0..input.count()?.unwrap_or(0) {
        let (code, name) = (input.i16()?, input.text()?.to_owned());
        input.i8()?;
        let partitions = partitions(&mut input)?;
        if name == topic {
            refused(&format!("find topic {topic}"), code)?;
            found = Some(partitions);
        }
    }
    let none = |reason: &str| lost(&format!("find topic {topic}"), reason);
    let partitions = found.ok_or_else(|| none("the broker does not name it"))?;
    let leader = |(at, (_, node)): (usize, &(usize, i32))| {
        let broker = brokers.iter().find(|broker| broker.0 == *node);
        let address = broker.map(|broker| broker.1.clone());
        address.ok_or_else(|| none(&format!("its partition {at} has no leader now")))
    };
    let leaders: Vec<String> = partitions
        .iter()
        .enumerate()
        .map(leader)
        .collect::<Result<_, _>>()?;
    if leaders.is_empty() {
        return Err(none("it has no partitions now"));
    }
    Ok(Place { cluster, leaders })
}

/// Number and leader of each partition, by number.
fn partitions(input: &mut Input<'_>) -> Result<Vec<(usize, i32)>, PipelineError> {
    let mut found = Vec::new();
    for _ in 0..input.count()?.unwrap_or(0) {
        input.i16()?;
        found.push((partition(input)?, input.i32()?));
        for _ in 0..2 {
            for _ in 0..input.count()?.unwrap_or(0) {
                input.i32()?;
            }
        }
    }
    found.sort_unstable();
    match found.iter().enumerate().find(|(at, (number, _))| at != number) {
        Some((at, (number, _))) => Err(wrong(&format!("partition {at}"), &number.to_string())),
        None => Ok(found),
    }
}

/// A partition's number.
fn partition(input: &mut Input<'_>) -> Result<usize, PipelineError> {
    let number = input.i32()?;
    usize::try_from(number).map_err(|_| wrong("the number of a partition", &number.to_string()))
}

/// Asks for a partition's first offset that is still there.
///
/// # Errors
/// `Kafka`.
pub(super) fn first(broker: &mut Broker, topic: &str, partition: usize) -> Result<i64, PipelineError> {
    let question = Question::new(2, 1).i32(-1).i32(1).text(topic);
    let answer = broker.ask(question.i32(1).i32(number(partition)).i64(-2), Duration::ZERO)?;
    read_first(&answer)
}

pub(super) fn read_first(answer: &[u8]) -> Result<i64, PipelineError> {
    let mut input = unread(answer);
    input.take(4)?;
    input.text()?;
    input.take(8)?;
    refused("ask for the first offset", input.i16()?)?;
    input.i64()?;
    input.i64()
}

/// A partition's number as it is sent.
fn number(partition: usize) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

/// Asks for records of partitions from their offsets on, committed ones only; waits for the first at most `wait`. Earlier partitions come first
/// where the answer is full.
///
/// # Errors
/// `Kafka`; not transient where an offset is no longer there.
pub(super) fn fetch(
    broker: &mut Broker,
    topic: &str,
    next: &[Next],
    wait: Duration,
) -> Result<Vec<(usize, Fetched)>, PipelineError> {
    let millis = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    let head = Question::new(1, 10).i32(-1).i32(millis).i32(1).i32(PORTION).i8(1);
    let of_topic = head.i32(0).i32(-1).i32(1).text(topic).i32(number(next.len()));
    let question = next.iter().fold(of_topic, |question, (partition, offset)| {
        let of = question.i32(number(*partition)).i32(-1);
        of.i64(*offset).i64(-1).i32(PORTION)
    });
    let answer = broker.ask(question.i32(0), wait)?;
    read_fetched(&answer, next)
}

pub(super) fn read_fetched(answer: &[u8], next: &[Next]) -> Result<Vec<(usize, Fetched)>, PipelineError> {
    let mut input = unread(answer);
    input.i32()?;
    refused("fetch records", input.i16()?)?;
    input.i32()?;
    if input.count()? != Some(1) {
        return Ok(Vec::new());
    }
    input.text()?;
    let mut found = Vec::new();
    for _ in 0..input.count()?.unwrap_or(0) {
        let partition = partition(&mut input)?;
        let Some((_, offset)) = next.iter().find(|(asked, _)| *asked == partition) else {
            return Err(wrong("a partition that was asked for", &partition.to_string()));
        };
        found.push((partition, read_partition(&mut input, (partition, *offset))?));
    }
    Ok(found)
}

/// What stands behind a partition's number.
fn read_partition(input: &mut Input<'_>, (partition, offset): Next) -> Result<Fetched, PipelineError> {
    let code = input.i16()?;
    if code == 1 {
        return Err(PipelineError::Kafka {
            action: "fetch records".to_owned(),
            reason: format!(
                "offset {offset} of partition {partition} is not there any more (retention was shorter than the stream's pause), \
                 or the topic was made anew: begin under another stream name"
            ),
            transient: false,
        });
    }
    refused("fetch records", code)?;
    input.i64()?;
    let end = input.i64()?;
    input.i64()?;
    let mut aborted = Vec::new();
    for _ in 0..input.count()?.unwrap_or(0) {
        aborted.push((input.i64()?, input.i64()?));
    }
    let length = input.count()?.unwrap_or(0);
    Ok(Fetched {
        bytes: input.take(length)?.to_vec(),
        aborted,
        end,
    })
}

/// A broker's refusal by its number. What has to do with leaders and loads passes; the rest is told as it is.
fn refused(action: &str, code: i16) -> Result<(), PipelineError> {
    let reason = match code {
        0 => return Ok(()),
        3 => "there is no such topic",
        5 | 6 | 9 | 74 | 76 => "the partition has no leader, or another one",
        29 => "not allowed",
        35 => "the broker does not know this version of the protocol",
        _ => "the broker refuses",
    };
    let permanent = matches!(code, 29 | 35 | 17 | 42 | 76);
    Err(PipelineError::Kafka {
        action: action.to_owned(),
        reason: format!("{reason} (code {code})"),
        transient: !permanent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Answers of Apache Kafka 4.0.2, behind the number of their question.
    const PLACE: &[u8] = include_bytes!("../../../tests/data/kafka/metadata.bin");
    const FIRST: &[u8] = include_bytes!("../../../tests/data/kafka/offsets.bin");
    const FETCHED: &[u8] = include_bytes!("../../../tests/data/kafka/fetch.bin");
    /// The same of a topic of three partitions, which are named in the order 1, 2, 0.
    const PLACES: &[u8] = include_bytes!("../../../tests/data/kafka/metadata-3.bin");
    const ALL: &[u8] = include_bytes!("../../../tests/data/kafka/fetch-3.bin");

    #[test]
    fn a_brokers_answers_are_understood() {
        let place = read_place(&PLACE[4..], "shop.public.film").unwrap();
        assert_eq!(place.leaders, ["127.0.0.1:19092"]);
        assert_eq!(place.cluster.len(), 22);
        assert_eq!(read_first(&FIRST[4..]).unwrap(), 0);
        let fetched = read_fetched(&FETCHED[4..], &[(0, 0)]).unwrap();
        let [(0, fetched)] = &fetched[..] else {
            panic!("{} partitions", fetched.len());
        };
        assert_eq!((fetched.end, fetched.aborted.len()), (21, 1));
        assert!(fetched.bytes.len() > 2000);
    }

    #[test]
    fn partitions_are_told_apart() {
        let place = read_place(&PLACES[4..], "shop.public.film").unwrap();
        assert_eq!(place.leaders, ["127.0.0.1:19092"; 3]);
        let mut holed = PLACES[4..].to_vec();
        let number = holed.len() - 26 * 2 - 26 + 2;
        holed[number + 3] = 7;
        let told = read_place(&holed, "shop.public.film").unwrap_err().to_string();
        assert!(told.contains("expected partition 1, got 2"), "{told}");
        let fetched = read_fetched(&ALL[4..], &[(2, 0), (1, 0), (0, 0)]).unwrap();
        let told: Vec<(usize, i64)> = fetched.iter().map(|(p, f)| (*p, f.end)).collect();
        assert_eq!(told, [(0, 9), (1, 3), (2, 11)]);
        let error = read_fetched(&ALL[4..], &[(0, 0), (1, 0)]).unwrap_err();
        assert!(error.to_string().contains("that was asked for, got 2"), "{error}");
    }

    #[test]
    fn an_unknown_topic_is_waited_for_and_a_wrong_one_is_refused() {
        let missing = read_place(&PLACE[4..], "other").unwrap_err();
        assert!(missing.is_transient(), "{missing}");
        let lost = refused("x", 6).unwrap_err();
        assert!(lost.is_transient());
        assert!(!refused("x", 29).unwrap_err().is_transient());
    }

    #[test]
    fn a_lost_offset_says_what_to_do() {
        let mut answer = FETCHED[4..].to_vec();
        // the partition's code, behind its number
        let at = 4 + 2 + 4 + 4 + 2 + "shop.public.film".len() + 4 + 4;
        answer[at..at + 2].copy_from_slice(&1_i16.to_be_bytes());
        let error = read_fetched(&answer, &[(0, 9)]).unwrap_err();
        assert!(!error.is_transient());
        assert!(
            error.to_string().contains("offset 9 of partition 0 is not there"),
            "{error}"
        );
        let error = read_fetched(&answer, &[(1, 9)]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("expected a partition that was asked for, got 0"),
            "{error}"
        );
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        for cut in 0..FETCHED.len() - 4 {
            let _ = read_fetched(&FETCHED[4..4 + cut], &[(0, 0)]);
        }
        assert!(read_fetched(&FETCHED[4..100], &[(0, 0)]).is_err());
        assert!(read_place(&PLACE[4..60], "shop.public.film").is_err());
    }

    proptest! {
        /// A broker's own answers with something else in them.
        #[test]
        fn no_change_of_an_answer_panics(
            which in 0_usize..3, at: prop::sample::Index, junk in proptest::collection::vec(any::<u8>(), 1..9),
        ) {
            let mut answer = [PLACE, FIRST, FETCHED][which][4..].to_vec();
            // of a fetch, what stands before the batches
            let at = at.index(answer.len().min(120));
            let end = answer.len().min(at + junk.len());
            answer[at..end].copy_from_slice(&junk[..end - at]);
            let told = match which {
                0 => read_place(&answer, "shop.public.film").map(|_| ()),
                1 => read_first(&answer).map(|_| ()),
                _ => read_fetched(&answer, &[(0, 0)]).map(|_| ()),
            };
            if let Err(fault) = told {
                prop_assert!(fault.to_string().len() > 10, "{}", fault);
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = (read_place(&bytes, "t"), read_first(&bytes), read_fetched(&bytes, &[(0, 0), (2, 5)]));
        }
    }
}
