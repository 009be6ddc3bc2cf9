//! Single pictures of a playing video.

use js_sys::{ArrayBuffer, Function, Reflect, Uint8Array, Uint8ClampedArray};
use mesm_protocol::MIN_SIDE;
use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlVideoElement, ImageData};

use crate::browser::make;
use crate::english;
use crate::error::PageError;

/// A picture of the video.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// Time on the source's clock in milliseconds.
    pub t_ms: f64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `[height, width, 4]` bytes.
    pub pixels: ArrayBuffer,
}

/// Longer side of a picture that is kept for later, in pixels, and how well it is kept.
const SMALL_SIDE: u32 = 320;
const SMALL_QUALITY: f64 = 0.7;

impl Picture {
    /// The picture made small, as a `data:` address.
    pub(crate) fn small(&self) -> Result<String, PageError> {
        let full = self.canvas()?;
        let scale = f64::from(SMALL_SIDE) / f64::from(self.width.max(self.height));
        let size = |side: u32| (f64::from(side) * scale.min(1.0)).round().max(1.0);
        let (width, height) = (size(self.width), size(self.height));
        let canvas: HtmlCanvasElement = make("canvas", "")?;
        canvas.set_width(width as u32);
        canvas.set_height(height as u32);
        let failed = PageError::browser(english::failed::KEEPING_PICTURE);
        context_2d(&canvas, false)?
            .draw_image_with_html_canvas_element_and_dw_and_dh(&full, 0.0, 0.0, width, height)
            .map_err(&failed)?;
        canvas
            .to_data_url_with_type_and_encoder_options("image/jpeg", &SMALL_QUALITY.into())
            .map_err(&failed)
    }

    /// The picture on a canvas of its own.
    pub(crate) fn canvas(&self) -> Result<HtmlCanvasElement, PageError> {
        let canvas: HtmlCanvasElement = make("canvas", "")?;
        canvas.set_width(self.width);
        canvas.set_height(self.height);
        let failed = PageError::browser(english::failed::DRAWING_PICTURE);
        let data = ImageData::new_with_js_u8_clamped_array_and_sh(
            &Uint8ClampedArray::new(&self.pixels),
            self.width,
            self.height,
        )
        .map_err(&failed)?;
        context_2d(&canvas, true)?
            .put_image_data(&data, 0.0, 0.0)
            .map_err(&failed)?;
        Ok(canvas)
    }
}

/// Draws frames on a canvas of its own to read their pixels.
pub(crate) struct FrameGrabber {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    max_side: u32,
}

impl FrameGrabber {
    /// Frames are scaled down until their longer side is `max_side`.
    pub(crate) fn new(max_side: u32) -> Result<Self, PageError> {
        let canvas: HtmlCanvasElement = make("canvas", "")?;
        let context = context_2d(&canvas, true)?;
        Ok(Self {
            canvas,
            context,
            max_side,
        })
    }

    /// The picture that the video shows now; `None` where it has none (yet, or at all).
    pub(crate) fn grab(
        &self,
        video: &HtmlVideoElement,
        t_ms: f64,
    ) -> Result<Option<Picture>, PageError> {
        let (full_width, full_height) = (video.video_width(), video.video_height());
        if full_width < MIN_SIDE || full_height < MIN_SIDE || video.ready_state() < 2 {
            return Ok(None);
        }
        let scale = (f64::from(self.max_side) / f64::from(full_width.max(full_height))).min(1.0);
        let size = |full: u32| ((f64::from(full) * scale).round() as u32).max(MIN_SIDE);
        let (width, height) = (size(full_width), size(full_height));
        if (self.canvas.width(), self.canvas.height()) != (width, height) {
            self.canvas.set_width(width);
            self.canvas.set_height(height);
        }
        let failed = PageError::browser(english::failed::READING_PICTURE);
        self.context
            .draw_image_with_html_video_element_and_dw_and_dh(
                video,
                0.0,
                0.0,
                f64::from(width),
                f64::from(height),
            )
            .map_err(&failed)?;
        let data = self
            .context
            .get_image_data(0.0, 0.0, f64::from(width), f64::from(height))
            .map_err(&failed)?;
        // The pixels stay in the browser's memory: `data()` would copy them into the program's.
        let bytes = Reflect::get(&data, &JsValue::from_str("data")).map_err(&failed)?;
        let pixels = bytes
            .unchecked_into::<Uint8Array>()
            .buffer()
            .unchecked_into();
        Ok(Some(Picture {
            t_ms,
            width,
            height,
            pixels,
        }))
    }
}

/// The video's `requestVideoFrameCallback`, which tells of each picture that is shown; nothing where the browser does not
/// know it.
pub(super) fn picture_request(video: &HtmlVideoElement) -> Option<Function> {
    Reflect::get(video, &"requestVideoFrameCallback".into())
        .ok()?
        .dyn_into()
        .ok()
}

/// The drawing context of a canvas; `read` where its pixels will be read back often.
pub(crate) fn context_2d(
    canvas: &HtmlCanvasElement,
    read: bool,
) -> Result<CanvasRenderingContext2d, PageError> {
    let options = js_sys::Object::new();
    let failed = PageError::browser(english::failed::CANVAS);
    Reflect::set(&options, &"willReadFrequently".into(), &read.into()).map_err(&failed)?;
    canvas
        .get_context_with_context_options("2d", &options)
        .map_err(&failed)?
        .and_then(|context| context.dyn_into().ok())
        .ok_or(PageError::Missing("canvas"))
}
