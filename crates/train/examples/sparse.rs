//! Training speed and memory of sparse tables, on made-up ids:
//! `cargo run --release -p rankine-train --example sparse [rows of table a] [rows of table b] [samples] [epochs] [batch] [threads]`.
//!
//! Two id tables of dimension 16 → MLP 64-32-1, Adam, ids after Zipf's law (exponent 1.05): the shape of `bench/run sparse`. With
//! `0` for the rows of table b, table a alone has a row for each of its ids, every one seen once: how a table of ten million rows
//! is measured (`/usr/bin/time -v`; the bar is 1.3 × parameters and optimiser's state). Samples are made as they are read, and
//! what exceeds the shuffle buffer goes to a file. Prints samples per wall-clock second of each epoch, and the peak of memory.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_feature::{Plan, Value};
use rankine_model::ModelConfig;
use rankine_train::linear::Place;
use rankine_train::progress::EpochReport;
use rankine_train::{
    Frame, Progress, RowsSource, SampleRow, SampleSource, TrainError, thread_cpu_seconds, train_in,
};

/// Samples made one after another.
struct Made {
    rows: [u64; 2],
    samples: u64,
    at: u64,
    random: Xoshiro256PlusPlus,
}

impl Made {
    fn new(rows: [u64; 2], samples: u64) -> Self {
        Self {
            rows,
            samples,
            at: 0,
            random: Xoshiro256PlusPlus::seed_from_u64(1),
        }
    }

    /// An id after Zipf's law, by the inverse of its integral.
    fn zipf(&mut self, rows: u64) -> i64 {
        let (s, u): (f64, f64) = (1.05, self.random.random());
        let most = (rows as f64).powf(1.0 - s) - 1.0;
        #[expect(clippy::cast_possible_truncation, reason = "below the rows")]
        let rank = (1.0 + u * most).powf(1.0 / (1.0 - s)) as i64;
        // neighbours in rank are no neighbours in the table
        rank.wrapping_mul(0x9E37_79B1) % i64::try_from(rows).unwrap_or(i64::MAX)
    }

    fn sample(&mut self) -> SampleRow {
        let (a, b) = match self.rows {
            [rows, 0] => (i64::try_from(self.at % rows).unwrap_or(0), 0),
            [a, b] => (self.zipf(a), self.zipf(b)),
        };
        let p = if (a + b) % 3 == 0 { 0.8 } else { 0.3 };
        SampleRow {
            user: vec![Value::Int(a)],
            item: vec![Value::Int(b)],
            label: f32::from(self.random.random::<f64>() < p),
            weight: 1.0,
            ..SampleRow::default()
        }
    }
}

impl SampleSource for Made {
    fn next(&mut self, block: &mut Vec<SampleRow>, most: usize) -> Result<usize, TrainError> {
        let mut count = 0;
        while count < most && self.at < self.samples {
            let row = self.sample();
            block.push(row);
            (self.at, count) = (self.at + 1, count + 1);
        }
        Ok(count)
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        *self = Self::new(self.rows, self.samples);
        Ok(())
    }
}

/// Prints each epoch.
struct Told {
    samples: f64,
    elapsed: f64,
    cpu: f64,
}

impl Progress for Told {
    fn epoch(&mut self, report: &EpochReport) {
        let cpu = report.cpu_s.unwrap_or(f64::NAN);
        println!(
            "epoch {}: {:.0} samples per second so far, {:.0} per CPU-second, loss {:.5}",
            report.epoch,
            report.samples_per_s,
            self.samples / (cpu - self.cpu),
            report.loss
        );
        (self.elapsed, self.cpu) = (report.elapsed_s, cpu);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let of = |at: usize, default| given.get(at).copied().unwrap_or(default);
    let rows = [of(0, 100_000), of(1, 1_000_000)];
    let (samples, epochs, batch, threads) = (of(2, 2_000_000), of(3, 3), of(4, 1024), of(5, 1));
    let plan = Arc::new(Plan::compile(CONF, "sparse.toml", None)?);
    let config = ModelConfig::parse(&model(rows[1] > 0, (epochs, batch, threads)), "sparse.toml")?;
    let folder = tempfile::tempdir()?;
    let frame = Frame {
        place: Some(Place {
            folder: folder.path().to_owned(),
            name: "sparse".into(),
            fingerprint: String::new(),
        }),
        ..Frame::default()
    };
    let mut told = Told {
        samples: samples as f64,
        elapsed: 0.0,
        cpu: 0.0,
    };
    let begin = thread_cpu_seconds();
    let sources: (&mut dyn SampleSource, &mut dyn SampleSource) =
        (&mut Made::new(rows, samples), &mut RowsSource::default());
    let trained = train_in(&config, plan, sources, &frame, (&mut told, None))?;
    for (name, rows) in &trained.table_rows {
        println!(
            "table {name}: {rows} rows, {} MiB with the optimiser's state",
            (rows * 16 * 4 * 3) >> 20
        );
    }
    println!(
        "CPU seconds of the first thread: {:.1}",
        thread_cpu_seconds() - begin
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .filter(|line| line.starts_with("VmHWM"))
        .for_each(|line| println!("{line}"));
    Ok(())
}

const CONF: &str = r#"format = 1
name = "sparse"
schema.user = [{ name = "user", type = "int" }]
schema.item = [{ name = "item", type = "int" }]
sample = { label = ["label"] }
[[feature]]
name = "a"
class = "id"
slot = 1
depend = ["user"]
[[feature]]
name = "b"
class = "id"
slot = 2
depend = ["item"]
"#;

fn model(both: bool, (epochs, batch, threads): (u64, u64, u64)) -> String {
    let second = if both {
        ", { slots = [2], table = \"b\", dim = 16 }"
    } else {
        ""
    };
    format!(
        "format = 1\nkind = \"embeddingmlp\"\nconf = \"sparse\"\n\
         embedding = [{{ slots = [1], table = \"a\", dim = 16 }}{second}]\nhidden = [64, 32]\n\
         train = {{ epochs = {epochs}, batch = {batch}, threads = {threads} }}\n"
    )
}
