//! The frame around the face in the preview.

use mesm_protocol::Outcome;

use crate::capture::WindowInput;
use crate::ui::Ui;

/// Draws the last face's box over the preview, or hides it.
pub(crate) fn place_face_box(ui: &Ui, outcome: &Outcome, input: &WindowInput) {
    let last = outcome
        .faces
        .last()
        .filter(|face| face.found)
        .and_then(|face| face.bbox)
        .zip(input.pictures.last());
    let Some(([left, top, right, bottom], picture)) = last else {
        ui.face_box.set_hidden(true);
        return;
    };
    let (stage_width, stage_height) = (
        f64::from(ui.stage.client_width()),
        f64::from(ui.stage.client_height()),
    );
    // The picture is fitted into the stage, with bars at two sides.
    let scale =
        (stage_width / f64::from(picture.width)).min(stage_height / f64::from(picture.height));
    let (bar_x, bar_y) = (
        (stage_width - f64::from(picture.width) * scale) / 2.0,
        (stage_height - f64::from(picture.height) * scale) / 2.0,
    );
    // Where the picture is mirrored, the layer of this box is mirrored with it.
    let x = |value: f32| bar_x + f64::from(value) * scale;
    let y = |value: f32| bar_y + f64::from(value) * scale;
    let style = ui.face_box.style();
    for (property, px) in [
        ("left", x(left)),
        ("top", y(top)),
        ("width", x(right) - x(left)),
        ("height", y(bottom) - y(top)),
    ] {
        // A box that is not placed is no reason to show no result.
        let _ = style.set_property(property, &format!("{px:.1}px"));
    }
    ui.face_box.set_hidden(false);
}
