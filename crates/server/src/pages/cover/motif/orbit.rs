//! Motifs around a centre: a planet, contour lines, two circles that meet, a burst.
//!
//! One family of those that `draw` chooses from. The decision: numbers come from the brush's seed in a fixed order, so
//! that a film keeps its picture.

use std::f64::consts::{PI, TAU};
use std::fmt::Write;

use super::brush::Brush;

/// A ringed planet among stars.
pub(super) fn sci_fi(b: &mut Brush) {
    let p = b.palette;
    for _ in 0..26 {
        let (at, r) = (
            (b.seed.between(0.0, 240.0), b.seed.between(0.0, 240.0)),
            b.seed.between(0.6, 1.8),
        );
        b.circle(at, r, p.c);
    }
    let (x, y, r) = (
        b.seed.between(90.0, 150.0),
        b.seed.between(100.0, 140.0),
        b.seed.between(44.0, 66.0),
    );
    let tilt = b.seed.between(-32.0, 32.0);
    b.circle((x, y), r, p.a);
    b.path(
        &format!("M{:.1} {y:.1}A{r:.1} {r:.1} 0 0 0 {:.1} {y:.1}Z", x - r, x + r),
        p.b,
    );
    let _ = write!(
        b.out,
        r#"<ellipse cx="{x:.1}" cy="{y:.1}" rx="{:.1}" ry="{:.1}" fill="none" stroke="{}" stroke-width="5" transform="rotate({tilt:.1} {x:.1} {y:.1})"/>"#,
        r * 1.7,
        r * 0.36,
        p.c
    );
    let moon = (b.seed.between(26.0, 60.0), b.seed.between(26.0, 60.0));
    b.circle(moon, 11.0, p.b);
}

/// Contour lines around a place that was looked at closely.
pub(super) fn documentary(b: &mut Brush) {
    let p = b.palette;
    let (x, y) = (b.seed.between(70.0, 170.0), b.seed.between(80.0, 160.0));
    let (squash, turn) = (b.seed.between(0.55, 0.9), b.seed.between(-40.0, 40.0));
    for line in (1..12).rev() {
        let rx = 16.0 * f64::from(line);
        let fill = if line % 4 == 0 { p.c } else { "none" };
        let _ = write!(
            b.out,
            r#"<ellipse cx="{x:.1}" cy="{y:.1}" rx="{rx:.1}" ry="{:.1}" fill="{fill}" stroke="{}" stroke-width="2" transform="rotate({turn:.1} {x:.1} {y:.1})"/>"#,
            rx * squash,
            p.a
        );
    }
    b.circle((x, y), 7.0, p.b);
}

/// Two circles that meet.
pub(super) fn romance(b: &mut Brush) {
    let (p, r) = (b.palette, b.seed.between(58.0, 74.0));
    let (apart, tilt) = (r * b.seed.between(0.55, 0.8), b.seed.between(-0.9, 0.9));
    let (dx, dy) = (apart * tilt.cos(), apart * tilt.sin());
    let (left, right) = ((120.0 - dx, 120.0 - dy), (120.0 + dx, 120.0 + dy));
    b.circle(left, r, p.a);
    b.circle(right, r, p.b);
    let half = (r * r - apart * apart).sqrt();
    let (top, foot) = (
        (120.0 + half * tilt.sin(), 120.0 - half * tilt.cos()),
        (120.0 - half * tilt.sin(), 120.0 + half * tilt.cos()),
    );
    b.path(
        &format!(
            "M{:.1} {:.1}A{r:.1} {r:.1} 0 0 1 {:.1} {:.1}A{r:.1} {r:.1} 0 0 1 {:.1} {:.1}Z",
            top.0, top.1, foot.0, foot.1, top.0, top.1
        ),
        p.c,
    );
}

/// A burst of wedges.
pub(super) fn action(b: &mut Brush) {
    let p = b.palette;
    let (x, y) = (b.seed.between(40.0, 200.0), b.seed.between(70.0, 190.0));
    let (wedges, turn) = (9 + b.seed.below(5), b.seed.between(0.0, TAU));
    for wedge in 0..wedges {
        let at = turn + TAU * wedge as f64 / wedges as f64;
        let far = |angle: f64| (x + 360.0 * angle.cos(), y + 360.0 * angle.sin());
        let fill = if wedge % 2 == 0 { p.a } else { p.b };
        b.polygon(&[(x, y), far(at), far(at + TAU / wedges as f64 * 0.5)], fill);
    }
    let points = |inner: f64, outer: f64| -> Vec<(f64, f64)> {
        let corner = |k: i32| {
            let (r, angle) = (
                if k % 2 == 0 { outer } else { inner },
                turn + PI * f64::from(k) / 8.0,
            );
            (x + r * angle.cos(), y + r * angle.sin())
        };
        (0..16).map(corner).collect()
    };
    b.polygon(&points(26.0, 50.0), p.c);
}
