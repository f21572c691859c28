//! Trials of a search as a picture: the figure of each, and the best so far.

use rankine_chart::{Curve, Frame};

/// Draws (trial, rung, figure); a figure that is not finite leaves a gap.
#[must_use]
pub fn picture(title: &str, metric: &str, trials: &[(f64, usize, f64)], higher: bool) -> String {
    let mut chart = Curve::new(Frame::new(title).x_axis("trial").y_axis(metric));
    let rungs = trials
        .iter()
        .map(|trial| trial.1)
        .max()
        .map_or(0, |rung| rung + 1);
    for rung in 0..rungs {
        let mut points: Vec<(f64, f64)> = trials
            .iter()
            .filter(|t| t.1 == rung)
            .map(|t| (t.0, t.2))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let name = if rungs == 1 {
            metric.to_owned()
        } else {
            format!("rung {}", rung + 1)
        };
        chart = chart.series(name, &points);
    }
    let better = |a: f64, b: f64| if higher { a.max(b) } else { a.min(b) };
    let best = trials
        .iter()
        .map(|t| t.2)
        .filter(|v| v.is_finite())
        .reduce(better);
    if let Some(best) = best {
        chart = chart.reference("best", best);
    }
    chart.svg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rung_is_a_series_and_the_best_a_line() {
        let svg = picture(
            "t",
            "auc",
            &[(0.0, 0, 0.5), (1.0, 0, f64::NAN), (0.0, 1, 0.75)],
            true,
        );
        assert!(svg.contains("rung 2") && svg.contains("best 0.75"), "{svg}");
        assert!(picture("t", "auc", &[], true).contains("no data"));
    }
}
