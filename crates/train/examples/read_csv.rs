//! Rows per CPU-second of a file `label,u1,…,i1,…`, by the reader and by `str::parse`: `bench/run read-csv`.
//!
//! `cargo run --release -p rankine-train --example read_csv -- FILE ROUNDS` prints one line of JSON.

use std::io::Write;
use std::path::Path;

use rankine_train::loss::Loss;
use rankine_train::thread_cpu_seconds;
use rankine_train::vectors::VectorText;

/// What a file came to: rows, and the sum of all numbers so that nothing is left out.
fn ours(path: &Path) -> Result<(u64, f64), Box<dyn std::error::Error>> {
    let widths = VectorText::widths(path, None)?.ok_or("a header")?;
    let mut source = VectorText::open(path, widths, Loss::Bce)?;
    let (mut rows, mut sum) = (0, 0.0);
    while let Some((label, numbers)) = source.advance()? {
        rows += 1;
        sum += f64::from(label) + f64::from(numbers[0]) + f64::from(numbers[numbers.len() - 1]);
    }
    Ok((rows, sum))
}

fn standard(path: &Path) -> Result<(u64, f64), Box<dyn std::error::Error>> {
    use std::io::BufRead;
    let mut input = std::io::BufReader::with_capacity(1 << 20, std::fs::File::open(path)?);
    let (mut rows, mut sum, mut line, mut numbers) = (0, 0.0, String::new(), Vec::<f32>::new());
    while input.read_line(&mut line)? > 0 {
        numbers.clear();
        for cell in line.trim_end().split(',') {
            numbers.push(cell.parse()?);
        }
        rows += 1;
        sum += f64::from(numbers[0]) + f64::from(numbers[1]) + f64::from(numbers[numbers.len() - 1]);
        line.clear();
    }
    Ok((rows, sum))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("FILE ROUNDS")?;
    let rounds: usize = arguments.next().ok_or("FILE ROUNDS")?.parse()?;
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let mut sums = Vec::new();
        for (way, rates) in [ours, standard].into_iter().zip(&mut rates) {
            let begin = thread_cpu_seconds();
            let (rows, sum) = way(Path::new(&path))?;
            rates.push(rows as f64 / (thread_cpu_seconds() - begin));
            sums.push(sum);
        }
        if (sums[0] - sums[1]).abs() > 0.0 {
            return Err("the two do not read the same numbers".into());
        }
    }
    let [ours, standard] = rates;
    let mut out = std::io::stdout();
    writeln!(out, "{{\"ours\": {ours:?}, \"str_parse\": {standard:?}}}")?;
    Ok(())
}
