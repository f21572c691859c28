//! Line chart: several series over one numeric axis, with reference lines and marks.
//!
//! Flow: training history or any series of points → SVG for cards, reports and pages. Decision: a point that is not
//! finite breaks its line instead of being skipped over, so that a gap in the data is seen as a gap.

use crate::frame::{Axis, Entry, Frame, Plot};
use crate::scale::{Range, Ticks, drawable, value_label};
use crate::svg::{Anchor, Canvas, text_width};
use crate::theme;

/// Series with more points than this get no dot per point.
const DOTTED: usize = 40;

/// A line chart.
///
/// ```
/// let svg = rankine_chart::Curve::new("AUC while training")
///     .series("valid", &[(1.0, 0.71), (2.0, 0.76), (3.0, 0.75)])
///     .reference("item mean", 0.73)
///     .mark("best", 2.0)
///     .svg();
/// assert!(svg.contains("item mean"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    frame: Frame,
    series: Vec<(String, Vec<(f64, f64)>)>,
    /// Of each series: (x, low, high).
    intervals: Vec<Intervals>,
    references: Vec<(String, f64)>,
    marks: Vec<(String, f64)>,
}

/// How sure a series is, and how that is drawn.
#[derive(Debug, Clone, PartialEq)]
enum Intervals {
    None,
    Whiskers(Vec<(f64, f64, f64)>),
    Band(Vec<(f64, f64, f64)>),
}

impl Intervals {
    fn all(&self) -> &[(f64, f64, f64)] {
        match self {
            Intervals::None => &[],
            Intervals::Whiskers(all) | Intervals::Band(all) => all,
        }
    }

    /// Those that can be drawn.
    fn drawn(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let whole = |(x, low, high): &(f64, f64, f64)| drawable(*x) && drawable(*low) && drawable(*high);
        self.all().iter().copied().filter(whole)
    }
}

impl Curve {
    /// Starts an empty chart; a string makes a default frame with that title.
    pub fn new(frame: impl Into<Frame>) -> Curve {
        Curve {
            frame: frame.into(),
            series: Vec::new(),
            intervals: Vec::new(),
            references: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// Adds a series of (x, y) points, drawn in the given order.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>, points: &[(f64, f64)]) -> Curve {
        self.series.push((name.into(), points.to_vec()));
        self.intervals.push(Intervals::None);
        self
    }

    /// Gives the series added last intervals (x, low, high), drawn as error bars.
    #[must_use]
    pub fn whiskers(self, intervals: &[(f64, f64, f64)]) -> Curve {
        self.with(Intervals::Whiskers(intervals.to_vec()))
    }

    /// Gives the series added last intervals (x, low, high), drawn as a band.
    #[must_use]
    pub fn band(self, intervals: &[(f64, f64, f64)]) -> Curve {
        self.with(Intervals::Band(intervals.to_vec()))
    }

    fn with(mut self, intervals: Intervals) -> Curve {
        if let Some(last) = self.intervals.last_mut() {
            *last = intervals;
        }
        self
    }

    /// Adds a dotted level line at `y` (a baseline to compare with); left out when not finite.
    #[must_use]
    pub fn reference(mut self, name: impl Into<String>, y: f64) -> Curve {
        self.references.push((name.into(), y));
        self
    }

    /// Adds a dotted upright line at `x` (the best epoch, say); left out when not finite.
    #[must_use]
    pub fn mark(mut self, name: impl Into<String>, x: f64) -> Curve {
        self.marks.push((name.into(), x));
        self
    }

    /// Draws the chart as one self-contained SVG document.
    pub fn svg(&self) -> String {
        self.draw()
            .finish(self.frame.size, &self.frame.title, &self.description())
    }

    pub(crate) fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Says in words what is drawn.
    pub(crate) fn description(&self) -> String {
        if let Some(text) = &self.frame.description {
            return text.clone();
        }
        let mut text = format!("Line chart, {} series.", self.series.len());
        for (name, points) in &self.series {
            let drawn: Vec<f64> = points.iter().copied().filter(is_drawable).map(|p| p.1).collect();
            text += &match (drawn.first(), drawn.last()) {
                (Some(a), Some(b)) => {
                    format!(
                        " {name}: {} points, from {} to {}.",
                        drawn.len(),
                        value_label(*a),
                        value_label(*b)
                    )
                }
                _ => format!(" {name}: no points."),
            };
        }
        text
    }

    pub(crate) fn draw(&self) -> Canvas {
        let mut canvas = Canvas::default();
        let (x, y) = (self.x_ticks(), self.y_ticks());
        let data = Range::covering(self.points().map(|p| p.0));
        let plot = self
            .frame
            .axes(&mut canvas, &self.legend(), Axis::Bounded(&x, data), &y);
        for intervals in &self.intervals {
            draw_band(&mut canvas, &plot, intervals);
        }
        self.rulers(&mut canvas, &plot);
        for intervals in &self.intervals {
            draw_whiskers(&mut canvas, &plot, intervals);
        }
        for (index, (_, points)) in self.series.iter().enumerate() {
            draw_series(&mut canvas, &plot, index, points);
        }
        self.notes(&mut canvas, &plot);
        if self.points().next().is_none() {
            plot.no_data(&mut canvas);
        }
        canvas
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.series
            .iter()
            .flat_map(|(_, points)| points.iter().copied())
            .filter(is_drawable)
    }

    fn x_ticks(&self) -> Ticks {
        let marks = self.marks.iter().map(|m| m.1).filter(|x| drawable(*x));
        let whole = self.points().all(|p| p.0.fract() == 0.0) && self.points().next().is_some();
        Range::covering(self.points().map(|p| p.0).chain(marks)).ticks(8, whole)
    }

    fn y_ticks(&self) -> Ticks {
        let levels = self.references.iter().map(|r| r.1);
        let ends = self.intervals.iter().flat_map(Intervals::drawn);
        let ends = ends.flat_map(|(_, low, high)| [low, high]);
        Range::covering(self.points().map(|p| p.1).chain(levels).chain(ends)).ticks(5, false)
    }

    fn legend(&self) -> Vec<Entry> {
        let entry = |(index, series): (usize, &(String, _))| Entry {
            class: theme::fill(index),
            text: series.0.clone(),
        };
        self.series.iter().enumerate().map(entry).collect()
    }

    /// The dotted lines, below the data.
    fn rulers(&self, canvas: &mut Canvas, plot: &Plot) {
        for (_, x) in self.marks.iter().filter(|m| drawable(m.1)) {
            let x = plot.x.at(*x);
            canvas.line("rk-mark", (x, plot.y.from), (x, plot.y.to));
        }
        for (_, level) in self.references.iter().filter(|r| drawable(r.1)) {
            let y = plot.y.at(*level);
            canvas.line("rk-mark", (plot.x.from, y), (plot.x.to, y));
        }
    }

    /// The dotted lines' names, above the data, on a halo of paper.
    fn notes(&self, canvas: &mut Canvas, plot: &Plot) {
        for (name, x) in self.marks.iter().filter(|m| drawable(m.1)) {
            let x = plot.x.at(*x);
            let right = x > (plot.x.from + plot.x.to) / 2.0;
            let (anchor, shift) = if right {
                (Anchor::End, -6.0)
            } else {
                (Anchor::Start, 6.0)
            };
            canvas.text("rk-mute rk-note", (x + shift, plot.y.from - 8.0), anchor, name);
        }
        let mut levels: Vec<_> = self.references.iter().filter(|r| drawable(r.1)).collect();
        levels.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut free = f64::INFINITY;
        for (name, level) in levels {
            let text = format!("{name} {}", value_label(*level));
            let line = plot.y.at(*level);
            let place = self.clearest(plot, (line - 5.0).min(free), line + 14.0, text_width(&text, 11.5));
            canvas.text("rk-mute rk-note", (place.0, place.1), place.2, &text);
            free = place.1.min(line) - 14.0;
        }
    }

    /// Of both ends of the plot, at height `above` or (where that is inside) `below`, the place for a text of `width`
    /// from which the data keeps farthest; ties go to the first: right end, above.
    fn clearest(&self, plot: &Plot, above: f64, below: f64, width: f64) -> (f64, f64, Anchor) {
        let data = self.sampled(plot);
        let room = |left: f64, y: f64| {
            let near = data
                .iter()
                .filter(|p| (left - 6.0..=left + width + 6.0).contains(&p.0));
            near.map(|p| (p.1 - (y - 4.0)).abs()).fold(40.0, f64::min)
        };
        let mut best = (f64::NEG_INFINITY, (plot.x.to, above, Anchor::End));
        for y in [above, below]
            .into_iter()
            .filter(|y| *y < plot.y.from - 4.0 || *y == above)
        {
            let right = (room(plot.x.to - width, y), (plot.x.to, y, Anchor::End));
            let left = (room(plot.x.from + 6.0, y), (plot.x.from + 6.0, y, Anchor::Start));
            for place in [right, left] {
                best = if place.0 > best.0 { place } else { best };
            }
        }
        best.1
    }

    /// Pixels along all drawn lines, eight to a segment.
    fn sampled(&self, plot: &Plot) -> Vec<(f64, f64)> {
        let between =
            |a: (f64, f64), b: (f64, f64), share: f64| (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share);
        let mut pixels = Vec::new();
        for run in self
            .series
            .iter()
            .flat_map(|(_, points)| points.split(|p| !is_drawable(p)))
        {
            let ends: Vec<_> = run.iter().map(|p| plot.at(*p)).collect();
            for pair in ends.windows(2) {
                pixels.extend((0_u8..8).map(|i| between(pair[0], pair[1], f64::from(i) / 8.0)));
            }
            pixels.extend(ends.last());
        }
        pixels
    }
}

fn is_drawable(point: &(f64, f64)) -> bool {
    drawable(point.0) && drawable(point.1)
}

/// The area between the lows and the highs.
fn draw_band(canvas: &mut Canvas, plot: &Plot, intervals: &Intervals) {
    if !matches!(intervals, Intervals::Band(_)) {
        return;
    }
    let lows = intervals.drawn().map(|(x, low, _)| plot.at((x, low)));
    let mut edge: Vec<(f64, f64)> = lows.collect();
    let highs: Vec<_> = intervals.drawn().map(|(x, _, high)| plot.at((x, high))).collect();
    edge.extend(highs.iter().rev());
    canvas.path("rk-band", &edge);
}

fn draw_whiskers(canvas: &mut Canvas, plot: &Plot, intervals: &Intervals) {
    if !matches!(intervals, Intervals::Whiskers(_)) {
        return;
    }
    for (x, low, high) in intervals.drawn() {
        canvas.line("rk-whisker", plot.at((x, low)), plot.at((x, high)));
    }
}

fn draw_series(canvas: &mut Canvas, plot: &Plot, index: usize, points: &[(f64, f64)]) {
    for run in points.split(|p| !is_drawable(p)) {
        let pixels: Vec<_> = run.iter().map(|p| plot.at(*p)).collect();
        canvas.path(&theme::stroke(index), &pixels);
        let dots = if points.len() <= DOTTED || run.len() == 1 {
            0
        } else {
            run.len().saturating_sub(1)
        };
        for (pixel, point) in pixels.iter().zip(run).skip(dots) {
            let tip = format!("{}, {}", value_label(point.0), value_label(point.1));
            canvas.dot(&theme::fill(index), *pixel, 3.5, &tip);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::well_formed::assert_well_formed;

    #[test]
    fn a_gap_breaks_the_line() {
        let points = [
            (1.0, 1.0),
            (2.0, 2.0),
            (3.0, f64::NAN),
            (4.0, 2.0),
            (5.0, 1.0),
            (6.0, 4.0),
        ];
        let svg = Curve::new("gap").series("a", &points).svg();
        assert_eq!(svg.matches("<path").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 5);
    }

    #[test]
    fn intervals_are_seen_whole() {
        let points = [(1.0, 0.5), (2.0, 0.6), (3.0, f64::NAN)];
        let about = [(1.0, 0.1, 0.7), (2.0, 0.4, 0.95), (3.0, f64::NAN, 1.0)];
        let chart = Curve::new("t").series("a", &points);
        let whiskers = chart.clone().whiskers(&about).svg();
        let band = chart.band(&about).svg();
        assert_well_formed(&whiskers);
        assert_well_formed(&band);
        let counts = |svg: &str| {
            (
                svg.matches("class=\"rk-whisker\"").count(),
                svg.matches("class=\"rk-band\"").count(),
            )
        };
        assert_eq!((counts(&whiskers), counts(&band)), ((2, 0), (0, 1)));
        assert_eq!(
            whiskers.matches("<path").count() + 1,
            band.matches("<path").count()
        );
        // without a series there is nothing to be sure of
        assert_eq!(Curve::new("t").whiskers(&about), Curve::new("t"));
        let mut canvas = Canvas::default();
        let wide = Curve::new("t").series("a", &points).whiskers(&about);
        let (x, y) = (wide.x_ticks(), wide.y_ticks());
        let plot = wide.frame.axes(&mut canvas, &[], Axis::Numbers(&x), &y);
        assert!(
            plot.at((1.0, 0.1)).1 <= plot.y.from.max(plot.y.to),
            "the lowest end is on the chart"
        );
    }

    #[test]
    fn nothing_and_one_point_are_drawn() {
        assert_well_formed(&Curve::new("").svg());
        let empty = Curve::new("empty").series("a", &[]).svg();
        assert_well_formed(&empty);
        assert!(empty.contains(">no data</text>"));
        let one = Curve::new("one").series("a", &[(1.0, 0.5)]).svg();
        assert_well_formed(&one);
        assert!(!one.contains("no data"));
        assert_eq!(
            (one.matches("<path").count(), one.matches("<circle").count()),
            (0, 1)
        );
    }

    #[test]
    fn lower_is_further_down() {
        let mut canvas = Canvas::default();
        let chart = Curve::new("t").series("a", &[(0.0, 0.0), (1.0, 1.0)]);
        let (x, y) = (chart.x_ticks(), chart.y_ticks());
        let plot = chart.frame.axes(&mut canvas, &[], Axis::Numbers(&x), &y);
        let (low, high) = (plot.at((0.0, 0.0)), plot.at((1.0, 1.0)));
        assert!(low.0 < high.0 && low.1 > high.1);
    }

    #[test]
    fn a_reference_is_named_where_the_data_is_not() {
        let named_at = |points: &[(f64, f64)]| {
            let svg = Curve::new("t").series("a", points).reference("base", 0.5).svg();
            let line = svg.lines().find(|l| l.contains("base 0.5")).unwrap().to_owned();
            line.contains("text-anchor=\"end\"")
        };
        assert!(named_at(&[(0.0, 0.5), (1.0, 0.55), (2.0, 0.9), (3.0, 1.0)]));
        assert!(!named_at(&[(0.0, 0.1), (1.0, 0.2), (2.0, 0.5), (3.0, 0.52)]));
    }

    #[test]
    fn names_are_text_and_the_description_sums_up() {
        let svg = Curve::new("<script>")
            .series("a & b", &[(1.0, 0.7), (2.0, 0.5)])
            .reference("\"c\"", 0.6)
            .svg();
        assert_well_formed(&svg);
        assert!(!svg.contains("<script>"));
        assert!(svg.contains("<desc>Line chart, 1 series. a &amp; b: 2 points, from 0.7 to 0.5.</desc>"));
    }

    #[test]
    fn many_points_get_one_dot() {
        let points: Vec<_> = (0..500).map(|i| (f64::from(i), f64::from(i % 7))).collect();
        assert_eq!(
            Curve::new("t")
                .series("a", &points)
                .svg()
                .matches("<circle")
                .count(),
            1
        );
    }

    proptest! {
        #[test]
        fn any_data_and_text_make_well_formed_svg(
            title in any::<String>(),
            name in any::<String>(),
            points in prop::collection::vec((any::<f64>(), any::<f64>()), 0..20),
            level in any::<f64>(),
            size in (any::<f64>(), any::<f64>()),
        ) {
            let frame = Frame::new(title).x_axis(name.clone()).y_axis(name.clone()).size(size.0, size.1);
            assert_well_formed(&Curve::new(frame).series(name.clone(), &points).reference(&name, level).mark(name, level).svg());
        }
    }
}
