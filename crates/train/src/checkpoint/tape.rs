//! A tape: the one walk over a run's state that both writes and reads it, so that the two cannot differ.
//!
//! Numbers are f32 in little-endian order; the first fault stays and everything after it does nothing. A running checksum covers
//! what has passed.

use std::io::{Error, ErrorKind, Read, Write};

use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::Real;

/// Most numbers that are converted at a time.
const RUN: usize = 1024;
/// No list is longer; a damaged length must not fill the memory.
const LONGEST: u64 = 1 << 40;
/// Bytes of a text that are taken on trust at a time, and at most.
const PIECE: usize = 1 << 16;
const LONGEST_TEXT: usize = 1 << 28;
/// Nothing is counted further: what is added to it stays far from the end of a word.
const MOST: u64 = 1 << 48;

enum Way<'a> {
    Out(&'a mut dyn Write),
    In(&'a mut dyn Read),
}

/// State on its way out or in.
pub(crate) struct Tape<'a> {
    way: Way<'a>,
    sum: u32,
    fault: Option<Error>,
}

impl<'a> Tape<'a> {
    /// Writes what it meets.
    pub(crate) fn out(to: &'a mut dyn Write) -> Tape<'a> {
        Tape {
            way: Way::Out(to),
            sum: 0,
            fault: None,
        }
    }

    /// Replaces what it meets by what was written.
    pub(crate) fn back(from: &'a mut dyn Read) -> Tape<'a> {
        Tape {
            way: Way::In(from),
            sum: 0,
            fault: None,
        }
    }

    /// Whether state is being read back.
    pub(crate) fn reads(&self) -> bool {
        matches!(self.way, Way::In(_))
    }

    /// Whether there was a fault: what is read now is nothing.
    pub(crate) fn fails(&self) -> bool {
        self.fault.is_some()
    }

    /// The checksum of everything so far.
    ///
    /// # Errors
    /// The first fault.
    pub(crate) fn end(self) -> std::io::Result<u32> {
        self.fault.map_or(Ok(self.sum), Err)
    }

    /// Notes that what was read does not fit.
    pub(crate) fn refuse(&mut self, what: &str) {
        let fault = Error::new(ErrorKind::InvalidData, what.to_owned());
        self.fault.get_or_insert(fault);
    }

    fn bytes(&mut self, bytes: &mut [u8]) {
        if self.fault.is_some() {
            return;
        }
        let done = match &mut self.way {
            Way::Out(to) => to.write_all(bytes),
            Way::In(from) => from.read_exact(bytes),
        };
        match done {
            Ok(()) => self.sum = crc32c::crc32c_append(self.sum, bytes),
            Err(fault) => self.fault = Some(fault),
        }
    }

    pub(crate) fn word(&mut self, value: &mut u64) {
        let mut bytes = value.to_le_bytes();
        self.bytes(&mut bytes);
        if self.fault.is_none() {
            *value = u64::from_le_bytes(bytes);
        }
    }

    /// A count that is kept as a word.
    pub(crate) fn tally(&mut self, value: &mut u64) {
        let mut word = *value;
        self.word(&mut word);
        if word > MOST {
            return self.refuse("a count is too large");
        }
        *value = word;
    }

    pub(crate) fn count(&mut self, value: &mut usize) {
        let mut word = *value as u64;
        self.word(&mut word);
        match usize::try_from(word) {
            Ok(count) if word <= MOST => *value = count,
            _ => self.refuse("a count is too large"),
        }
    }

    pub(crate) fn real(&mut self, value: &mut f64) {
        let mut bits = value.to_bits();
        self.word(&mut bits);
        *value = f64::from_bits(bits);
    }

    pub(crate) fn flag(&mut self, value: &mut bool) {
        let mut word = u64::from(*value);
        self.word(&mut word);
        *value = word != 0;
    }

    /// Numbers of a known count.
    pub(crate) fn numbers<T: Real>(&mut self, values: &mut [T]) {
        #[expect(clippy::cast_possible_truncation, reason = "training numbers are f32")]
        let narrow = |value: T| value.to_f64() as f32;
        let mut buffer = [0_u8; 4 * RUN];
        for run in values.chunks_mut(RUN) {
            let bytes = &mut buffer[..4 * run.len()];
            for (to, value) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(run.iter()) {
                *to = narrow(*value).to_le_bytes();
            }
            self.bytes(bytes);
            if self.reads() && self.fault.is_none() {
                for (value, from) in run.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *value = T::of(f64::from(f32::from_le_bytes(*from)));
                }
            }
        }
    }

    /// Numbers with their count; at most a run is taken on trust.
    pub(crate) fn vector<T: Real>(&mut self, values: &mut Vec<T>) {
        let mut count = values.len() as u64;
        self.word(&mut count);
        if !self.reads() {
            return self.numbers(values);
        }
        if count > LONGEST {
            self.refuse("a list is too long");
        }
        values.clear();
        let mut left = count;
        while left > 0 && self.fault.is_none() {
            let more = usize::try_from(left.min(1 << 20)).unwrap_or(0);
            let from = values.len();
            values.resize(from + more, T::ZERO);
            self.numbers(&mut values[from..]);
            left -= more as u64;
        }
    }

    pub(crate) fn text(&mut self, value: &mut String) {
        let mut bytes = std::mem::take(value).into_bytes();
        let mut count = bytes.len();
        self.count(&mut count);
        if self.reads() {
            if count > LONGEST_TEXT {
                self.refuse("a text is too long");
            }
            bytes.clear();
            while bytes.len() < count && self.fault.is_none() {
                let from = bytes.len();
                bytes.resize(count.min(from + PIECE), 0);
                self.bytes(&mut bytes[from..]);
            }
        } else {
            self.bytes(&mut bytes);
        }
        match String::from_utf8(bytes) {
            Ok(text) => *value = text,
            Err(_) => self.refuse("a text is not UTF-8"),
        }
    }

    /// A generator's state.
    pub(crate) fn random(&mut self, random: &mut Xoshiro256PlusPlus) {
        let mut text = serde_json::to_string(random).unwrap_or_default();
        self.text(&mut text);
        match serde_json::from_str(&text) {
            // all zeros draws zeros for ever
            Ok(state) if text.contains(|digit: char| ('1'..='9').contains(&digit)) => *random = state,
            _ => self.refuse("a generator's state is not readable"),
        }
    }

    /// A list of things, each by `each`.
    pub(crate) fn list<V: Default>(&mut self, values: &mut Vec<V>, mut each: impl FnMut(&mut Self, &mut V)) {
        let mut count = values.len();
        self.count(&mut count);
        if self.reads() {
            values.clear();
        }
        for at in 0..count {
            if self.fault.is_some() {
                return;
            }
            if self.reads() {
                values.push(V::default());
            }
            each(self, &mut values[at]);
        }
    }

    /// Something that may be absent.
    pub(crate) fn option<V: Default>(&mut self, value: &mut Option<V>, each: impl FnOnce(&mut Self, &mut V)) {
        let mut given = value.is_some();
        self.flag(&mut given);
        if self.reads() {
            *value = given.then(V::default);
        }
        if let Some(value) = value {
            each(self, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    #[derive(Default, Debug, PartialEq, Clone)]
    struct Kept {
        count: usize,
        real: f64,
        flag: bool,
        numbers: Vec<f32>,
        text: String,
        list: Vec<(usize, f64)>,
        maybe: Option<usize>,
    }

    fn walk(tape: &mut Tape<'_>, kept: &mut Kept) {
        tape.count(&mut kept.count);
        tape.real(&mut kept.real);
        tape.flag(&mut kept.flag);
        tape.vector(&mut kept.numbers);
        tape.text(&mut kept.text);
        tape.list(&mut kept.list, |tape, (n, x)| {
            tape.count(n);
            tape.real(x);
        });
        tape.option(&mut kept.maybe, Tape::count);
    }

    #[test]
    fn one_walk_writes_and_reads_and_cut_bytes_are_a_fault() {
        let mut kept = Kept {
            count: 7,
            real: -0.1,
            flag: true,
            numbers: (0..3000).map(|i| i as f32).collect(),
            text: "a text".into(),
            list: vec![(1, 0.5), (2, f64::INFINITY)],
            maybe: Some(9),
        };
        let mut bytes = Vec::new();
        let mut tape = Tape::out(&mut bytes);
        walk(&mut tape, &mut kept);
        let sum = tape.end().unwrap();
        let (mut back, mut from) = (Kept::default(), bytes.as_slice());
        let mut tape = Tape::back(&mut from);
        walk(&mut tape, &mut back);
        assert_eq!((tape.end().unwrap(), &back), (sum, &kept));
        for cut in [0, 8, 30, 100, bytes.len() - 1] {
            let (mut back, mut from) = (Kept::default(), &bytes[..cut]);
            let mut tape = Tape::back(&mut from);
            walk(&mut tape, &mut back);
            assert!(tape.end().is_err(), "{cut}");
        }
    }

    #[test]
    fn counts_and_lengths_that_are_made_up_are_a_fault_and_no_memory() {
        let huge = [u64::MAX, 1 << 40, 1 << 27];
        for length in huge.map(u64::to_le_bytes) {
            let read = |walk: &mut dyn FnMut(&mut Tape<'_>)| {
                let mut from = length.as_slice();
                let mut tape = Tape::back(&mut from);
                walk(&mut tape);
                tape.end().unwrap_err();
            };
            let (mut text, mut numbers) = (String::new(), Vec::<f32>::new());
            read(&mut |tape| tape.text(&mut text));
            read(&mut |tape| tape.vector(&mut numbers));
            read(&mut |tape| tape.list(&mut Vec::<usize>::new(), Tape::count));
            assert!(text.capacity() <= 2 * PIECE && numbers.capacity() <= 1 << 21);
        }
        let huge = u64::MAX.to_le_bytes();
        let (mut from, mut done) = (huge.as_slice(), 7);
        let mut tape = Tape::back(&mut from);
        tape.tally(&mut done);
        let fault = tape.end().unwrap_err().to_string();
        assert_eq!((done, fault.as_str()), (7, "a count is too large"));
    }

    #[test]
    fn a_generator_that_draws_zeros_for_ever_is_refused() {
        let mut zeros = "{\"s\":[0,0,0,0]}".to_owned();
        assert!(serde_json::from_str::<Xoshiro256PlusPlus>(&zeros).is_ok());
        let mut bytes = Vec::new();
        Tape::out(&mut bytes).text(&mut zeros);
        let mut from = bytes.as_slice();
        let mut tape = Tape::back(&mut from);
        tape.random(&mut Xoshiro256PlusPlus::seed_from_u64(1));
        assert!(tape.end().is_err());
    }

    #[test]
    fn a_generator_goes_on_where_it_was() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
        random.next_u64();
        let mut bytes = Vec::new();
        Tape::out(&mut bytes).random(&mut random);
        let (mut other, mut from) = (Xoshiro256PlusPlus::seed_from_u64(1), bytes.as_slice());
        let mut tape = Tape::back(&mut from);
        tape.random(&mut other);
        tape.end().unwrap();
        assert_eq!(random.next_u64(), other.next_u64());
    }
}
