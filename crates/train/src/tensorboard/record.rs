//! TFRecord framing: `length u64 | masked crc | data | masked crc`, little-endian.
//!
//! Decision: the masking of the checksum is TensorFlow's (a checksum stored beside data that contains checksums must not
//! look like one of them), checked against TensorFlow's own figures.

/// CRC-32C (Castagnoli) of `data`, rotated right by 15 bits plus a constant, as TFRecord stores it.
///
/// ```
/// assert_eq!(rankine_train::tensorboard::masked_crc32c(b"abc"), 569_464_686);
/// ```
pub fn masked_crc32c(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// One record around `data`: 16 bytes more.
pub fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend(length);
    record.extend(masked_crc32c(&length).to_le_bytes());
    record.extend(data);
    record.extend(masked_crc32c(data).to_le_bytes());
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn checksums_agree_with_tensorflow() {
        let oracle: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/golden_crc32c.json")).unwrap();
        let cases = oracle.as_array().unwrap();
        assert_eq!(cases.len(), 16);
        for case in cases {
            let data = from_hex(case["hex"].as_str().unwrap());
            assert_eq!(u64::from(crc32c::crc32c(&data)), case["crc32c"].as_u64().unwrap());
            assert_eq!(
                u64::from(masked_crc32c(&data)),
                case["tfrecord_masked_crc32c"].as_u64().unwrap()
            );
        }
    }

    #[test]
    fn a_record_is_length_checksum_data_checksum() {
        let record = framed(b"abc");
        assert_eq!(record.len(), 19);
        assert_eq!(record[..8], 3_u64.to_le_bytes());
        assert_eq!(record[8..12], masked_crc32c(&record[..8]).to_le_bytes());
        assert_eq!(&record[12..15], b"abc");
        assert_eq!(record[15..], 569_464_686_u32.to_le_bytes());
    }
}
