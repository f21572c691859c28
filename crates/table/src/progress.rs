//! Progress of long work: a bar with remaining time on a terminal, plain lines otherwise, or silence.
//!
//! The decision: it writes to standard error only, so standard output stays clean for results; plain
//! lines come at every tenth of the work, not by the clock, so that logs do not depend on speed.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};

/// Where progress is shown.
pub struct Progress(Mode);

enum Mode {
    Silent,
    Bars,
    Lines(Mutex<Box<dyn Write + Send>>),
}

impl Progress {
    /// Shows nothing.
    pub fn silent() -> Self {
        Self(Mode::Silent)
    }

    /// Shows bars if standard error is a terminal, plain lines on it otherwise.
    pub fn stderr() -> Self {
        if std::io::stderr().is_terminal() {
            Self(Mode::Bars)
        } else {
            Self::lines(Box::new(std::io::stderr()))
        }
    }

    /// Writes plain lines to `out`.
    pub fn lines(out: Box<dyn Write + Send>) -> Self {
        Self(Mode::Lines(Mutex::new(out)))
    }

    /// Begins a stage of `total` units of work (0: unknown), for instance bytes.
    pub fn stage(&self, label: &str, total: u64) -> Stage<'_> {
        let bar = match self.0 {
            Mode::Bars => Some(bar(label, total)),
            Mode::Silent | Mode::Lines(_) => None,
        };
        Stage {
            progress: self,
            label: label.to_owned(),
            total,
            done: 0,
            tenths: 0,
            bar,
        }
    }

    fn line(&self, text: &str) {
        if let Mode::Lines(out) = &self.0
            && let Ok(mut out) = out.lock()
        {
            // A closed log must not stop the work.
            let _ = writeln!(out, "{text}");
        }
    }
}

fn bar(label: &str, total: u64) -> ProgressBar {
    let bar = if total == 0 {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::new(total)
    };
    let template = "{prefix:20} {bar:30} {percent:>3} %  {elapsed} gone, {eta} to go";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_prefix(label.to_owned());
    bar
}

/// One stage of work; [`Stage::finish`] closes it with a word about the outcome.
pub struct Stage<'a> {
    progress: &'a Progress,
    label: String,
    total: u64,
    done: u64,
    tenths: u64,
    bar: Option<ProgressBar>,
}

impl Stage<'_> {
    /// Counts work done. Cheap, yet better called once per thousand rows than per row.
    pub fn add(&mut self, units: u64) {
        self.done += units;
        if let Some(bar) = &self.bar {
            bar.inc(units);
        }
        let tenths = (self.done.saturating_mul(10))
            .checked_div(self.total)
            .unwrap_or(0)
            .min(10);
        if tenths > self.tenths && tenths < 10 {
            self.progress.line(&format!("{}: {} %", self.label, tenths * 10));
        }
        self.tenths = self.tenths.max(tenths);
    }

    /// Ends the stage and says what came out.
    pub fn finish(self, outcome: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            bar.suspend(|| eprintln!("{}: {outcome}", self.label));
        }
        self.progress.line(&format!("{}: {outcome}", self.label));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(work: impl FnOnce(&Progress)) -> String {
        let log = Log::default();
        work(&Progress::lines(Box::new(log.clone())));
        let bytes = log.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn plain_lines_come_at_tenths_and_at_the_end() {
        let text = written(|progress| {
            let mut stage = progress.stage("reading", 1_000);
            (0..250).for_each(|_| stage.add(1));
            stage.add(700);
            stage.add(50);
            stage.finish("1000 rows");
        });
        assert_eq!(
            text,
            "reading: 10 %\nreading: 20 %\nreading: 90 %\nreading: 1000 rows\n"
        );
    }

    #[test]
    fn unknown_totals_say_only_the_outcome() {
        let text = written(|progress| {
            let mut stage = progress.stage("sorting", 0);
            stage.add(5);
            stage.finish("done");
        });
        assert_eq!(text, "sorting: done\n");
        Progress::silent().stage("x", 1).finish("y");
    }
}
