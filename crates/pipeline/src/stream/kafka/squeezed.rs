//! Compressed record batches: gzip, snappy, lz4, zstd.
//!
//! What comes out is bounded, so that a few bytes cannot fill the memory. snappy comes in blocks behind a head of Java's library,
//! or bare; lz4 as a frame of blocks, read here, since nothing else needs it.

use std::io::Read;

use super::wire::{unread, wrong};
use crate::error::PipelineError;
use crate::stream::bytes::Input;

/// The most bytes a batch may become.
const MAX_BATCH: usize = 256 << 20;
/// What Java's snappy writes in front: its mark and two versions.
const XERIAL: &[u8] = b"\x82SNAPPY\0";
/// What begins an lz4 frame.
const LZ4: u32 = 0x184D_2204;

/// The bytes of a batch's records, by the number of the method in its attributes.
///
/// # Errors
/// `Kafka`: damaged, too large, or an unknown method.
pub(super) fn loosened(method: i16, bytes: &[u8]) -> Result<Vec<u8>, PipelineError> {
    let fault = |e: &dyn std::fmt::Display| wrong("compressed records", &e.to_string());
    match method {
        0 => Ok(bytes.to_vec()),
        1 => bounded(flate2::read::MultiGzDecoder::new(bytes)),
        2 => snappy(bytes),
        3 => lz4(bytes),
        4 => bounded(zstd::Decoder::new(bytes).map_err(|e| fault(&e))?),
        other => Err(wrong("a compression from 0 to 4", &other.to_string())),
    }
}

fn bounded(source: impl Read) -> Result<Vec<u8>, PipelineError> {
    let mut out = Vec::new();
    let read = source.take(MAX_BATCH as u64 + 1).read_to_end(&mut out);
    read.map_err(|e| wrong("compressed records", &e.to_string()))?;
    within(out.len())?;
    Ok(out)
}

fn within(length: usize) -> Result<(), PipelineError> {
    match length <= MAX_BATCH {
        true => Ok(()),
        false => Err(wrong("a batch of at most 256 MiB", "more")),
    }
}

fn snappy(bytes: &[u8]) -> Result<Vec<u8>, PipelineError> {
    let Some(framed) = bytes.strip_prefix(XERIAL) else {
        return block(bytes);
    };
    let (mut input, mut out) = (unread(framed), Vec::new());
    input.take(8)?;
    while !input.rest().is_empty() {
        let length = input.count()?.unwrap_or(usize::MAX);
        out.extend(block(input.take(length)?)?);
        within(out.len())?;
    }
    Ok(out)
}

fn block(bytes: &[u8]) -> Result<Vec<u8>, PipelineError> {
    let fault = |e: snap::Error| wrong("snappy", &e.to_string());
    within(snap::raw::decompress_len(bytes).map_err(fault)?)?;
    snap::raw::Decoder::new().decompress_vec(bytes).map_err(fault)
}

fn lz4(bytes: &[u8]) -> Result<Vec<u8>, PipelineError> {
    let (mut input, mut out) = (unread(bytes), Vec::new());
    let little = |input: &mut Input<'_>| input.u32().map(u32::swap_bytes);
    if little(&mut input)? != LZ4 {
        return Err(wrong("an lz4 frame", "something else"));
    }
    let flags = input.i8()?.cast_unsigned();
    // block size; content size and dictionary where flagged; the head's checksum
    input.take(1 + if flags & 8 == 0 { 0 } else { 8 } + if flags & 1 == 0 { 0 } else { 4 } + 1)?;
    loop {
        let head = little(&mut input)?;
        if head == 0 {
            return Ok(out);
        }
        let length = usize::try_from(head & 0x7FFF_FFFF).unwrap_or(usize::MAX);
        let piece = input.take(length)?;
        match head >> 31 {
            0 => unblock(piece, &mut out)?,
            _ => out.extend(piece),
        }
        if flags & 16 != 0 {
            input.take(4)?;
        }
        within(out.len())?;
    }
}

/// One lz4 block: literals, then a copy of what came before, again and again; the last has literals only.
fn unblock(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), PipelineError> {
    let mut input = unread(bytes);
    while !input.rest().is_empty() {
        let token = usize::from(input.i8()?.cast_unsigned());
        let literals = length(token >> 4, &mut input)?;
        out.extend(input.take(literals)?);
        if input.rest().is_empty() {
            break;
        }
        let back = usize::from(input.i16()?.cast_unsigned().swap_bytes());
        let count = length(token & 15, &mut input)? + 4;
        if back == 0 || back > out.len() {
            return Err(wrong("a copy of what came before", &format!("{back} bytes back")));
        }
        within(out.len().saturating_add(count))?;
        // byte by byte: a copy may reach into itself
        for at in out.len() - back..out.len() - back + count {
            out.push(out[at]);
        }
    }
    Ok(())
}

fn length(short: usize, input: &mut Input<'_>) -> Result<usize, PipelineError> {
    let mut length = short;
    if short == 15 {
        loop {
            let more = input.i8()?.cast_unsigned();
            length += usize::from(more);
            if more < 255 {
                break;
            }
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_lz4_block_repeats_itself() {
        // five literals, then eight bytes from two back, then one literal
        let block = b"\x54abcde\x02\0\x10f";
        let mut out = Vec::new();
        unblock(block, &mut out).unwrap();
        assert_eq!(out, [b"abcde".as_slice(), b"dededede", b"f"].concat());
        assert!(
            unblock(b"\x14a\x09\0", &mut Vec::new()).is_err(),
            "further back than there is"
        );
    }

    #[test]
    fn an_unknown_method_is_told() {
        let error = loosened(5, b"").unwrap_err().to_string();
        assert!(error.contains("got 5"), "{error}");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(method in 0_i16..6, bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = loosened(method, &bytes);
            let _ = lz4(&[&LZ4.to_le_bytes(), bytes.as_slice()].concat());
            let _ = snappy(&[XERIAL, &bytes].concat());
        }
    }
}
