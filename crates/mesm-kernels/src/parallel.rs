//! Work that all threads share, where a build has several.

use std::ops::Range;

/// Threads that share the work.
#[must_use]
pub fn threads() -> usize {
    #[cfg(feature = "rayon")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    return 1;
}

/// Values of parts that are worth a task of their own: handing one over takes as long as some thousand of them.
const VALUES_AT_ONCE: usize = 16 * 1024;

/// Calls `work` with each chunk of `size` values and its number; the last one may be shorter. A single chunk stays with the
/// thread that calls.
pub fn for_each_chunk<T: Send>(
    values: &mut [T],
    size: usize,
    work: impl Fn(usize, &mut [T]) + Send + Sync,
) {
    #[cfg(feature = "rayon")]
    if values.len() > size {
        use rayon::prelude::*;
        values
            .par_chunks_mut(size)
            .enumerate()
            .for_each(|(i, chunk)| work(i, chunk));
        return;
    }
    for (i, chunk) in values.chunks_mut(size).enumerate() {
        work(i, chunk);
    }
}

/// Calls `work` with each part of `values` and where it lies; parts of these sizes, one after the other.
///
/// # Panics
/// When there are fewer values than that.
pub fn for_each_part<T: Send>(
    values: &mut [T],
    sizes: &[usize],
    work: impl Fn(Range<usize>, &mut [T]) + Send + Sync,
) {
    let parts_at_once = VALUES_AT_ONCE * sizes.len() / values.len().max(1);
    let mut start = 0;
    let mut rest = values;
    let parts = sizes.iter().map(|&size| {
        let (part, later) = std::mem::take(&mut rest).split_at_mut(size);
        rest = later;
        start += size;
        (start - size, part)
    });
    let mut parts: Vec<(usize, &mut [T])> = parts.collect();
    for_each_chunk(&mut parts, parts_at_once.max(1), |_, parts| {
        for (start, part) in parts {
            work(*start..*start + part.len(), part);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_knows_where_it_lies() {
        let mut values = [0; 7];
        for_each_part(&mut values, &[2, 0, 3], |place, part| part.fill(place.end));
        assert_eq!(values, [2, 2, 5, 5, 5, 0, 0]);
        let mut many = vec![0; 3 * VALUES_AT_ONCE];
        let sizes = vec![3; VALUES_AT_ONCE];
        for_each_part(&mut many, &sizes, |place, part| part.fill(place.start));
        assert!(
            many.iter()
                .enumerate()
                .all(|(i, &start)| start == i / 3 * 3)
        );
        for_each_chunk(&mut values, 4, |i, part| part.fill(i + 10));
        assert_eq!(values, [10, 10, 10, 10, 11, 11, 11]);
    }
}
