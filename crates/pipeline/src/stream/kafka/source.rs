//! A topic as a source: the records of its partitions, each from the offset after the one that was confirmed.
//!
//! The decision: a place of a topic of one partition is the offset after the record; of several it is that of [`super::order`], which notes in what
//! order they were read. The stream's own state says how far it is; the broker keeps no group for it. There is no snapshot to ask for: what
//! Debezium wrote first (`op` = `r`) is the snapshot. Leaders are asked one after the other, each for all of its partitions at once.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use super::batches::{self, Record};
use super::order::{Block, Order};
use super::request::{self, Fetched, Next, Place};
use super::wire::{Broker, lost};
use crate::error::PipelineError;
use crate::stream::change::{Kind, Position};
use crate::stream::file::arrival;
use crate::stream::source::{Arrival, Backfill, Opened, Past, Retained, Source};

/// Bytes of values after which the rest of an answer is left to be asked for again.
const ENOUGH: usize = 64 << 20;
/// Places of several partitions lie above this, those of one alone, its offsets, below.
const SEVERAL: u64 = 1 << 46;

/// What to read, and where.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// `host:port` of one or more brokers, with commas between them.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// The file that notes in what order several partitions were read.
    pub order: PathBuf,
    /// The clock: microseconds since 1970 UTC.
    pub clock: fn() -> i64,
}

/// See the module's text.
#[derive(Debug)]
pub struct KafkaSource {
    options: KafkaOptions,
    leaders: Vec<Leader>,
    /// The offset to be read next of each partition, behind what is to be read again.
    next: Vec<i64>,
    /// The offset after the newest record of each.
    ends: Vec<i64>,
    /// Of several partitions.
    order: Option<Order>,
    /// What was read before and is to be read again.
    again: VecDeque<Block>,
    waiting: VecDeque<Arrival>,
    /// Grows with every question, so that every leader and every partition comes first now and then.
    turn: usize,
}

/// A connection, and what it is asked for.
#[derive(Debug)]
struct Leader {
    broker: Broker,
    partitions: Vec<usize>,
}

impl KafkaSource {
    /// A source that is not connected yet.
    #[must_use]
    pub fn new(options: KafkaOptions) -> KafkaSource {
        KafkaSource {
            options,
            leaders: Vec::new(),
            next: Vec::new(),
            ends: Vec::new(),
            order: None,
            again: VecDeque::new(),
            waiting: VecDeque::new(),
            turn: 0,
        }
    }

    /// Asks the first broker that answers.
    fn place(&self) -> Result<Place, PipelineError> {
        let mut last = lost("connect", "`source.brokers` names no broker");
        for address in self.options.brokers.split(',').map(str::trim) {
            let asked = Broker::connect(address)
                .and_then(|mut broker| request::place(&mut broker, &self.options.topic));
            match asked {
                Err(error) if error.is_transient() => last = error,
                asked => return asked,
            }
        }
        Err(last)
    }

    /// The leader of a partition.
    fn leader(&mut self, partition: usize) -> Result<&mut Broker, PipelineError> {
        let mut leaders = self.leaders.iter_mut();
        let found = leaders.find(|leader| leader.partitions.contains(&partition));
        let closed = || lost("ask the broker", "the stream is not open");
        Ok(&mut found.ok_or_else(closed)?.broker)
    }

    /// The first offset of each of these partitions that is still there.
    fn first(&mut self, partitions: std::ops::Range<usize>) -> Result<Vec<i64>, PipelineError> {
        let topic = self.options.topic.clone();
        let first = |partition| request::first(self.leader(partition)?, &topic, partition);
        partitions.map(first).collect()
    }

    /// Where the one partition is read from.
    fn alone(&mut self, confirmed: Option<u64>) -> Result<u64, PipelineError> {
        self.next = match confirmed {
            Some(offset) => vec![i64::try_from(offset).unwrap_or(i64::MAX)],
            None => self.first(0..1)?,
        };
        Ok(u64::try_from(self.next[0]).unwrap_or(0))
    }

    /// Goes on with the order that an earlier run has left, or begins one; the place it goes on from.
    fn ordered(
        &mut self,
        (found, origin): (Option<Order>, &str),
        confirmed: Option<u64>,
        count: usize,
    ) -> Result<u64, PipelineError> {
        let rest = found
            .as_ref()
            .zip(confirmed)
            .and_then(|(order, place)| Some((place, order.rest(place)?)));
        let (Some(order), Some((place, rest))) = (&found, rest) else {
            return self.begin((found, origin), confirmed, count);
        };
        let known = order.partitions();
        if known > count {
            return Err(PipelineError::Kafka {
                action: format!("follow topic {}", self.options.topic),
                reason: format!(
                    "expected {known} partitions or more, got {count}: it was made anew; begin under another stream name"
                ),
                transient: false,
            });
        }
        let new = self.first(known..count)?;
        let order = match found {
            Some(order) if !new.is_empty() => Some(order.grow(&new)?),
            found => found,
        };
        self.next = order.as_ref().map(Order::next).unwrap_or_default();
        (self.order, self.again) = (order, rest);
        Ok(place)
    }

    /// Begins an order above every place there ever was: everything is read again, but for what one partition alone has confirmed.
    fn begin(
        &mut self,
        (found, origin): (Option<Order>, &str),
        confirmed: Option<u64>,
        count: usize,
    ) -> Result<u64, PipelineError> {
        let mut offsets = self.first(0..count)?;
        if let Some(offset) = confirmed.filter(|place| *place < SEVERAL && found.is_none()) {
            offsets[0] = i64::try_from(offset).unwrap_or(i64::MAX);
        }
        // 65,536 places a second are more than were ever given out, should nothing else tell how many that were
        let seconds = u64::try_from((self.options.clock)() / 1_000_000).unwrap_or(0);
        let places = [
            SEVERAL,
            seconds << 16,
            confirmed.unwrap_or(0),
            found.map_or(0, |order| order.end()),
        ];
        let at = places.into_iter().max().unwrap_or(SEVERAL);
        self.next.clone_from(&offsets);
        self.order = Some(Order::begin(&self.options.order, origin, at, offsets)?);
        Ok(at)
    }

    /// Reads on with what was read before, in the order in which that was.
    fn read_again(&mut self, block: Block, wait: Duration) -> Result<(), PipelineError> {
        let (topic, partition) = (self.options.topic.clone(), block.partition);
        let asked = [(partition, block.from)];
        let fetched = request::fetch(self.leader(partition)?, &topic, &asked, wait)?;
        for (_, fetched) in fetched {
            self.ends[partition] = fetched.end;
            let (records, next) = batches::records(&fetched.bytes, block.from, &fetched.aborted)?;
            let read = Block {
                to: next.clamp(block.from, block.to),
                ..block
            };
            self.again.pop_front();
            if let Some(left) = block.after(read.end()) {
                self.again.push_front(left);
            }
            self.take(&read, records);
        }
        Ok(())
    }

    /// Reads what is new: asks leader after leader until one has something, in `wait` altogether.
    fn read_on(&mut self, wait: Duration) -> Result<(), PipelineError> {
        let count = self.leaders.len();
        let share = wait / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
        let share = share.max(Duration::from_millis(1));
        for _ in 0..count {
            let (at, first) = (self.turn % count, self.turn / count);
            self.turn = self.turn.wrapping_add(1);
            let leader = &mut self.leaders[at];
            let mut asked: Vec<Next> = leader.partitions.iter().map(|p| (*p, self.next[*p])).collect();
            asked.rotate_left(first % leader.partitions.len().max(1));
            let fetched = request::fetch(&mut leader.broker, &self.options.topic, &asked, share)?;
            if self.take_new(fetched)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Notes what came, and takes it over; whether there was anything.
    fn take_new(&mut self, fetched: Vec<(usize, Fetched)>) -> Result<bool, PipelineError> {
        let (mut read, mut all, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (partition, fetched) in fetched {
            self.ends[partition] = fetched.end;
            let from = self.next[partition];
            if bytes < ENOUGH && !fetched.bytes.is_empty() {
                let (records, next) = batches::records(&fetched.bytes, from, &fetched.aborted)?;
                bytes += records
                    .iter()
                    .filter_map(|r| r.value.as_ref())
                    .map(Vec::len)
                    .sum::<usize>();
                if next > from {
                    read.push((partition, from, next));
                    all.push(records);
                }
            }
        }
        if read.is_empty() {
            return Ok(false);
        }
        let blocks = match &mut self.order {
            Some(order) => order.add(&read)?,
            None => read.into_iter().map(alone).collect(),
        };
        for (block, records) in blocks.into_iter().zip(all) {
            self.next[block.partition] = block.to;
            self.take(&block, records);
        }
        Ok(true)
    }

    /// A block's records as what they say, and where each ends.
    fn take(&mut self, block: &Block, records: Vec<Record>) {
        let mut last = None;
        for record in records.into_iter().filter(|record| record.offset < block.to) {
            let place = block.place(record.offset) << 3;
            if let Some(value) = record.value {
                let arrival = arrival(&value, Position::new(place, 0), (self.options.clock)());
                self.waiting.push_back(self.placed(arrival, &value));
            }
            self.waiting.push_back(Arrival::Commit { end: place });
            last = Some(place);
        }
        let end = block.end() << 3;
        if last != Some(end) && block.to > block.from {
            self.waiting.push_back(Arrival::Commit { end });
        }
    }

    /// What a record says, where it can be said: one partition does not know what the others had when a table was emptied.
    fn placed(&self, arrival: Arrival, value: &[u8]) -> Arrival {
        match arrival {
            Arrival::Change(change) if change.kind == Kind::Truncate && self.next.len() > 1 => Arrival::Unreadable {
                raw: String::from_utf8_lossy(value).into_owned(),
                reason: "a truncate in one of several partitions has no place among the changes of the others: delete the rows".to_owned(),
                position: change.position,
            },
            other @ (Arrival::Change(_) | Arrival::Commit { .. } | Arrival::Unreadable { .. }) => other,
        }
    }
}

/// What was read of the one partition there is: its offsets are the places.
fn alone((partition, from, to): (usize, i64, i64)) -> Block {
    Block {
        base: u64::try_from(from).unwrap_or(0),
        partition,
        from,
        to,
    }
}

/// Connects to each leader once.
fn connected(place: &Place) -> Result<Vec<Leader>, PipelineError> {
    let mut addresses: Vec<&String> = place.leaders.iter().collect();
    addresses.sort_unstable();
    addresses.dedup();
    let leader = |address: &String| {
        let own = place
            .leaders
            .iter()
            .enumerate()
            .filter(|(_, leader)| *leader == address);
        Ok(Leader {
            broker: Broker::connect(address)?,
            partitions: own.map(|(partition, _)| partition).collect(),
        })
    };
    addresses.into_iter().map(leader).collect()
}

impl Source for KafkaSource {
    fn open(&mut self, past: &Past, _: &mut dyn Backfill) -> Result<Opened, PipelineError> {
        self.waiting.clear();
        self.again.clear();
        self.order = None;
        let place = self.place()?;
        let count = place.leaders.len();
        self.leaders = connected(&place)?;
        self.ends = vec![0; count];
        let origin = format!("kafka {} {}", place.cluster, self.options.topic);
        let known = past.origin.as_ref().is_none_or(|o| *o == origin);
        let confirmed = past.confirmed.filter(|_| known).map(|place| place >> 3);
        let from = match (Order::read(&self.options.order, &origin)?, count) {
            (None, 1) => self.alone(confirmed)?,
            (found, _) => self.ordered((found, &origin), confirmed, count)?,
        };
        Ok(Opened {
            origin,
            from: from << 3,
            base: 0,
            snapshot: false,
        })
    }

    fn next(&mut self, wait: Duration) -> Result<Option<Arrival>, PipelineError> {
        if let Some(arrival) = self.waiting.pop_front() {
            return Ok(Some(arrival));
        }
        if self.leaders.is_empty() {
            return Err(lost("fetch records", "the stream is not open"));
        }
        match self.again.front().copied() {
            Some(block) => self.read_again(block, wait)?,
            None => self.read_on(wait)?,
        }
        Ok(self.waiting.pop_front())
    }

    fn confirm(&mut self, end: u64) -> Result<(), PipelineError> {
        // what is confirmed stands in the stream's own state; of several partitions, what came before need not be known any more
        match &mut self.order {
            Some(order) => order.confirm(end >> 3),
            None => Ok(()),
        }
    }

    fn retained(&mut self) -> Result<Option<Retained>, PipelineError> {
        let topic = &self.options.topic;
        if let Some(leader) = self.leaders.first_mut() {
            let now = request::place(&mut leader.broker, topic)?.leaders.len();
            if now != self.next.len() {
                return Err(lost(
                    &format!("follow topic {topic}"),
                    &format!("it has {now} partitions now, {} were read", self.next.len()),
                ));
            }
        }
        // records behind, where other sources tell bytes
        let left = self.again.iter().map(|block| (block.from, block.to));
        let ahead = self.next.iter().copied().zip(self.ends.iter().copied());
        let behind = left
            .chain(ahead)
            .map(|(from, to)| u64::try_from(to.saturating_sub(from)).unwrap_or(0));
        Ok(Some(Retained {
            bytes: 0,
            behind: behind.sum(),
        }))
    }
}

#[cfg(test)]
mod tests;
