//! The canvas every chart draws on: a string that grows by well-formed SVG elements.
//!
//! Flow: chart builder → layout → canvas → one self-contained `<svg>`. Decision: all text and every attribute goes
//! through this file, so escaping happens in one place and no chart can forget it. A DOM crate was refused: the
//! charts need six element kinds.

use std::fmt::Write as _;

use crate::theme;

/// A growing SVG fragment; coordinates are pixels of the enclosing chart, y downwards.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    out: String,
}

/// Where a text's anchor point sits on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Canvas {
    /// Draws a rectangle with rounded corners; a non-empty `tip` becomes its tooltip.
    pub(crate) fn rect(&mut self, class: &str, area: [f64; 4], radius: f64, tip: &str) {
        let [x, y, width, height] = area.map(number);
        let radius = number(radius);
        let attributes = format!(r#" x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}""#);
        self.element("rect", class, &attributes, tip);
    }

    /// Draws a straight line from `from` to `to`.
    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(number);
        let attributes = format!(r#" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}""#);
        self.element("line", class, &attributes, "");
    }

    /// Draws a dot; a non-empty `tip` becomes its tooltip.
    pub(crate) fn dot(&mut self, class: &str, at: (f64, f64), radius: f64, tip: &str) {
        let [cx, cy, r] = [at.0, at.1, radius].map(number);
        let attributes = format!(r#" cx="{cx}" cy="{cy}" r="{r}""#);
        self.element("circle", class, &attributes, tip);
    }

    /// Draws an open line through `points`; fewer than two draw nothing.
    pub(crate) fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        if points.len() < 2 {
            return;
        }
        let mut data = String::new();
        for (index, &(x, y)) in points.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let _ = write!(data, "{command}{} {}", number(x), number(y));
        }
        self.element("path", class, &format!(r#" d="{data}""#), "");
    }

    /// Writes `text` with its anchor at `at` (baseline).
    pub(crate) fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (x, y) = (number(at.0), number(at.1));
        let _ = writeln!(
            self.out,
            r#"<text class="{class}" x="{x}" y="{y}" text-anchor="{anchor}">{}</text>"#,
            escape(text)
        );
    }

    /// Writes `text` as [`Canvas::text`] does, unless there is none.
    pub(crate) fn text_unless_empty(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        if !text.is_empty() {
            self.text(class, at, anchor, text);
        }
    }

    /// Nests another canvas at `at`, clipped to `size`.
    pub(crate) fn nest(&mut self, at: (f64, f64), size: (f64, f64), inner: &Canvas) {
        let [x, y, width, height] = [at.0, at.1, size.0, size.1].map(number);
        let _ = writeln!(
            self.out,
            r#"<svg x="{x}" y="{y}" width="{width}" height="{height}">"#
        );
        self.out.push_str(&inner.out);
        self.out.push_str("</svg>\n");
    }

    /// Wraps what was drawn into a complete document with `title` and `desc` for screen readers.
    pub(crate) fn finish(self, size: (f64, f64), title: &str, desc: &str) -> String {
        let (width, height) = (number(size.0), number(size.1));
        let (title, desc) = (escape(title), escape(desc));
        let mut out = String::with_capacity(self.out.len() + 2_600);
        let _ = writeln!(
            out,
            r#"<svg xmlns="http://www.w3.org/2000/svg" class="rk" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{title}" fill="currentColor" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif" font-size="12">"#
        );
        let _ = writeln!(
            out,
            "<title>{title}</title>\n<desc>{desc}</desc>\n<style>{}</style>",
            theme::CSS
        );
        out.push_str(&self.out);
        out.push_str("</svg>\n");
        out
    }

    fn element(&mut self, name: &str, class: &str, attributes: &str, tip: &str) {
        let _ = write!(
            self.out,
            r#"<{name} class="{class}"{attributes}{}"#,
            theme::plain(class)
        );
        let _ = match tip {
            "" => writeln!(self.out, "/>"),
            tip => writeln!(self.out, "><title>{}</title></{name}>", escape(tip)),
        };
    }
}

/// Escapes `text` for element content and quoted attributes; characters XML 1.0 forbids become U+FFFD.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// Prints a pixel figure with at most two decimals; what is not finite becomes 0, so no `NaN` reaches an attribute.
pub(crate) fn number(value: f64) -> String {
    if value.is_finite() {
        number_with(value, 2)
    } else {
        "0".to_owned()
    }
}

/// Prints a finite `value` with at most `decimals` decimals and no trailing zeros.
pub(crate) fn number_with(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// Estimates how wide `text` is drawn at `size` pixels (no font is available here; errs to the wide side).
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    text.chars()
        .map(|c| if c.is_ascii() { 0.58 } else { 0.95 })
        .sum::<f64>()
        * size
}

/// Cuts `text` with an ellipsis so that it fits into `width` pixels at `size`.
pub(crate) fn fit(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if text_width(&kept, size) + size > width {
            kept.pop();
            break;
        }
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unescape(text: &str) -> String {
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&")
    }

    proptest! {
        #[test]
        fn escaped_text_has_no_markup_and_reads_back(text in "\\PC*") {
            let escaped = escape(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            prop_assert_eq!(escaped.matches('&').count(), escaped.matches(';').count() - text.matches(';').count());
            prop_assert_eq!(unescape(&escaped), text);
        }

        #[test]
        fn no_forbidden_character_survives(text in any::<String>()) {
            prop_assert!(!escape(&text).chars().any(|c| c.is_control()));
        }

        #[test]
        fn numbers_parse_and_are_short(value in any::<f64>()) {
            let text = number(value);
            prop_assert!(text.parse::<f64>().is_ok_and(f64::is_finite));
            prop_assert!(!text.contains(['N', 'i', 'e']));
        }

        #[test]
        fn fitted_text_fits(text in "\\PC{0,60}", width in 20.0..400.0_f64) {
            prop_assert!(text_width(&fit(&text, 12.0, width), 12.0) <= width);
        }
    }

    #[test]
    fn a_script_tag_is_text() {
        assert_eq!(
            escape("<script>a & b</script>"),
            "&lt;script&gt;a &amp; b&lt;/script&gt;"
        );
        assert_eq!(escape("a\u{0}b\u{1b}\n"), "a\u{fffd}b\u{fffd} ");
    }

    #[test]
    fn numbers_are_trimmed() {
        assert_eq!(number(-0.001), "0");
        assert_eq!(number(12.5), "12.5");
        assert_eq!(number(100.0), "100");
        assert_eq!(number(f64::NAN), "0");
    }
}
