//! Numbers to colours.

/// Opaque red, green, blue of mel power in 0..=1, from night to warm white; brightness rises evenly.
pub(crate) fn power(value: f32) -> [u8; 3] {
    const STOPS: [[f32; 3]; 5] = [
        [11.0, 12.0, 18.0],
        [38.0, 44.0, 92.0],
        [70.0, 96.0, 148.0],
        [140.0, 168.0, 186.0],
        [244.0, 240.0, 226.0],
    ];
    let place = value.clamp(0.0, 1.0) * (STOPS.len() - 1) as f32;
    let index = (place as usize).min(STOPS.len() - 2);
    let part = place - index as f32;
    std::array::from_fn(|channel| {
        let (from, to) = (STOPS[index][channel], STOPS[index + 1][channel]);
        (from + (to - from) * part).round() as u8
    })
}

/// Mel power on a scale of decibels below the loudest value, 0..=1 for -60..=0 dB.
pub(crate) fn decibels(power: &[f32]) -> Vec<f32> {
    let loudest = power.iter().copied().fold(0.0, f32::max);
    if loudest <= 0.0 {
        return vec![0.0; power.len()];
    }
    power
        .iter()
        .map(|value| 1.0 + 10.0 * (value / loudest).max(1e-6).log10() / 60.0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_rises() {
        let light = |v: f32| power(v).iter().map(|c| u32::from(*c)).sum::<u32>();
        assert!((0..10).all(|i| light(i as f32 / 10.0) < light((i + 1) as f32 / 10.0)));
        assert_eq!(power(2.0), power(1.0));
    }

    #[test]
    fn sixty_decibels_are_the_whole_scale() {
        let scale = decibels(&[1.0, 0.001, 1e-6, 0.0]);
        let expected = [1.0, 0.5, 0.0, 0.0];
        assert!(
            scale
                .iter()
                .zip(expected)
                .all(|(got, want)| (got - want).abs() < 1e-4),
            "{scale:?}"
        );
        assert_eq!(decibels(&[0.0, 0.0]), [0.0, 0.0]);
    }
}
