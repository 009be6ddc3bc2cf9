//! What feedback masks let through.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{
    Drawn, FAINT, FigureError, GRID, INK, Paper, SMALL, WIDTH, figure, letters, title, write,
};
use super::confusion::shade;
use crate::tables::MaskMeans;

/// Where the map begins below the title.
const TOP: i32 = 84;
/// Where it begins beside the names of the rows.
const LEFT: i32 = 52;
/// Space on the right.
const MARGIN: i32 = 14;
/// Height of a row.
const ROW: i32 = 26;
/// Space below the map: numbers of the features.
const BELOW: i32 = 48;

/// The average mask of each feature of one modality by class of sentiment, the Figure 2 of Paraskevopoulos et al.: a row a
/// class from -3 to 3, a column a feature; light is the smallest mean there is, dark the largest.
///
/// # Errors
/// When there is no class or no feature.
pub fn masks(name: &str, means: &MaskMeans) -> Result<String, FigureError> {
    let features = means.means.iter().map(Vec::len).max().unwrap_or(0);
    if means.means.is_empty() || features == 0 {
        return Err(FigureError::Empty {
            title: name.to_owned(),
            expected: "at least one class and one feature",
        });
    }
    let all = || means.means.iter().flatten().map(|mean| f64::from(*mean));
    let low = all().fold(f64::INFINITY, f64::min);
    let high = all().fold(f64::NEG_INFINITY, f64::max);
    let height = TOP + ROW * means.means.len() as i32 + BELOW;
    figure(height as u32, |paper| {
        title(paper, name)?;
        let hint = format!("mean mask: white is {low:.2}, dark blue {high:.2}");
        let style = letters(SMALL, FAINT);
        write(paper, &hint, (12, 40), &style, (HPos::Left, VPos::Top))?;
        let heading = (LEFT, TOP - 6);
        write(
            paper,
            "sentiment (rows), feature (columns)",
            heading,
            &style,
            (HPos::Left, VPos::Bottom),
        )?;
        for (row, (class, values)) in means.classes.iter().zip(&means.means).enumerate() {
            let y = TOP + row as i32 * ROW;
            let class = format!("{class:+}");
            let at = (LEFT - 10, y + ROW / 2);
            write(
                paper,
                &class,
                at,
                &letters(SMALL, INK),
                (HPos::Right, VPos::Center),
            )?;
            for (feature, value) in values.iter().enumerate() {
                let corners = [
                    (x(feature, features), y),
                    (x(feature + 1, features), y + ROW),
                ];
                let share = (f64::from(*value) - low) / (high - low).max(1e-9);
                paper.draw(&Rectangle::new(corners, shade(share).filled()))?;
            }
        }
        frame(paper, means.means.len(), features)
    })
}

/// Left edge of a feature's column.
fn x(feature: usize, features: usize) -> i32 {
    let width = f64::from(WIDTH as i32 - LEFT - MARGIN);
    LEFT + (width * feature as f64 / features as f64).round() as i32
}

/// Lines around the rows, and numbers under some of the columns.
fn frame(paper: &Paper<'_>, rows: usize, features: usize) -> Drawn {
    let bottom = TOP + ROW * rows as i32;
    for row in 0..rows {
        let y = TOP + row as i32 * ROW;
        let corners = [(LEFT, y), (x(features, features), y + ROW)];
        paper.draw(&Rectangle::new(corners, GRID.stroke_width(1)))?;
    }
    let step = [1, 2, 5, 10, 20, 50, 100]
        .into_iter()
        .find(|step| features / step <= 12)
        .unwrap_or(200);
    for feature in (0..features).step_by(step) {
        let at = (
            i32::midpoint(x(feature, features), x(feature + 1, features)),
            bottom + 8,
        );
        write(
            paper,
            &feature.to_string(),
            at,
            &letters(SMALL, FAINT),
            (HPos::Center, VPos::Top),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_and_the_range_are_told() {
        let means = MaskMeans {
            modality: "v".to_owned(),
            classes: vec![-1, 0, 2],
            means: vec![vec![0.25, 0.5], vec![0.3, 0.4], vec![0.75, 0.5]],
        };
        let svg = masks("Faces", &means).unwrap();
        for text in ["-1", "+0", "+2", "white is 0.25", "dark blue 0.75"] {
            assert!(svg.contains(text), "{text}");
        }
        let nothing = MaskMeans {
            means: Vec::new(),
            ..means
        };
        assert!(masks("Faces", &nothing).is_err());
    }
}
