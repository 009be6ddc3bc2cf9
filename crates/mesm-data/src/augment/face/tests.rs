use super::*;
use crate::media::FACE_SIDE;
use crate::seed::rng;
use rand::RngExt;

/// A grey face: three equal channels of smooth shapes and some noise.
fn grey(item: u64) -> Vec<f32> {
    let mut rng = rng(5, &[item]);
    let plane: Vec<f32> = (0..FACE_SIDE * FACE_SIDE)
        .map(|i| {
            let (y, x) = ((i / FACE_SIDE) as f32, (i % FACE_SIDE) as f32);
            (60.0 + 2.0 * y + 40.0 * (x / 7.0).sin() + 10.0 * rng.random::<f32>()).clamp(0.0, 255.0)
        })
        .collect();
    plane.repeat(3)
}

#[test]
fn none_changes_nothing_and_draws_nothing() {
    let before = grey(1);
    let mut after = before.clone();
    let (mut used, mut fresh) = (rng(1, &[]), rng(1, &[]));
    FaceAugment::none().apply(&mut after, &mut used);
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(a, b)| a.to_bits() == b.to_bits())
    );
    assert_eq!(used.random::<u64>(), fresh.random::<u64>());
}

#[test]
fn the_same_seed_gives_the_same_face() {
    let apply = |seed| {
        let mut face = grey(1);
        FaceAugment::default().apply(&mut face, &mut rng(seed, &[2]));
        face
    };
    assert_eq!(apply(1), apply(1));
    assert_ne!(apply(1), apply(2));
}

#[test]
fn values_stay_in_their_range() {
    let strong = FaceAugment {
        rotate_deg: 90.0,
        scale: 0.5,
        shift: 0.5,
        gamma: 2.0,
        brightness: 1.0,
        contrast: 1.0,
        colour: 1.0,
        white_balance: 1.0,
        tint: 0.5,
        saturation: 1.0,
        blur: 1.0,
        blur_sigma: 3.0,
        noise: 1.0,
        noise_std: 64.0,
        jpeg: 1.0,
        jpeg_quality: 5,
        erase: 1.0,
        erase_area: 0.5,
        ..FaceAugment::default()
    };
    strong.validate().unwrap();
    for settings in [FaceAugment::default(), strong] {
        for item in 0..300 {
            let mut face = grey(item);
            settings.apply(&mut face, &mut rng(3, &[item]));
            assert!(
                face.iter().all(|v| (0.0..=255.0).contains(v)),
                "item {item}"
            );
        }
    }
}

/// Each setting alone does something.
#[test]
fn every_setting_counts() {
    let none = FaceAugment::none;
    let settings = [
        FaceAugment {
            flip: 1.0,
            ..none()
        },
        FaceAugment {
            rotate_deg: 10.0,
            ..none()
        },
        FaceAugment {
            scale: 0.1,
            ..none()
        },
        FaceAugment {
            shift: 0.1,
            ..none()
        },
        FaceAugment {
            gamma: 0.3,
            ..none()
        },
        FaceAugment {
            brightness: 0.3,
            ..none()
        },
        FaceAugment {
            contrast: 0.3,
            ..none()
        },
        FaceAugment {
            colour: 1.0,
            white_balance: 0.1,
            ..none()
        },
        FaceAugment {
            colour: 1.0,
            tint: 0.1,
            ..none()
        },
        FaceAugment {
            blur: 1.0,
            blur_sigma: 1.0,
            ..none()
        },
        FaceAugment {
            noise: 1.0,
            noise_std: 5.0,
            ..none()
        },
        FaceAugment {
            jpeg: 1.0,
            jpeg_quality: 40,
            ..none()
        },
        FaceAugment {
            erase: 1.0,
            erase_area: 0.2,
            ..none()
        },
    ];
    for setting in settings {
        let mut face = grey(1);
        setting.apply(&mut face, &mut rng(4, &[]));
        assert_ne!(face, grey(1), "{setting:?}");
    }
    // Saturation needs colours.
    let mut coloured = grey(1);
    coloured[..FACE_SIDE * FACE_SIDE]
        .iter_mut()
        .for_each(|v| *v = (*v + 40.0).min(255.0));
    let before = coloured.clone();
    let saturation = FaceAugment {
        colour: 1.0,
        saturation: 0.5,
        ..none()
    };
    saturation.apply(&mut coloured, &mut rng(4, &[]));
    assert_ne!(coloured, before);
}

#[test]
fn half_of_the_faces_are_mirrored() {
    let flip = FaceAugment {
        flip: 0.5,
        ..FaceAugment::none()
    };
    let mirrored = (0..1000)
        .filter(|item| {
            let mut face = grey(1);
            flip.apply(&mut face, &mut rng(6, &[*item]));
            face != grey(1)
        })
        .count();
    assert!(mirrored.abs_diff(500) < 80, "{mirrored}");
}

#[test]
fn settings_are_checked_and_read_from_files() {
    assert_eq!(FaceAugment::default().validate(), Ok(()));
    assert_eq!(FaceAugment::none().validate(), Ok(()));
    let wrong = FaceAugment {
        shift: f32::NAN,
        ..FaceAugment::none()
    };
    assert_eq!(wrong.validate().unwrap_err().setting, "shift");
    let wrong = FaceAugment {
        rotate_deg: 91.0,
        ..FaceAugment::none()
    };
    assert_eq!(
        wrong.validate().unwrap_err().to_string(),
        "`rotate_deg` must be in 0 to 90, found 91"
    );
    let read: FaceAugment = serde_json::from_str(r#"{"flip": 0.25}"#).unwrap();
    assert_eq!(
        read,
        FaceAugment {
            flip: 0.25,
            ..FaceAugment::default()
        }
    );
    assert!(serde_json::from_str::<FaceAugment>(r#"{"flop": 1}"#).is_err());
    let written = serde_json::to_string(&FaceAugment::none()).unwrap();
    assert_eq!(
        serde_json::from_str::<FaceAugment>(&written).unwrap(),
        FaceAugment::none()
    );
}
