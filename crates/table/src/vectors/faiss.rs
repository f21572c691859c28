//! faiss's files of a flat index, with ids (`IxMp`) or without: what `faiss.write_index` writes and `faiss.read_index` reads.
//!
//! ```text
//! flat  "IxFI" head, u64 numbers, f32…      "IxF2" of the same form compares by distance
//! ids   "IxMp" head, a flat index, u64 ids, i64…
//! head  i32 width, i64 vectors, i64 and i64 (2²⁰ each, unused), u8 trained, i32 metric (0 inner product)
//! ```

const FLAT: &[u8; 4] = b"IxFI";
const DISTANCE: &[u8; 4] = b"IxF2";
const MAP: &[u8; 4] = b"IxMp";
const MAP_BOTH_WAYS: &[u8; 4] = b"IxM2";

/// What stands in two fields that nobody reads.
const UNUSED: i64 = 1 << 20;

/// The bytes of an index by inner product.
pub(super) fn encode(width: usize, floats: &[f32], ids: Option<&[i64]>) -> Vec<u8> {
    let rows = floats.len() / width.max(1);
    let mut bytes = Vec::with_capacity(floats.len() * 4 + rows * 8 + 128);
    if ids.is_some() {
        head(&mut bytes, MAP, width, rows);
    }
    head(&mut bytes, FLAT, width, rows);
    bytes.extend((floats.len() as u64).to_le_bytes());
    bytes.extend(floats.iter().flat_map(|x| x.to_le_bytes()));
    if let Some(ids) = ids {
        bytes.extend((ids.len() as u64).to_le_bytes());
        bytes.extend(ids.iter().flat_map(|id| id.to_le_bytes()));
    }
    bytes
}

fn head(bytes: &mut Vec<u8>, name: &[u8; 4], width: usize, rows: usize) {
    bytes.extend(name);
    bytes.extend(i32::try_from(width).unwrap_or(i32::MAX).to_le_bytes());
    bytes.extend(i64::try_from(rows).unwrap_or(i64::MAX).to_le_bytes());
    bytes.extend([UNUSED, UNUSED].iter().flat_map(|x| x.to_le_bytes()));
    bytes.push(1);
    bytes.extend(0i32.to_le_bytes());
}

/// Width, numbers and ids, if it has any.
type Decoded = (usize, Vec<f32>, Option<Vec<i64>>);

/// Reads a flat index; in words what else it is.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, String> {
    let mut rest = bytes;
    let name = *take::<4>(&mut rest)?;
    if name != *MAP && name != *MAP_BOTH_WAYS {
        let (width, floats) = flat(name, &mut rest)?;
        ended(rest)?;
        return Ok((width, floats, None));
    }
    begin(&mut rest)?;
    let (width, floats) = flat(*take::<4>(&mut rest)?, &mut rest)?;
    let ids = count(&mut rest)?;
    let ids = ids.checked_mul(8).and_then(|size| rest.split_at_checked(size));
    let (ids, behind) = ids.ok_or("its ids are cut")?;
    ended(behind)?;
    let ids: Vec<i64> = ids
        .as_chunks::<8>()
        .0
        .iter()
        .map(|b| i64::from_le_bytes(*b))
        .collect();
    if ids.len() * width != floats.len() {
        return Err(format!("it holds {} ids for {} numbers", ids.len(), floats.len()));
    }
    Ok((width, floats, Some(ids)))
}

/// Width and numbers of a flat index behind its name.
fn flat(name: [u8; 4], rest: &mut &[u8]) -> Result<(usize, Vec<f32>), String> {
    if name != *FLAT && name != *DISTANCE {
        let name = String::from_utf8_lossy(&name).into_owned();
        return Err(format!(
            "its index is `{name}`, expected a flat one (IxFI, IxF2), with ids (IxMp) or without"
        ));
    }
    let (width, rows) = begin(rest)?;
    let numbers = count(rest)?;
    if rows.checked_mul(width) != Some(numbers) {
        return Err(format!("it holds {numbers} numbers, expected {rows} × {width}"));
    }
    let floats = numbers
        .checked_mul(4)
        .and_then(|size| rest.split_at_checked(size));
    let (floats, behind) = floats.ok_or("its numbers are cut")?;
    *rest = behind;
    Ok((
        width,
        floats
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect(),
    ))
}

/// Width and count of a head.
fn begin(rest: &mut &[u8]) -> Result<(usize, usize), String> {
    let width = i32::from_le_bytes(*take(rest)?);
    let rows = i64::from_le_bytes(*take(rest)?);
    take::<21>(rest)?;
    match (usize::try_from(width), usize::try_from(rows)) {
        (Ok(width), Ok(rows)) if width > 0 => Ok((width, rows)),
        _ => Err(format!("its head says {rows} vectors of {width} numbers")),
    }
}

fn count(rest: &mut &[u8]) -> Result<usize, String> {
    let count = u64::from_le_bytes(*take(rest)?);
    usize::try_from(count).map_err(|_| format!("it says it holds {count} numbers"))
}

/// Whether that was all.
fn ended(rest: &[u8]) -> Result<(), String> {
    match rest.len() {
        0 => Ok(()),
        more => Err(format!("it goes on for {more} bytes behind its end")),
    }
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], String> {
    let (first, behind) = rest.split_first_chunk::<N>().ok_or("it is cut")?;
    *rest = behind;
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_faiss_writes() {
        // of faiss.write_index(IndexIDMap(IndexFlatIP(1))) with the vector [1] under 7, by faiss-cpu 1.15.1
        let expected = b"IxMp\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x10\0\0\0\0\0\x01\0\0\0\0\
                         IxFI\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x10\0\0\0\0\0\x01\0\0\0\0\
                         \x01\0\0\0\0\0\0\0\0\0\x80\x3f\x01\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0";
        assert_eq!(encode(1, &[1.0], Some(&[7])), expected);
    }

    #[test]
    fn counts_that_are_made_up_are_told_and_no_memory() {
        // width, vectors and numbers stand at 4, 8 and 37
        let bytes = encode(2, &[0.5, -1.0, 2.0, 1e-9], None);
        let huge = |at: usize, size: usize| {
            let mut forged = bytes.clone();
            forged[at..at + size].fill(0xff);
            forged[at + size - 1] = 0x7f;
            decode(&forged).unwrap_err()
        };
        assert!(huge(4, 4).starts_with("it holds 4 numbers, expected 2 × 2147483647"));
        assert!(huge(8, 8).starts_with("it holds 4 numbers, expected 9223372036854775807 × 2"));
        assert!(huge(37, 8).starts_with("it holds 9223372036854775807 numbers"));
        let mut both = bytes.clone();
        both[8..16].copy_from_slice(&(1_u64 << 60).to_le_bytes());
        both[37..45].copy_from_slice(&(1_u64 << 61).to_le_bytes());
        assert_eq!(decode(&both).unwrap_err(), "its numbers are cut");
    }

    #[test]
    fn indexes_come_back_and_anything_cut_is_told() {
        let floats = [0.5, -1.0, 2.0, 1e-9];
        for ids in [None, Some(&[7i64, -9][..])] {
            let bytes = encode(2, &floats, ids);
            assert_eq!(decode(&bytes), Ok((2, floats.to_vec(), ids.map(<[i64]>::to_vec))));
            for cut in 0..bytes.len() {
                assert!(decode(&bytes[..cut]).is_err(), "{cut}");
            }
            let told = decode(&[&bytes[..], b"xyz"].concat()).unwrap_err();
            assert_eq!(told, "it goes on for 3 bytes behind its end");
        }
        let mut other = encode(2, &floats, None);
        other[3] = b'Q';
        let told = decode(&other).unwrap_err();
        assert!(told.starts_with("its index is `IxFQ`"), "{told}");
    }
}
