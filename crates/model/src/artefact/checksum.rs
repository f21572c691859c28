//! Checksums: xxh3_128 as 32 hex digits. They find damage, not malice.

use std::io::{self, Write};

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Where the manifest's own checksum stands: the last key of the file.
const KEY: &[u8] = b"\"checksum\": \"";
const DIGITS: usize = 32;

/// Returns the checksum of some bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

/// Passes on what is written, and knows its checksum and length.
pub(super) struct Summing<W> {
    to: W,
    sum: Xxh3,
    bytes: u64,
}

impl<W: Write> Summing<W> {
    pub(super) fn new(to: W) -> Self {
        Self {
            to,
            sum: Xxh3::new(),
            bytes: 0,
        }
    }

    /// Where it went, how many bytes, and their checksum as [`hex`] has it.
    pub(super) fn end(self) -> (W, u64, String) {
        (self.to, self.bytes, format!("{:032x}", self.sum.digest128()))
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.to.write(bytes)?;
        self.sum.update(&bytes[..taken]);
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Writes the checksum of a manifest's text into its `checksum` key, taken over the text with zeros in that place.
pub(super) fn seal(text: &mut String) {
    if let Some(at) = place(text.as_bytes()) {
        text.replace_range(at..at + DIGITS, &"0".repeat(DIGITS));
        let sum = hex(text.as_bytes());
        text.replace_range(at..at + DIGITS, &sum);
    }
}

/// Returns (checksum in the text, checksum of the text); none if it has no place for one.
pub(super) fn sealed(text: &[u8]) -> Option<(String, String)> {
    let at = place(text)?;
    let mut zeroed = text.to_vec();
    let written = String::from_utf8_lossy(&text[at..at + DIGITS]).into_owned();
    zeroed[at..at + DIGITS].fill(b'0');
    Some((written, hex(&zeroed)))
}

/// Finds the digits of the last `checksum` key.
fn place(text: &[u8]) -> Option<usize> {
    let at = text.windows(KEY.len()).rposition(|w| w == KEY)? + KEY.len();
    (at + DIGITS <= text.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_summed_on_its_way_has_the_checksum_of_the_whole() {
        let bytes: Vec<u8> = (0..5000u32).map(|i| (i * 7 % 251) as u8).collect();
        let mut summing = Summing::new(Vec::new());
        bytes.chunks(77).for_each(|part| summing.write_all(part).unwrap());
        assert_eq!(summing.end(), (bytes.clone(), 5000, hex(&bytes)));
    }

    #[test]
    fn sealing_finds_any_change() {
        let mut text = format!("{{\"a\": 1,\n \"checksum\": \"{}\"}}", "0".repeat(32));
        seal(&mut text);
        let (written, computed) = sealed(text.as_bytes()).unwrap();
        assert_eq!(written, computed);
        let mut bytes = text.into_bytes();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert!(
                sealed(&bytes).is_none_or(|(written, computed)| written != computed),
                "byte {at}"
            );
            bytes[at] ^= 1;
        }
        assert_eq!(sealed(b"{}"), None);
        assert_eq!(sealed(b"\"checksum\": \"12"), None);
    }
}
