//! What `bench/run vector` times: `scan VECTORS QUERIES WIDTH N OUT` reads rows of little-endian f32, searches each query
//! alone on one thread, writes the ids found (i64, N per query) and prints one JSON line.

mod timed;

use std::error::Error;

use rankine_index::{Metric, VectorIndex};

use timed::{floats, spent};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [vectors, queries, width, n, out] = words.as_slice() else {
        return Err("scan VECTORS QUERIES WIDTH N OUT".into());
    };
    let (width, n): (usize, usize) = (width.parse()?, n.parse()?);
    let (values, queries) = (floats(vectors)?, floats(queries)?);
    let ids: Vec<i64> = (0..i64::try_from(values.len() / width)?).collect();
    let start = spent()?;
    let index = VectorIndex::build(Metric::InnerProduct, 1, &ids, width, &values)?;
    let built = spent()? - start;
    let start = spent()?;
    let mut found = Vec::new();
    for query in queries.chunks_exact(width) {
        found.extend(
            index
                .search(query, n, |_| true)?
                .iter()
                .map(|neighbour| neighbour.id),
        );
    }
    let searched = spent()? - start;
    std::fs::write(
        out,
        found.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>(),
    )?;
    let asked = queries.len() / width;
    #[expect(
        clippy::print_stdout,
        clippy::cast_precision_loss,
        reason = "this line is the result"
    )]
    {
        println!(
            "{{\"build_s\": {built:.3}, \"queries_per_s\": {:.1}}}",
            asked as f64 / searched
        );
    }
    Ok(())
}
