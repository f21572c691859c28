//! Motifs that repeat one small thing: bars of a sound, frames, blocks, smiles.
//!
//! One family of those that `draw` chooses from. The decision: numbers come from the brush's seed in a fixed order, so
//! that a film keeps its picture.

use std::f64::consts::{PI, TAU};

use super::brush::Brush;

/// The bars of a sound, and a record.
pub(super) fn musical(b: &mut Brush) {
    let p = b.palette;
    let (x, y) = (b.seed.between(70.0, 170.0), b.seed.between(76.0, 100.0));
    b.circle((x, y), 62.0, p.b);
    for ring in 1..4 {
        b.ring((x, y), 20.0 + 11.0 * f64::from(ring), 1.4, p.field);
    }
    b.circle((x, y), 20.0, p.c);
    b.circle((x, y), 4.0, p.field);
    let phase = b.seed.between(0.0, TAU);
    for bar in 0..12 {
        let height = 30.0 + 34.0 * (phase + f64::from(bar) * 0.8).sin().abs() + b.seed.between(0.0, 26.0);
        b.rect([f64::from(bar) * 20.0 + 3.0, 240.0 - height, 14.0, height], p.a);
    }
}

/// A ball that bounces in four frames.
pub(super) fn animation(b: &mut Brush) {
    let (p, drop) = (b.palette, b.seed.between(0.0, PI));
    b.rect([0.0, 196.0, 240.0, 50.0], p.b);
    for frame in 0..9 {
        let x = 12.0 + 27.0 * f64::from(frame);
        let y = 172.0 - 124.0 * (drop + f64::from(frame) * 0.62).sin().abs();
        b.circle(
            (x, y),
            5.0 + 2.6 * f64::from(frame),
            if frame == 8 { p.a } else { p.c },
        );
        b.ring((x, y), 5.0 + 2.6 * f64::from(frame), 2.0, p.field);
    }
}

/// Building blocks.
pub(super) fn children(b: &mut Brush) {
    for row in 0..3 {
        for column in 0..3 {
            let (at, turn) = ((f64::from(column) * 80.0, f64::from(row) * 80.0), b.seed.below(5));
            let (under, over) = (b.colour(), b.colour());
            b.rect([at.0, at.1, 80.0, 80.0], under);
            let over = if over == under { b.palette.field } else { over };
            match turn {
                4 => b.circle((at.0 + 40.0, at.1 + 40.0), 28.0, over),
                turn => b.quarter(at, 80.0, turn, over),
            }
        }
    }
}

/// Smiles, scattered.
pub(super) fn comedy(b: &mut Brush) {
    let p = b.palette;
    let side = 60.0;
    for row in 0..4 {
        for column in 0..4 {
            let (x, y) = (
                f64::from(column) * side + side / 2.0,
                f64::from(row) * side + side / 2.0,
            );
            let (fill, flat) = (b.colour(), b.seed.below(4));
            let r = side * 0.4;
            let (from, to) = match flat {
                0 => ((x - r, y), (x + r, y)),
                1 => ((x + r, y), (x - r, y)),
                2 => ((x, y - r), (x, y + r)),
                _ => ((x, y + r), (x, y - r)),
            };
            b.path(
                &format!(
                    "M{:.1} {:.1}A{r:.1} {r:.1} 0 0 0 {:.1} {:.1}Z",
                    from.0, from.1, to.0, to.1
                ),
                fill,
            );
        }
    }
    let (x, y) = (f64::from(1 + i8::from(b.seed.coin())) * side, 120.0);
    b.circle((x + 30.0, y), 50.0, p.field);
    b.circle((x + 30.0, y), 42.0, p.a);
    b.stroke(
        &format!(
            "M{:.1} {:.1}A24 24 0 0 0 {:.1} {:.1}",
            x + 8.0,
            y + 6.0,
            x + 52.0,
            y + 6.0
        ),
        6.0,
        p.field,
    );
}
