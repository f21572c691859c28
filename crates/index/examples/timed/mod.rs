//! What the programs of `bench/run vector` share: rows from a file, and the clock of one thread's CPU time.

use std::error::Error;

/// Little-endian f32 of a file.
pub(crate) fn floats(path: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    Ok(std::fs::read(path)?.chunks_exact(4).map(number).collect())
}

/// CPU seconds of this thread so far, as the kernel counts them.
pub(crate) fn spent() -> Result<f64, Box<dyn Error>> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = told.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}
