//! Motifs with a horizon: suns over mountains, towers, broken lines, reflections.
//!
//! One family of those that `draw` chooses from. The decision: numbers come from the brush's seed in a fixed order, so
//! that a film keeps its picture.

use std::f64::consts::PI;

use super::brush::Brush;

/// A sun with rays over table mountains.
pub(super) fn western(b: &mut Brush) {
    let (x, p) = (b.seed.between(70.0, 170.0), b.palette);
    for ray in 0..14 {
        let (from, to) = (
            PI * f64::from(ray) / 14.0 + PI,
            PI * (f64::from(ray) + 0.5) / 14.0 + PI,
        );
        let far = |angle: f64| (x + 320.0 * angle.cos(), 168.0 + 320.0 * angle.sin());
        b.polygon(&[(x, 168.0), far(from), far(to)], p.b);
    }
    let r = b.seed.between(46.0, 64.0);
    b.circle((x, 168.0), r, p.a);
    let mesa = b.seed.between(10.0, 60.0);
    b.polygon(
        &[
            (mesa, 184.0),
            (mesa + 16.0, 128.0),
            (mesa + 58.0, 128.0),
            (mesa + 76.0, 184.0),
        ],
        p.c,
    );
    b.polygon(
        &[
            (mesa + 110.0, 184.0),
            (mesa + 120.0, 150.0),
            (mesa + 190.0, 150.0),
            (mesa + 206.0, 184.0),
        ],
        p.c,
    );
    b.rect([0.0, 182.0, 240.0, 60.0], p.c);
}

/// Searchlights over a broken horizon.
pub(super) fn war(b: &mut Brush) {
    let p = b.palette;
    for _ in 0..3 {
        let (from, to) = (b.seed.between(20.0, 220.0), b.seed.between(-40.0, 280.0));
        b.polygon(&[(from, 200.0), (to - 22.0, -10.0), (to + 22.0, -10.0)], p.a);
    }
    let at = (b.seed.between(60.0, 180.0), b.seed.between(50.0, 80.0));
    b.circle(at, 22.0, p.c);
    let mut points = vec![(0.0, 250.0), (0.0, 190.0)];
    for step in 1..=12 {
        points.push((f64::from(step) * 20.0 - 8.0, b.seed.between(158.0, 206.0)));
    }
    points.extend([(240.0, 190.0), (240.0, 250.0)]);
    b.polygon(&points, p.b);
    b.rect([0.0, 214.0, 240.0, 30.0], p.ground);
}

/// Towers under a crescent.
pub(super) fn fantasy(b: &mut Brush) {
    let p = b.palette;
    let moon = (b.seed.between(50.0, 190.0), b.seed.between(46.0, 70.0));
    b.circle(moon, 30.0, p.c);
    b.circle((moon.0 + 12.0, moon.1 - 6.0), 26.0, p.field);
    let mut x = -6.0;
    while x < 240.0 {
        let (width, top) = (b.seed.between(26.0, 46.0), b.seed.between(96.0, 186.0));
        let fill = if b.seed.coin() { p.a } else { p.b };
        b.rect([x, top, width, 250.0 - top], fill);
        b.polygon(
            &[
                (x - 4.0, top),
                (x + width + 4.0, top),
                (x + width / 2.0, top - width * 1.15),
            ],
            fill,
        );
        b.rect([x + width / 2.0 - 3.0, top + 14.0, 6.0, 12.0], p.c);
        x += width + b.seed.between(2.0, 12.0);
    }
}

/// Ranges of mountains with a sun.
pub(super) fn adventure(b: &mut Brush) {
    let p = b.palette;
    let sun = (b.seed.between(50.0, 190.0), b.seed.between(50.0, 84.0));
    let r = b.seed.between(24.0, 38.0);
    b.circle(sun, r, p.a);
    for (base, fill) in [(118.0, p.c), (160.0, p.b), (206.0, p.ground)] {
        let mut points = vec![(-10.0, 250.0)];
        let mut x = -30.0;
        while x < 270.0 {
            points.push((x, base + b.seed.between(12.0, 34.0)));
            x += b.seed.between(26.0, 46.0);
            points.push((x, base - b.seed.between(14.0, 46.0)));
            x += b.seed.between(26.0, 46.0);
        }
        points.push((270.0, 250.0));
        b.polygon(&points, fill);
    }
}

/// A low sun, its reflection, one line between them.
pub(super) fn drama(b: &mut Brush) {
    let (p, horizon) = (b.palette, b.seed.between(124.0, 158.0));
    let (x, r) = (b.seed.between(70.0, 170.0), b.seed.between(48.0, 76.0));
    match b.seed.below(3) {
        0 => {
            b.circle((x, horizon), r, p.a);
            b.rect([0.0, horizon, 240.0, 130.0], p.b);
            for line in 1..5 {
                let k = f64::from(line);
                b.rect(
                    [x - r + 9.0 * k, horizon + 14.0 * k, 2.0 * r - 18.0 * k, 5.0],
                    p.c,
                );
            }
        }
        1 => {
            b.rect([0.0, 0.0, x, 250.0], p.a);
            b.circle((x, 120.0), r, p.c);
            b.path(
                &format!(
                    "M{x:.1} {:.1}A{r:.1} {r:.1} 0 0 1 {x:.1} {:.1}Z",
                    120.0 - r,
                    120.0 + r
                ),
                p.b,
            );
        }
        _ => {
            for arch in 0..4 {
                let r = 112.0 - 26.0 * f64::from(arch);
                let fill = [p.a, p.b, p.c, p.field][arch as usize];
                b.path(
                    &format!(
                        "M{:.1} 250V{:.1}A{r:.1} {r:.1} 0 0 1 {:.1} {:.1}V250Z",
                        x - r,
                        horizon,
                        x + r,
                        horizon
                    ),
                    fill,
                );
            }
        }
    }
}
