//! Random numbers with an address: what a value is depends on a seed and a key, never on how many were drawn before.
//!
//! A killed run that goes on asks for the numbers of its next item by that item's key and gets what it would have had.
//! A key is a list of words, the purpose first, so that two purposes never share numbers:
//!
//! ```
//! use mesm_data::seed::rng;
//! use rand::RngExt;
//!
//! const FACE: u64 = 1;
//! let (seed, epoch, item) = (7, 3, 1200);
//! let angle = rng(seed, &[FACE, epoch, item]).random::<f32>();
//! assert_eq!(angle, rng(seed, &[FACE, epoch, item]).random::<f32>());
//! ```

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The generator of `key` under `seed`.
///
/// The seed, the number of words and the words, each as eight bytes with the lowest first, are hashed by SHA-256; the
/// sum is the generator's key. So neighbouring keys have nothing in common, and `[1]` is another key than `[1, 0]`. The
/// numbers are the same on every machine. About a microsecond a call.
#[must_use]
pub fn rng(seed: u64, key: &[u64]) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update((key.len() as u64).to_le_bytes());
    for word in key {
        hash.update(word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// The numbers 0..`count` in the order that `key` under `seed` gives them, each order as likely as any other: four
/// bytes a number.
#[must_use]
pub fn permutation(seed: u64, key: &[u64], count: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count).collect();
    order.shuffle(&mut rng(seed, key));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    fn first(seed: u64, key: &[u64]) -> u64 {
        rng(seed, key).next_u64()
    }

    /// Written down once: trained weights are only repeatable while these stay.
    #[test]
    fn the_numbers_stay() {
        assert_eq!(first(0, &[]), 7_083_378_243_721_866_786);
        assert_eq!(first(7, &[1, 2, 3]), 16_222_507_916_873_136_565);
        assert_eq!(permutation(7, &[5], 10), [8, 1, 3, 4, 6, 7, 0, 2, 5, 9]);
    }

    #[test]
    fn every_part_of_the_key_counts() {
        let keys: [(u64, &[u64]); 8] = [
            (0, &[]),
            (0, &[0]),
            (0, &[0, 0]),
            (0, &[1, 0]),
            (0, &[0, 1]),
            (1, &[0]),
            (1, &[]),
            (0, &[1 << 32]),
        ];
        let mut numbers: Vec<u64> = keys.iter().map(|(seed, key)| first(*seed, key)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), keys.len());
    }

    /// Bits of the first word over neighbouring keys: each is set half the time, five standard deviations allowed.
    #[test]
    fn neighbouring_keys_have_nothing_in_common() {
        const KEYS: u32 = 4096;
        let mut ones = [0u32; 64];
        for item in 0..u64::from(KEYS) {
            let word = first(1, &[9, item]);
            for (bit, ones) in ones.iter_mut().enumerate() {
                *ones += u32::from(word >> bit & 1 == 1);
            }
        }
        for (bit, ones) in ones.iter().enumerate() {
            let off = f64::from(*ones) - f64::from(KEYS) / 2.0;
            assert!(off.abs() < 5.0 * 32.0, "bit {bit}: {ones} of {KEYS}");
        }
    }

    #[test]
    fn a_permutation_has_every_number_once() {
        for count in [0, 1, 2, 1000] {
            let mut order = permutation(3, &[1], count);
            assert_eq!(order, permutation(3, &[1], count));
            order.sort_unstable();
            assert!(order.into_iter().eq(0..count));
        }
        assert_ne!(permutation(3, &[1], 1000), permutation(3, &[2], 1000));
        assert_ne!(permutation(3, &[1], 1000), permutation(4, &[1], 1000));
    }

    /// Each number comes first as often as any other.
    #[test]
    fn permutations_favour_no_number() {
        let mut firsts = [0i32; 5];
        for epoch in 0..5000 {
            firsts[permutation(11, &[epoch], 5)[0] as usize] += 1;
        }
        for count in firsts {
            assert!((count - 1000).abs() < 150, "{firsts:?}");
        }
    }
}
