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
    let at = |point: &(f64, f64)| {
        (
            place(point.0, x, columns * 2),
            rows * 4 - 1 - place(point.1, y, rows * 4),
        )
    };
    let dots: Vec<(usize, usize)> = points.iter().map(at).collect();
    let lines = dots.windows(2).flat_map(|pair| between(pair[0], pair[1]));
    for (column, row) in dots.iter().copied().chain(lines) {
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

/// The dots between two, one for each step along the longer side.
fn between(a: (usize, usize), b: (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
    let steps = a.0.abs_diff(b.0).max(a.1.abs_diff(b.1)).max(1);
    let mix =
        move |from: usize, to: usize, step: usize| (from * (steps - step) + to * step + steps / 2) / steps;
    (1..steps).map(move |step| (mix(a.0, b.0, step), mix(a.1, b.1, step)))
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
    fn distant_points_are_joined() {
        let lines = curve("", &[(0.0, 0.0), (1.0, 0.0)], (4, 1));
        assert!(
            lines[1].ends_with("⠤⠤⠤⠤") || lines[1].ends_with("⠒⠒⠒⠒"),
            "{lines:?}"
        );
        let rising = curve("", &[(0.0, 0.0), (1.0, 1.0)], (4, 2));
        let dots = rising
            .iter()
            .flat_map(|l| l.chars())
            .filter(|c| ('\u{2801}'..='\u{28ff}').contains(c));
        assert_eq!(dots.map(|c| (u32::from(c) - 0x2800).count_ones()).sum::<u32>(), 8);
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
