//! Reliability diagram: predicted probability against what happened.
//!
//! Flow: held-out labels and scores → SVG. Decision: bins of equal width over 0 … 1 with the dot's area showing how many
//! rows a bin has, so that a wild bin with five rows does not look like a fault.

use crate::frame::{Axis, Entry, Frame, Plot};
use crate::scale::{Range, value_label};
use crate::svg::Canvas;
use crate::theme;

/// A reliability diagram (calibration curve); the dotted diagonal is perfect calibration.
///
/// ```
/// let svg = rankine_chart::Reliability::new("calibration")
///     .series("model", &[1.0, 0.0, 1.0], &[0.9, 0.1, 0.6], 10)
///     .svg();
/// assert!(svg.contains("calibration"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability {
    frame: Frame,
    series: Vec<(String, Vec<Cell>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Cell {
    rows: f64,
    predicted: f64,
    happened: f64,
}

impl Cell {
    fn point(&self) -> (f64, f64) {
        (self.predicted / self.rows, self.happened / self.rows)
    }
}

impl Reliability {
    /// Starts an empty diagram; a string makes a default frame with that title.
    pub fn new(frame: impl Into<Frame>) -> Reliability {
        Reliability {
            frame: frame.into(),
            series: Vec::new(),
        }
    }

    /// Adds bins that were counted elsewhere, each (mean prediction, share that happened, rows).
    #[must_use]
    pub fn binned(mut self, name: impl Into<String>, bins: &[(f64, f64, f64)]) -> Reliability {
        let finite = |bin: &&(f64, f64, f64)| bin.0.is_finite() && bin.1.is_finite() && bin.2 > 0.0;
        let cell = |&(predicted, happened, rows): &(f64, f64, f64)| Cell {
            rows,
            predicted: predicted * rows,
            happened: happened * rows,
        };
        self.series
            .push((name.into(), bins.iter().filter(finite).map(cell).collect()));
        self
    }

    /// Adds the calibration of `scores` (probabilities) against `labels` (0 … 1), row by row, in `bins` (1 … 100) bins.
    /// Rows whose score is not in 0 … 1, or whose label is not finite, are left out.
    #[must_use]
    pub fn series(
        mut self,
        name: impl Into<String>,
        labels: &[f64],
        scores: &[f64],
        bins: usize,
    ) -> Reliability {
        let bins = bins.clamp(1, 100);
        let upper: Vec<f64> = (1..=bins).map(|i| i as f64 / bins as f64).collect();
        let mut cells = vec![Cell::default(); bins];
        for (label, score) in labels.iter().zip(scores) {
            if !label.is_finite() || !(0.0..=1.0).contains(score) {
                continue;
            }
            let cell = &mut cells[upper.partition_point(|edge| edge <= score).min(bins - 1)];
            cell.rows += 1.0;
            cell.predicted += score;
            cell.happened += label.clamp(0.0, 1.0);
        }
        self.series
            .push((name.into(), cells.into_iter().filter(|c| c.rows > 0.0).collect()));
        self
    }

    /// Draws the diagram as one self-contained SVG document.
    pub fn svg(&self) -> String {
        self.draw()
            .finish(self.frame.size, &self.frame.title, &self.description())
    }

    pub(crate) fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Says in words what is drawn: the mean gap weighted by rows (expected calibration error).
    pub(crate) fn description(&self) -> String {
        if let Some(text) = &self.frame.description {
            return text.clone();
        }
        let mut text = "Reliability diagram.".to_owned();
        for (name, cells) in &self.series {
            let rows: f64 = cells.iter().map(|c| c.rows).sum();
            let gap: f64 = cells.iter().map(|c| (c.predicted - c.happened).abs()).sum();
            text += &format!(
                " {name}: {} rows, mean gap {}.",
                value_label(rows),
                value_label(gap / rows.max(1.0))
            );
        }
        text
    }

    pub(crate) fn draw(&self) -> Canvas {
        let mut canvas = Canvas::default();
        let unit = Range { low: 0.0, high: 1.0 }.ticks(4, false);
        let plot = self
            .frame
            .axes(&mut canvas, &self.legend(), Axis::Numbers(&unit), &unit);
        canvas.line("rk-mark", plot.at((0.0, 0.0)), plot.at((1.0, 1.0)));
        for (index, (_, cells)) in self.series.iter().enumerate() {
            draw_series(&mut canvas, &plot, index, cells);
        }
        canvas
    }

    fn legend(&self) -> Vec<Entry> {
        let entry = |(index, series): (usize, &(String, _))| Entry {
            class: theme::fill(index),
            text: series.0.clone(),
        };
        self.series.iter().enumerate().map(entry).collect()
    }
}

fn draw_series(canvas: &mut Canvas, plot: &Plot, index: usize, cells: &[Cell]) {
    let most = cells.iter().map(|c| c.rows).fold(1.0, f64::max);
    let pixels: Vec<_> = cells.iter().map(|c| plot.at(c.point())).collect();
    canvas.path(&theme::stroke(index), &pixels);
    for (cell, pixel) in cells.iter().zip(pixels) {
        let (predicted, happened) = cell.point();
        let tip = format!(
            "predicted {}, happened {}, {} rows",
            value_label(predicted),
            value_label(happened),
            value_label(cell.rows)
        );
        canvas.dot(
            &theme::fill(index),
            pixel,
            3.0 + 6.0 * (cell.rows / most).sqrt(),
            &tip,
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::well_formed::assert_well_formed;

    #[test]
    fn perfect_predictions_lie_on_the_diagonal() {
        let chart = Reliability::new("t").series("a", &[0.0, 1.0, 1.0, 0.0], &[0.0, 1.0, 0.5, 0.5], 4);
        let points: Vec<_> = chart.series[0].1.iter().map(Cell::point).collect();
        assert_eq!(points, [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)]);
        assert!(chart.description().contains("4 rows, mean gap 0."));
    }

    #[test]
    fn rows_outside_are_left_out() {
        let chart = Reliability::new("t").series("a", &[1.0, f64::NAN, 1.0], &[1.5, 0.5, f64::NAN], 4);
        assert!(chart.series[0].1.is_empty());
        assert_well_formed(&chart.svg());
    }

    proptest! {
        #[test]
        fn any_data_makes_well_formed_svg(rows in prop::collection::vec((any::<f64>(), -0.5..1.5_f64), 0..40)) {
            let (labels, scores): (Vec<f64>, Vec<f64>) = rows.into_iter().unzip();
            assert_well_formed(&Reliability::new("t").series("a", &labels, &scores, 10).svg());
        }
    }
}
