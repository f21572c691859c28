//! An evaluation as text, Markdown and JSON.
//!
//! Decision: one table of cells feeds text and Markdown alike, and a figure that is not defined is printed as `–`, never
//! as 0.

use std::fmt;

use rankine_model::config::{Meaning, MetricName};

use super::{Bounds, Evaluation, Intervals, Line, Measures, Slice};
use crate::bootstrap::Interval;

/// What a figure is called in tables.
fn heading(name: MetricName) -> &'static str {
    match name {
        MetricName::Auc => "ROC-AUC",
        MetricName::PrAuc => "PR-AUC",
        MetricName::Logloss => "logloss",
        MetricName::Gauc => "GAUC",
        MetricName::Accuracy => "accuracy",
        MetricName::Brier => "Brier",
        MetricName::Ndcg => "NDCG@10",
        MetricName::Ece => "ECE",
        MetricName::Rmse => "RMSE",
        MetricName::Mae => "MAE",
    }
}

/// The figures of a group of rows.
const GROUPED: [MetricName; 5] = [
    MetricName::Auc,
    MetricName::Logloss,
    MetricName::Gauc,
    MetricName::Ece,
    MetricName::Rmse,
];

impl Evaluation {
    /// The evaluation as GitHub-flavoured Markdown: a summary line, a table, intervals, differences, groups, the note on
    /// GAUC; then the further outputs.
    pub fn markdown(&self) -> String {
        let mut text = format!("{}\n\n", self.summary());
        text += &markdown_table(&self.headings(), self.lines.iter().map(|line| self.cells(line)));
        text += &self.notes().map_or(String::new(), |notes| format!("\n{notes}\n"));
        let intervals = self.intervals();
        if !intervals.is_empty() {
            let note = format!("{} % intervals ({})", self.percent(), self.resamples());
            text += &format!("\n{note}\n\n");
            text += &markdown_table(
                &["", "figure", "low", "high"],
                intervals.into_iter().map(Vec::from),
            );
        }
        if !self.differences.is_empty() {
            text += &format!("\n{}\n\n", self.interval_note());
            let rows = self.differences.iter().map(|row| {
                let [difference, low, high] = signed(&row.interval);
                vec![row.model.clone(), row.baseline.clone(), difference, low, high]
            });
            text += &markdown_table(&["model", "baseline", "difference", "low", "high"], rows);
        }
        if !self.slices.is_empty() {
            text += "\nBy group of rows\n\n";
            text += &markdown_table(&self.group_headings(), self.by_group().into_iter());
        }
        for other in &self.others {
            text += &format!("\n{}", other.markdown());
        }
        text
    }

    /// The columns of the table of figures; the first, the name, has none.
    pub(crate) fn headings(&self) -> Vec<&'static str> {
        let told = MetricName::ALL.into_iter().filter(|name| self.metrics.has(*name));
        std::iter::once("").chain(told.map(heading)).collect()
    }

    /// A line's name and figures.
    pub(crate) fn cells(&self, line: &Line) -> Vec<String> {
        let told = MetricName::ALL.into_iter().filter(|name| self.metrics.has(*name));
        let figures = told.map(|metric| figure(value(&line.measures, metric)));
        std::iter::once(name(line)).chain(figures).collect()
    }

    /// The columns of figures by group.
    pub(crate) fn group_headings(&self) -> Vec<&'static str> {
        let told = GROUPED.into_iter().filter(|name| self.metrics.has(*name));
        ["group", "rows", "positive", ""]
            .into_iter()
            .chain(told.map(heading))
            .collect()
    }

    /// A row per group and scorer: group, rows, share of positives, scorer, figures.
    pub(crate) fn by_group(&self) -> Vec<Vec<String>> {
        let row = |slice: &Slice, line: &Line| {
            let share = 100.0 * slice.positives as f64 / slice.rows.max(1) as f64;
            let mut row = vec![
                slice.name.clone(),
                grouped(slice.rows),
                format!("{share:.1} %"),
                name(line),
            ];
            let told = GROUPED.into_iter().filter(|name| self.metrics.has(*name));
            row.extend(
                told.map(|metric| with_range(value(&line.measures, metric), bounds(&line.intervals, metric))),
            );
            row
        };
        let rows = self
            .slices
            .iter()
            .flat_map(|slice| slice.lines.iter().map(move |line| row(slice, line)));
        rows.collect()
    }

    /// A row per figure of a model that has an interval.
    pub(crate) fn intervals(&self) -> Vec<[String; 4]> {
        let models = self.lines.iter().filter(|line| !line.baseline);
        models.flat_map(ranges).collect()
    }

    /// The evaluation as one JSON object (all fields; figures that are not defined are `null`).
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "null".to_owned())
    }

    fn summary(&self) -> String {
        let share = 100.0 * self.positives as f64 / self.rows.max(1) as f64;
        format!("{}: {}, {share:.1} % positive", self.title, self.of())
    }

    /// How many rows, and of how many users where they are named.
    pub(crate) fn of(&self) -> String {
        let (rows, users) = (grouped(self.rows), grouped(self.users));
        match self.users {
            0 => format!("{rows} rows"),
            _ => format!("{rows} rows of {users} users"),
        }
    }

    /// What must be known of the table's figures; nothing where they speak for themselves.
    fn notes(&self) -> Option<String> {
        let Some(gauc) = self.lines.first().map(|line| line.measures.gauc) else {
            return Some("nothing was evaluated".to_owned());
        };
        let (users, left_out) = (grouped(gauc.users), grouped(gauc.left_out));
        let by_user = self
            .metrics
            .has(MetricName::Gauc)
            .then(|| format!("GAUC over {users} users; {left_out} users with one class only are left out"));
        let alone = !self.lines.iter().any(|line| line.baseline);
        let only = alone.then(|| "no baseline was given".to_owned());
        let scores = self.scores_note().map(str::to_owned);
        let notes: Vec<String> = by_user.into_iter().chain(only).chain(scores).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    /// What the model's scores are where they are no probabilities, and so which figures it has not.
    pub(crate) fn scores_note(&self) -> Option<&'static str> {
        match self.scores {
            Meaning::Probability => None,
            Meaning::Number => Some("the model's scores are numbers, no probabilities"),
            Meaning::Order => Some("the model's scores order items, they are no probabilities"),
        }
    }

    fn interval_note(&self) -> String {
        format!(
            "Difference in ROC-AUC with {} % interval ({})",
            self.percent(),
            self.resamples()
        )
    }

    fn percent(&self) -> f64 {
        (self.bootstrap.level * 1_000.0).round() / 10.0
    }

    /// What was drawn how often for the intervals.
    pub(crate) fn resamples(&self) -> String {
        let (settings, unit) = (&self.bootstrap, if self.users == 0 { "rows" } else { "users" });
        format!(
            "{} resamples of {unit}, seed {}",
            grouped(settings.resamples),
            settings.seed
        )
    }

    /// Differences, figures by group and further outputs, as text.
    fn more(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in self.intervals() {
            let [name, what, low, high] = row;
            writeln!(f, "  {name}: {what} {low} … {high} ({} %)", self.percent())?;
        }
        for slice in &self.slices {
            let share = 100.0 * slice.positives as f64 / slice.rows.max(1) as f64;
            writeln!(
                f,
                "{}: {} rows, {share:.1} % positive",
                slice.name,
                grouped(slice.rows)
            )?;
            let mut table = vec![words(&self.headings())];
            table.extend(slice.lines.iter().map(|line| self.cells(line)));
            write_aligned(f, &table)?;
            for line in slice.lines.iter().filter(|line| !line.baseline) {
                let told = ranges(line)
                    .into_iter()
                    .map(|[_, what, low, high]| format!("{what} {low} … {high}"));
                let told: Vec<String> = told.collect();
                if !told.is_empty() {
                    writeln!(f, "  {}: {} ({} %)", line.name, told.join(", "), self.percent())?;
                }
            }
        }
        self.others.iter().try_for_each(|other| write!(f, "{other}"))
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary())?;
        let mut table = vec![words(&self.headings())];
        table.extend(self.lines.iter().map(|line| self.cells(line)));
        write_aligned(f, &table)?;
        self.notes().map_or(Ok(()), |notes| writeln!(f, "{notes}"))?;
        if self.differences.is_empty() {
            return self.more(f);
        }
        writeln!(f, "{}:", self.interval_note())?;
        let row = |d: &super::Difference| {
            let [difference, low, high] = signed(&d.interval);
            vec![
                format!("{} − {}", d.model, d.baseline),
                difference,
                format!("({low} … {high})"),
            ]
        };
        write_aligned(f, &self.differences.iter().map(row).collect::<Vec<_>>())?;
        self.more(f)
    }
}

/// First column to the left, figures to the right, two spaces between.
fn write_aligned(f: &mut fmt::Formatter<'_>, table: &[Vec<String>]) -> fmt::Result {
    let columns = table.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        table
            .iter()
            .filter_map(|row| row.get(column))
            .map(|c| c.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in table {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            match column {
                0 => write!(f, "  {cell:<width$}")?,
                _ => write!(f, "  {cell:>width$}")?,
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

/// A scorer's name, in brackets where it is a baseline.
fn name(line: &Line) -> String {
    if line.baseline {
        format!("({})", line.name)
    } else {
        line.name.clone()
    }
}

/// One figure of a line.
fn value(m: &Measures, metric: MetricName) -> Option<f64> {
    match metric {
        MetricName::Auc => m.roc_auc,
        MetricName::PrAuc => m.pr_auc,
        MetricName::Logloss => m.logloss,
        MetricName::Gauc => m.gauc.value,
        MetricName::Accuracy => m.accuracy,
        MetricName::Brier => m.brier,
        MetricName::Ndcg => m.ndcg_10,
        MetricName::Ece => m.ece,
        MetricName::Rmse => m.rmse,
        MetricName::Mae => m.mae,
    }
}

/// The interval of one figure of a line.
fn bounds(i: &Intervals, metric: MetricName) -> Option<Bounds> {
    match metric {
        MetricName::Auc => i.roc_auc,
        MetricName::PrAuc => i.pr_auc,
        MetricName::Logloss => i.logloss,
        MetricName::Gauc => i.gauc,
        MetricName::Accuracy => i.accuracy,
        MetricName::Brier => i.brier,
        MetricName::Ndcg => i.ndcg_10,
        MetricName::Ece => i.ece,
        MetricName::Rmse => i.rmse,
        MetricName::Mae => i.mae,
    }
}

fn words(headings: &[&str]) -> Vec<String> {
    headings.iter().map(|&heading| heading.to_owned()).collect()
}

/// A figure with four decimals, or a dash.
pub(crate) fn figure(value: Option<f64>) -> String {
    value
        .filter(|v| v.is_finite())
        .map_or_else(|| "–".to_owned(), |v| format!("{v:.4}"))
}

/// A figure with its interval, where it has one.
fn with_range(value: Option<f64>, bounds: Option<Bounds>) -> String {
    let range = bounds.map_or(String::new(), |b| format!(" ({:.4} … {:.4})", b.low, b.high));
    figure(value) + &range
}

/// A line's intervals: name, figure, low, high.
fn ranges(line: &Line) -> Vec<[String; 4]> {
    let row = |metric: MetricName| {
        let Bounds { low, high } = bounds(&line.intervals, metric)?;
        let [low, high] = [low, high].map(|end| format!("{end:.4}"));
        Some([line.name.clone(), heading(metric).to_owned(), low, high])
    };
    MetricName::ALL.into_iter().filter_map(row).collect()
}

fn signed(interval: &Interval) -> [String; 3] {
    [interval.difference, interval.low, interval.high].map(|v| format!("{v:+.4}"))
}

/// A table whose first column is to the left.
fn markdown_table(headings: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = markdown_row(&words(headings));
    text += &format!("|---|{}\n", "--:|".repeat(headings.len() - 1));
    rows.for_each(|row| text += &markdown_row(&row));
    text
}

fn markdown_row(cells: &[String]) -> String {
    let escaped: Vec<String> = cells.iter().map(|cell| markdown_cell(cell)).collect();
    format!("| {} |\n", escaped.join(" | "))
}

/// Escapes what would end a cell or start markup.
pub(crate) fn markdown_cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' => out.extend(['\\', character]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Prints a count with commas between thousands.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::evaluation::tests::example;
    use super::*;

    #[test]
    fn text_is_aligned_and_baselines_are_in_brackets() {
        let text = example().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "test: 600 rows of 60 users, 40.0 % positive");
        assert!(lines[2].starts_with("  wide | deep   0."), "{text}");
        assert!(lines[3].starts_with("  (constant)    0.5000"), "{text}");
        let ends: Vec<usize> = lines[1..4].iter().map(|l| l.chars().count()).collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "{text}");
        assert!(
            lines[1].contains("NDCG@10") && lines[1].ends_with("MAE"),
            "{text}"
        );
        for figure in ["logloss", "PR-AUC", "GAUC", "NDCG@10", "ECE"] {
            assert!(text.contains(&format!("wide | deep: {figure} 0.")), "{text}");
        }
        assert!(text.contains("wide | deep − constant  +0."), "{text}");
        assert!(text.contains("95 % interval (200 resamples of users, seed 1)"));
    }

    #[test]
    fn markdown_escapes_cells() {
        let text = example().markdown();
        assert!(text.contains("| wide \\| deep | 0."), "{text}");
        let rows = text
            .lines()
            .filter(|l| l.starts_with("| ") && l.contains("0."))
            .count();
        assert_eq!(rows, 3 + 10, "{text}");
        assert_eq!(markdown_cell("<b>\n`x`"), "&lt;b&gt; \\`x\\`");
    }

    #[test]
    fn undefined_figures_are_dashes_and_missing_baselines_are_said() {
        let mut found = example();
        found.lines.truncate(1);
        found.lines[0].measures.roc_auc = None;
        found.differences.clear();
        let text = found.to_string();
        assert!(
            text.contains('–') && text.contains("no baseline was given"),
            "{text}"
        );
        found.lines.clear();
        assert!(found.to_string().contains("nothing was evaluated"));
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [7, 999, 1_000, 1_234_567].map(grouped),
            ["7", "999", "1,000", "1,234,567"]
        );
    }
}
