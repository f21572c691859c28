//! Several charts side by side in one document.
//!
//! Flow: charts → one SVG file for a card or a report. Decision: figures with different units get a panel each; a second
//! vertical axis was refused because its scale can be chosen to show anything.

use crate::svg::Canvas;
use crate::{Bars, Curve, Histogram, Reliability};

const GAP: f64 = 10.0;

/// Any chart, for [`Panels::with`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Chart {
    /// A line chart.
    Curve(Curve),
    /// A bar chart.
    Bars(Bars),
    /// A histogram.
    Histogram(Histogram),
    /// A reliability diagram.
    Reliability(Reliability),
}

impl Chart {
    fn size(&self) -> (f64, f64) {
        match self {
            Chart::Curve(chart) => chart.frame().size,
            Chart::Bars(chart) => chart.frame().size,
            Chart::Histogram(chart) => chart.frame().size,
            Chart::Reliability(chart) => chart.frame().size,
        }
    }

    fn draw(&self) -> Canvas {
        match self {
            Chart::Curve(chart) => chart.draw(),
            Chart::Bars(chart) => chart.draw(),
            Chart::Histogram(chart) => chart.draw(),
            Chart::Reliability(chart) => chart.draw(),
        }
    }

    fn description(&self) -> String {
        match self {
            Chart::Curve(chart) => format!("{}: {}", chart.frame().title, chart.description()),
            Chart::Bars(chart) => format!("{}: {}", chart.frame().title, chart.description()),
            Chart::Histogram(chart) => format!("{}: {}", chart.frame().title, chart.description()),
            Chart::Reliability(chart) => format!("{}: {}", chart.frame().title, chart.description()),
        }
    }
}

macro_rules! from_chart {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Chart {
            fn from(chart: $kind) -> Chart {
                Chart::$kind(chart)
            }
        })*
    };
}

from_chart!(Curve, Bars, Histogram, Reliability);

/// Charts in rows of a fixed number of columns.
///
/// ```
/// use rankine_chart::{Curve, Panels};
/// let svg = Panels::new("training", 2).with(Curve::new("loss")).with(Curve::new("AUC")).svg();
/// assert_eq!(svg.matches("<svg").count(), 3);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Panels {
    title: String,
    columns: usize,
    charts: Vec<Chart>,
}

impl Panels {
    /// Starts an empty document with `columns` (at least 1) charts per row; `title` is read, not drawn.
    pub fn new(title: impl Into<String>, columns: usize) -> Panels {
        Panels {
            title: title.into(),
            columns: columns.max(1),
            charts: Vec::new(),
        }
    }

    /// Adds a chart to the right, or below when the row is full.
    #[must_use]
    pub fn with(mut self, chart: impl Into<Chart>) -> Panels {
        self.charts.push(chart.into());
        self
    }

    /// Draws all charts as one self-contained SVG document.
    pub fn svg(&self) -> String {
        let mut canvas = Canvas::default();
        let (mut bottom, mut right) = (0.0_f64, 0.0_f64);
        for row in self.charts.chunks(self.columns) {
            let (mut left, top) = (0.0, if bottom > 0.0 { bottom + GAP } else { 0.0 });
            for chart in row {
                let size = chart.size();
                canvas.nest((left, top), size, &chart.draw());
                (bottom, right) = (bottom.max(top + size.1), right.max(left + size.0));
                left += size.0 + GAP;
            }
        }
        let text: Vec<String> = self.charts.iter().map(Chart::description).collect();
        canvas.finish((right, bottom), &self.title, &text.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Frame;
    use crate::well_formed::{assert_well_formed, attribute};

    #[test]
    fn charts_do_not_overlap() {
        let chart = |name: &str| Curve::new(Frame::new(name).size(300.0, 200.0));
        let svg = Panels::new("t", 2)
            .with(chart("a"))
            .with(chart("b"))
            .with(chart("c"))
            .svg();
        assert_well_formed(&svg);
        let places: Vec<(f64, f64)> = svg
            .lines()
            .filter(|l| l.starts_with("<svg x="))
            .map(|l| (attribute(l, "x"), attribute(l, "y")))
            .collect();
        assert_eq!(places, [(0.0, 0.0), (310.0, 0.0), (0.0, 210.0)]);
        assert!(svg.contains("viewBox=\"0 0 610 410\""));
    }

    #[test]
    fn no_charts_are_an_empty_picture() {
        assert_well_formed(&Panels::new("none", 0).svg());
    }

    #[test]
    fn every_kind_fits() {
        let panels = Panels::new("t", 4)
            .with(Curve::new("a"))
            .with(Bars::new("b").bar("x", 1.0))
            .with(Histogram::of("c", &[1.0, 2.0], 2))
            .with(Reliability::new("d"));
        assert_well_formed(&panels.svg());
    }
}
