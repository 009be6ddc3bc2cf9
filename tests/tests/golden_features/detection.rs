//! Whole detections and the faces cut out after them.

use std::collections::BTreeSet;

use mesm_features::Picture;
use mesm_features::crop::{extract_face, fallback_origin};
use mesm_features::face::{Detection, MtcnnConfig};
use mesm_tests::golden::{GoldenSet, Tolerance, bytes, list, number, sizes, text};
use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::material::{
    assert_all_close, astronaut, detect, detector, mirrored, numbers, part, size, stored, whole,
};

const BOX_PX: f32 = 0.05;
const GREY_LEVEL: Tolerance = Tolerance { abs: 1.0, rel: 0.0 };

fn assert_faces(label: &str, faces: &[Detection], expected: &Value) {
    let boxes = list(&expected["boxes"], label);
    assert_eq!(faces.len(), boxes.len(), "{label}: number of faces");
    for (k, face) in faces.iter().enumerate() {
        let edges: [f32; 4] = face.bounding_box().into();
        assert_all_close(&format!("{label} box"), &edges, &numbers(&boxes[k]), BOX_PX);
        let probability = numbers(&expected["probs"])[k];
        assert!(
            (face.probability - probability).abs() <= 1e-4,
            "{label}: probability"
        );
        let points: Vec<f32> = face.landmarks.iter().flatten().copied().collect();
        let recorded = numbers(&list(&expected["landmarks"], label)[k]);
        assert_all_close(&format!("{label} landmarks"), &points, &recorded, BOX_PX);
    }
}

#[test]
fn settings_are_the_recorded_ones() {
    let set = GoldenSet::load("g7_mtcnn.json");
    let params = &set.json["params"];
    let config = MtcnnConfig::default();
    assert!((config.min_face_px - number(&params["min_face_size"])).abs() < 1e-9);
    assert!((config.pyramid_factor - number(&params["factor"])).abs() < 1e-9);
    assert_all_close(
        "thresholds",
        &config.thresholds,
        &numbers(&params["thresholds"]),
        1e-6,
    );
}

#[test]
fn detections_and_faces() {
    let set = GoldenSet::load("g7_mtcnn.json");
    let file = bytes("g7_faces.safetensors");
    let crops = SafeTensors::deserialize(&file).expect("g7_faces.safetensors");
    let picture = astronaut();
    let mtcnn = detector();
    let mut compared = BTreeSet::new();
    for case in set.list("detection") {
        let name = text(&case["name"], "detection");
        let frame = part(whole(&picture), &case["rows_cols"]);
        let (faces, stages) = pollster::block_on(mtcnn.detect_traced(&frame)).unwrap();
        let levels: Vec<Vec<usize>> = stages
            .levels
            .iter()
            .map(|level| vec![level.height, level.width])
            .collect();
        let recorded: Vec<Vec<usize>> = list(&case["pyramid_hw"], name).iter().map(sizes).collect();
        assert_eq!(levels, recorded, "{name}: pyramid");
        assert_eq!(
            stages.rnet_candidates,
            size(&case["rnet_candidates"]),
            "{name}: R-net"
        );
        assert_eq!(
            stages.onet_candidates,
            size(&case["onet_candidates"]),
            "{name}: O-net"
        );
        assert_eq!(faces.len(), size(&case["n"]), "{name}: faces");
        assert_faces(name, &faces, case);

        let crop = extract_face(&frame, &faces[0].bounding_box()).unwrap();
        set.assert_close(name, &crop, &case["face"], GREY_LEVEL);
        let tensor = format!("mtcnn_face.{name}");
        assert_all_close(name, &crop, &stored(&crops, &tensor), 1.0);
        assert!(compared.insert(tensor), "{name} twice");
    }
    let recorded: BTreeSet<String> = crops.names().into_iter().map(str::to_owned).collect();
    assert_eq!(compared, recorded, "every recorded face is compared");
}

#[test]
fn pictures_without_a_face() {
    let set = GoldenSet::load("g7_mtcnn.json");
    let mtcnn = detector();
    let noise = &set.json["noise_picture"];
    assert_eq!(noise["face_is_none"], true);
    let mut recipe = noise["recipe"].clone();
    if recipe["offset"].is_null() {
        recipe["offset"] = json!(0.0);
    }
    let (samples, shape) = set.input(&recipe);
    let frame = Picture::new(shape[2], shape[1], &samples).unwrap();
    assert_eq!(detect(&mtcnn, &frame).len(), size(&noise["n"]));

    assert_eq!(set.json["flat_grey_120"]["face_is_none"], true);
    let grey = vec![120u8; 120 * 120 * 3];
    assert!(detect(&mtcnn, &Picture::new(120, 120, &grey).unwrap()).is_empty());
    // Smaller than the smallest face: no pyramid at all.
    assert!(detect(&mtcnn, &Picture::new(19, 19, &grey[..19 * 19 * 3]).unwrap()).is_empty());
}

/// The reference takes batches, and one in which some frames have no face raises; here frames are
/// taken one by one, and each has its own answer.
#[test]
fn frames_do_not_depend_on_each_other() {
    let set = GoldenSet::load("g7_mtcnn.json");
    assert_eq!(set.json["mixed_batch_face_and_none"]["error"], "ValueError");
    let pair = set.list("batch_of_two_mirror");
    assert_eq!(pair.len(), 2);
    let left = numbers(&pair[0]["boxes"][0])[0];
    let case = set
        .list("detection")
        .iter()
        .find(|case| (numbers(&case["boxes"][0])[0] - left).abs() < BOX_PX)
        .expect("the first picture of the pair is among the detections");
    let picture = astronaut();
    let frame = part(whole(&picture), &case["rows_cols"]);
    let mtcnn = detector();
    assert_faces("first of the pair", &detect(&mtcnn, &frame), &pair[0]);
    let samples = mirrored(frame);
    let mirror = Picture::new(frame.width(), frame.height(), &samples).unwrap();
    assert_faces("mirrored", &detect(&mtcnn, &mirror), &pair[1]);
}

#[test]
fn fallback_crops_of_the_authors() {
    let set = GoldenSet::load("g4_fe2e.json");
    for case in set.list("fallback_crop") {
        let origin = fallback_origin(size(&case["height"]), size(&case["width"]));
        assert_eq!(origin, (size(&case["top"]), size(&case["left"])), "{case}");
    }
}
