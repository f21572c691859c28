//! The brush that motifs draw with: SVG elements in the colours of a palette.
//!
//! The decision: it writes text as it goes and knows few shapes, so that a cover is two kilobytes.

use std::fmt::Write;

use super::super::palette::Palette;
use super::super::seed::Seed;

/// The brush that draws a motif: colours, seed, and the SVG so far.
pub(in crate::pages::cover) struct Brush {
    /// Colours.
    pub(in crate::pages::cover) palette: Palette,
    /// Numbers.
    pub(in crate::pages::cover) seed: Seed,
    /// Elements drawn.
    pub(in crate::pages::cover) out: String,
}

impl Brush {
    pub(super) fn circle(&mut self, (x, y): (f64, f64), r: f64, fill: &str) {
        let _ = write!(
            self.out,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{r:.1}" fill="{fill}"/>"#
        );
    }

    pub(super) fn ring(&mut self, (x, y): (f64, f64), r: f64, width: f64, stroke: &str) {
        let _ = write!(
            self.out,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{r:.1}" fill="none" stroke="{stroke}" stroke-width="{width:.1}"/>"#
        );
    }

    pub(super) fn rect(&mut self, [x, y, width, height]: [f64; 4], fill: &str) {
        let _ = write!(
            self.out,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{fill}"/>"#
        );
    }

    pub(super) fn polygon(&mut self, points: &[(f64, f64)], fill: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(
            self.out,
            r#"<polygon points="{}" fill="{fill}"/>"#,
            points.join(" ")
        );
    }

    pub(super) fn path(&mut self, data: &str, fill: &str) {
        let _ = write!(self.out, r#"<path d="{data}" fill="{fill}"/>"#);
    }

    pub(super) fn stroke(&mut self, data: &str, width: f64, stroke: &str) {
        let _ = write!(
            self.out,
            r#"<path d="{data}" fill="none" stroke="{stroke}" stroke-width="{width:.1}" stroke-linecap="round"/>"#
        );
    }

    /// A quarter disc in the square at `(x, y)`, its corner `turn` quarter turns on.
    pub(super) fn quarter(&mut self, (x, y): (f64, f64), side: f64, turn: usize, fill: &str) {
        let corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)];
        let ((cx, cy), (ax, ay), (bx, by)) = (
            corners[turn % 4],
            corners[(turn + 1) % 4],
            corners[(turn + 3) % 4],
        );
        self.path(
            &format!("M{cx:.1} {cy:.1}L{ax:.1} {ay:.1}A{side:.1} {side:.1} 0 0 1 {bx:.1} {by:.1}Z"),
            fill,
        );
    }

    pub(super) fn colour(&mut self) -> &'static str {
        [self.palette.a, self.palette.b, self.palette.c][self.seed.below(3)]
    }
}
