//! Curves on a terminal: points as Braille dots, two by four to a character.

/// A curve of `points` in `size` (columns, rows) characters, the greatest value above; the lines are equally long, each with
/// its value at the left on the first and the last. What is not finite is left out.
pub(crate) fn curve(title: &str, points: &[(f64, f64)], (columns, rows): (usize, usize)) -> Vec<String> {
    let points: Vec<(f64, f64)> = points
        .iter()
        .copied()
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .collect();
    let (x, y) = (
        range(points.iter().map(|p| p.0)),
        range(points.iter().map(|p| p.1)),
    );
    let mut cells = vec![vec![0_u8; columns]; rows];
    for (px, py) in &points {
        let column = place(*px, x, columns * 2);
        let row = rows * 4 - 1 - place(*py, y, rows * 4);
        cells[row / 4][column / 2] |= dot(column % 2, row % 4);
    }
    let label = |row: usize| match row {
        _ if points.is_empty() => String::new(),
        0 => format!("{:.4}", y.1),
        last if last + 1 == rows => format!("{:.4}", y.0),
        _ => String::new(),
    };
    let mut lines = vec![format!("{:>8} {title:<columns$}", "")];
    for (row, cells) in cells.iter().enumerate() {
        let drawn: String = cells.iter().map(|bits| braille(*bits)).collect();
        lines.push(format!("{:>8} {drawn}", label(row)));
    }
    lines
}

/// Two blocks of lines side by side.
pub(crate) fn beside(left: &[String], right: &[String]) -> String {
    let lines = left.iter().zip(right).map(|(a, b)| format!("{a}  {b}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
        (a.min(v), b.max(v))
    });
    if low < high {
        (low, high)
    } else {
        (low - 0.5, low + 0.5)
    }
}

/// The place of a value among `places` over a range.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the places"
)]
fn place(value: f64, (low, high): (f64, f64), places: usize) -> usize {
    let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
    ((share * (places - 1) as f64).round() as usize).min(places - 1)
}

/// The bit of a dot in its character (Unicode 1991: columns of three, then the lowest row).
fn dot(column: usize, row: usize) -> u8 {
    const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    BITS[column][row]
}

fn braille(bits: u8) -> char {
    char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_falling_line_goes_from_upper_left_to_lower_right() {
        let points: Vec<(f64, f64)> = (0..8).map(|i| (f64::from(i), 7.0 - f64::from(i))).collect();
        let lines = curve("loss", &points, (4, 2));
        assert_eq!(lines[0], "         loss");
        assert_eq!(lines[1], "  7.0000 ⠑⢄⠀⠀");
        assert_eq!(lines[2], "  0.0000 ⠀⠀⠑⢄");
    }

    #[test]
    fn nothing_and_one_point_and_what_is_no_number_are_drawn() {
        let empty = curve("a", &[(1.0, f64::NAN)], (3, 1));
        assert_eq!(empty, ["         a  ", "         ⠀⠀⠀"]);
        let one = curve("a", &[(1.0, 0.5)], (3, 2));
        assert_eq!(
            one.iter()
                .flat_map(|l| l.chars())
                .filter(|c| ('\u{2801}'..='\u{28ff}').contains(c))
                .count(),
            1
        );
    }

    #[test]
    fn blocks_stand_side_by_side() {
        let block = |c: &str| vec![c.to_owned(), c.to_owned()];
        assert_eq!(beside(&block("a"), &block("b")), "a  b\na  b");
    }
}
