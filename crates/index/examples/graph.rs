//! What `bench/run vector` times of the graph: `graph VECTORS QUERIES WIDTH N OUT EFFORT…` reads rows of little-endian f32, makes the
//! index, searches each query alone on one thread with each effort, writes the ids found to OUT.EFFORT (i64, N per query) and
//! prints one JSON line. With the effort `replaced` first, every other row comes in only after another one stood in its place.

mod timed;

use std::error::Error;
use std::time::Instant;

use rankine_index::{Hnsw, Metric, VectorIndex};

use timed::{floats, spent};

/// How a row that is replaced is told from the one it stands for.
const FAR: usize = 7919;

/// The index with its graph; where rows are replaced, the others' mirror images stood in their places first.
fn made(values: &[f32], width: usize, replaced: bool) -> Result<VectorIndex, Box<dyn Error>> {
    let rows = values.len() / width;
    let ids: Vec<i64> = (0..i64::try_from(rows)?).collect();
    let row = |place: usize| &values[place * width..(place + 1) * width];
    let mut first = values.to_vec();
    for place in (1..rows).step_by(2).filter(|_| replaced) {
        let other = row((place * FAR + 1) % rows);
        let to = &mut first[place * width..(place + 1) * width];
        to.iter_mut().zip(other).for_each(|(to, other)| *to = -other);
    }
    let index = VectorIndex::build(Metric::InnerProduct, 1, &ids, width, &first)?;
    let index = index.with_graph(Hnsw::default())?;
    index.accelerate()?;
    for place in (1..rows).step_by(2).filter(|_| replaced) {
        index.upsert(ids[place], row(place))?;
    }
    Ok(index)
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [vectors, queries, width, n, out, efforts @ ..] = words.as_slice() else {
        return Err("graph VECTORS QUERIES WIDTH N OUT [replaced] EFFORT…".into());
    };
    let (width, n): (usize, usize) = (width.parse()?, n.parse()?);
    let (values, queries) = (floats(vectors)?, floats(queries)?);
    let replaced = efforts.first().is_some_and(|word| word == "replaced");
    let start = Instant::now();
    let mut index = made(&values, width, replaced)?;
    let built = start.elapsed().as_secs_f64();
    let mut rates = Vec::new();
    for effort in &efforts[usize::from(replaced)..] {
        let ef = effort.parse()?;
        index = index.with_graph(Hnsw {
            ef,
            ..Hnsw::default()
        })?;
        let (start, mut found) = (spent()?, Vec::new());
        for query in queries.chunks_exact(width) {
            found.extend(index.search_graph(query, n, |_| true)?);
        }
        let asked = f64::from(u32::try_from(queries.len() / width)?);
        rates.push(format!("\"{effort}\": {:.1}", asked / (spent()? - start)));
        let bytes = found.iter().flat_map(|one| one.id.to_le_bytes());
        std::fs::write(format!("{out}.{effort}"), bytes.collect::<Vec<u8>>())?;
    }
    #[expect(clippy::print_stdout, reason = "this line is the result")]
    {
        println!(
            "{{\"build_s\": {built:.3}, \"queries_per_s\": {{{}}}}}",
            rates.join(", ")
        );
    }
    Ok(())
}
