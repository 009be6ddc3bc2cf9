//! Mixup (Zhang et al., 2018): pairs of utterances of a batch and their targets, mixed in the same proportion.

use mesm_data::seed::{permutation, rng};
use rand_distr::{Beta, Distribution};

use crate::lessons::LessonError;
use crate::utterances::{CHUNK_VALUES, FACE_VALUES, Utterances};

/// Purpose of the random numbers.
const MIX: u64 = 4;

/// Mixes every utterance with another one of the batch, in a share drawn from Beta(`alpha`, `alpha`). Of faces and chunks
/// those that both have are mixed.
///
/// # Errors
/// When `alpha` is not above 0.
pub(crate) fn mix(
    batch: &mut Utterances,
    alpha: f64,
    seed: u64,
    place: u64,
) -> Result<(), LessonError> {
    let beta = Beta::new(alpha, alpha).map_err(|e| LessonError(format!("mixup: {e}")))?;
    let count = batch.len();
    let partners = permutation(seed, &[MIX, place, 0], count as u32);
    let mut random = rng(seed, &[MIX, place, 1]);
    let shares: Vec<f32> = (0..count)
        .map(|_| beta.sample(&mut random) as f32)
        .collect();
    let pairs: Vec<(usize, usize, f32)> = (0..count)
        .map(|index| (index, partners[index] as usize, shares[index]))
        .collect();
    let classes = batch.targets.len() / count.max(1);
    blend(&mut batch.targets, &vec![1; count], classes, &pairs);
    blend(
        &mut batch.face_values,
        &batch.face_lens,
        FACE_VALUES,
        &pairs,
    );
    blend(&mut batch.mel_values, &batch.mel_lens, CHUNK_VALUES, &pairs);
    Ok(())
}

/// Mixes the rows of size `width` that belong to the two utterances of each pair.
fn blend(values: &mut [f32], lens: &[usize], width: usize, pairs: &[(usize, usize, f32)]) {
    let before = values.to_vec();
    let starts: Vec<usize> = lens
        .iter()
        .scan(0, |start, len| Some(std::mem::replace(start, *start + len)))
        .collect();
    for &(index, partner, share) in pairs {
        let both = lens[index].min(lens[partner]) * width;
        let (to, from) = (starts[index] * width, starts[partner] * width);
        for (value, (own, other)) in values[to..to + both]
            .iter_mut()
            .zip(before[to..].iter().zip(&before[from..]))
        {
            *value = share * own + (1.0 - share) * other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_both_have_are_mixed() {
        let mut values = [0.0, 1.0, 2.0, 10.0];
        blend(&mut values, &[3, 1], 1, &[(0, 1, 0.75), (1, 0, 0.5)]);
        let expected = [2.5_f32, 1.0, 2.0, 5.0];
        let near = |(found, expected): (&f32, &f32)| (found - expected).abs() < 1e-6;
        assert!(values.iter().zip(&expected).all(near), "{values:?}");
    }

    #[test]
    fn targets_keep_their_mass_and_the_same_place_gives_the_same_mix() {
        let batch = Utterances {
            ids: (0..6).map(|i| i.to_string()).collect(),
            targets: (0..6)
                .flat_map(|i| [f32::from(u8::from(i < 3)), f32::from(u8::from(i >= 3))])
                .collect(),
            face_lens: vec![0; 6],
            mel_lens: vec![0; 6],
            ..Utterances::default()
        };
        let mixed = |place| {
            let mut batch = batch.clone();
            mix(&mut batch, 0.4, 1, place).unwrap();
            batch.targets
        };
        for pair in mixed(0).chunks(2) {
            assert!((pair[0] + pair[1] - 1.0).abs() < 1e-6);
        }
        assert_eq!(mixed(5), mixed(5));
        assert_ne!(mixed(5), mixed(6));
    }
}
