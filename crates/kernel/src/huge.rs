//! Room for very many numbers in great pages, so that reading them in a mixed order does not wait for page tables.
//!
//! An epoch over shuffled samples reads rows of a kilobyte from anywhere in hundreds of megabytes: with pages of 4 KiB each
//! row costs a walk of the page tables, which took as long as the copy itself (60 ms against 29 ms for 200 MB). The advice
//! must come before the memory is first written; hence a vector is grown here, not where it is filled.

/// Bytes of a great page.
const GREAT: usize = 2 << 20;
/// Vectors below this stay as they are.
const LEAST: usize = 8 * GREAT;

/// Makes room for `more` further numbers; from some megabytes on in great pages where the system has them.
///
/// Amortised like [`Vec::reserve`]; what the vector holds does not change.
pub fn reserve<T: Copy>(numbers: &mut Vec<T>, more: usize) {
    let needed = numbers.len() + more;
    if needed <= numbers.capacity() {
        return;
    }
    if needed * size_of::<T>() < LEAST {
        return numbers.reserve(more);
    }
    let mut grown = Vec::with_capacity(needed.max(2 * numbers.capacity()));
    advise(&mut grown);
    grown.extend_from_slice(numbers);
    *numbers = grown;
}

/// Asks for great pages for the room of an empty vector.
#[cfg(target_os = "linux")]
fn advise<T>(empty: &mut Vec<T>) {
    let (start, bytes) = (empty.as_mut_ptr(), empty.capacity() * size_of::<T>());
    let skip = start.addr().next_multiple_of(GREAT) - start.addr();
    if bytes > skip + GREAT {
        let whole = (bytes - skip) / GREAT * GREAT;
        // SAFETY: the range lies inside memory this vector owns; the advice changes how pages are backed, not what they hold.
        unsafe {
            libc::madvise(
                start.cast::<u8>().wrapping_add(skip).cast(),
                whole,
                libc::MADV_HUGEPAGE,
            )
        };
    }
}

#[cfg(not(target_os = "linux"))]
fn advise<T>(_: &mut Vec<T>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_stays_while_the_room_grows() {
        let mut numbers = Vec::new();
        for i in 0..9_000_000_u32 {
            reserve(&mut numbers, 1);
            let before = numbers.capacity();
            numbers.push(i);
            assert_eq!(numbers.capacity(), before);
        }
        assert!(numbers.iter().zip(0..).all(|(n, i)| *n == i));
        assert!(numbers.capacity() * size_of::<u32>() >= LEAST);
    }

    #[test]
    fn a_small_or_empty_vector_grows_as_ever() {
        let mut numbers = vec![1_u64, 2];
        reserve(&mut numbers, 0);
        reserve(&mut numbers, 100);
        assert!(numbers.capacity() >= 102 && numbers == [1, 2]);
    }
}
