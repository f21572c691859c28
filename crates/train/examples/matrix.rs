//! Speed of the matrix kinds and of item2vec, for `bench/run ials`, `ease` and `item2vec`:
//! `cargo run --release -p rankine-train --example matrix KIND FILE key=value …`.
//!
//! FILE holds little-endian u32: for `ials` and `ease` pairs (user, item), for `item2vec` a sentence's length before its items.
//! Prints one line of JSON: CPU seconds of the learning alone, reading left out, and its loss; with `out=FILE` the vectors as
//! little-endian f32.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::collections::BTreeMap;
use std::error::Error;

use rankine_model::matrix::Confidence;
use rankine_train::item2vec::{self, Item2VecConfig};
use rankine_train::matrix::{Interactions, ease, ials};
use rankine_train::{Silent, TrainError};

type Keys = BTreeMap<String, String>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (kind, file) = arguments
        .next()
        .zip(arguments.next())
        .ok_or("KIND FILE key=value …")?;
    let keys = arguments.filter_map(|a| a.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())));
    let keys: Keys = keys.collect();
    let bytes = std::fs::read(&file)?;
    let numbers: Vec<u32> = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| u32::from_le_bytes(*b))
        .collect();
    match kind.as_str() {
        "ials" => run_ials(&numbers, &keys),
        "ease" => run_ease(&numbers, &keys),
        "item2vec" => run_item2vec(&numbers, &keys),
        _ => Err(format!("unknown kind {kind}").into()),
    }
}

fn get<T: std::str::FromStr>(keys: &Keys, name: &str, default: T) -> T {
    keys.get(name).and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// CPU seconds of all threads of the process.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<f64> = after.split_whitespace().filter_map(|f| f.parse().ok()).collect();
    // the letter of the state is no number: utime and stime are the 11th and 12th behind it
    fields
        .get(10..12)
        .map_or(0.0, |times| times.iter().sum::<f64>() / 100.0)
}

fn write(keys: &Keys, rows: &[f32]) -> Result<(), Box<dyn Error>> {
    if let Some(path) = keys.get("out") {
        std::fs::write(
            path,
            rows.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>(),
        )?;
    }
    Ok(())
}

fn pairs(numbers: &[u32]) -> Result<Interactions, TrainError> {
    let pairs = numbers.as_chunks::<2>().0.iter();
    Interactions::of_events(pairs.map(|[user, item]| (u64::from(*user), u64::from(*item), 1.0, 0)))
}

fn run_ials(numbers: &[u32], keys: &Keys) -> Result<(), Box<dyn Error>> {
    let x = pairs(numbers)?;
    let config = ials::IalsConfig {
        dim: get(keys, "dim", 64),
        unobserved: get(keys, "unobserved", 1.0),
        reg: get(keys, "reg", 0.01),
        exponent: get(keys, "exponent", 0.0),
        confidence: Confidence::Hu,
        solver: match get(keys, "steps", 3) {
            0 => ials::Solver::Cholesky,
            steps => ials::Solver::Gradients(steps),
        },
        epochs: get(keys, "epochs", 15),
        threads: get(keys, "threads", 1),
        seed: get(keys, "seed", 1),
        ..ials::IalsConfig::default()
    };
    let first = ials::first(&x, &config);
    let (begin, wall) = (cpu(), std::time::Instant::now());
    let found = ials::fit(&x, &config, first, |_, _| Ok(()))?;
    let (seconds, wall) = (cpu() - begin, wall.elapsed().as_secs_f64());
    let loss = ials::loss(&x, &config, &found) * x.by_user.ids.len() as f64;
    println!("{{\"cpu\": {seconds}, \"wall\": {wall}, \"loss\": {loss}}}");
    write(keys, &[found.users, found.items].concat())
}

fn run_ease(numbers: &[u32], keys: &Keys) -> Result<(), Box<dyn Error>> {
    let x = pairs(numbers)?;
    let (reg, threads) = (get(keys, "reg", 200.0), get(keys, "threads", 1));
    let (begin, wall) = (cpu(), std::time::Instant::now());
    let weights: Vec<f32> = if get(keys, "bits", 64) == 64 {
        ease::fit(&x, reg, threads)?
    } else {
        ease::solve::<f32>(&x, reg, threads)?
    };
    let (seconds, wall) = (cpu() - begin, wall.elapsed().as_secs_f64());
    println!(
        "{{\"cpu\": {seconds}, \"wall\": {wall}, \"items\": {}}}",
        x.items.len()
    );
    write(keys, &weights)
}

fn run_item2vec(numbers: &[u32], keys: &Keys) -> Result<(), Box<dyn Error>> {
    let (mut sentences, mut rest) = (Vec::new(), numbers);
    while let Some((length, more)) = rest.split_first() {
        let (sentence, behind) = more.split_at((*length as usize).min(more.len()));
        sentences.push(sentence.iter().map(|item| i64::from(*item)).collect::<Vec<i64>>());
        rest = behind;
    }
    let config = Item2VecConfig {
        dim: get(keys, "dim", 100),
        window: get(keys, "window", 5),
        negatives: get(keys, "negatives", 5),
        epochs: get(keys, "epochs", 5),
        lr: get(keys, "lr", 0.025),
        min_count: get(keys, "min_count", 1),
        subsample: get(keys, "subsample", 0.0),
        seed: get(keys, "seed", 1),
    };
    let (begin, wall) = (cpu(), std::time::Instant::now());
    let found = item2vec::train(&sentences, &config, &mut Silent)?;
    let (seconds, wall) = (cpu() - begin, wall.elapsed().as_secs_f64());
    println!(
        "{{\"cpu\": {seconds}, \"wall\": {wall}, \"items\": {}}}",
        found.ids.len()
    );
    write(keys, &found.rows)
}
