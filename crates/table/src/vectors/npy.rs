//! NumPy's array files: a magic, a dictionary in words, the numbers row by row.

/// The bytes of a matrix of f32.
pub(super) fn encode(rows: usize, width: usize, floats: &[f32]) -> Vec<u8> {
    let mut head = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {width}), }}");
    // magic, version and length take ten bytes; numbers begin at a multiple of 64
    while (head.len() + 11) % 64 != 0 {
        head.push(' ');
    }
    head.push('\n');
    let length = u16::try_from(head.len()).unwrap_or(u16::MAX);
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.extend(head.as_bytes());
    bytes.extend(floats.iter().flat_map(|x| x.to_le_bytes()));
    bytes
}

/// Rows, width and numbers of a matrix; in words what else it is.
pub(super) fn decode(bytes: &[u8]) -> Result<(usize, usize, Vec<f32>), String> {
    let head = bytes
        .strip_prefix(b"\x93NUMPY")
        .ok_or("it does not begin like a .npy file")?;
    let (length, at): (_, usize) = match head.first() {
        Some(1) => (
            head.get(2..4)
                .map(|b| usize::from(u16::from_le_bytes([b[0], b[1]]))),
            4,
        ),
        Some(2 | 3) => (
            head.get(2..6)
                .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize),
            6,
        ),
        _ => (None, 0),
    };
    let length = length.ok_or("its version is not 1, 2 or 3")?;
    let words = head
        .get(at..at.saturating_add(length))
        .and_then(|b| std::str::from_utf8(b).ok());
    let words = words.ok_or("its head is cut")?;
    if !words.contains("'fortran_order': False") {
        return Err("it stands column by column (fortran_order), expected row by row".to_owned());
    }
    let shape = words
        .split_once("'shape': (")
        .and_then(|(_, rest)| rest.split_once(')'));
    let shape = shape.map_or("", |(shape, _)| shape);
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    let sizes: Result<Vec<usize>, _> = sizes.map(str::parse).collect();
    let Ok([rows, width]) = sizes.as_deref() else {
        return Err(format!("its shape is ({shape}), expected two sizes"));
    };
    let (rows, width) = (*rows, *width);
    let body = &head[at + length..];
    let floats = numbers(words, body)?;
    if rows.checked_mul(width) != Some(floats.len()) {
        return Err(format!(
            "it holds {} numbers, expected {rows} × {width}",
            floats.len()
        ));
    }
    Ok((rows, width, floats))
}

fn numbers(words: &str, body: &[u8]) -> Result<Vec<f32>, String> {
    let (numbers, rest): (Vec<f32>, &[u8]) = if words.contains("'<f4'") {
        let (whole, rest) = body.as_chunks::<4>();
        (whole.iter().map(|b| f32::from_le_bytes(*b)).collect(), rest)
    } else if words.contains("'<f8'") {
        #[expect(clippy::cast_possible_truncation, reason = "vectors are floats")]
        let one = |b: &[u8; 8]| f64::from_le_bytes(*b) as f32;
        let (whole, rest) = body.as_chunks::<8>();
        (whole.iter().map(one).collect(), rest)
    } else {
        return Err("its numbers are neither '<f4' nor '<f8'".to_owned());
    };
    match rest.is_empty() {
        true => Ok(numbers),
        false => Err(format!("its last number is cut: {} bytes of it", rest.len())),
    }
}
