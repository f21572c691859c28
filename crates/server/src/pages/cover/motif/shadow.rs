//! Motifs of the dark: light cones, teeth, keyholes, blinds, spirals.
//!
//! One family of those that `draw` chooses from. The decision: numbers come from the brush's seed in a fixed order, so
//! that a film keeps its picture.

use super::brush::Brush;

/// A cone of light through the dark, and someone in it.
pub(super) fn film_noir(b: &mut Brush) {
    let (x, foot, p) = (
        b.seed.between(20.0, 90.0),
        b.seed.between(120.0, 170.0),
        b.palette,
    );
    b.polygon(&[(x, -10.0), (foot - 70.0, 250.0), (foot + 80.0, 250.0)], p.b);
    b.polygon(&[(x, -10.0), (foot - 30.0, 250.0), (foot + 40.0, 250.0)], p.a);
    b.circle((foot + 4.0, 150.0), 12.0, p.field);
    b.polygon(
        &[
            (foot - 17.0, 150.0),
            (foot + 25.0, 150.0),
            (foot + 14.0, 142.0),
            (foot - 6.0, 142.0),
        ],
        p.field,
    );
    b.polygon(
        &[
            (foot - 16.0, 250.0),
            (foot - 8.0, 164.0),
            (foot + 16.0, 164.0),
            (foot + 24.0, 250.0),
        ],
        p.field,
    );
    let low = b.seed.between(198.0, 220.0);
    b.rect([0.0, low, 240.0, 3.0], p.c);
}

/// A moon behind teeth.
pub(super) fn horror(b: &mut Brush) {
    let p = b.palette;
    let (x, y) = (b.seed.between(80.0, 160.0), b.seed.between(100.0, 130.0));
    let r = b.seed.between(46.0, 64.0);
    b.circle((x, y), r, p.c);
    let shadow = if b.seed.coin() { 24.0 } else { -24.0 };
    b.circle((x + shadow, y - 12.0), 50.0, p.field);
    for tooth in 0..7 {
        let left = f64::from(tooth) * 36.0 - 8.0;
        let (down, up) = (b.seed.between(34.0, 88.0), b.seed.between(30.0, 78.0));
        b.polygon(&[(left, -2.0), (left + 34.0, -2.0), (left + 17.0, down)], p.a);
        b.polygon(
            &[
                (left - 16.0, 242.0),
                (left + 20.0, 242.0),
                (left + 2.0, 242.0 - up),
            ],
            p.b,
        );
    }
}

/// A keyhole, or the eye behind it.
pub(super) fn mystery(b: &mut Brush) {
    let p = b.palette;
    let y = b.seed.between(96.0, 116.0);
    if b.seed.coin() {
        b.circle((120.0, y), 84.0, p.b);
        b.circle((120.0, y - 14.0), 34.0, p.a);
        b.polygon(
            &[(106.0, y), (134.0, y), (152.0, y + 74.0), (88.0, y + 74.0)],
            p.a,
        );
        let iris = b.seed.between(108.0, 132.0);
        b.circle((iris, y - 14.0), 11.0, p.field);
    } else {
        b.path(
            &format!(
                "M14 {y:.1}Q120 {:.1} 226 {y:.1}Q120 {:.1} 14 {y:.1}Z",
                y - 112.0,
                y + 112.0
            ),
            p.a,
        );
        let iris = b.seed.between(92.0, 148.0);
        b.circle((iris, y), 42.0, p.b);
        b.circle((iris, y), 18.0, p.field);
        b.circle((iris + 13.0, y - 14.0), 7.0, p.c);
    }
}

/// Someone behind the blinds, or what someone left behind.
pub(super) fn crime(b: &mut Brush) {
    if b.seed.below(5) < 2 {
        fingerprint(b)
    } else {
        blinds(b)
    }
}

fn blinds(b: &mut Brush) {
    let (p, x) = (b.palette, b.seed.between(84.0, 156.0));
    let window = b.seed.between(14.0, 26.0);
    b.rect([window, 10.0, 240.0 - 2.0 * window, 240.0], p.c);
    b.circle((x, 112.0), 30.0, p.b);
    b.path(
        &format!(
            "M{:.1} 250V204Q{:.1} 158 {x:.1} 154Q{:.1} 158 {:.1} 204V250Z",
            x - 66.0,
            x - 62.0,
            x + 62.0,
            x + 66.0
        ),
        p.b,
    );
    if b.seed.coin() {
        b.polygon(
            &[
                (x - 48.0, 102.0),
                (x + 48.0, 102.0),
                (x + 40.0, 92.0),
                (x - 40.0, 92.0),
            ],
            p.b,
        );
        b.polygon(
            &[
                (x - 28.0, 94.0),
                (x + 28.0, 94.0),
                (x + 22.0, 66.0),
                (x - 22.0, 66.0),
            ],
            p.b,
        );
    }
    let (step, slant) = (b.seed.between(21.0, 27.0), b.seed.between(-12.0, 12.0));
    for blind in 0..13 {
        let y = f64::from(blind) * step - 14.0;
        b.polygon(
            &[
                (0.0, y),
                (240.0, y + slant),
                (240.0, y + slant + 6.5),
                (0.0, y + 6.5),
            ],
            p.field,
        );
    }
}

fn fingerprint(b: &mut Brush) {
    let (p, x, marked) = (b.palette, b.seed.between(104.0, 136.0), b.seed.below(9));
    for ridge in 0..10u8 {
        let r = 8.0 + 10.5 * f64::from(ridge);
        let (left, right) = (b.seed.between(120.0, 236.0), b.seed.between(120.0, 236.0));
        let colour = if marked == usize::from(ridge) { p.c } else { p.a };
        b.stroke(
            &format!(
                "M{:.1} {left:.1}V110A{r:.1} {:.1} 0 0 1 {:.1} 110V{right:.1}",
                x - r,
                r * 1.05,
                x + r
            ),
            4.4,
            colour,
        );
    }
}

/// A spiral that draws one in.
pub(super) fn thriller(b: &mut Brush) {
    let p = b.palette;
    let (x, y) = (b.seed.between(100.0, 140.0), b.seed.between(100.0, 140.0));
    let (dx, dy) = (b.seed.between(-5.0, 5.0), b.seed.between(-5.0, 5.0));
    for ring in 0..8 {
        let k = f64::from(ring);
        let fill = if ring % 2 == 0 { p.a } else { p.field };
        b.circle((x + dx * k, y + dy * k), 112.0 - 14.0 * k, fill);
    }
    b.circle((x + dx * 8.0, y + dy * 8.0), 8.0, p.c);
}
