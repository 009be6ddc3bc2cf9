//! What all figures have in common: paper, pens, letters, legend, axes.

use std::io;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use thiserror::Error;

/// Why a figure was not drawn.
#[derive(Debug, Error)]
pub enum FigureError {
    /// There is nothing on it.
    #[error("figure `{title}`: expected {expected}, found none")]
    Empty {
        /// The figure.
        title: String,
        /// What it needs.
        expected: &'static str,
    },
    /// Names and values do not belong together.
    #[error("figure `{title}`: expected {expected} names of classes, found {found}")]
    Names {
        /// The figure.
        title: String,
        /// Classes there are.
        expected: usize,
        /// Names there are.
        found: usize,
    },
    /// The drawing library failed.
    #[error("figure: {0}")]
    Drawing(#[from] DrawingAreaErrorKind<io::Error>),
}

/// The outcome of drawing something.
pub(super) type Drawn<T = ()> = Result<T, DrawingAreaErrorKind<io::Error>>;
/// A part of the paper, measured in pixels.
pub(super) type Paper<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// Axes on a part of the paper.
pub(super) type Axes<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Width of every figure in pixels.
pub(super) const WIDTH: u32 = 640;
/// Of the title.
pub(super) const TITLE: f64 = 19.0;
/// Of everything that must be read first.
pub(super) const LARGE: f64 = 16.0;
/// Of everything else.
pub(super) const SMALL: f64 = 14.0;

pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub(super) const GREEN: RGBColor = RGBColor(0, 120, 90);
pub(super) const PURPLE: RGBColor = RGBColor(160, 70, 130);
pub(super) const INK: RGBColor = RGBColor(34, 34, 34);
pub(super) const FAINT: RGBColor = RGBColor(105, 105, 105);
pub(super) const GRID: RGBColor = RGBColor(222, 222, 222);

/// How a line looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pen {
    pub(super) colour: RGBColor,
    /// Lengths of dash and gap in pixels; none is a full line.
    pub(super) dash: Option<(i32, i32)>,
    pub(super) mark: Mark,
}

/// What stands at each point of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    Disc,
    Ring,
    Square,
    Triangle,
}

/// Draws a figure of `height` pixels and gives it as SVG.
pub(super) fn figure(
    height: u32,
    draw: impl FnOnce(&Paper<'_>) -> Drawn,
) -> Result<String, FigureError> {
    let mut svg = String::new();
    {
        let paper = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        paper.fill(&WHITE)?;
        draw(&paper)?;
        paper.present()?;
    }
    Ok(svg)
}

/// Letters `pixels` high; the library's own measure is larger by a constant.
pub(super) fn letters(pixels: f64, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", pixels * 1.24).into_font().color(&colour)
}

/// How wide a text will be at most, roughly: the font is the reader's.
pub(super) fn text_width(text: &str, pixels: f64) -> i32 {
    (text.chars().count() as f64 * pixels * 0.6).ceil() as i32
}

/// `text` at (`x`, `y`), which is the point of it that `anchor` names.
pub(super) fn write(
    paper: &Paper<'_>,
    text: &str,
    (x, y): (i32, i32),
    style: &TextStyle<'_>,
    (h, v): (HPos, VPos),
) -> Drawn {
    paper.draw(&Text::new(
        text.to_owned(),
        (x, y),
        style.pos(Pos::new(h, v)),
    ))
}

/// The title at the top; letters become smaller, then fewer, until it fits.
pub(super) fn title(paper: &Paper<'_>, text: &str) -> Drawn {
    let room = WIDTH as i32 - 24;
    let fits = |size: &f64| text_width(text, *size) <= room;
    let size = [TITLE, LARGE, SMALL]
        .into_iter()
        .find(fits)
        .unwrap_or(SMALL);
    let text = shortened(text, size, room);
    let style = letters(size, INK).transform(FontTransform::None);
    write(paper, &text, (12, 12), &style, (HPos::Left, VPos::Top))
}

/// `text` or as much of its beginning as has room.
pub(super) fn shortened(text: &str, size: f64, room: i32) -> String {
    if text_width(text, size) <= room {
        return text.to_owned();
    }
    let mut short = text.to_owned();
    while !short.is_empty() && text_width(&short, size) + size as i32 > room {
        short.pop();
    }
    short + "…"
}

/// Height of a legend's row.
const LEGEND_ROW: i32 = 24;

/// A legend below the title; gives how far down it reaches.
pub(super) fn legend(paper: &Paper<'_>, entries: &[(&str, Pen)], top: i32) -> Drawn<i32> {
    const SAMPLE: i32 = 36;
    let room = WIDTH as i32 - 24;
    let (mut x, mut y) = (12, top + LEGEND_ROW / 2);
    for (name, pen) in entries {
        let name = shortened(name, SMALL, room - SAMPLE - 8);
        let width = SAMPLE + 8 + text_width(&name, SMALL) + 18;
        if x > 12 && x + width > room {
            (x, y) = (12, y + LEGEND_ROW);
        }
        stroke(paper, &[(x, y), (x + SAMPLE, y)], *pen)?;
        mark(paper, (x + SAMPLE / 2, y), *pen)?;
        let at = (x + SAMPLE + 8, y);
        write(
            paper,
            &name,
            at,
            &letters(SMALL, INK),
            (HPos::Left, VPos::Center),
        )?;
        x += width;
    }
    Ok(y + LEGEND_ROW / 2)
}

/// Axes with a grid across; `y_name` stands over them, not beside them, where it can be read without turning the head.
pub(super) fn axes<'a, 'b>(
    paper: &'a Paper<'b>,
    (x, x_name): (Range<f64>, &str),
    (y, y_name): (Range<f64>, &str),
    x_label: &dyn Fn(&f64) -> String,
    ticks: usize,
) -> Drawn<Axes<'a, 'b>> {
    let area = if x_name.is_empty() { 28 } else { 46 };
    write(
        paper,
        y_name,
        (12, 4),
        &letters(SMALL, FAINT),
        (HPos::Left, VPos::Top),
    )?;
    let digits = decimals(&y);
    let y_label = move |value: &f64| format!("{value:.digits$}");
    let mut chart = ChartBuilder::on(paper)
        .margin_top(28)
        .margin_right(24)
        .margin_left(6)
        .x_label_area_size(area)
        .y_label_area_size(54)
        .build_cartesian_2d(x, y)?;
    let mut mesh = chart.configure_mesh();
    if !x_name.is_empty() {
        mesh.x_desc(x_name);
    }
    mesh.disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(FAINT)
        .x_labels(ticks)
        .x_label_formatter(x_label)
        .y_labels(6)
        .y_label_formatter(&y_label)
        .label_style(letters(SMALL, INK))
        .axis_desc_style(letters(SMALL, FAINT))
        .draw()?;
    Ok(chart)
}

/// A line through `points` with its marks. Points that are not finite are left out.
pub(super) fn line(axes: &Axes<'_, '_>, points: &[(f64, f64)], pen: Pen) -> Drawn {
    let points: Vec<(i32, i32)> = points
        .iter()
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .map(|point| axes.backend_coord(point))
        .collect();
    let paper = axes.plotting_area().strip_coord_spec();
    let (left, top) = paper.get_base_pixel();
    let points: Vec<(i32, i32)> = points
        .into_iter()
        .map(|(x, y)| (x - left, y - top))
        .collect();
    stroke(&paper, &points, pen)?;
    for point in points {
        mark(&paper, point, pen)?;
    }
    Ok(())
}

fn stroke(paper: &Paper<'_>, points: &[(i32, i32)], pen: Pen) -> Drawn {
    let style = pen.colour.stroke_width(2);
    match pen.dash {
        None => paper.draw(&PathElement::new(points.to_vec(), style)),
        Some((dash, gap)) => paper.draw(&DashedPathElement::new(points.to_vec(), dash, gap, style)),
    }
}

fn mark(paper: &Paper<'_>, (x, y): (i32, i32), pen: Pen) -> Drawn {
    let full = pen.colour.filled();
    match pen.mark {
        Mark::None => Ok(()),
        Mark::Disc => paper.draw(&Circle::new((x, y), 4, full)),
        Mark::Ring => {
            paper.draw(&Circle::new((x, y), 5, WHITE.filled()))?;
            paper.draw(&Circle::new((x, y), 5, pen.colour.stroke_width(2)))
        }
        Mark::Square => paper.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], full)),
        Mark::Triangle => paper.draw(&TriangleMarker::new((x, y), 6, full)),
    }
}

/// A range that holds all finite `values` with room around them; 0..1 if there are none.
pub(super) fn range(values: impl IntoIterator<Item = f64>) -> Range<f64> {
    let (low, high) = values
        .into_iter()
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    if low > high {
        return 0.0..1.0;
    }
    let room = ((high - low) * 0.08).max(high.abs() * 0.01).max(1e-3);
    (low - room)..(high + room)
}

/// Digits after the point that tell the ticks of a range apart.
fn decimals(range: &Range<f64>) -> usize {
    match range.end - range.start {
        span if span >= 20.0 => 0,
        span if span >= 2.0 => 1,
        span if span >= 0.1 => 2,
        _ => 3,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The texts of an SVG, in order.
    pub(in crate::figures) fn texts(svg: &str) -> Vec<String> {
        let parts = svg.split("<text").skip(1);
        parts
            .filter_map(|part| {
                let (_, rest) = part.split_once('>')?;
                let (text, _) = rest.split_once("</text>")?;
                Some(text.trim().to_owned())
            })
            .collect()
    }

    /// No number of the drawing is none, and every text that stands upright begins and ends on the paper.
    pub(in crate::figures) fn assert_sound(svg: &str) {
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        for part in svg.split("<text").skip(1) {
            let attribute = |name: &str| {
                let (_, rest) = part.split_once(&format!(" {name}=\"")).unwrap();
                rest.split_once('"').unwrap().0
            };
            if part
                .split('>')
                .next()
                .is_some_and(|head| head.contains("transform"))
            {
                continue;
            }
            let text = part
                .split_once('>')
                .unwrap()
                .1
                .split_once("</text>")
                .unwrap()
                .0
                .trim();
            let x: i32 = attribute("x").parse().unwrap();
            let size: f64 = attribute("font-size").parse().unwrap();
            let width = text_width(text, size);
            let (left, right) = match attribute("text-anchor") {
                "start" => (x, x + width),
                "end" => (x - width, x),
                _ => (x - width / 2, x + width / 2),
            };
            assert!(
                left >= 0 && right <= WIDTH as i32,
                "`{text}` from {left} to {right}"
            );
        }
    }

    #[test]
    fn a_range_holds_its_values() {
        let found = range([1.0, 3.0, f64::NAN]);
        assert!(found.start < 1.0 && found.end > 3.0 && found.end < 3.5);
        let alone = range([0.5]);
        assert!(alone.start < 0.5 && alone.end > 0.5);
        assert_eq!(range([]), 0.0..1.0);
    }

    #[test]
    fn a_long_title_is_shortened() {
        let long = "a very long title ".repeat(20);
        let svg = figure(100, |paper| title(paper, &long)).unwrap();
        assert_sound(&svg);
        assert!(texts(&svg)[0].ends_with('…'));
    }

    #[test]
    fn names_cannot_break_the_svg() {
        let svg = figure(100, |paper| title(paper, "a<b & \"c\"")).unwrap();
        assert_eq!(texts(&svg), ["a&lt;b &amp; &quot;c&quot;"]);
    }
}
