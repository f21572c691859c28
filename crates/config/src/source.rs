//! A configuration text with its name: turns byte offsets into lines and columns, and makes faults.

use crate::{Fault, nearest};
use std::ops::Range;

/// Text and file name of a configuration.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The whole text.
    pub text: &'a str,
    /// The name that faults print.
    pub file: &'a str,
}

impl<'a> Source<'a> {
    /// Names a text.
    #[must_use]
    pub fn new(text: &'a str, file: &'a str) -> Source<'a> {
        Source { text, file }
    }

    /// Line and column (both from 1, column in characters) of a byte offset; offsets past the end mean the end.
    #[must_use]
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }

    /// A fault at a place.
    #[must_use]
    pub fn fault(&self, at: Range<usize>, key: &str, message: impl Into<String>) -> Fault {
        let (line, column) = self.position(at.start);
        let (key, message) = (key.to_owned(), shorten(&message.into()));
        Fault {
            file: self.file.to_owned(),
            line,
            column,
            key,
            message,
            nearest: None,
        }
    }

    /// A fault about a name that is none of `known`, with the nearest of them.
    #[must_use]
    pub fn unknown<'k>(
        &self,
        at: Range<usize>,
        key: &str,
        message: impl Into<String>,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Fault {
        Fault {
            nearest: nearest(key, known).map(str::to_owned),
            ..self.fault(at, key, message)
        }
    }
}

/// The longest message a fault prints, in characters: foreign text may be in it.
const LONGEST: usize = 300;

/// One line of at most [`LONGEST`] characters.
fn shorten(message: &str) -> String {
    let line: String = message
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if message.chars().nth(LONGEST).is_some() {
        line + "…"
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let source = Source::new("aé\nxyz\n", "f");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(3), (1, 3));
        assert_eq!(source.position(4), (2, 1));
        assert_eq!(source.position(2), (1, 2), "inside é counts as its start");
        assert_eq!(source.position(999), (3, 1));
    }

    #[test]
    fn messages_are_short_single_lines() {
        let fault = Source::new("", "f").fault(0..0, "k", "a\nb".repeat(400));
        assert_eq!(fault.message.chars().count(), LONGEST + 1);
        assert!(!fault.message.contains('\n'));
    }
}
