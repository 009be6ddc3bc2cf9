//! What the window that is shown costs at every share of the attention mass.

use mesm_protocol::Outcome;
use web_sys::{Element, HtmlCanvasElement};

use crate::browser::{add, append, by_id, make};
use crate::capture::context_2d;
use crate::english;
use crate::error::PageError;

/// Size of the picture in pixels, and of the room at its edges.
const SIZE: (u32, u32) = (480, 220);
const EDGE: f64 = 34.0;

/// One share and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CurvePoint {
    pub top_p: f32,
    /// Cost as a part of the dense twin's.
    pub cost: f64,
    /// The likeliest class.
    pub class: String,
    /// Its probability.
    pub probability: f32,
}

impl CurvePoint {
    /// The point that an outcome at `top_p` makes.
    pub(crate) fn of(top_p: f32, outcome: &Outcome) -> Self {
        let macs = outcome.all_macs();
        let (_, class, probability) = outcome.likeliest().unwrap_or_default();
        Self {
            top_p,
            cost: macs.pairs as f64 / macs.dense.max(1) as f64,
            class: class.to_owned(),
            probability,
        }
    }
}

/// Draws the curve and, under it, the numbers.
pub(crate) fn show(points: &[CurvePoint]) -> Result<(), PageError> {
    let card: Element = by_id("curve-card")?;
    card.set_text_content(None);
    let canvas: HtmlCanvasElement = make("canvas", "curve")?;
    canvas.set_width(SIZE.0);
    canvas.set_height(SIZE.1);
    let failed = PageError::browser(english::failed::DRAWING_CURVE);
    canvas.set_attribute("role", "img").map_err(&failed)?;
    canvas
        .set_attribute("aria-label", english::curve::ABOUT)
        .map_err(&failed)?;
    append(&card, &canvas)?;
    let context = context_2d(&canvas, false)?;
    let (width, height) = (f64::from(SIZE.0), f64::from(SIZE.1));
    let x = |p: f64| EDGE + p * (width - 2.0 * EDGE);
    let y = |cost: f64| height - EDGE - cost.min(1.0) * (height - 2.0 * EDGE);
    context.set_stroke_style_str("#8a93a6");
    context.set_fill_style_str("#8a93a6");
    context.set_font("12px system-ui, sans-serif");
    context.stroke_rect(x(0.0), y(1.0), x(1.0) - x(0.0), y(0.0) - y(1.0));
    for (text, left, top) in [
        (english::curve::FULL_COST, 0.0, y(1.0) + 4.0),
        (english::curve::NO_COST, 8.0, y(0.0) + 4.0),
        (english::curve::NO_SHARE, x(0.0), height - 16.0),
        (english::curve::FULL_SHARE, x(1.0) - 20.0, height - 16.0),
        (english::curve::COST, x(0.0), y(1.0) - 8.0),
    ] {
        context.fill_text(text, left, top).map_err(&failed)?;
    }
    context.set_stroke_style_str("#ff3c46");
    context.set_fill_style_str("#ff3c46");
    context.set_line_width(2.5);
    context.begin_path();
    for (index, point) in points.iter().enumerate() {
        let (x, y) = (x(f64::from(point.top_p)), y(point.cost));
        if index == 0 {
            context.move_to(x, y);
        } else {
            context.line_to(x, y);
        }
    }
    context.stroke();
    for point in points {
        let (x, y) = (x(f64::from(point.top_p)), y(point.cost));
        context.fill_rect(x - 3.0, y - 3.0, 6.0, 6.0);
    }
    let table = add(&card, "table", "points", "")?;
    let head = add(&add(&table, "thead", "", "")?, "tr", "", "")?;
    for title in english::curve::HEADS {
        add(&head, "th", "", title)?;
    }
    let body = add(&table, "tbody", "", "")?;
    for point in points {
        let line = add(&body, "tr", "", "")?;
        add(&line, "th", "", &format!("{:.1}", point.top_p))?;
        add(&line, "td", "", &english::percent(point.cost * 100.0))?;
        let said = english::curve::likeliest(&point.class, point.probability);
        add(&line, "td", "", &said)?;
    }
    Ok(())
}
