//! Motifs: one geometric picture per genre, drawn on a square of 240 with the numbers of the film's seed.
//!
//! The decision: flat shapes of three colours, as on printed film posters of the sixties; no gradients, no filters, so
//! that a row of covers looks like one collection and a cover is two kilobytes.

use std::f64::consts::{PI, TAU};
use std::fmt::Write;

use super::palette::Palette;
use super::seed::Seed;

/// Genres with a motif of their own, the most telling first: of a film's genres the first in this list decides.
pub(in crate::pages) const GENRES: [&str; 18] = [
    "Film-Noir",
    "Western",
    "War",
    "Musical",
    "Horror",
    "Sci-Fi",
    "Documentary",
    "Animation",
    "Mystery",
    "Fantasy",
    "Children",
    "Crime",
    "Romance",
    "Adventure",
    "Thriller",
    "Action",
    "Comedy",
    "Drama",
];

/// The brush that draws a motif: colours, seed, and the SVG so far.
pub(super) struct Brush {
    /// Colours.
    pub(super) palette: Palette,
    /// Numbers.
    pub(super) seed: Seed,
    /// Elements drawn.
    pub(super) out: String,
}

impl Brush {
    fn circle(&mut self, (x, y): (f64, f64), r: f64, fill: &str) {
        let _ = write!(
            self.out,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{r:.1}" fill="{fill}"/>"#
        );
    }

    fn ring(&mut self, (x, y): (f64, f64), r: f64, width: f64, stroke: &str) {
        let _ = write!(
            self.out,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{r:.1}" fill="none" stroke="{stroke}" stroke-width="{width:.1}"/>"#
        );
    }

    fn rect(&mut self, [x, y, width, height]: [f64; 4], fill: &str) {
        let _ = write!(
            self.out,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{fill}"/>"#
        );
    }

    fn polygon(&mut self, points: &[(f64, f64)], fill: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(
            self.out,
            r#"<polygon points="{}" fill="{fill}"/>"#,
            points.join(" ")
        );
    }

    fn path(&mut self, data: &str, fill: &str) {
        let _ = write!(self.out, r#"<path d="{data}" fill="{fill}"/>"#);
    }

    fn stroke(&mut self, data: &str, width: f64, stroke: &str) {
        let _ = write!(
            self.out,
            r#"<path d="{data}" fill="none" stroke="{stroke}" stroke-width="{width:.1}" stroke-linecap="round"/>"#
        );
    }

    /// A quarter disc in the square at `(x, y)`, its corner `turn` quarter turns on.
    fn quarter(&mut self, (x, y): (f64, f64), side: f64, turn: usize, fill: &str) {
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

    fn colour(&mut self) -> &'static str {
        [self.palette.a, self.palette.b, self.palette.c][self.seed.below(3)]
    }
}

/// Draws the motif of a genre; the field behind it is there already.
pub(super) fn draw(genre: &str, brush: &mut Brush) {
    match genre {
        "Film-Noir" => film_noir(brush),
        "Western" => western(brush),
        "War" => war(brush),
        "Musical" => musical(brush),
        "Horror" => horror(brush),
        "Sci-Fi" => sci_fi(brush),
        "Documentary" => documentary(brush),
        "Animation" => animation(brush),
        "Mystery" => mystery(brush),
        "Fantasy" => fantasy(brush),
        "Children" => children(brush),
        "Crime" => crime(brush),
        "Romance" => romance(brush),
        "Adventure" => adventure(brush),
        "Thriller" => thriller(brush),
        "Action" => action(brush),
        "Comedy" => comedy(brush),
        _ => drama(brush),
    }
}

/// A cone of light through the dark, and someone in it.
fn film_noir(b: &mut Brush) {
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

/// A sun with rays over table mountains.
fn western(b: &mut Brush) {
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
fn war(b: &mut Brush) {
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

/// The bars of a sound, and a record.
fn musical(b: &mut Brush) {
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

/// A moon behind teeth.
fn horror(b: &mut Brush) {
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

/// A ringed planet among stars.
fn sci_fi(b: &mut Brush) {
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
fn documentary(b: &mut Brush) {
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

/// A ball that bounces in four frames.
fn animation(b: &mut Brush) {
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

/// A keyhole, or the eye behind it.
fn mystery(b: &mut Brush) {
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

/// Towers under a crescent.
fn fantasy(b: &mut Brush) {
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

/// Building blocks.
fn children(b: &mut Brush) {
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

/// Someone behind the blinds, or what someone left behind.
fn crime(b: &mut Brush) {
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

/// Two circles that meet.
fn romance(b: &mut Brush) {
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

/// Ranges of mountains with a sun.
fn adventure(b: &mut Brush) {
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

/// A spiral that draws one in.
fn thriller(b: &mut Brush) {
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

/// A burst of wedges.
fn action(b: &mut Brush) {
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

/// Smiles, scattered.
fn comedy(b: &mut Brush) {
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

/// A low sun, its reflection, one line between them.
fn drama(b: &mut Brush) {
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
