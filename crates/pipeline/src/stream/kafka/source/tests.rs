//! The source against answers that were recorded of Apache Kafka 4.0.2, given again to whoever asks.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::*;

/// Where a topic of three partitions is, and all of its records: 9 in two batches, 3 in one, 11 in three, the last of which deletes a film and has no value.
const PLACE: &[u8] = include_bytes!("../../../../tests/data/kafka/metadata-3.bin");
const FETCHED: &[u8] = include_bytes!("../../../../tests/data/kafka/fetch-3.bin");
/// Where a topic of one is, and that a partition begins at 0.
const ALONE: &[u8] = include_bytes!("../../../../tests/data/kafka/metadata.bin");
const FIRST: &[u8] = include_bytes!("../../../../tests/data/kafka/offsets.bin");
/// Bytes of a fetched answer before its first partition, without the number in front.
const HEAD: usize = 4 + 2 + 4 + 4 + 2 + "shop.public.film".len() + 4;

fn number(bytes: &[u8], at: usize) -> usize {
    let number = i32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    usize::try_from(number).unwrap()
}

/// A partition's part of the recorded answer with the first `most` of its batches, by number.
fn parts(most: usize) -> Vec<Vec<u8>> {
    let (mut rest, mut parts) = (&FETCHED[4 + HEAD..], Vec::new());
    for _ in 0..3 {
        // number, code, three offsets, no aborted transactions
        let (head, length) = (4 + 2 + 24 + 4, number(rest, 34));
        let batches = &rest[head + 4..head + 4 + length];
        let mut end = 0;
        for _ in 0..most {
            if end < length {
                end += 12 + number(batches, end + 8);
            }
        }
        let kept = i32::try_from(end).unwrap().to_be_bytes();
        parts.push([&rest[..head], &kept, &batches[..end]].concat());
        rest = &rest[head + 4 + length..];
    }
    parts
}

/// The recorded answer to a fetch of these partitions.
fn fetched(asked: &[u8], most: usize) -> Vec<u8> {
    let first = 2 + 2 + 4 + 2 + "rankine".len() + 25 + 4 + 2 + "shop.public.film".len();
    let count = number(asked, first);
    let parts = parts(most);
    let of = |at: usize| parts[number(asked, first + 4 + 28 * at)].clone();
    let head = &FETCHED[4..4 + HEAD - 4];
    let count_bytes = i32::try_from(count).unwrap().to_be_bytes();
    [head, &count_bytes, &(0..count).flat_map(of).collect::<Vec<u8>>()].concat()
}

/// Answers questions on a connection as they were answered when they were recorded.
fn answers(mut socket: TcpStream, place: &[u8], most: &AtomicUsize) -> std::io::Result<()> {
    let port = i32::from(socket.local_addr()?.port()).to_be_bytes();
    loop {
        let mut length = [0; 4];
        socket.read_exact(&mut length)?;
        let mut asked = vec![0; number(&length, 0)];
        socket.read_exact(&mut asked)?;
        let answer = match asked[1] {
            3 => {
                let mut answer = place[4..].to_vec();
                let at = answer.windows(4).position(|w| w == 19092_i32.to_be_bytes());
                answer[at.unwrap()..][..4].copy_from_slice(&port);
                answer
            }
            2 => FIRST[4..].to_vec(),
            _ => fetched(&asked, most.load(Relaxed)),
        };
        let length = i32::try_from(answer.len() + 4).unwrap().to_be_bytes();
        socket.write_all(&[&length, &asked[4..8], &answer].concat())?;
    }
}

/// Gives recorded answers again, of each partition so many batches; its address.
fn recorded(place: &'static [u8], most: &Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, most) = (listener.local_addr().unwrap().to_string(), most.clone());
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let most = most.clone();
            std::thread::spawn(move || answers(socket, place, &most));
        }
    });
    address
}

fn source(brokers: &str, folder: &Path) -> KafkaSource {
    KafkaSource::new(KafkaOptions {
        brokers: brokers.to_owned(),
        topic: "shop.public.film".to_owned(),
        order: folder.join("order.jsonl"),
        clock: || 5,
    })
}

/// A source of three partitions whose answers have so many batches.
fn of_three(folder: &Path, most: usize) -> (KafkaSource, Arc<AtomicUsize>) {
    let most = Arc::new(AtomicUsize::new(most));
    (source(&recorded(PLACE, &most), folder), most)
}

struct NoRows;

impl Backfill for NoRows {
    fn rows(&mut self, _: Position, _: &[i64]) -> Result<(), PipelineError> {
        panic!("a topic has no snapshot")
    }
}

/// Opens after a place, and reads until nothing comes.
fn read(source: &mut KafkaSource, past: &Past) -> (Opened, Vec<Arrival>) {
    let opened = source.open(past, &mut NoRows).unwrap();
    let (mut all, mut quiet) = (Vec::new(), 0);
    while quiet < 4 {
        match source.next(Duration::from_millis(1)).unwrap() {
            Some(arrival) => all.push(arrival),
            None => quiet += 1,
        }
    }
    (opened, all)
}

/// Film and place of every change.
fn changes(all: &[Arrival]) -> Vec<(i64, u64)> {
    let change = |arrival: &Arrival| match arrival {
        Arrival::Change(change) => Some((change.text("film_id")?.parse().ok()?, change.position.lsn)),
        Arrival::Commit { .. } | Arrival::Unreadable { .. } => None,
    };
    all.iter().filter_map(change).collect()
}

fn after(all: &[Arrival], place: u64) -> Vec<Arrival> {
    let is_after = |arrival: &&Arrival| match arrival {
        Arrival::Change(change) => change.position.lsn > place,
        Arrival::Commit { end } => *end > place,
        Arrival::Unreadable { position, .. } => position.lsn > place,
    };
    all.iter().filter(is_after).cloned().collect()
}

#[test]
fn what_comes_again_of_several_partitions_has_the_places_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, most) = of_three(folder.path(), 1);
    let (opened, begun) = read(&mut first, &Past::default());
    assert_eq!(opened.from, SEVERAL << 3);
    let mut films: Vec<i64> = changes(&begun).iter().map(|(film, _)| *film).collect();
    films.sort_unstable();
    assert_eq!(films, [0, 1, 2, 3, 100, 101, 102, 200, 201, 202, 203]);
    assert!(changes(&begun).windows(2).all(|pair| pair[0].1 < pair[1].1));
    drop(first);
    // more has come meanwhile, partitions are asked in another order, and nothing was confirmed
    most.store(3, Relaxed);
    let (mut second, _) = of_three(folder.path(), 3);
    second.turn = 1;
    let past = |place: u64| Past {
        confirmed: Some(place),
        origin: Some(opened.origin.clone()),
        ..Past::default()
    };
    let (_, all) = read(&mut second, &past(opened.from));
    assert_eq!(all[..begun.len()], begun);
    assert_eq!(changes(&all).len(), 9 + 3 + 10);
    assert!(changes(&all).windows(2).all(|pair| pair[0].1 < pair[1].1));
    assert_eq!(
        all.last(),
        Some(&Arrival::Commit {
            end: (SEVERAL + 23) << 3
        })
    );
    for read_before in [1, 4, 7, 12, 17, 22, 23] {
        let place = (SEVERAL + read_before) << 3;
        let (mut again, _) = of_three(folder.path(), 3);
        again.turn = usize::try_from(read_before).unwrap();
        let (opened, replayed) = read(&mut again, &past(place));
        assert_eq!(
            (opened.from, replayed),
            (place, after(&all, place)),
            "after {read_before}"
        );
        again.confirm(place).unwrap();
    }
    assert_eq!(second.retained().unwrap().unwrap().behind, 0);
}

#[test]
fn where_the_order_is_lost_all_is_read_again_above_what_there_was() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, _) = of_three(folder.path(), 3);
    let (opened, all) = read(&mut first, &Past::default());
    let past = Past {
        confirmed: Some((SEVERAL + 23) << 3),
        origin: Some(opened.origin),
        ..Past::default()
    };
    std::fs::remove_file(folder.path().join("order.jsonl")).unwrap();
    let (opened, again) = read(&mut of_three(folder.path(), 3).0, &past);
    assert_eq!(Some(opened.from), past.confirmed);
    let films = |all: &[Arrival]| -> std::collections::BTreeSet<i64> {
        changes(all).iter().map(|(film, _)| *film).collect()
    };
    assert_eq!(films(&again), films(&all));
    assert!(changes(&again).iter().all(|(_, place)| *place > opened.from));
    // another state under the same name: what the order says stays below, too
    let (anew, _) = read(&mut of_three(folder.path(), 3).0, &Past::default());
    assert_eq!(anew.from, (SEVERAL + 46) << 3);
}

#[test]
fn a_topic_that_gets_partitions_goes_on_and_one_that_loses_them_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (mut source, most) = of_three(folder.path(), 3);
    let origin = source
        .place()
        .map(|place| format!("kafka {} shop.public.film", place.cluster))
        .unwrap();
    let past = Past {
        confirmed: Some(5 << 3),
        origin: Some(origin),
        ..Past::default()
    };
    let (opened, all) = read(&mut source, &past);
    assert!(opened.from >= SEVERAL << 3);
    let films: std::collections::BTreeSet<i64> = changes(&all).iter().map(|(film, _)| *film).collect();
    let alone: Vec<i64> = films.iter().copied().filter(|film| *film < 100).collect();
    assert_eq!(
        (alone, films.len()),
        (vec![5, 6, 7, 8], 4 + 3 + 9),
        "four of the first, and all others"
    );
    let address = recorded(ALONE, &most);
    let mut fewer = self::source(&address, folder.path());
    let origin = fewer
        .place()
        .map(|place| format!("kafka {} shop.public.film", place.cluster))
        .unwrap();
    Order::begin(&fewer.options.order, &origin, SEVERAL, vec![0; 3]).unwrap();
    let past = Past {
        confirmed: Some(SEVERAL << 3),
        origin: Some(origin),
        ..Past::default()
    };
    let error = fewer.open(&past, &mut NoRows).unwrap_err();
    assert!(
        !error.is_transient() && error.to_string().contains("expected 3 partitions or more, got 1"),
        "{error}"
    );
}

fn record(offset: i64, value: Option<&[u8]>) -> Record {
    Record {
        offset,
        value: value.map(<[u8]>::to_vec),
    }
}

#[test]
fn a_record_is_a_change_and_its_end_and_a_null_only_its_end() {
    let mut source = source("127.0.0.1:1", Path::new("."));
    let value = br#"{"payload":{"op":"d","before":{"id":7},"source":{"table":"item"}}}"#;
    let records = vec![record(0, Some(value)), record(1, None), record(2, Some(b"x\xff"))];
    source.take(&alone((0, 0, 4)), records);
    let Some(Arrival::Change(change)) = source.waiting.pop_front() else {
        panic!("no change");
    };
    assert_eq!(
        (change.kind, change.position),
        (Kind::Delete, Position::new(8, 0))
    );
    assert_eq!(source.waiting.pop_front(), Some(Arrival::Commit { end: 8 }));
    assert_eq!(source.waiting.pop_front(), Some(Arrival::Commit { end: 16 }));
    assert!(
        matches!(source.waiting.pop_front(), Some(Arrival::Unreadable { raw, .. }) if raw == "x\u{fffd}")
    );
    assert_eq!(source.waiting.pop_front(), Some(Arrival::Commit { end: 24 }));
    assert_eq!(
        source.waiting.pop_front(),
        Some(Arrival::Commit { end: 32 }),
        "a mark of a transaction"
    );
}

#[test]
fn a_truncate_is_one_of_a_whole_topic() {
    let mut source = source("127.0.0.1:1", Path::new("."));
    let value = br#"{"payload":{"op":"t","source":{"table":"item"}}}"#;
    for partitions in [1, 2] {
        source.next = vec![0; partitions];
        source.take(&alone((0, 0, 1)), vec![record(0, Some(value))]);
        let told = source.waiting.pop_front().unwrap();
        source.waiting.clear();
        assert_eq!(matches!(told, Arrival::Change(_)), partitions == 1, "{told:?}");
    }
}

#[test]
fn brokers_that_do_not_answer_are_tried_one_after_the_other() {
    let source = source("127.0.0.1:1, 127.0.0.1:2", Path::new("."));
    let error = source.place().unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("127.0.0.1:2"),
        "{error}"
    );
}
