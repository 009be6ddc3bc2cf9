//! G8: the authors' metrics, and those of MMLatch's authors from G10, to 1e-6.
//!
//! All cases are held, sentiment too. Where the authors' code raises or gives NaN (a class that occurs nowhere or
//! everywhere) the recorded figures that exist are held, and that ours is finite and says why.

use mesm_tests::golden::{GoldenSet, list, number, sizes, text};
use mesm_train::metrics::{
    ClassAnswers, Confusion, MultiLabel, MultiLabelScores, Score, ZeroSign, auc, largest,
    sentiment, sentiment_signs,
};
use serde_json::Value;

/// Logits and labels of a case, `[utterances, classes]`.
struct Case<'a> {
    name: &'a str,
    json: &'a Value,
    classes: usize,
    table: MultiLabel,
}

fn close(label: &str, got: f64, expected: f64) {
    assert!(got.is_finite(), "{label}: {got}");
    assert!(
        (got - expected).abs() <= 1e-6,
        "{label}: got {got}, expected {expected}"
    );
}

/// The case called `name`, among the file's.
fn case<'a>(set: &'a GoldenSet, name: &str) -> &'a Value {
    let found = set.list("cases").iter().find(|case| case["name"] == name);
    found.unwrap_or_else(|| panic!("no case called {name}"))
}

fn multi_label<'a>(set: &GoldenSet, json: &'a Value) -> Case<'a> {
    let name = text(&json["name"], "name");
    let (logits, truth, classes) = if json["logits"].is_object() {
        let values = |key: &str| -> Vec<f32> {
            let data = list(&json[key]["data"], key).iter();
            data.map(|value| number(value) as f32).collect()
        };
        let truth: Vec<bool> = values("labels")
            .into_iter()
            .map(|label| label > 0.5)
            .collect();
        (values("logits"), truth, sizes(&json["logits"]["shape"])[1])
    } else {
        let inputs = list(&json["inputs"], "inputs");
        let (logits, shape) = set.input(&inputs[0]);
        let classes = shape[1];
        let mut truth: Vec<bool> = set
            .ints(&inputs[1])
            .into_iter()
            .map(|drawn| drawn == 0)
            .collect();
        for (key, value) in [("emptied", false), ("filled", true)] {
            for class in sizes(&json[key]) {
                truth
                    .iter_mut()
                    .skip(class)
                    .step_by(classes)
                    .for_each(|label| *label = value);
            }
        }
        let positives: Vec<usize> = (0..classes)
            .map(|class| {
                truth
                    .iter()
                    .skip(class)
                    .step_by(classes)
                    .filter(|label| **label)
                    .count()
            })
            .collect();
        assert_eq!(positives, sizes(&json["positives"]), "{name}: positives");
        (logits, truth, classes)
    };
    Case {
        name,
        json,
        classes,
        table: MultiLabel::new(classes, &logits, &truth).unwrap(),
    }
}

/// A recorded row: a figure for each class, then the mean; `"nan"` where the reference has none.
fn hold_row(
    label: &str,
    recorded: &Value,
    found: &MultiLabelScores,
    figure: fn(&ClassAnswers) -> Score,
    mean: f64,
) {
    let recorded = list(recorded, label);
    assert_eq!(recorded.len(), found.classes.len() + 1, "{label}");
    let figures = found.classes.iter().map(figure);
    for (class, (score, recorded)) in figures.zip(recorded).enumerate() {
        hold(&format!("{label}, class {class}"), recorded, score);
    }
    match recorded.last().unwrap() {
        Value::String(nan) => {
            assert_eq!(nan, "nan", "{label}");
            assert!(mean.is_finite(), "{label}: {mean}");
        }
        recorded => close(&format!("{label}, mean"), mean, number(recorded)),
    }
}

/// What the reference could not compute has a finite value and a reason here.
fn hold(label: &str, recorded: &Value, score: Score) {
    if recorded.is_number() {
        close(label, score.value, number(recorded));
    } else {
        assert!(
            recorded == "nan" || recorded["error"] == "ZeroDivisionError",
            "{label}: {recorded}"
        );
        assert!(
            score.value.is_finite() && score.note.is_some(),
            "{label}: {score:?}"
        );
    }
}

/// The five rows and the thresholds that the authors' IEMOCAP function gives.
fn hold_iemocap(case: &Case<'_>, key: &str, thresholds: Option<&[f64]>) {
    let recorded = list(&case.json[key], key);
    let expected: Vec<f64> = list(&recorded[1], key).iter().map(number).collect();
    let thresholds = thresholds.map_or_else(|| expected.clone(), <[f64]>::to_vec);
    assert_eq!(thresholds.len(), expected.len());
    for (class, (found, expected)) in thresholds.iter().zip(&expected).enumerate() {
        close(
            &format!("{} {key}: threshold {class}", case.name),
            *found,
            *expected,
        );
    }
    let found = case.table.scores(&thresholds).unwrap();
    let rows = list(&recorded[0], key);
    let label = |row: &str| format!("{} {key} {row}", case.name);
    let mean = found.mean;
    hold_row(
        &label("accuracy"),
        &rows[0],
        &found,
        |c| c.accuracy,
        mean.accuracy,
    );
    hold_row(
        &label("recall"),
        &rows[1],
        &found,
        |c| c.recall,
        mean.recall,
    );
    hold_row(
        &label("precision"),
        &rows[2],
        &found,
        |c| c.precision,
        mean.precision,
    );
    hold_row(&label("f1"), &rows[3], &found, |c| c.f1, mean.f1);
    hold_row(&label("auc"), &rows[4], &found, |c| c.auc, mean.auc);
}

/// The three rows and the three shares that the authors' CMU-MOSEI function gives, where it does not raise.
fn hold_mosei(case: &Case<'_>, threshold: f64) -> bool {
    let key = format!("eval_mosei_emo_{threshold}");
    let recorded = &case.json[key.as_str()];
    if recorded.is_null() {
        return false;
    }
    let found = case.table.scores(&vec![threshold; case.classes]).unwrap();
    if recorded["error"] == "ZeroDivisionError" {
        assert!(
            found
                .classes
                .iter()
                .any(|class| class.weighted_accuracy.note.is_some())
        );
        return true;
    }
    let rows = list(recorded, &key);
    let label = |row: &str| format!("{} {key} {row}", case.name);
    let mean = found.mean;
    hold_row(
        &label("wacc"),
        &rows[0],
        &found,
        |c| c.weighted_accuracy,
        mean.weighted_accuracy,
    );
    hold_row(
        &label("weighted f1"),
        &rows[1],
        &found,
        |c| c.weighted_f1,
        mean.weighted_f1,
    );
    hold_row(&label("auc"), &rows[2], &found, |c| c.auc, mean.auc);
    let shares = [found.exact, found.subset, found.first_right];
    for (share, recorded) in shares.into_iter().zip(list(&rows[3], &key)) {
        close(&label("share"), share, number(recorded));
    }
    true
}

const CASES: [&str; 5] = [
    "ordinary",
    "no_positive_in_class_3",
    "all_positive_in_class_1",
    "tiny",
    "tied_scores_2_classes",
];

#[test]
fn thresholds_are_searched_and_used() {
    let set = GoldenSet::load("g8_metrics.json");
    for name in CASES {
        let case = multi_label(&set, case(&set, name));
        hold_iemocap(
            &case,
            "eval_iemocap_search",
            Some(&case.table.best_thresholds()),
        );
    }
    for name in &CASES[..4] {
        let case = multi_label(&set, self::case(&set, name));
        hold_iemocap(&case, "eval_iemocap_fixed", None);
    }
}

#[test]
fn weighted_figures_at_one_threshold() {
    let set = GoldenSet::load("g8_metrics.json");
    let mut held = 0;
    for name in CASES {
        let case = multi_label(&set, case(&set, name));
        held += usize::from(hold_mosei(&case, 0.5)) + usize::from(hold_mosei(&case, 0.3));
        if let Some(recorded) = case.json["weighted_acc_per_class_at_0.5"].as_array() {
            let found = case.table.scores(&vec![0.5; case.classes]).unwrap();
            assert_eq!(recorded.len(), found.classes.len());
            for (class, recorded) in found.classes.iter().zip(recorded) {
                hold(&format!("{name} wacc"), recorded, class.weighted_accuracy);
            }
        }
    }
    assert_eq!(held, 9, "recorded results");
}

/// The one degenerate column by itself: what the reference calls NaN is guessing here.
#[test]
fn a_class_alone_cannot_be_told_apart() {
    let set = GoldenSet::load("g8_metrics.json");
    for (name, class) in [
        ("no_positive_in_class_3", 3),
        ("all_positive_in_class_1", 1),
    ] {
        let recorded = &case(&set, name)["eval_iemocap_fixed"][0][4][class];
        assert_eq!(recorded, "nan", "{name}");
    }
    for truth in [false, true] {
        let found = auc(&[0.2, 0.4], &[truth; 2]);
        assert!(found.note.is_some());
        close("auc", found.value, 0.5);
    }
}

#[test]
fn one_class_an_utterance() {
    let set = GoldenSet::load("g8_metrics.json");
    let case = case(&set, "single_label");
    let inputs = list(&case["inputs"], "inputs");
    let (logits, shape) = set.input(&inputs[0]);
    let labels = set.ints(&inputs[1]);
    let pairs = labels
        .iter()
        .zip(logits.chunks_exact(shape[1]))
        .map(|(label, logits)| (usize::try_from(*label).unwrap(), largest(logits)));
    let found = Confusion::from_pairs(shape[1], pairs);
    let found = [
        found.accuracy(),
        found.macro_recall(),
        found.macro_precision(),
        found.macro_f1(),
    ];
    let recorded = list(&case["eval_iemocap_ce"], "eval_iemocap_ce");
    assert_eq!(recorded.len(), found.len());
    for (found, recorded) in found.into_iter().zip(recorded) {
        close("single label", found, number(recorded));
    }
}

#[test]
fn sentiment_as_a_number() {
    let set = GoldenSet::load("g8_metrics.json");
    let case = case(&set, "senti");
    let inputs = list(&case["inputs"], "inputs");
    let (told, _) = set.input(&inputs[0]);
    let truth: Vec<f32> = set
        .ints(&inputs[1])
        .into_iter()
        .map(|drawn| drawn as f32 - 3.0)
        .collect();
    for (key, without_zeros) in [("with_zeros", false), ("without_zeros", true)] {
        let found = sentiment(&told, &truth, without_zeros);
        let found = [
            found.mean_absolute_error,
            found.accuracy_2,
            found.accuracy_5,
            found.accuracy_7,
            found.f1,
            found.correlation,
        ];
        let recorded = list(&case[key], key);
        assert_eq!(recorded.len(), found.len());
        for (found, recorded) in found.into_iter().zip(recorded) {
            close(key, found.value, number(recorded));
        }
    }
}

/// All ten figures of MMLatch's authors, with the values that the file names.
fn hold_latch(label: &str, told: &[f32], truth: &[f32], recorded: &Value) {
    let found = sentiment(told, truth, true);
    let of = |zero| sentiment_signs(told, truth, zero);
    let (positive, negative) = (of(ZeroSign::Positive), of(ZeroSign::Negative));
    let left_out = of(ZeroSign::LeftOut);
    assert_eq!(left_out.accuracy, found.accuracy_2);
    let figures = [
        ("mae", found.mean_absolute_error),
        ("corr", found.correlation),
        ("acc_7", found.accuracy_7),
        ("acc_5", found.accuracy_5),
        ("f1_pos", positive.f1),
        ("bin_acc_pos", positive.accuracy),
        ("f1_neg", negative.f1),
        ("bin_acc_neg", negative.accuracy),
        ("f1", left_out.f1),
        ("bin_acc", left_out.accuracy),
    ];
    assert_eq!(
        recorded.as_object().unwrap().len(),
        figures.len(),
        "{label}"
    );
    for (name, score) in figures {
        close(
            &format!("{label} {name}"),
            score.value,
            number(&recorded[name]),
        );
    }
}

#[test]
fn signs_under_each_convention_of_zero() {
    let set = GoldenSet::load("g10_mmlatch.json");
    let case = &set.json["metrics"];
    assert_eq!(case["truth_rule"], "0 where drawn int == 0");
    let inputs = list(&case["inputs"], "inputs");
    let (told, _) = set.input(&inputs[0]);
    let (truth, _) = set.input(&inputs[1]);
    let drawn = set.ints(&inputs[2]);
    let truth: Vec<f32> = truth
        .into_iter()
        .zip(drawn)
        .map(|(truth, drawn)| if drawn == 0 { 0.0 } else { truth })
        .collect();
    hold_latch("metrics", &told, &truth, &case["values"]);

    let case = &set.json["metrics_halves"];
    let values = |key: &str| -> Vec<f32> {
        let data = list(&case[key], key).iter();
        data.map(|value| number(value) as f32).collect()
    };
    hold_latch(
        "halves",
        &values("preds"),
        &values("truth"),
        &case["values"],
    );
}
