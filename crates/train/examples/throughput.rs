//! Training speed on made-up samples: `cargo run --release -p rankine-train --example throughput [samples] [epochs] [batch] [kind]`.
//!
//! Prints samples per CPU-second of one thread for NeuralCF (10-10, two id tables) and EmbeddingMLP (128-128, two ids and
//! eight genres of dimension 10, seven numbers: the shape of `bench/run train-tabular`), from encoded samples: what an epoch costs, reading and validation left out. CPU
//! time, because the machine is shared.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_feature::{Plan, Value};
use rankine_model::{ModelConfig, Network};
use rankine_train::encode::{Cache, Encoder};
use rankine_train::model::{Net, Settings};
use rankine_train::run::Run;
use rankine_train::{RowsSource, SampleRow, Silent, TrainError, loss::Loss};

const IDS: usize = 10;
const NUMBERS: usize = 7;
const GENRES: [usize; 8] = [2, 3, 4, 5, 7, 8, 9, 10];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).filter_map(|a| a.parse::<usize>().ok());
    let (samples, epochs) = (arguments.next().unwrap_or(300_000), arguments.next().unwrap_or(5));
    let plan = Arc::new(Plan::compile(&conf(), "throughput.toml", None)?);
    let mut source = rows(samples);
    let batch = arguments.next().unwrap_or(1024);
    let only = std::env::args().nth(4);
    for (name, file) in [("neuralcf", neuralcf()), ("embeddingmlp", embeddingmlp())] {
        if only.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let config = ModelConfig::parse(&file, name)?;
        let network = Network::compile(&config, &plan)?;
        let settings = Settings {
            epochs,
            batch,
            ..Settings::new(&config)
        };
        let mut encoder = Encoder::new(Arc::clone(&plan), network.clone(), Loss::Bce);
        let start = cpu_seconds();
        let cache = encoder.learn(&mut source)?;
        let encoded = cpu_seconds();
        let net = Net::<f32>::new(&network, &settings, encoder.vocabularies());
        let (loss, speed, best) = fit(net, &settings, &cache)?;
        let reading = samples as f64 / (encoded - start);
        println!(
            "{name}: {speed:.0} samples per CPU-second, best epoch {best:.0} ({reading:.0} while encoding), loss {loss:.6}"
        );
    }
    Ok(())
}

/// Last loss, and samples per CPU-second of all epochs and of the best: on a busy machine only the best repeats.
fn fit(mut net: Net<f32>, settings: &Settings, cache: &Cache) -> Result<(f64, f64, f64), TrainError> {
    let history = Run::new(settings, &mut Silent, None)
        .fit(&mut net, cache, &Cache::default())?
        .history;
    let clock: Vec<f64> = history.iter().filter_map(|report| report.cpu_s).collect();
    let first = clock.first().copied().unwrap_or(f64::NAN);
    let best = clock
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(first, f64::min);
    let (samples, all) = (cache.len() as f64, clock.last().copied().unwrap_or(f64::NAN));
    let loss = history.last().map_or(f64::NAN, |report| report.loss);
    Ok((loss, samples * clock.len() as f64 / all, samples / best))
}

/// User and system time of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn conf() -> String {
    let mut conf = String::from("format = 1\nname = \"t\"\nsample = { label = [\"label\"] }\n");
    let id = |i| format!("{{ name = \"id{i}\", type = \"int\" }}");
    let users: Vec<String> = (0..IDS / 2).map(id).collect();
    let mut items: Vec<String> = (IDS / 2..IDS).map(id).collect();
    items.extend((0..NUMBERS).map(|n| format!("{{ name = \"n{n}\", type = \"float\" }}")));
    conf += &format!(
        "schema.user = [{}]\nschema.item = [{}]\n",
        users.join(", "),
        items.join(", ")
    );
    for i in 0..IDS {
        let slot = i + 1;
        let share = if GENRES[1..].contains(&slot) {
            "share = 2\n"
        } else {
            ""
        };
        conf += &format!(
            "[[feature]]\nname = \"f{i}\"\nclass = \"id\"\nslot = {slot}\n{share}depend = [\"id{i}\"]\n"
        );
    }
    for n in 0..NUMBERS {
        let slot = 100 + n;
        conf +=
            &format!("[[feature]]\nname = \"d{n}\"\nclass = \"raw\"\nslot = {slot}\ndepend = [\"n{n}\"]\n");
    }
    conf
}

fn neuralcf() -> String {
    "format = 1\nkind = \"neuralcf\"\nconf = \"t\"\nhidden = [10, 10]\nembedding = [{ slots = [1], table = \"u\", dim = 10 }, \
     { slots = [6], table = \"i\", dim = 10 }]\n"
        .into()
}

fn embeddingmlp() -> String {
    let dense: Vec<String> = (0..NUMBERS).map(|n| (100 + n).to_string()).collect();
    format!(
        "format = 1\nkind = \"embeddingmlp\"\nconf = \"t\"\nhidden = [128, 128]\nembedding = [{{ slots = [1], table = \"u\", \
         dim = 10 }}, {{ slots = [6], table = \"i\", dim = 10 }}, {{ slots = {GENRES:?}, table = \"g\", \
         dim = 10 }}]\ndense = {{ slots = [{}] }}\n",
        dense.join(", ")
    )
}

/// Ids of the sizes a film data set has, numbers near zero, labels that depend on two of the ids.
fn rows(samples: usize) -> RowsSource {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let sizes = [15_656_i64, 20, 20, 20, 20, 835, 20, 20, 20, 20];
    let row = |_| {
        let ids: Vec<i64> = sizes.iter().map(|&n| random.random_range(0..n)).collect();
        let numbers = (0..NUMBERS).map(|_| Value::Float(random.random_range(-1.0..1.0)));
        let (user, item) = ids.split_at(IDS / 2);
        let numbers: Vec<Value> = numbers.collect();
        SampleRow {
            user: user.iter().map(|&id| Value::Int(id)).collect(),
            item: item.iter().map(|&id| Value::Int(id)).chain(numbers).collect(),
            label: f32::from((ids[0] + ids[5]) % 3 == 0),
            weight: 1.0,
            ..SampleRow::default()
        }
    };
    RowsSource::new((0..samples).map(row).collect())
}
