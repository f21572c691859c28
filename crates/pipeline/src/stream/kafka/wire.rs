//! A connection to a broker, and the numbers and texts its messages are made of.
//!
//! Every length that a broker sends is checked against the bytes that are there, so that no bytes make it panic.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::error::PipelineError;
use crate::stream::bytes::Input;

/// The longest answer that is read.
const MAX_ANSWER: usize = 256 << 20;
/// How long connecting may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection.
#[derive(Debug)]
pub(super) struct Broker {
    socket: TcpStream,
    asked: i32,
}

impl Broker {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// `Kafka`, transient: nobody there.
    pub(super) fn connect(address: &str) -> Result<Broker, PipelineError> {
        let open = || -> std::io::Result<TcpStream> {
            let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "no address");
            for found in address.to_socket_addrs()? {
                match TcpStream::connect_timeout(&found, PATIENCE) {
                    Ok(socket) => {
                        socket.set_nodelay(true)?;
                        return Ok(socket);
                    }
                    Err(error) => last = error,
                }
            }
            Err(last)
        };
        let socket = open().map_err(|e| lost(&format!("connect to {address}"), &e.to_string()))?;
        Ok(Broker { socket, asked: 0 })
    }

    /// Asks, and waits for the answer: what stands behind its head. `wait` is how long the broker itself may take.
    ///
    /// # Errors
    /// `Kafka`, transient: the connection is gone, or the answer is another question's.
    pub(super) fn ask(&mut self, question: Question, wait: Duration) -> Result<Vec<u8>, PipelineError> {
        self.asked = self.asked.wrapping_add(1);
        let bytes = question.bytes(self.asked);
        let mut run = || -> std::io::Result<Vec<u8>> {
            self.socket.set_read_timeout(Some(wait + PATIENCE))?;
            self.socket.write_all(&bytes)?;
            let mut length = [0; 4];
            self.socket.read_exact(&mut length)?;
            let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
            if !(4..=MAX_ANSWER).contains(&length) {
                let told = format!("an answer of {length} bytes");
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, told));
            }
            // grows as bytes come: the length alone takes no memory
            let mut answer = Vec::new();
            let read = (&mut self.socket).take(length as u64).read_to_end(&mut answer)?;
            match read == length {
                true => Ok(answer),
                false => Err(std::io::ErrorKind::UnexpectedEof.into()),
            }
        };
        let answer = run().map_err(|e| lost("ask the broker", &e.to_string()))?;
        match answer.strip_prefix(&self.asked.to_be_bytes()) {
            Some(body) => Ok(body.to_vec()),
            None => Err(lost("ask the broker", "the answer belongs to another question")),
        }
    }
}

/// A message to a broker.
#[derive(Debug)]
pub(super) struct Question {
    key: i16,
    version: i16,
    body: Vec<u8>,
}

impl Question {
    /// Of an API and a version of it.
    pub(super) fn new(key: i16, version: i16) -> Question {
        Question {
            key,
            version,
            body: Vec::new(),
        }
    }

    pub(super) fn i8(mut self, number: i8) -> Question {
        self.body.extend(number.to_be_bytes());
        self
    }

    pub(super) fn i32(mut self, number: i32) -> Question {
        self.body.extend(number.to_be_bytes());
        self
    }

    pub(super) fn i64(mut self, number: i64) -> Question {
        self.body.extend(number.to_be_bytes());
        self
    }

    pub(super) fn text(mut self, text: &str) -> Question {
        put_text(&mut self.body, text);
        self
    }

    /// With its length and head.
    fn bytes(&self, number: i32) -> Vec<u8> {
        let mut head = Vec::new();
        head.extend(self.key.to_be_bytes());
        head.extend(self.version.to_be_bytes());
        head.extend(number.to_be_bytes());
        put_text(&mut head, "rankine");
        let length = i32::try_from(head.len() + self.body.len()).unwrap_or(i32::MAX);
        [&length.to_be_bytes(), head.as_slice(), &self.body].concat()
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend(i16::try_from(text.len()).unwrap_or(i16::MAX).to_be_bytes());
    out.extend(text.as_bytes());
}

/// What a broker sent.
pub(super) fn unread(bytes: &[u8]) -> Input<'_> {
    Input::new(bytes, wrong)
}

impl<'a> Input<'a> {
    /// A length or a count; none where it is below zero, which stands for null.
    pub(super) fn count(&mut self) -> Result<Option<usize>, PipelineError> {
        Ok(usize::try_from(self.i32()?).ok())
    }

    /// A text; null is an empty one.
    pub(super) fn text(&mut self) -> Result<&'a str, PipelineError> {
        let length = usize::try_from(self.i16()?).unwrap_or(0);
        std::str::from_utf8(self.take(length)?).map_err(|e| wrong("UTF-8", &e.to_string()))
    }

    /// A whole number in seven-bit groups, with the sign in the lowest bit.
    pub(super) fn varint(&mut self) -> Result<i64, PipelineError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
            }
        }
        Err(wrong("a number of at most ten bytes", "more"))
    }

    /// Bytes behind their length as a [`Input::varint`]; none for null.
    pub(super) fn piece(&mut self) -> Result<Option<&'a [u8]>, PipelineError> {
        match usize::try_from(self.varint()?) {
            Ok(length) => self.take(length).map(Some),
            Err(_) => Ok(None),
        }
    }
}

/// Bytes that are no answer.
pub(super) fn wrong(expected: &str, got: &str) -> PipelineError {
    PipelineError::Kafka {
        action: "read the broker's answer".to_owned(),
        reason: format!("expected {expected}, got {got}"),
        transient: false,
    }
}

/// What another connection may mend.
pub(super) fn lost(action: &str, reason: &str) -> PipelineError {
    PipelineError::Kafka {
        action: action.to_owned(),
        reason: reason.to_owned(),
        transient: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn varint(number: i64) -> Vec<u8> {
        let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
        let mut bytes = Vec::new();
        loop {
            let low = u8::try_from(rest & 0x7f).unwrap();
            rest >>= 7;
            if rest == 0 {
                bytes.push(low);
                return bytes;
            }
            bytes.push(low | 0x80);
        }
    }

    proptest! {
        #[test]
        fn a_varint_comes_back(number: i64) {
            prop_assert_eq!(unread(&varint(number)).varint().unwrap(), number);
        }
    }

    #[test]
    fn a_question_has_its_length_in_front() {
        let bytes = Question::new(3, 2).i32(-1).bytes(7);
        assert_eq!(
            bytes,
            b"\0\0\0\x15\0\x03\0\x02\0\0\0\x07\0\x07rankine\xff\xff\xff\xff"
        );
    }

    #[test]
    fn nobody_there_is_worth_another_try() {
        let error = Broker::connect("127.0.0.1:1").unwrap_err();
        assert!(
            error.is_transient() && error.to_string().contains("127.0.0.1:1"),
            "{error}"
        );
    }
}
