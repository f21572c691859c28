//! What surrounds the data: title, legend, axes with round ticks, grid, notes.
//!
//! Flow: a chart builder hands its ranges and legend to [`Frame::axes`] and draws into the [`Plot`] it gets back.
//! Decision: axis names stand flat above and below the plot (nobody reads turned text), and the frame is a type of its
//! own so that all charts share one set of options.

use crate::scale::{Range, Scale, Ticks};
use crate::svg::{Anchor, Canvas, fit, text_width};

const MARGIN: f64 = 18.0;
const NOTE: f64 = 11.5;
const SMALLEST: (f64, f64) = (240.0, 160.0);

/// Title, axis names and size of a chart; a plain string makes a frame with that title.
///
/// ```
/// let frame = rankine_chart::Frame::new("Loss").x_axis("epoch").y_axis("logloss").size(480.0, 260.0);
/// let svg = rankine_chart::Curve::new(frame).series("train", &[(1.0, 0.69), (2.0, 0.58)]).svg();
/// assert!(svg.starts_with("<svg"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) x_axis: String,
    pub(crate) y_axis: String,
    pub(crate) size: (f64, f64),
}

impl Frame {
    /// Starts a frame of 640 × 340 pixels without axis names.
    pub fn new(title: impl Into<String>) -> Frame {
        Frame {
            title: title.into(),
            description: None,
            x_axis: String::new(),
            y_axis: String::new(),
            size: (640.0, 340.0),
        }
    }

    /// Names the horizontal axis.
    #[must_use]
    pub fn x_axis(mut self, name: impl Into<String>) -> Frame {
        self.x_axis = name.into();
        self
    }

    /// Names the vertical axis.
    #[must_use]
    pub fn y_axis(mut self, name: impl Into<String>) -> Frame {
        self.y_axis = name.into();
        self
    }

    /// Sets the size in pixels, at least 240 × 160; what is not finite keeps the present size.
    #[must_use]
    pub fn size(mut self, width: f64, height: f64) -> Frame {
        let bounded = |value: f64, least: f64, present: f64| {
            if value.is_finite() {
                value.clamp(least, 10_000.0)
            } else {
                present
            }
        };
        self.size = (
            bounded(width, SMALLEST.0, self.size.0),
            bounded(height, SMALLEST.1, self.size.1),
        );
        self
    }

    /// Replaces the description for screen readers, which otherwise is a summary of the data.
    #[must_use]
    pub fn describe(mut self, text: impl Into<String>) -> Frame {
        self.description = Some(text.into());
        self
    }

    /// Draws paper and title; returns where the next line may start.
    pub(crate) fn head(&self, canvas: &mut Canvas) -> f64 {
        canvas.rect("rk-paper", [0.0, 0.0, self.size.0, self.size.1], 8.0, "");
        if self.title.is_empty() {
            return MARGIN;
        }
        let title = fit(&self.title, 15.0, self.size.0 - 2.0 * MARGIN);
        canvas.text("rk-title", (MARGIN, MARGIN + 12.0), Anchor::Start, &title);
        MARGIN + 24.0
    }

    /// Draws everything around the data and returns where the data goes.
    pub(crate) fn axes(&self, canvas: &mut Canvas, legend: &[Entry], x: Axis, y: &Ticks) -> Plot {
        let top = self.head(canvas);
        let top = self.legend(canvas, top, legend);
        let top = self.name_axes(canvas, top);
        let labels = y.labels();
        let gutter = labels
            .iter()
            .map(|l| text_width(l, NOTE))
            .fold(0.0, f64::max)
            .min(self.size.0 / 3.0);
        let below = if self.x_axis.is_empty() { 20.0 } else { 38.0 };
        let plot = Plot {
            x: Scale {
                range: x.range(),
                from: MARGIN + gutter + 8.0,
                to: self.size.0 - MARGIN - 4.0,
            },
            y: Scale {
                range: y.range(),
                from: self.size.1 - MARGIN - below + 8.0,
                to: top + 8.0,
            },
        };
        plot.rules(canvas, y, &labels);
        plot.columns(canvas, &x);
        plot
    }

    fn legend(&self, canvas: &mut Canvas, top: f64, entries: &[Entry]) -> f64 {
        if entries.is_empty() {
            return top;
        }
        let (mut x, mut y) = (MARGIN, top + 6.0);
        for entry in entries {
            let text = fit(&entry.text, NOTE, self.size.0 - 2.0 * MARGIN - 22.0);
            let width = 38.0 + text_width(&text, NOTE);
            if x > MARGIN && x + width - 16.0 > self.size.0 - MARGIN {
                (x, y) = (MARGIN, y + 19.0);
            }
            canvas.rect(&entry.class, [x, y - 3.0, 15.0, 6.0], 3.0, "");
            canvas.text("rk-mute", (x + 21.0, y + 4.0), Anchor::Start, &text);
            x += width;
        }
        y + 14.0
    }

    fn name_axes(&self, canvas: &mut Canvas, top: f64) -> f64 {
        let width = self.size.0 - 2.0 * MARGIN;
        let foot = (self.size.0 - MARGIN - 4.0, self.size.1 - MARGIN + 4.0);
        canvas.text_unless_empty("rk-mute", foot, Anchor::End, &fit(&self.x_axis, NOTE, width));
        canvas.text_unless_empty(
            "rk-mute",
            (MARGIN, top + 10.0),
            Anchor::Start,
            &fit(&self.y_axis, NOTE, width),
        );
        if self.y_axis.is_empty() { top } else { top + 16.0 }
    }
}

impl From<&str> for Frame {
    fn from(title: &str) -> Frame {
        Frame::new(title)
    }
}

impl From<String> for Frame {
    fn from(title: String) -> Frame {
        Frame::new(title)
    }
}

/// One legend entry: the fill class of its swatch and its text.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) class: String,
    pub(crate) text: String,
}

/// The horizontal axis: numbers with ticks, or one named band per category.
#[derive(Debug)]
pub(crate) enum Axis<'a> {
    Numbers(&'a Ticks),
    /// Numbers over exactly this range; ticks outside it are left out.
    Bounded(&'a Ticks, Range),
    Bands(&'a [String]),
}

impl Axis<'_> {
    fn range(&self) -> Range {
        match self {
            Axis::Numbers(ticks) => ticks.range(),
            Axis::Bounded(_, range) => *range,
            Axis::Bands(names) => Range {
                low: 0.0,
                high: names.len().max(1) as f64,
            },
        }
    }
}

/// Where the data goes: one scale per direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plot {
    pub(crate) x: Scale,
    pub(crate) y: Scale,
}

impl Plot {
    /// The pixel of a point.
    pub(crate) fn at(&self, point: (f64, f64)) -> (f64, f64) {
        (self.x.at(point.0), self.y.at(point.1))
    }

    /// Says in the middle that there is nothing to draw.
    pub(crate) fn no_data(&self, canvas: &mut Canvas) {
        let middle = ((self.x.from + self.x.to) / 2.0, (self.y.from + self.y.to) / 2.0);
        canvas.text("rk-mute rk-note", middle, Anchor::Middle, "no data");
    }

    /// Horizontal grid lines with their labels; the lowest is drawn as the axis.
    fn rules(&self, canvas: &mut Canvas, ticks: &Ticks, labels: &[String]) {
        for (index, (value, label)) in ticks.values.iter().zip(labels).enumerate() {
            let y = self.y.at(*value);
            let class = if index == 0 { "rk-axis" } else { "rk-grid" };
            canvas.line(class, (self.x.from, y), (self.x.to, y));
            canvas.text("rk-mute", (self.x.from - 8.0, y + 4.0), Anchor::End, label);
        }
    }

    fn columns(&self, canvas: &mut Canvas, axis: &Axis) {
        match axis {
            Axis::Numbers(ticks) | Axis::Bounded(ticks, _) => self.numbers(canvas, ticks),
            Axis::Bands(names) => self.bands(canvas, names),
        }
    }

    fn numbers(&self, canvas: &mut Canvas, ticks: &Ticks) {
        let range = self.x.range;
        let slack = (range.high - range.low) * 1e-6;
        for (value, label) in ticks.values.iter().zip(ticks.labels()) {
            if *value < range.low - slack || *value > range.high + slack {
                continue;
            }
            let x = self.x.at(*value);
            canvas.line("rk-axis", (x, self.y.from), (x, self.y.from + 4.0));
            canvas.text("rk-mute", (x, self.y.from + 18.0), Anchor::Middle, &label);
        }
    }

    fn bands(&self, canvas: &mut Canvas, names: &[String]) {
        let width = (self.x.to - self.x.from) / names.len().max(1) as f64;
        let mut free = f64::NEG_INFINITY;
        for (index, name) in names.iter().enumerate() {
            let x = self.x.at(index as f64 + 0.5);
            let text = fit(name, NOTE, width.max(26.0));
            let half = text_width(&text, NOTE) / 2.0;
            if x - half < free {
                continue;
            }
            canvas.text("rk-mute", (x, self.y.from + 18.0), Anchor::Middle, &text);
            free = x + half + 2.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(frame: &Frame, legend: &[Entry]) -> (Plot, String) {
        let ticks = Range { low: 0.0, high: 1.0 }.ticks(4, false);
        let mut canvas = Canvas::default();
        let plot = frame.axes(&mut canvas, legend, Axis::Numbers(&ticks), &ticks);
        (plot, canvas.finish(frame.size, &frame.title, ""))
    }

    #[test]
    fn the_plot_stays_inside_whatever_the_size() {
        for (width, height) in [(1.0, 1.0), (640.0, 340.0), (f64::NAN, f64::INFINITY), (1e9, 1e9)] {
            let frame = Frame::new("t").size(width, height).x_axis("x").y_axis("y");
            let (plot, _) = drawn(&frame, &[]);
            assert!(plot.x.from < plot.x.to && plot.x.to <= frame.size.0);
            assert!(plot.y.to < plot.y.from && plot.y.from <= frame.size.1);
        }
    }

    #[test]
    fn a_long_legend_wraps() {
        let entry = |i: usize| Entry {
            class: "rk-f1".into(),
            text: format!("a rather long series name {i}"),
        };
        let few: Vec<Entry> = (0..1).map(entry).collect();
        let many: Vec<Entry> = (0..6).map(entry).collect();
        let frame = Frame::new("t");
        assert!(drawn(&frame, &many).0.y.to > drawn(&frame, &few).0.y.to + 18.0);
    }

    #[test]
    fn crowded_band_names_are_thinned() {
        let names: Vec<String> = (0..200).map(|i| format!("name{i}")).collect();
        let ticks = Range { low: 0.0, high: 1.0 }.ticks(4, false);
        let mut canvas = Canvas::default();
        Frame::new("t").axes(&mut canvas, &[], Axis::Bands(&names), &ticks);
        let svg = canvas.finish((1.0, 1.0), "", "");
        assert!(svg.matches("text-anchor=\"middle\"").count() < 30);
    }
}
