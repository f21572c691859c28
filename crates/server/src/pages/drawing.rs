//! Charts within pages: the drawing of `rankine-chart` without its style sheet, which the page loads as a file.
//!
//! The content policy allows no styles inside a page. As the sheet is the same in every chart, it is taken out here
//! and served once; the page's own `--chart-*` colours then apply too.

use std::sync::LazyLock;

use rankine_chart::{Bars, Bin, Frame, Histogram};

use crate::status::LatencyBucket;

/// The charts' style sheet.
pub(super) fn style() -> &'static str {
    static STYLE: LazyLock<String> = LazyLock::new(|| {
        Bars::new("")
            .svg()
            .split_style()
            .map(|(_, style, _)| style.to_owned())
            .unwrap_or_default()
    });
    &STYLE
}

/// Cuts a chart at its style sheet.
trait SplitStyle {
    /// Before, the sheet, after; none where there is no sheet.
    fn split_style(&self) -> Option<(&str, &str, &str)>;
}

impl SplitStyle for String {
    fn split_style(&self) -> Option<(&str, &str, &str)> {
        let (before, rest) = self.split_once("<style>")?;
        let (style, after) = rest.split_once("</style>")?;
        Some((before, style, after))
    }
}

fn inline(svg: String) -> String {
    match svg.split_style() {
        Some((before, _, after)) => format!("{before}{after}"),
        None => svg,
    }
}

/// The ratings of a film, per half star.
pub(super) fn ratings(counts: &[u32; 10]) -> String {
    let bin = |(index, &count): (usize, &u32)| {
        let middle = 0.5 + 0.5 * index as f64;
        Bin {
            low: middle - 0.25,
            high: middle + 0.25,
            count: f64::from(count),
        }
    };
    let bins: Vec<Bin> = counts.iter().enumerate().map(bin).collect();
    let frame = Frame::new("").x_axis("stars").size(460.0, 230.0);
    inline(Histogram::counted(frame, &bins).svg())
}

/// The latencies of a route; empty buckets at both ends are left out.
pub(super) fn latencies(route: &str, buckets: &[LatencyBucket]) -> String {
    let used = |bucket: &LatencyBucket| bucket.count > 0;
    let first = buckets.iter().position(used).unwrap_or(0).saturating_sub(1);
    let last = buckets
        .iter()
        .rposition(used)
        .map_or(0, |last| (last + 2).min(buckets.len()));
    let shown = &buckets[first..last.max(first)];
    let frame = Frame::new(route).x_axis("milliseconds, up to").size(460.0, 230.0);
    let bars = shown.iter().fold(Bars::new(frame).upright(), |bars, bucket| {
        bars.bar(bound(bucket.upper_ms), bucket.count as f64)
    });
    inline(bars.svg())
}

fn bound(upper_ms: f64) -> String {
    if upper_ms.is_finite() {
        format!("{upper_ms}")
    } else {
        "more".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_bring_no_styles_and_the_sheet_is_served() {
        assert!(style().contains(".rk") && !style().contains('<'), "{}", style());
        let svg = ratings(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert!(
            svg.starts_with("<svg") && !svg.contains("<style") && !svg.contains(" style="),
            "{svg}"
        );
    }

    #[test]
    fn latencies_show_the_buckets_in_use() {
        let bucket = |upper_ms, count| LatencyBucket { upper_ms, count };
        let buckets = [
            bucket(1.0, 0),
            bucket(2.0, 0),
            bucket(3.0, 7),
            bucket(5.0, 0),
            bucket(8.0, 0),
            bucket(f64::INFINITY, 0),
        ];
        let svg = latencies("/a<b", &buckets);
        assert!(svg.contains("/a&lt;b") && svg.contains("3: 7"), "{svg}");
        assert!(!svg.contains("more") && !svg.contains("8: 0"), "{svg}");
        assert!(latencies("/x", &[]).starts_with("<svg"));
    }
}
