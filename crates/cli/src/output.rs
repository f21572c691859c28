//! What a verb prints: text for people or one JSON value, errors with their causes, logs on standard error.
//!
//! The decision: results go to standard output and nothing else does, so that `--json` can be piped.

use std::io::Write;

use serde::Serialize;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error: warnings, with `--verbose` more; `RANKINE_LOG` overrides (`info,rankine_server=debug`).
pub(crate) fn start_logging(verbose: u8) {
    let level = ["warn", "info", "debug"][usize::from(verbose.min(2))];
    let filter = EnvFilter::try_from_env("RANKINE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

/// Prints one line (or several) of a result. A closed pipe ends quietly.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints `value` as one line of JSON.
///
/// # Errors
/// When it cannot be serialised.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?);
    Ok(())
}

/// Prints an error with all its causes to standard error.
pub(crate) fn failure(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr().lock(), "rankine: {}", told(error));
}

/// The error and its causes in one line. Many errors say their cause themselves; it is not told twice.
fn told(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| {
        let cause = cause.to_string();
        match text.contains(&cause) {
            true => text,
            false if text.is_empty() => cause,
            false => format!("{text}: {cause}"),
        }
    })
}

/// Tells people something on standard error while a verb goes on.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "rankine: {text}");
}

/// Lines up `rows` under `head`: the first column left, the others right.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..head.len())
        .map(|c| {
            rows.iter()
                .filter_map(|r| r.get(c))
                .map(|cell| cell.chars().count())
                .chain([head[c].len()])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let print = |cells: Vec<&str>| {
        let cells = cells.iter().zip(&widths).enumerate().map(|(c, (cell, &width))| {
            if c == 0 {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let body = rows
        .iter()
        .map(|row| print(row.iter().map(String::as_str).collect()));
    std::iter::once(print(head.to_vec()))
        .chain(body)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let inner = std::io::Error::other("no such file");
        let twice = anyhow::Error::new(inner).context("x.csv: cannot open: no such file");
        assert_eq!(told(&twice), "x.csv: cannot open: no such file");
        let once = anyhow::anyhow!("no such file").context("x.csv").context("import");
        assert_eq!(told(&once), "import: x.csv: no such file");
    }

    #[test]
    fn columns_line_up() {
        let text = table(
            &["model", "auc"],
            &[
                vec!["a".into(), "0.8".into()],
                vec!["longer".into(), "0.75".into()],
            ],
        );
        assert_eq!(text, "model    auc\na        0.8\nlonger  0.75");
    }
}
