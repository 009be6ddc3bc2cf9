//! Modalities side by side, step by step.

/// Rows of one modality, `[rows, width]`, as `steps` rows: its length is cut into as many even parts, each the mean of the
/// rows that lie in it, of which at least one does. Zeros where there are no rows.
///
/// The papers align sounds and pictures with words by a forced aligner (P2FA), which tells when each word is spoken. Without
/// one, words are taken to be equally long.
pub(crate) fn at_steps(values: &[f32], width: usize, steps: usize) -> Vec<f32> {
    let rows = values.len() / width.max(1);
    let mut out = vec![0.0; steps * width];
    if rows == 0 || width == 0 {
        return out;
    }
    for (step, row) in out.chunks_exact_mut(width).enumerate() {
        let first = step * rows / steps;
        let last = ((step + 1) * rows).div_ceil(steps).max(first + 1);
        let part = &values[first * width..last * width];
        for own in part.chunks_exact(width) {
            for (sum, value) in row.iter_mut().zip(own) {
                *sum += value / (last - first) as f32;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::at_steps;

    #[test]
    fn parts_are_averaged_or_repeated() {
        let rows = [0.0, 10.0, 2.0, 20.0, 4.0, 30.0, 6.0, 40.0];
        assert_eq!(at_steps(&rows, 2, 4), rows);
        assert_eq!(at_steps(&rows, 2, 2), [1.0, 15.0, 5.0, 35.0]);
        assert_eq!(at_steps(&rows, 2, 1), [3.0, 25.0]);
        assert_eq!(at_steps(&[1.0, 2.0], 1, 4), [1.0, 1.0, 2.0, 2.0]);
        // The row in the middle belongs to both halves.
        assert_eq!(at_steps(&[1.0, 2.0, 3.0], 1, 2), [1.5, 2.5]);
        assert_eq!(at_steps(&[], 3, 2), [0.0; 6]);
    }
}
