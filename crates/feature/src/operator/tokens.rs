//! Texts cut into tokens, in reused buffers.
//!
//! A word is a run of letters and digits; a character of the CJK scripts is a token of its own. Decision: tokens lie one
//! behind the other in one buffer, a space between those that do not touch in a script without spaces, so that an n-gram
//! is a slice of the buffer and costs nothing.

use crate::Scratch;

/// How texts are cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cutter {
    /// Every letter or digit is a token.
    pub(super) chars: bool,
    /// Upper case becomes lower case (Unicode, without locale).
    pub(super) lower: bool,
    /// Full-width forms become the usual ones.
    pub(super) halfwidth: bool,
}

impl Cutter {
    /// Appends the tokens of a text to the buffers.
    pub(super) fn cut(&self, text: &str, scratch: &mut Scratch) {
        let Scratch {
            text: buffer, spans, ..
        } = scratch;
        let mut open = false;
        for c in text.chars() {
            let c = if self.halfwidth { halfwidth(c) } else { c };
            if !c.is_alphanumeric() {
                open = false;
                continue;
            }
            let alone = cjk(c);
            if !(open && (self.chars || !alone)) {
                if !buffer.is_empty() {
                    buffer.push(' ');
                }
                spans.push((buffer.len(), buffer.len()));
            } else if self.chars {
                spans.push((buffer.len(), buffer.len()));
            }
            push(c, self.lower, buffer);
            if let Some(span) = spans.last_mut() {
                span.1 = buffer.len();
            }
            open = self.chars || !alone;
        }
    }
}

fn push(c: char, lower: bool, buffer: &mut String) {
    if lower {
        buffer.extend(c.to_lowercase());
    } else {
        buffer.push(c);
    }
}

/// U+FF01..U+FF5E to ASCII.
fn halfwidth(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        c => c,
    }
}

/// Han, kana, Hangul.
fn cjk(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}' | '\u{3040}'..='\u{30ff}' | '\u{3130}'..='\u{318f}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str, chars: bool) -> Vec<String> {
        let mut scratch = Scratch::default();
        let cutter = Cutter {
            chars,
            lower: true,
            halfwidth: true,
        };
        cutter.cut(text, &mut scratch);
        let spans = scratch.spans.iter();
        spans
            .map(|(from, to)| scratch.text[*from..*to].to_owned())
            .collect()
    }

    #[test]
    fn words_and_cjk_characters() {
        assert_eq!(
            tokens("Star-Wars II: 帝国 strikes", false),
            ["star", "wars", "ii", "帝", "国", "strikes"]
        );
        assert_eq!(tokens("ＡＢＣ１　x", false), ["abc1", "x"]);
        assert_eq!(tokens("x帝y", false), ["x", "帝", "y"]);
        assert!(tokens(" ,.!", false).is_empty());
    }

    #[test]
    fn characters_one_by_one() {
        assert_eq!(tokens("ab 帝c", true), ["a", "b", "帝", "c"]);
    }
}
