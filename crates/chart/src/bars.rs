//! Bar chart: one value per named category, with error bars where an interval is known.
//!
//! Flow: metrics beside baselines, rating counts, taste summaries → SVG. Decision: lying bars by default, because names
//! are long (films, models) and turned names are unreadable; upright bars for short, ordered categories.

use crate::frame::{Axis, Frame, Plot};
use crate::scale::{Range, Scale, drawable, value_label};
use crate::svg::{Anchor, Canvas, fit, text_width};

const ROW: f64 = 28.0;
const THICK: f64 = 17.0;

/// A bar chart, lying unless [`Bars::upright`].
///
/// ```
/// let svg = rankine_chart::Bars::new("ROC-AUC")
///     .bar_between("Wide&Deep", 0.79, (0.78, 0.80))
///     .quiet_bar("item mean", 0.73)
///     .origin(0.5)
///     .svg();
/// assert!(svg.contains("Wide&amp;Deep"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    frame: Frame,
    bars: Vec<Bar>,
    origin: f64,
    upright: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Bar {
    name: String,
    value: f64,
    interval: Option<(f64, f64)>,
    quiet: bool,
}

impl Bar {
    fn class(&self) -> &'static str {
        if self.quiet { "rk-f0" } else { "rk-f1" }
    }

    fn tip(&self) -> String {
        match self.interval {
            Some((low, high)) => {
                format!(
                    "{}: {} ({} … {})",
                    self.name,
                    value_label(self.value),
                    value_label(low),
                    value_label(high)
                )
            }
            None => format!("{}: {}", self.name, value_label(self.value)),
        }
    }

    fn interval(&self) -> Option<(f64, f64)> {
        self.interval
            .filter(|(low, high)| drawable(*low) && drawable(*high))
    }
}

impl Bars {
    /// Starts an empty chart; a string makes a default frame with that title.
    pub fn new(frame: impl Into<Frame>) -> Bars {
        Bars {
            frame: frame.into(),
            bars: Vec::new(),
            origin: 0.0,
            upright: false,
        }
    }

    /// Adds a bar; a value that is not finite keeps its row but draws nothing.
    #[must_use]
    pub fn bar(self, name: impl Into<String>, value: f64) -> Bars {
        self.push(name.into(), value, None, false)
    }

    /// Adds a bar with an interval `(low, high)` drawn as an error bar.
    #[must_use]
    pub fn bar_between(self, name: impl Into<String>, value: f64, interval: (f64, f64)) -> Bars {
        self.push(name.into(), value, Some(interval), false)
    }

    /// Adds a bar in a quiet colour: a baseline.
    #[must_use]
    pub fn quiet_bar(self, name: impl Into<String>, value: f64) -> Bars {
        self.push(name.into(), value, None, true)
    }

    /// Sets the value bars start from (default 0); it is always printed on the axis.
    #[must_use]
    pub fn origin(mut self, value: f64) -> Bars {
        self.origin = if drawable(value) { value } else { 0.0 };
        self
    }

    /// Draws upright bars; the frame's height then counts (lying bars take the height they need).
    #[must_use]
    pub fn upright(mut self) -> Bars {
        self.upright = true;
        self
    }

    /// Draws the chart as one self-contained SVG document.
    pub fn svg(&self) -> String {
        let frame = self.frame();
        self.draw().finish(frame.size, &frame.title, &self.description())
    }

    /// The frame with the height that is really used.
    pub(crate) fn frame(&self) -> Frame {
        let mut frame = self.frame.clone();
        if !self.upright {
            let head = if frame.title.is_empty() { 18.0 } else { 46.0 };
            let name = if frame.x_axis.is_empty() { 0.0 } else { 18.0 };
            frame.size.1 = head + ROW * self.bars.len().max(1) as f64 + 34.0 + name;
        }
        frame
    }

    /// Says in words what is drawn.
    pub(crate) fn description(&self) -> String {
        if let Some(text) = &self.frame.description {
            return text.clone();
        }
        let bars: Vec<String> = self.bars.iter().map(Bar::tip).collect();
        format!("Bar chart, {} bars. {}", bars.len(), bars.join("; "))
    }

    pub(crate) fn draw(&self) -> Canvas {
        let mut canvas = Canvas::default();
        if self.upright {
            self.draw_upright(&mut canvas);
        } else {
            self.draw_lying(&mut canvas);
        }
        canvas
    }

    fn push(mut self, name: String, value: f64, interval: Option<(f64, f64)>, quiet: bool) -> Bars {
        self.bars.push(Bar {
            name,
            value,
            interval,
            quiet,
        });
        self
    }

    fn range(&self) -> Range {
        let ends = self
            .bars
            .iter()
            .filter_map(Bar::interval)
            .flat_map(|(low, high)| [low, high]);
        Range::covering(self.bars.iter().map(|b| b.value).chain(ends).chain([self.origin]))
    }

    fn draw_upright(&self, canvas: &mut Canvas) {
        let names: Vec<String> = self.bars.iter().map(|b| b.name.clone()).collect();
        let ticks = self.range().ticks(5, false);
        let plot = self.frame.axes(canvas, &[], Axis::Bands(&names), &ticks);
        for (index, bar) in self.bars.iter().enumerate().filter(|(_, b)| drawable(b.value)) {
            self.upright_bar(canvas, &plot, index, bar);
        }
    }

    fn upright_bar(&self, canvas: &mut Canvas, plot: &Plot, index: usize, bar: &Bar) {
        let band = (plot.x.to - plot.x.from) / self.bars.len() as f64;
        let (middle, width) = (plot.x.at(index as f64 + 0.5), (band * 0.72).min(64.0));
        let (end, start) = (plot.y.at(bar.value), plot.y.at(self.origin));
        let area = [middle - width / 2.0, end.min(start), width, (end - start).abs()];
        canvas.rect(bar.class(), area, 2.0, &bar.tip());
        let mut top = end.min(start);
        if let Some((low, high)) = bar.interval() {
            canvas.line("rk-whisker", (middle, plot.y.at(low)), (middle, plot.y.at(high)));
            top = top.min(plot.y.at(high));
        }
        let label = value_label(bar.value);
        if text_width(&label, 11.5) <= band {
            canvas.text("rk-mute rk-note", (middle, top - 5.0), Anchor::Middle, &label);
        }
    }

    fn draw_lying(&self, canvas: &mut Canvas) {
        let frame = self.frame();
        let top = frame.head(canvas) + 4.0;
        let bottom = top + ROW * self.bars.len().max(1) as f64;
        let names = self
            .bars
            .iter()
            .map(|b| text_width(&b.name, 12.0))
            .fold(0.0, f64::max)
            .min(frame.size.0 * 0.4);
        let ticks = self.range().ticks(5, false);
        let scale = Scale {
            range: ticks.range(),
            from: 30.0 + names,
            to: frame.size.0 - 66.0,
        };
        for (value, label) in ticks.values.iter().zip(ticks.labels()) {
            let x = scale.at(*value);
            canvas.line("rk-grid", (x, top), (x, bottom));
            canvas.text("rk-mute", (x, bottom + 16.0), Anchor::Middle, &label);
        }
        for (index, bar) in self.bars.iter().enumerate() {
            self.lying_bar(canvas, &scale, top + ROW * index as f64, bar);
        }
        let start = scale.at(self.origin);
        canvas.line("rk-axis", (start, top), (start, bottom));
        let foot = (scale.to, bottom + 34.0);
        canvas.text_unless_empty(
            "rk-mute",
            foot,
            Anchor::End,
            &fit(&frame.x_axis, 11.5, frame.size.0 - 60.0),
        );
    }

    fn lying_bar(&self, canvas: &mut Canvas, scale: &Scale, top: f64, bar: &Bar) {
        let middle = top + ROW / 2.0;
        let name = fit(&bar.name, 12.0, scale.from - 28.0);
        canvas.text("rk-name", (scale.from - 10.0, middle + 4.0), Anchor::End, &name);
        let mut right = scale.at(self.origin);
        if drawable(bar.value) {
            let (start, end) = (scale.at(self.origin), scale.at(bar.value));
            let area = [start.min(end), middle - THICK / 2.0, (end - start).abs(), THICK];
            canvas.rect(bar.class(), area, 2.0, &bar.tip());
            right = right.max(end);
        }
        if let Some((low, high)) = bar.interval() {
            canvas.line("rk-whisker", (scale.at(low), middle), (scale.at(high), middle));
            right = right.max(scale.at(high));
        }
        let label = value_label(bar.value);
        canvas.text(
            "rk-mute rk-note",
            (right + 7.0, middle + 4.0),
            Anchor::Start,
            &label,
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::well_formed::{assert_well_formed, attribute};

    #[test]
    fn bars_start_at_the_origin_and_longer_is_more() {
        let svg = Bars::new("t").bar("a", 0.6).bar("b", 0.9).origin(0.5).svg();
        let bars: Vec<&str> = svg.lines().filter(|l| l.contains("class=\"rk-f1\"")).collect();
        let (short, long) = (attribute(bars[0], "width"), attribute(bars[1], "width"));
        assert!((long / short - 4.0).abs() < 0.01, "{short} {long}");
        assert_eq!(attribute(bars[0], "x"), attribute(bars[1], "x"));
    }

    #[test]
    fn negative_bars_grow_the_other_way() {
        let svg = Bars::new("t").bar("a", -1.0).bar("b", 1.0).svg();
        let bars: Vec<&str> = svg.lines().filter(|l| l.contains("class=\"rk-f1\"")).collect();
        let end = attribute(bars[0], "x") + attribute(bars[0], "width");
        assert!((end - attribute(bars[1], "x")).abs() < 0.02);
    }

    #[test]
    fn nothing_and_nan_are_drawn() {
        assert_well_formed(&Bars::new("t").svg());
        assert_well_formed(&Bars::new("t").upright().svg());
        let svg = Bars::new("t").bar("a", f64::NAN).bar("b", 1.0).svg();
        assert_well_formed(&svg);
        assert_eq!(svg.matches("class=\"rk-f1\"").count(), 1);
        assert!(svg.contains(">–</text>"));
    }

    #[test]
    fn a_long_name_is_cut_but_kept_in_the_tooltip() {
        let name = "Lock, Stock & Two Smoking Barrels (1998) ".repeat(4);
        let svg = Bars::new("t").bar(&name, 3.0).svg();
        assert!(svg.contains('…'));
        assert!(svg.contains(&crate::escape(&format!("{name}: 3"))));
    }

    proptest! {
        #[test]
        fn any_data_and_text_make_well_formed_svg(
            name in any::<String>(),
            values in prop::collection::vec(any::<f64>(), 0..12),
            origin in any::<f64>(),
            upright in any::<bool>(),
        ) {
            let mut bars = Bars::new(name.clone()).origin(origin);
            for value in values {
                bars = bars.bar(name.clone(), value).bar_between(name.clone(), value, (origin, value));
            }
            assert_well_formed(&if upright { bars.upright() } else { bars }.svg());
        }
    }
}
