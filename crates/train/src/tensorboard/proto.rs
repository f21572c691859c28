//! The little of protobuf's wire format that event files need.
//!
//! Decision: encode only, by appending; default values (0, empty) are left out as proto3 does.

/// A message being encoded; every method appends one field.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Message {
    bytes: Vec<u8>,
}

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const BYTES: u64 = 2;
const FIXED_32: u64 = 5;

impl Message {
    /// The encoded fields so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// `int64` or an enumeration.
    pub(crate) fn integer(self, field: u32, value: i64) -> Message {
        if value == 0 {
            return self;
        }
        self.key(field, VARINT).varint(value.cast_unsigned())
    }

    /// `bool`, or any other variable-length number, written even when 0 (one of a choice).
    pub(crate) fn varied(self, field: u32, value: u64) -> Message {
        self.key(field, VARINT).varint(value)
    }

    /// `double`.
    pub(crate) fn double(mut self, field: u32, value: f64) -> Message {
        self = self.key(field, FIXED_64);
        self.bytes.extend(value.to_le_bytes());
        self
    }

    /// `float`, rounded from f64.
    pub(crate) fn float(mut self, field: u32, value: f64) -> Message {
        self = self.key(field, FIXED_32);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the field is a float; rounding is meant"
        )]
        self.bytes.extend((value as f32).to_le_bytes());
        self
    }

    /// `string` or `bytes`, written even when empty (an element of a repeated field may be).
    pub(crate) fn string(self, field: u32, value: &str) -> Message {
        self.delimited(field, value.as_bytes())
    }

    /// A message inside this one.
    pub(crate) fn message(self, field: u32, inner: &Message) -> Message {
        self.delimited(field, &inner.bytes)
    }

    /// `repeated double`, packed.
    pub(crate) fn doubles(self, field: u32, values: &[f64]) -> Message {
        let packed: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.delimited(field, &packed)
    }

    /// The fields of another message of the same type, after this one's.
    pub(crate) fn append(mut self, other: &Message) -> Message {
        self.bytes.extend(&other.bytes);
        self
    }

    fn key(self, field: u32, kind: u64) -> Message {
        self.varint(u64::from(field) << 3 | kind)
    }

    fn delimited(mut self, field: u32, value: &[u8]) -> Message {
        self = self.key(field, BYTES).varint(value.len() as u64);
        self.bytes.extend(value);
        self
    }

    fn varint(mut self, mut value: u64) -> Message {
        while value > 0x7f {
            self.bytes.push(0x80 | value.to_le_bytes()[0]);
            value >>= 7;
        }
        self.bytes.push(value.to_le_bytes()[0]);
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_varint(bytes: &[u8]) -> (u64, usize) {
        let end = bytes.iter().position(|b| b & 0x80 == 0).unwrap();
        let value = bytes[..=end]
            .iter()
            .rev()
            .fold(0_u64, |value, b| value << 7 | u64::from(b & 0x7f));
        (value, end + 1)
    }

    #[test]
    fn the_examples_of_the_protobuf_guide() {
        assert_eq!(Message::default().integer(1, 150).bytes(), [0x08, 0x96, 0x01]);
        assert_eq!(
            Message::default().string(2, "testing").bytes(),
            b"\x12\x07testing"
        );
        let inner = Message::default().integer(1, 150);
        assert_eq!(
            Message::default().message(3, &inner).bytes(),
            [0x1a, 0x03, 0x08, 0x96, 0x01]
        );
        assert_eq!(Message::default().integer(2, -2).bytes().len(), 11);
    }

    #[test]
    fn zero_is_left_out() {
        assert!(Message::default().integer(4, 0).bytes().is_empty());
        assert_eq!(Message::default().double(1, 0.0).bytes().len(), 9);
    }

    proptest! {
        #[test]
        fn varints_read_back(value in any::<u64>()) {
            let message = Message::default().varint(value);
            prop_assert_eq!(read_varint(message.bytes()), (value, message.bytes().len()));
            prop_assert!(message.bytes().len() <= 10);
        }

        #[test]
        fn strings_read_back(field in 1..5_000_u32, text in ".{0,300}") {
            let message = Message::default().string(field, &text);
            let (key, used) = read_varint(message.bytes());
            let (length, more) = read_varint(&message.bytes()[used..]);
            prop_assert_eq!(key, u64::from(field) << 3 | BYTES);
            prop_assert_eq!(length, text.len() as u64);
            prop_assert_eq!(&message.bytes()[used + more..], text.as_bytes());
        }
    }
}
