//! A view of a node's value: rows, which are all one where the value is the request's.

/// Working memory of a layer, and what its way back needs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Keep<T> {
    /// What the layer says it keeps.
    pub values: Vec<T>,
    /// Sources side by side, where they had to be copied.
    pub input: Vec<T>,
    /// What a layer within the layer keeps.
    pub inner: Vec<T>,
}

impl<T> Keep<T> {
    /// Empties it, keeping its memory.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.input.clear();
        self.inner.clear();
    }

    /// Returns the bytes it holds.
    pub(crate) fn bytes(&self) -> usize {
        let numbers = self.values.capacity() + self.input.capacity() + self.inner.capacity();
        numbers * size_of::<T>()
    }
}

/// Rows of a value.
#[derive(Debug, Clone, Copy)]
pub struct View<'a, T> {
    /// The numbers.
    pub data: &'a [T],
    /// Numbers of a row.
    pub width: usize,
    /// From row to row; 0 where all rows are the same one.
    pub stride: usize,
}

impl<'a, T: Copy> View<'a, T> {
    /// Rows one after another.
    #[must_use]
    pub fn rows(data: &'a [T], width: usize) -> View<'a, T> {
        View {
            data,
            width,
            stride: width,
        }
    }

    /// The same row again and again.
    #[must_use]
    pub fn same(data: &'a [T]) -> View<'a, T> {
        View {
            data,
            width: data.len(),
            stride: 0,
        }
    }

    /// Row `i`.
    #[inline]
    #[must_use]
    pub fn row(&self, i: usize) -> &'a [T] {
        &self.data[i * self.stride..][..self.width]
    }

    /// All `rows` rows as one slice, where they lie one after another.
    #[must_use]
    pub fn flat(&self, rows: usize) -> Option<&'a [T]> {
        (self.stride == self.width || rows == 1).then(|| &self.data[..rows * self.width])
    }
}

/// Returns what [`concat()`] returned of the same views with this memory, which has not changed since.
pub fn concatenated<'a, T: Copy>(rows: usize, from: &[View<'a, T>], kept: &'a [T]) -> &'a [T] {
    alone(rows, from).unwrap_or(kept)
}

/// The numbers of a single view, where they lie one after another.
fn alone<'a, T: Copy>(rows: usize, from: &[View<'a, T>]) -> Option<&'a [T]> {
    let [view] = from else {
        return None;
    };
    view.flat(rows)
}

/// Returns the views' rows side by side: a single view's own numbers where they lie so, else a copy in `keep`.
pub fn concat<'a, T: Copy + Default>(rows: usize, from: &[View<'a, T>], keep: &'a mut Vec<T>) -> &'a [T] {
    if let Some(flat) = alone(rows, from) {
        return flat;
    }
    keep.clear();
    for i in 0..rows {
        from.iter().for_each(|view| keep.extend_from_slice(view.row(i)));
    }
    keep
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_side_by_side_and_a_request_stands_in_all() {
        let (a, b) = ([1, 2, 3, 4], [9]);
        let from = [View::rows(&a, 2), View::same(&b)];
        let mut kept = Vec::new();
        assert_eq!(concat(2, &from, &mut kept), [1, 2, 9, 3, 4, 9]);
        assert_eq!(concatenated(2, &from, &kept), [1, 2, 9, 3, 4, 9]);
        assert_eq!(concatenated(2, &from[..1], &kept), a);
        assert_eq!(concat(2, &from[..1], &mut vec![7]), a);
        assert_eq!(from[1].row(1), [9]);
        assert_eq!((from[1].flat(2), from[1].flat(1)), (None, Some(&b[..])));
    }
}
