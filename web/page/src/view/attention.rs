//! The three attention layers over a face crop or a mel chunk: kept points are red.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlCanvasElement, HtmlElement};

use super::maps::{Area, CHUNK, CROP, Layer, Maps, Paint, canvas_of};
use crate::browser::{add, append, by_id, make, on};
use crate::capture::context_2d;
use crate::english;
use crate::error::PageError;

/// The attribute of a button that says which row it shows.
const ROW: &str = "data-row";

/// What is shown.
#[derive(Default)]
struct Shown {
    maps: Rc<Maps>,
    paint: Paint,
    row: usize,
}

/// One card of maps.
pub(crate) struct AttentionView {
    inner: Rc<Inner>,
}

struct Inner {
    rows: Element,
    maps: Element,
    empty: HtmlElement,
    /// Height and width of a picture.
    size: (usize, usize),
    /// Pixels of the screen a pixel of the picture becomes.
    zoom: usize,
    voice: bool,
    shown: RefCell<Shown>,
}

impl AttentionView {
    /// The maps over the faces.
    pub(crate) fn face() -> Result<Self, PageError> {
        Self::new(Inner {
            rows: by_id("face-rows")?,
            maps: by_id("face-maps")?,
            empty: by_id("face-empty")?,
            size: CROP,
            zoom: 6,
            voice: false,
            shown: RefCell::default(),
        })
    }

    /// The maps over the mel chunks.
    pub(crate) fn voice() -> Result<Self, PageError> {
        Self::new(Inner {
            rows: by_id("voice-rows")?,
            maps: by_id("voice-maps")?,
            empty: by_id("voice-empty")?,
            size: CHUNK,
            zoom: 3,
            voice: true,
            shown: RefCell::default(),
        })
    }

    /// One listener for all buttons, which come and go with every result.
    fn new(inner: Inner) -> Result<Self, PageError> {
        let inner = Rc::new(inner);
        let clicked = Rc::clone(&inner);
        on(&inner.rows, "click", move |event| {
            let button = event
                .target()
                .and_then(|target| target.dyn_into::<Element>().ok())
                .and_then(|element| element.closest("button").ok().flatten());
            let row = button.and_then(|button| button.get_attribute(ROW)?.parse().ok());
            if let Some(row) = row {
                clicked.shown.borrow_mut().row = row;
                // A map that cannot be drawn leaves the last one standing.
                let _ = clicked.mark_row().and_then(|()| clicked.draw_maps());
            }
        })?;
        Ok(Self { inner })
    }

    /// Shows the rows of a result; the one that was looked at stays in view.
    pub(crate) fn show(&self, maps: &Rc<Maps>, paint: Paint) -> Result<(), PageError> {
        let inner = &self.inner;
        {
            let mut shown = inner.shown.borrow_mut();
            shown.row = shown.row.min(maps.pictures.len().saturating_sub(1));
            shown.maps = Rc::clone(maps);
            shown.paint = paint;
        }
        inner.draw_rows()?;
        inner.draw_maps()
    }
}

impl Inner {
    /// A button for each row.
    fn draw_rows(&self) -> Result<(), PageError> {
        self.rows.set_text_content(None);
        let shown = self.shown.borrow();
        self.empty.set_hidden(!shown.maps.pictures.is_empty());
        for (row, picture) in shown.maps.pictures.iter().enumerate() {
            let button = add(&self.rows, "button", "", "")?;
            let failed = PageError::browser(english::failed::DRAWING_MAPS);
            let pressed = if row == shown.row { "true" } else { "false" };
            let name = if self.voice {
                english::attention::chunk(row + 1)
            } else {
                english::attention::face(row + 1)
            };
            button.set_attribute("type", "button").map_err(&failed)?;
            button
                .set_attribute("aria-pressed", pressed)
                .map_err(&failed)?;
            button.set_attribute("aria-label", &name).map_err(&failed)?;
            if self.voice {
                button.set_text_content(Some(&(row + 1).to_string()));
            } else {
                let thumbnail = canvas_of(picture, self.size)?;
                append(&button, &thumbnail)?;
            }
            button
                .set_attribute(ROW, &row.to_string())
                .map_err(&failed)?;
        }
        Ok(())
    }

    fn mark_row(&self) -> Result<(), PageError> {
        let row = self.shown.borrow().row;
        let buttons = self.rows.children();
        for index in 0..buttons.length() {
            if let Some(button) = buttons.item(index) {
                let pressed = if index as usize == row {
                    "true"
                } else {
                    "false"
                };
                button
                    .set_attribute("aria-pressed", pressed)
                    .map_err(PageError::browser(english::failed::DRAWING_MAPS))?;
            }
        }
        Ok(())
    }

    /// The chosen row under each layer.
    fn draw_maps(&self) -> Result<(), PageError> {
        self.maps.set_text_content(None);
        let shown = self.shown.borrow();
        let Some(picture) = shown.maps.pictures.get(shown.row) else {
            return Ok(());
        };
        let source = canvas_of(picture, self.size)?;
        for (index, layer) in shown.maps.layers.iter().enumerate() {
            let figure = add(&self.maps, "figure", "", "")?;
            let canvas = self.draw_layer(&source, layer, shown.row, shown.paint)?;
            let (kept, points) = (layer.kept(shown.row), layer.points());
            let caption = english::attention::map(index + 1, kept, points);
            let failed = PageError::browser(english::failed::DRAWING_MAPS);
            canvas.set_attribute("role", "img").map_err(&failed)?;
            canvas
                .set_attribute("aria-label", &caption)
                .map_err(&failed)?;
            append(&figure, &canvas)?;
            let text = add(&figure, "figcaption", "", "")?;
            add(&text, "b", "", &english::part_of(kept, points))?;
            let size = english::attention::size(index + 1, layer.height, layer.width);
            add(&text, "span", "", &size)?;
        }
        Ok(())
    }

    fn draw_layer(
        &self,
        source: &HtmlCanvasElement,
        layer: &Layer,
        row: usize,
        paint: Paint,
    ) -> Result<HtmlCanvasElement, PageError> {
        let (height, width) = self.size;
        let (full_height, full_width) = (height * self.zoom, width * self.zoom);
        let canvas: HtmlCanvasElement = make("canvas", "")?;
        canvas.set_width(full_width as u32);
        canvas.set_height(full_height as u32);
        let context = context_2d(&canvas, false)?;
        let failed = PageError::browser(english::failed::DRAWING_MAPS);
        context.set_image_smoothing_enabled(!self.voice);
        context
            .draw_image_with_html_canvas_element_and_dw_and_dh(
                source,
                0.0,
                0.0,
                full_width as f64,
                full_height as f64,
            )
            .map_err(&failed)?;
        let area = Area {
            left: 0.0,
            top: 0.0,
            width: full_width as f64,
            height: full_height as f64,
        };
        // Band 0 is the lowest note, and low notes are drawn at the bottom.
        layer.paint(&context, row, area, self.voice, paint);
        Ok(canvas)
    }
}
