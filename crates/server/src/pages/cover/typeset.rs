//! Typesetting of titles: the largest size at which a title breaks into few enough lines.
//!
//! System fonts differ and the server cannot measure them, so widths are estimated per character, on the wide side.

/// A title broken into lines.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setting {
    /// Font size, pixels.
    pub(super) size: f64,
    /// Lines, none empty.
    pub(super) lines: Vec<String>,
}

/// Sizes tried, largest first, with the most lines each may take.
const SIZES: [(f64, usize); 6] = [(34.0, 2), (28.0, 3), (24.0, 3), (20.0, 4), (17.0, 5), (14.0, 6)];

/// Sets `title` into `width` pixels; what does not fit at the smallest size is cut with an ellipsis.
pub(super) fn set(title: &str, width: f64) -> Setting {
    let words: Vec<&str> = title.split_whitespace().collect();
    for (size, most) in SIZES {
        let whole = words.iter().all(|word| wide(word) * size <= width);
        let lines = fill(&words, width / size);
        if whole && lines.len() <= most {
            return Setting {
                size,
                lines: balance(&words, width / size, lines),
            };
        }
    }
    let (size, most) = SIZES[SIZES.len() - 1];
    Setting {
        size,
        lines: cut(&words, width / size, most),
    }
}

/// Breaks greedily into lines of at most `width` em.
fn fill(words: &[&str], width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if wide(line) + wide(" ") + wide(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push((*word).to_owned()),
        }
    }
    lines
}

/// The narrowest setting with as many lines: no single short word on the last one.
fn balance(words: &[&str], width: f64, lines: Vec<String>) -> Vec<String> {
    let narrower = |tenth: i32| fill(words, width * (1.0 - 0.05 * f64::from(tenth)));
    let fits = |set: &Vec<String>| set.len() == lines.len() && set.iter().all(|line| wide(line) <= width);
    (1..=8).map(narrower).take_while(fits).last().unwrap_or(lines)
}

/// Breaks within words too and cuts after `most` lines.
fn cut(words: &[&str], width: f64, most: usize) -> Vec<String> {
    let pieces: Vec<String> = words.iter().flat_map(|word| split(word, width)).collect();
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let mut lines = fill(&pieces, width);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines
}

/// A word in pieces of at most `width` em (one character at least).
fn split(word: &str, width: f64) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for c in word.chars() {
        let full = pieces
            .last()
            .is_some_and(|piece| !piece.is_empty() && wide(piece) + em(c) > width);
        if full {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}

/// Estimated width of a text, in em.
pub(super) fn wide(text: &str) -> f64 {
    text.chars().map(em).sum()
}

fn em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '!' | '|' | '’' => 0.33,
        'f' | 't' | 'r' | ' ' | '-' | '(' | ')' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '&' | '…' => 0.98,
        'a'..='z' | '0'..='9' => 0.61,
        'A'..='Z' => 0.76,
        _ if (c as u32) < 0x1100 => 0.66,
        _ => 1.05,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_titles_are_large_and_long_ones_small() {
        assert_eq!(
            set("Heat", 204.0),
            Setting {
                size: 34.0,
                lines: vec!["Heat".to_owned()]
            }
        );
        let long = set(
            "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb",
            204.0,
        );
        assert!(long.size < 24.0 && long.lines.len() > 2, "{long:?}");
    }

    #[test]
    fn lines_are_balanced() {
        let set = set("Some Like It Hot", 204.0);
        assert_eq!(set.lines, ["Some Like", "It Hot"]);
    }

    #[test]
    fn a_word_wider_than_the_cover_is_broken() {
        let set = set(&"x".repeat(80), 100.0);
        assert!(
            set.lines.len() > 2 && set.lines.iter().all(|line| wide(line) * set.size <= 110.0),
            "{set:?}"
        );
    }

    proptest! {
        #[test]
        fn any_title_fits(title in "\\PC{0,200}") {
            let set = set(&title, 204.0);
            prop_assert!(set.lines.len() <= 6);
            let room = 204.0 + wide("…") * set.size;
            prop_assert!(set.lines.iter().all(|line| !line.is_empty() && wide(line) * set.size <= room), "{:?}", set);
        }
    }
}
