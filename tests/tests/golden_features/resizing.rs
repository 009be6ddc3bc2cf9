//! The functions between the networks: resizing, suppression, squares.

use std::collections::BTreeSet;

use mesm_features::Picture;
use mesm_features::crop::inter_area;
use mesm_features::face::{BoundingBox, Overlap, area_resample, suppress};
use mesm_tests::golden::{GoldenSet, Tolerance, list, sizes, text};
use serde_json::Value;

use crate::material::{assert_all_close, numbers, size};

/// Both sides start from the same numbers: rounding only.
const RESIZE: Tolerance = Tolerance {
    abs: 1e-2,
    rel: 0.0,
};

/// `[1, 3, height, width]` as `[height, width, 3]`, and back.
fn interleaved(values: &[f32], points: usize) -> Vec<f32> {
    (0..points)
        .flat_map(|i| (0..3).map(move |c| values[c * points + i]))
        .collect()
}

fn channels_first(values: &[f32]) -> Vec<f32> {
    (0..3)
        .flat_map(|c| values.iter().skip(c).step_by(3).copied())
        .collect()
}

fn helper_cases(set: &GoldenSet, kind: &str) -> Vec<Value> {
    let cases: Vec<Value> = set
        .list("helpers")
        .iter()
        .filter(|case| case["helper"] == kind)
        .cloned()
        .collect();
    assert!(!cases.is_empty(), "no {kind} is recorded");
    cases
}

#[test]
fn every_helper_is_compared() {
    let set = GoldenSet::load("g7_mtcnn.json");
    for case in set.list("helpers") {
        let kind = text(&case["helper"], "helper");
        let known = ["area_resample", "crop_resize_numpy", "nms_min_and_iou"];
        assert!(known.contains(&kind), "no test for {kind}");
    }
}

#[test]
fn area_resampling() {
    let set = GoldenSet::load("g7_mtcnn.json");
    for case in helper_cases(&set, "area_resample") {
        let (values, shape) = set.input(&case["input"]);
        let samples = interleaved(&values, shape[2] * shape[3]);
        let picture = Picture::new(shape[3], shape[2], &samples).unwrap();
        let target = sizes(&case["size"]);
        let got = channels_first(&area_resample(&picture, target[0], target[1]));
        set.assert_close(&format!("area {target:?}"), &got, &case["output"], RESIZE);
    }
}

#[test]
fn opencv_area_resizing() {
    let set = GoldenSet::load("g7_mtcnn.json");
    for case in helper_cases(&set, "crop_resize_numpy") {
        let (samples, shape) = set.input(&case["input"]);
        let picture = Picture::new(shape[1], shape[0], &samples).unwrap();
        let corners = sizes(&case["box_x0y0x1y1"]);
        let part = picture
            .window(corners[0], corners[1], corners[2], corners[3])
            .unwrap();
        let side = size(&case["image_size"]);
        let got = inter_area(&part, side, side);
        set.assert_close(
            &format!("crop {corners:?}"),
            &got,
            &case["output_hwc"],
            RESIZE,
        );
    }
}

#[test]
fn suppression_and_squares() {
    let set = GoldenSet::load("g7_mtcnn.json");
    for case in helper_cases(&set, "nms_min_and_iou") {
        let boxes: Vec<BoundingBox> = list(&case["boxes"], "boxes")
            .iter()
            .map(|b| BoundingBox::from(<[f32; 4]>::try_from(numbers(b)).expect("four edges")))
            .collect();
        let scores = numbers(&case["scores"]);
        let images = sizes(&case["image"]);
        let mut compared = 0;
        for (key, expected) in case.as_object().expect("a case") {
            let Some(rule) = key.strip_prefix("keep_") else {
                continue;
            };
            let (overlap, limit) = match rule.split_once('_').expect("keep_RULE_LIMIT") {
                ("min", limit) => (Overlap::Smaller, limit),
                ("iou", limit) => (Overlap::Union, limit),
                (other, _) => panic!("unknown rule {other}"),
            };
            let limit: f32 = limit.parse().expect("limit");
            assert_eq!(
                kept(&boxes, &scores, &images, limit, overlap),
                sizes(expected),
                "{key}"
            );
            compared += 1;
        }
        assert!(compared >= 2, "both rules are recorded, found {compared}");
        let squares = list(&case["rerec"], "rerec");
        assert_eq!(squares.len(), boxes.len());
        for (bounds, expected) in boxes.iter().zip(squares) {
            let got: [f32; 4] = bounds.squared().into();
            assert_all_close("square", &got, &numbers(expected), 1e-4);
        }
    }
}

/// Suppression within each image, the kept boxes of all images by falling score.
fn kept(
    boxes: &[BoundingBox],
    scores: &[f32],
    images: &[usize],
    limit: f32,
    overlap: Overlap,
) -> Vec<usize> {
    let mut kept = Vec::new();
    for image in images.iter().collect::<BTreeSet<_>>() {
        let members: Vec<usize> = (0..boxes.len()).filter(|i| images[*i] == *image).collect();
        let boxes: Vec<BoundingBox> = members.iter().map(|i| boxes[*i]).collect();
        let scores: Vec<f32> = members.iter().map(|i| scores[*i]).collect();
        kept.extend(
            suppress(&boxes, &scores, limit, overlap)
                .into_iter()
                .map(|k| members[k]),
        );
    }
    kept.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    kept
}
