//! Histogram: how often values fall into neighbouring bins.
//!
//! Flow: ratings, scores, latencies → SVG. Decision: bins are `[low, high)` except the last, which is closed, and the
//! bins' edges are always shown as numbers on the axis; pre-counted bins (a server's latency buckets) are taken as is.

use crate::frame::{Axis, Frame, Plot};
use crate::scale::{Range, drawable, value_label};
use crate::svg::Canvas;

/// A histogram.
///
/// ```
/// let chart = rankine_chart::Histogram::of("scores", &[0.1, 0.2, 0.25, 0.9], 4);
/// let counts: Vec<f64> = chart.bins().iter().map(|bin| bin.count).collect();
/// assert_eq!(counts, [3.0, 0.0, 0.0, 1.0]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    frame: Frame,
    bins: Vec<Bin>,
    left_out: usize,
}

/// One bin: values from `low` to `high`, `count` of them (counts may be weights).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Lower edge.
    pub low: f64,
    /// Upper edge, above `low`.
    pub high: f64,
    /// How many values, 0 or more.
    pub count: f64,
}

impl Histogram {
    /// Counts `values` into `bins` (at least 1, at most 1,000) bins of equal width from the least to the greatest.
    /// Values that are not finite are left out and counted in the description.
    pub fn of(frame: impl Into<Frame>, values: &[f64], bins: usize) -> Histogram {
        let bins = bins.clamp(1, 1_000);
        let kept: Vec<f64> = values.iter().copied().filter(|v| drawable(*v)).collect();
        let left_out = values.len() - kept.len();
        if kept.is_empty() {
            return Histogram {
                frame: frame.into(),
                bins: Vec::new(),
                left_out,
            };
        }
        let range = Range::covering(kept.iter().copied());
        let width = (range.high - range.low) / bins as f64;
        let edge = |index: usize| range.low + width * index as f64;
        let mut counted: Vec<Bin> = (0..bins)
            .map(|i| Bin {
                low: edge(i),
                high: edge(i + 1),
                count: 0.0,
            })
            .collect();
        for value in kept {
            let index = counted.partition_point(|bin| bin.high <= value).min(bins - 1);
            counted[index].count += 1.0;
        }
        Histogram {
            frame: frame.into(),
            bins: counted,
            left_out,
        }
    }

    /// Takes bins that are counted already; bins with edges or counts that cannot be drawn are left out and counted.
    pub fn counted(frame: impl Into<Frame>, bins: &[Bin]) -> Histogram {
        let valid = |b: &Bin| {
            drawable(b.low) && drawable(b.high) && b.low < b.high && drawable(b.count) && b.count >= 0.0
        };
        let kept: Vec<Bin> = bins.iter().copied().filter(valid).collect();
        Histogram {
            frame: frame.into(),
            left_out: bins.len() - kept.len(),
            bins: kept,
        }
    }

    /// The bins, in the order they were made.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
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
        let total: f64 = self.bins.iter().map(|b| b.count).sum();
        let mut text = format!(
            "Histogram, {} values in {} bins.",
            value_label(total),
            self.bins.len()
        );
        if let Some(mode) = self.bins.iter().max_by(|a, b| a.count.total_cmp(&b.count)) {
            text += &format!(
                " Most ({}) from {} to {}.",
                value_label(mode.count),
                value_label(mode.low),
                value_label(mode.high)
            );
        }
        if self.left_out > 0 {
            text += &format!(" {} left out as not finite.", self.left_out);
        }
        text
    }

    pub(crate) fn draw(&self) -> Canvas {
        let mut canvas = Canvas::default();
        let edges = Range::covering(self.bins.iter().flat_map(|b| [b.low, b.high]));
        let x = edges.ticks(8, false);
        let y = Range::covering(self.bins.iter().map(|b| b.count).chain([0.0])).ticks(4, false);
        let plot = self.frame.axes(&mut canvas, &[], Axis::Bounded(&x, edges), &y);
        for bin in self.bins.iter().filter(|b| b.count > 0.0) {
            draw_bin(&mut canvas, &plot, bin);
        }
        if self.bins.is_empty() {
            plot.no_data(&mut canvas);
        }
        canvas
    }
}

fn draw_bin(canvas: &mut Canvas, plot: &Plot, bin: &Bin) {
    let (left, right) = (plot.x.at(bin.low), plot.x.at(bin.high));
    let top = plot.y.at(bin.count);
    let gap = if right - left > 6.0 { 1.0 } else { 0.0 };
    let area = [
        left + gap,
        top,
        (right - left - 2.0 * gap).max(0.5),
        plot.y.from - top,
    ];
    let tip = format!(
        "{} … {}: {}",
        value_label(bin.low),
        value_label(bin.high),
        value_label(bin.count)
    );
    canvas.rect("rk-f1", area, 1.5, &tip);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::well_formed::assert_well_formed;

    fn counts(chart: &Histogram) -> Vec<f64> {
        chart.bins().iter().map(|b| b.count).collect()
    }

    #[test]
    fn edges_belong_to_the_upper_bin_but_the_last_is_closed() {
        let chart = Histogram::of("t", &[0.0, 1.0, 1.5, 2.0, 4.0, f64::NAN], 4);
        assert_eq!(counts(&chart), [1.0, 2.0, 1.0, 1.0]);
        assert!(chart.description().contains("1 left out"));
    }

    #[test]
    fn nothing_and_one_value_are_drawn() {
        assert_well_formed(&Histogram::of("t", &[], 10).svg());
        let one = Histogram::of("t", &[3.0], 4);
        assert_eq!(counts(&one).iter().sum::<f64>(), 1.0);
        assert_well_formed(&one.svg());
    }

    #[test]
    fn bad_bins_are_left_out() {
        let bins = [
            Bin {
                low: 0.0,
                high: 1.0,
                count: 3.0,
            },
            Bin {
                low: 1.0,
                high: 1.0,
                count: 3.0,
            },
            Bin {
                low: 1.0,
                high: f64::INFINITY,
                count: 3.0,
            },
            Bin {
                low: 1.0,
                high: 2.0,
                count: -1.0,
            },
        ];
        assert_eq!(counts(&Histogram::counted("t", &bins)), [3.0]);
    }

    proptest! {
        #[test]
        fn every_finite_value_is_counted_once(values in prop::collection::vec(-1e6..1e6_f64, 0..200), bins in 0_usize..50) {
            let chart = Histogram::of("t", &values, bins);
            prop_assert_eq!(counts(&chart).iter().sum::<f64>(), values.len() as f64);
        }

        #[test]
        fn any_data_makes_well_formed_svg(values in prop::collection::vec(any::<f64>(), 0..40), name in any::<String>()) {
            assert_well_formed(&Histogram::of(name, &values, 7).svg());
        }
    }
}
