//! Lines over shares, as SVG.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const MARGIN: f64 = 56.0;
const COLOURS: [&str; 4] = ["#0b6e99", "#c2410c", "#4d7c0f", "#6b21a8"];

/// One line of a figure.
pub(super) struct Line {
    /// What the legend says.
    pub(super) name: String,
    /// Points (x, y).
    pub(super) points: Vec<(f64, f64)>,
}

/// A figure of `lines` over x from 0 to 1, y from 0.
#[must_use]
pub(super) fn figure(title: &str, x_label: &str, y_label: &str, lines: &[Line]) -> String {
    let highest = lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|(_, y)| *y)
        .fold(1.0, f64::max);
    let top = highest.ceil();
    let x_at = |x: f64| MARGIN + x * (WIDTH - 2.0 * MARGIN);
    let y_at = |y: f64| HEIGHT - MARGIN - y / top * (HEIGHT - 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"15\">{title}</text>\n"
    );
    // Writing into a string cannot fail.
    let steps = if top > 6.0 { (top / 6.0).ceil() } else { 1.0 };
    let mut y = 0.0;
    while y <= top {
        let at = y_at(y);
        let _ = writeln!(
            out,
            "<line x1=\"{MARGIN}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{y}</text>",
            WIDTH - MARGIN,
            MARGIN - 6.0,
            at + 4.0
        );
        y += steps;
    }
    for tenth in (0..=10).step_by(2) {
        let x = f64::from(tenth) / 10.0;
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{x}</text>",
            x_at(x),
            HEIGHT - MARGIN + 18.0
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{x_label}</text>\
         <text x=\"14\" y=\"{:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 14 {:.1})\">{y_label}</text>",
        WIDTH / 2.0,
        HEIGHT - 12.0,
        HEIGHT / 2.0,
        HEIGHT / 2.0
    );
    for (i, line) in lines.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let points: Vec<String> = line
            .points
            .iter()
            .map(|(x, y)| format!("{:.1},{:.1}", x_at(*x), y_at(*y)))
            .collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            WIDTH - MARGIN,
            44.0 + 16.0 * i as f64,
            line.name
        );
    }
    out + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_lies_inside() {
        let line = Line {
            name: "a".to_owned(),
            points: vec![(0.0, 0.0), (1.0, 7.5)],
        };
        let figure = figure("t", "x", "y", &[line]);
        assert!(
            figure.contains("points=\"56.0,304.0 584.0,71.5\""),
            "{figure}"
        );
        assert!(figure.ends_with("</svg>\n"));
    }
}
