use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Rows of one modality and class.
fn rows(modality: Modality, label: Option<u8>, count: usize) -> Vec<Sample> {
    let modalities = Modalities::ALL.filter(|m| m == modality);
    vec![Sample { label, modalities }; count]
}

/// Class 0 is complete, class 1 has no voice, class 2 only words; some rows have no label.
fn data() -> Vec<Sample> {
    [
        rows(Modality::Faces, Some(0), 600),
        rows(Modality::Faces, Some(1), 60),
        rows(Modality::Audio, Some(0), 50),
        rows(Modality::Text, Some(0), 200),
        rows(Modality::Text, Some(1), 100),
        rows(Modality::Text, Some(2), 100),
        rows(Modality::Text, None, 30),
    ]
    .concat()
}

fn counts(plan: &Plan) -> BTreeMap<u8, usize> {
    let mut counts = BTreeMap::new();
    for item in plan.items() {
        *counts.entry(item.label.unwrap()).or_default() += 1;
    }
    counts
}

/// Every row an item names has the item's label and the modality it is taken for.
fn check(plan: &Plan, faces: usize) {
    let data = data();
    for item in plan.items() {
        let named = item.faces.iter().map(|row| (*row, Modality::Faces));
        let named = named
            .chain(item.audio.map(|row| (row, Modality::Audio)))
            .chain(item.text.map(|row| (row, Modality::Text)));
        let mut any = false;
        for (row, modality) in named {
            assert_eq!(data[row].label, item.label);
            assert!(data[row].modalities.has(modality));
            any = true;
        }
        assert!(any, "an utterance without anything");
        let different: BTreeSet<_> = item.faces.iter().collect();
        assert_eq!(different.len(), item.faces.len());
        assert!(item.faces.is_empty() || item.faces.len() == faces);
    }
}

#[test]
fn utterances_match_in_label_and_lack_what_is_not_there() {
    let plan = Plan::composed(&data(), &Composition::default(), 1, 0);
    // Words are the largest modality: 400 labelled rows.
    assert_eq!(plan.len(), 400);
    check(&plan, 6);
    for item in plan.items() {
        assert_eq!(item.faces.len(), if item.label == Some(2) { 0 } else { 6 });
        assert_eq!(item.audio.is_some(), item.label == Some(0));
        assert!(item.text.is_some() && item.dropped.is_empty());
    }
}

/// Natural frequency is the mean of the modalities' shares; balanced is even.
#[test]
fn classes_come_as_asked() {
    let natural = counts(&Plan::composed(&data(), &Composition::default(), 1, 0));
    let shares = [600.0 / 660.0 + 1.0 + 0.5, 60.0 / 660.0 + 0.25, 0.25];
    for (class, share) in shares.into_iter().enumerate() {
        let expected = share / 3.0 * 400.0;
        assert!(
            (natural[&(class as u8)] as f64 - expected).abs() < 1.0,
            "{natural:?}"
        );
    }
    let even = Composition {
        balance: 1.0,
        utterances: 300,
        ..Composition::default()
    };
    let even = counts(&Plan::composed(&data(), &even, 1, 0));
    assert_eq!(even, BTreeMap::from([(0, 100), (1, 100), (2, 100)]));
}

#[test]
fn all_rows_of_a_class_come_before_any_comes_again() {
    let settings = Composition {
        utterances: 300,
        balance: 1.0,
        ..Composition::default()
    };
    let plan = Plan::composed(&data(), &settings, 3, 1);
    let mut voices = BTreeMap::new();
    for row in plan.items().filter_map(|item| item.audio) {
        *voices.entry(row).or_insert(0) += 1;
    }
    assert!(voices.len() == 50 && voices.values().all(|times| *times == 2));
    let mut faces = BTreeMap::new();
    for item in plan.items().filter(|item| item.label == Some(0)) {
        for row in item.faces {
            *faces.entry(row).or_insert(0) += 1;
        }
    }
    assert!(faces.len() == 600 && faces.values().all(|times| *times == 1));
}

/// The same voice meets other words each time and in each epoch.
#[test]
fn pairings_are_new_each_time() {
    let settings = Composition {
        utterances: 600,
        ..Composition::default()
    };
    let pairs = |epoch| -> BTreeSet<(usize, usize)> {
        let plan = Plan::composed(&data(), &settings, 3, epoch);
        plan.items()
            .filter_map(|item| Some((item.audio?, item.text?)))
            .collect()
    };
    let (first, second) = (pairs(0), pairs(1));
    let same = first.intersection(&second).count();
    assert!(
        first.len() > 400 && same < first.len() / 10,
        "{} {same}",
        first.len()
    );
}

#[test]
fn only_the_modalities_asked_for_are_used() {
    let modalities = Modalities {
        faces: false,
        ..Modalities::ALL
    };
    let plan = Plan::composed(
        &data(),
        &Composition {
            modalities,
            ..Composition::default()
        },
        1,
        0,
    );
    assert!(plan.items().all(|item| item.faces.is_empty()));
    let modalities = Modalities {
        audio: true,
        ..Modalities::NONE
    };
    let plan = Plan::composed(
        &data(),
        &Composition {
            modalities,
            ..Composition::default()
        },
        1,
        0,
    );
    assert_eq!((plan.len(), counts(&plan)), (50, BTreeMap::from([(0, 50)])));
}

#[test]
fn dropout_takes_some_and_leaves_some() {
    let settings = Composition {
        dropout: ModalityDropout::all(0.3),
        ..Composition::default()
    };
    let plan = Plan::composed(&data(), &settings, 1, 0);
    check(&plan, 6);
    for modality in Modality::ALL {
        let dropped = plan
            .items()
            .filter(|item| item.dropped.has(modality))
            .count();
        assert!(dropped > 30 && dropped < 160, "{modality:?} {dropped}");
    }
    let complete = Plan::composed(&data(), &Composition::default(), 1, 0);
    for (some, all) in plan.items().zip(complete.items()) {
        assert_eq!(some.text.is_none(), some.dropped.text);
        // What stays is what would have been there without dropout.
        assert!(some.audio.is_none() || some.audio == all.audio);
        assert!(some.faces.is_empty() || some.faces == all.faces);
    }
}

#[test]
fn a_plan_follows_from_seed_and_epoch() {
    let settings = Composition {
        dropout: ModalityDropout::all(0.2),
        ..Composition::default()
    };
    let plan = |seed, epoch| Plan::composed(&data(), &settings, seed, epoch);
    assert_eq!(plan(1, 5), plan(1, 5));
    assert_ne!(plan(1, 5), plan(1, 6));
    assert_ne!(plan(1, 5), plan(2, 5));
    // A run that goes on in the middle gets the same batches.
    let rest: Vec<_> = (7..plan(1, 5).steps(16))
        .flat_map(|step| plan(1, 5).batch(step, 16))
        .collect();
    assert!(rest.into_iter().eq(plan(1, 5).items().skip(7 * 16)));
}

#[test]
fn judging_uses_every_labelled_row_and_stays() {
    let settings = Composition {
        dropout: ModalityDropout::all(0.5),
        balance: 1.0,
        ..Composition::default()
    };
    let plan = Plan::pairing(&data(), &settings, 9);
    check(&plan, 6);
    assert_eq!(
        counts(&plan),
        BTreeMap::from([(0, 200), (1, 100), (2, 100)])
    );
    let mut used = BTreeSet::new();
    for item in plan.items() {
        assert!(item.dropped.is_empty());
        used.extend(item.faces);
        used.extend(item.audio);
        used.extend(item.text);
    }
    assert_eq!(used.len(), data().len() - 30);
    assert_eq!(plan, Plan::pairing(&data(), &settings, 9));
    assert_ne!(plan, Plan::pairing(&data(), &settings, 8));
    let few = Plan::pairing(
        &data(),
        &Composition {
            utterances: 40,
            ..settings
        },
        9,
    );
    assert_eq!(few.len(), 40);
}

#[test]
fn no_data_is_an_empty_plan() {
    assert!(Plan::composed(&[], &Composition::default(), 1, 0).is_empty());
    let asked = Composition {
        utterances: 10,
        ..Composition::default()
    };
    assert!(Plan::composed(&rows(Modality::Text, None, 5), &asked, 1, 0).is_empty());
    assert!(Plan::pairing(&[], &asked, 1).is_empty());
}

#[test]
fn settings_are_checked_and_read_from_files() {
    assert_eq!(Composition::default().validate(), Ok(()));
    let wrong = |settings: Composition| settings.validate().unwrap_err().setting;
    let default = Composition::default;
    assert_eq!(
        wrong(Composition {
            balance: 1.5,
            ..default()
        }),
        "balance"
    );
    assert_eq!(
        wrong(Composition {
            balance: f64::NAN,
            ..default()
        }),
        "balance"
    );
    assert_eq!(
        wrong(Composition {
            faces_per_utterance: 0,
            ..default()
        }),
        "faces_per_utterance"
    );
    assert_eq!(
        wrong(Composition {
            modalities: Modalities::NONE,
            ..default()
        }),
        "modalities"
    );
    assert_eq!(
        wrong(Composition {
            dropout: ModalityDropout::all(2.0),
            ..default()
        }),
        "dropout"
    );
    let read: Composition =
        serde_json::from_str(r#"{"balance": 0.5, "dropout": {"text": 0.1}}"#).unwrap();
    assert_eq!(
        (read.balance, read.dropout.text, read.dropout.faces),
        (0.5, 0.1, 0.0)
    );
    assert!(serde_json::from_str::<Composition>(r#"{"equality": 0.5}"#).is_err());
}
