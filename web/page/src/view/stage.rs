//! One attention layer over what is seen and heard: on the face in the preview, and on the spectrogram under it.

use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement, HtmlImageElement};

use super::maps::{Area, CHUNK, CROP, Maps, Paint, canvas_of};
use crate::browser::by_id;
use crate::capture::context_2d;
use crate::english;
use crate::error::PageError;
use crate::history::Moment;

/// Pixels of the strip for one step of the spectrogram, and for one band.
const STEP_WIDTH: usize = 3;
/// Pixels that a face crop has more than the face's box, of all the [`CROP`] pixels of a side.
const MARGIN: f64 = 2.0;

/// The preview and what lies over and under it.
pub(crate) struct StageView {
    stage: HtmlElement,
    face_box: HtmlElement,
    still: HtmlImageElement,
    overlay: HtmlCanvasElement,
    strip: HtmlCanvasElement,
}

/// How attention is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// The layer over the preview and the strip, from 0; `None` for none.
    pub layer: Option<usize>,
    /// What of it.
    pub paint: Paint,
}

impl StageView {
    pub(crate) fn find() -> Result<Self, PageError> {
        Ok(Self {
            stage: by_id("stage")?,
            face_box: by_id("face-box")?,
            still: by_id("still")?,
            overlay: by_id("stage-attention")?,
            strip: by_id("mel-strip")?,
        })
    }

    /// Shows a moment; `held` where it is an older one, whose picture then stands in the place of the live one.
    pub(crate) fn show(
        &self,
        moment: &Moment,
        (faces, voice): (&Maps, &Maps),
        look: Look,
        held: bool,
    ) -> Result<(), PageError> {
        let picture = moment.picture.as_ref().filter(|_| held);
        self.still.set_hidden(picture.is_none());
        if let Some(address) = picture {
            self.still.set_src(address);
        }
        let context = self.clear_overlay()?;
        let area = self.face_area(moment);
        self.place_face_box(area.map(|(inner, _)| inner));
        let layer = look.layer.and_then(|layer| faces.layers.get(layer));
        if let (Some((_, crop)), Some(layer), Some(row)) = (area, layer, last_face(moment)) {
            layer.paint(&context, row, crop, false, look.paint);
        }
        self.draw_strip(voice, look)
    }

    /// Shows that there is nothing yet.
    pub(crate) fn clear(&self) -> Result<(), PageError> {
        self.still.set_hidden(true);
        self.place_face_box(None);
        self.strip.set_hidden(true);
        self.clear_overlay().map(drop)
    }

    /// An overlay of the stage's size, without anything on it.
    fn clear_overlay(&self) -> Result<CanvasRenderingContext2d, PageError> {
        let (width, height) = (self.stage.client_width(), self.stage.client_height());
        self.overlay.set_width(width.max(1) as u32);
        self.overlay.set_height(height.max(1) as u32);
        context_2d(&self.overlay, false)
    }

    /// The last face's box and the part that was cut out around it, in pixels of the stage.
    fn face_area(&self, moment: &Moment) -> Option<(Area, Area)> {
        let last = moment.outcome.faces.last().filter(|face| face.found)?;
        let [left, top, right, bottom] = last.bbox?.map(f64::from);
        let (width, height) = moment.picture_size?;
        let (width, height) = (f64::from(width), f64::from(height));
        let (stage_width, stage_height) = (
            f64::from(self.stage.client_width()),
            f64::from(self.stage.client_height()),
        );
        // The picture is fitted into the stage, with bars at two sides. Where it is mirrored, this layer is too.
        let scale = (stage_width / width).min(stage_height / height);
        let (bar_x, bar_y) = (
            (stage_width - width * scale) / 2.0,
            (stage_height - height * scale) / 2.0,
        );
        let area = |left: f64, top: f64, right: f64, bottom: f64| Area {
            left: bar_x + left * scale,
            top: bar_y + top * scale,
            width: (right - left) * scale,
            height: (bottom - top) * scale,
        };
        let margin = |side: f64| MARGIN * side / (CROP.0 as f64 - MARGIN) / 2.0;
        let (across, down) = (margin(right - left), margin(bottom - top));
        let crop = area(
            (left - across).max(0.0),
            (top - down).max(0.0),
            (right + across).min(width),
            (bottom + down).min(height),
        );
        Some((area(left, top, right, bottom), crop))
    }

    fn place_face_box(&self, area: Option<Area>) {
        self.face_box.set_hidden(area.is_none());
        let Some(area) = area else {
            return;
        };
        let style = self.face_box.style();
        for (property, px) in [
            ("left", area.left),
            ("top", area.top),
            ("width", area.width),
            ("height", area.height),
        ] {
            // A box that is not placed is no reason to show no result.
            let _ = style.set_property(property, &format!("{px:.1}px"));
        }
    }

    /// All mel chunks of the window one after the other, the layer over each.
    fn draw_strip(&self, voice: &Maps, look: Look) -> Result<(), PageError> {
        let chunks = &voice.pictures;
        self.strip.set_hidden(chunks.is_empty());
        if chunks.is_empty() {
            return Ok(());
        }
        let (bands, steps) = CHUNK;
        let chunk_width = steps * STEP_WIDTH;
        self.strip.set_width((chunks.len() * chunk_width) as u32);
        self.strip.set_height(bands as u32);
        let context = context_2d(&self.strip, false)?;
        let failed = PageError::browser(english::failed::DRAWING_SPECTROGRAM);
        let layer = look.layer.and_then(|layer| voice.layers.get(layer));
        for (row, pixels) in chunks.iter().enumerate() {
            let area = Area {
                left: (row * chunk_width) as f64,
                top: 0.0,
                width: chunk_width as f64,
                height: bands as f64,
            };
            context
                .draw_image_with_html_canvas_element_and_dw_and_dh(
                    &canvas_of(pixels, CHUNK)?,
                    area.left,
                    area.top,
                    area.width,
                    area.height,
                )
                .map_err(&failed)?;
            if let Some(layer) = layer {
                layer.paint(&context, row, area, true, look.paint);
            }
        }
        Ok(())
    }
}

/// The row of the last face among the crops, which hold every frame or only those with a face.
fn last_face(moment: &Moment) -> Option<usize> {
    let faces = &moment.outcome.faces;
    let rows = moment.outcome.crops?.rows;
    let found = faces.iter().filter(|face| face.found).count();
    (rows == faces.len() || rows == found)
        .then(|| rows.checked_sub(1))
        .flatten()
}
