//! A confusion matrix.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{
    Drawn, FAINT, FigureError, GRID, INK, LARGE, Paper, SMALL, WIDTH, figure, letters, shortened,
    text_width, title, write,
};
use crate::metrics::Confusion;

/// Where the matrix begins below the title.
const TOP: i32 = 60;
/// Space on the right and at the bottom.
const MARGIN: i32 = 14;
/// Cells narrower than this have no numbers, only a shade.
const NUMBERS: i32 = 26;
/// Pixels for the name of a class at most.
const NAME_ROOM: i32 = 150;

/// A confusion matrix: true classes are rows, answers are columns; each cell says and shows the share of its row, with
/// the count below.
///
/// # Errors
/// When there is no class, or not a name for each.
pub fn confusion(
    name: &str,
    classes: &[String],
    confusion: &Confusion,
) -> Result<String, FigureError> {
    let count = confusion.classes();
    if count == 0 {
        return Err(FigureError::Empty {
            title: name.to_owned(),
            expected: "at least one class",
        });
    }
    if classes.len() != count {
        return Err(FigureError::Names {
            title: name.to_owned(),
            expected: count,
            found: classes.len(),
        });
    }
    let matrix = Matrix::new(classes, confusion);
    figure(matrix.height() as u32, |paper| {
        title(paper, name)?;
        let hint = matrix.hint();
        write(
            paper,
            hint,
            (12, 38),
            &letters(SMALL, FAINT),
            (HPos::Left, VPos::Top),
        )?;
        matrix.draw(paper)
    })
}

struct Matrix<'a> {
    classes: &'a [String],
    confusion: &'a Confusion,
    /// Side of a cell across and down.
    cell: (i32, i32),
    left: i32,
    top: i32,
    /// Whether the names over the columns stand on end.
    upright: bool,
}

impl<'a> Matrix<'a> {
    fn new(classes: &'a [String], confusion: &'a Confusion) -> Self {
        let names = classes.iter().map(|name| text_width(name, SMALL));
        let longest = names.max().unwrap_or(0).min(NAME_ROOM);
        let left = 12 + longest.max(text_width("n = 00000", SMALL)) + 10;
        let across = ((WIDTH as i32 - left - MARGIN) / classes.len() as i32).min(110);
        let upright = longest + 4 > across;
        let over = if upright { longest + 8 } else { 24 };
        Self {
            classes,
            confusion,
            cell: (across, across.clamp(24, 62)),
            left,
            top: TOP + 26 + over,
            upright,
        }
    }

    fn hint(&self) -> &'static str {
        match self.cell.0 {
            across if across < NUMBERS => {
                "share of each true class: white is none, dark blue is all"
            }
            across if across < 46 => "share of each true class, %",
            _ => "share of each true class (utterances)",
        }
    }

    fn height(&self) -> i32 {
        self.top + self.cell.1 * self.classes.len() as i32 + MARGIN
    }

    fn draw(&self, paper: &Paper<'_>) -> Drawn {
        let (across, down) = self.cell;
        let heading = letters(SMALL, FAINT);
        write(
            paper,
            "answer",
            (self.left + 2, TOP + 4),
            &heading,
            (HPos::Left, VPos::Top),
        )?;
        let corner = (self.left - 10, self.top - 8);
        write(
            paper,
            "true class",
            corner,
            &heading,
            (HPos::Right, VPos::Bottom),
        )?;
        let rows = self.classes.iter().zip(self.confusion.rows());
        for (row, (name, counts)) in rows.enumerate() {
            let y = self.top + row as i32 * down;
            let n: u64 = counts.iter().sum();
            self.name_row(paper, name, n, y)?;
            self.name_column(paper, name, self.left + row as i32 * across)?;
            for (column, count) in counts.iter().enumerate() {
                let x = self.left + column as i32 * across;
                self.draw_cell(paper, (x, y), *count, n, row == column)?;
            }
        }
        Ok(())
    }

    fn name_row(&self, paper: &Paper<'_>, name: &str, n: u64, y: i32) -> Drawn {
        let name = shortened(name, SMALL, NAME_ROOM);
        let (x, middle) = (self.left - 10, y + self.cell.1 / 2);
        let style = letters(SMALL, INK);
        if self.cell.1 < 40 {
            return write(
                paper,
                &name,
                (x, middle),
                &style,
                (HPos::Right, VPos::Center),
            );
        }
        write(
            paper,
            &name,
            (x, middle - 9),
            &style,
            (HPos::Right, VPos::Center),
        )?;
        let count = letters(SMALL - 1.0, FAINT);
        write(
            paper,
            &format!("n = {n}"),
            (x, middle + 9),
            &count,
            (HPos::Right, VPos::Center),
        )
    }

    fn name_column(&self, paper: &Paper<'_>, name: &str, x: i32) -> Drawn {
        let name = shortened(name, SMALL, NAME_ROOM);
        let (middle, y) = (x + self.cell.0 / 2, self.top - 8);
        if self.upright {
            let style = letters(SMALL, INK).transform(FontTransform::Rotate270);
            return write(
                paper,
                &name,
                (middle, y),
                &style,
                (HPos::Left, VPos::Center),
            );
        }
        write(
            paper,
            &name,
            (middle, y),
            &letters(SMALL, INK),
            (HPos::Center, VPos::Bottom),
        )
    }

    fn draw_cell(
        &self,
        paper: &Paper<'_>,
        (x, y): (i32, i32),
        count: u64,
        n: u64,
        right: bool,
    ) -> Drawn {
        let (across, down) = self.cell;
        let corners = [(x, y), (x + across, y + down)];
        let share = if n == 0 { 0.0 } else { count as f64 / n as f64 };
        paper.draw(&Rectangle::new(corners, shade(share).filled()))?;
        paper.draw(&Rectangle::new(corners, GRID.stroke_width(1)))?;
        if right {
            // The diagonal must be found without following rows and columns.
            let inner = [(x + 2, y + 2), (x + across - 2, y + down - 2)];
            paper.draw(&Rectangle::new(inner, INK.stroke_width(1)))?;
        }
        if across < NUMBERS {
            return Ok(());
        }
        let colour = match count {
            0 => FAINT,
            _ if share > 0.5 => WHITE,
            _ => INK,
        };
        let wide = across >= 46;
        let sign = if wide { " %" } else { "" };
        let percent = match (n, count) {
            (0, _) => "–".to_owned(),
            (_, 0) => "0".to_owned(),
            _ if share < 0.005 => format!("<1{sign}"),
            _ => format!("{:.0}{sign}", share * 100.0),
        };
        let (middle_x, middle_y) = (x + across / 2, y + down / 2);
        let both = down >= 40 && wide;
        let size = if wide { LARGE } else { SMALL - 2.0 };
        let up = if both && count > 0 { 9 } else { 0 };
        let style = letters(size, colour);
        write(
            paper,
            &percent,
            (middle_x, middle_y - up),
            &style,
            (HPos::Center, VPos::Center),
        )?;
        if both && count > 0 {
            let style = letters(SMALL - 1.0, colour);
            let at = (middle_x, middle_y + 10);
            write(
                paper,
                &format!("({count})"),
                at,
                &style,
                (HPos::Center, VPos::Center),
            )?;
        }
        Ok(())
    }
}

/// White to dark blue, even steps of lightness as seen.
pub(super) fn shade(share: f64) -> RGBColor {
    let between =
        |white: f64, dark: f64| (white + (dark - white) * share.clamp(0.0, 1.0)).round() as u8;
    RGBColor(
        between(255.0, 8.0),
        between(255.0, 69.0),
        between(255.0, 130.0),
    )
}

#[cfg(test)]
mod tests {
    use super::super::canvas::tests::{assert_sound, texts};
    use super::*;

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn shares_and_counts_are_written() {
        let pairs = [(0, 0), (0, 0), (0, 0), (0, 1), (1, 1)];
        let table = Confusion::from_pairs(3, pairs);
        let svg = confusion("Faces", &named(&["joy", "anger", "calm"]), &table).unwrap();
        assert_sound(&svg);
        let texts = texts(&svg);
        for expected in [
            "Faces", "75 %", "(3)", "25 %", "100 %", "n = 4", "n = 0", "–", "answer",
        ] {
            assert!(
                texts.iter().any(|text| text == expected),
                "{expected}: {texts:?}"
            );
        }
        assert_eq!(texts.iter().filter(|text| *text == "calm").count(), 2);
    }

    #[test]
    fn many_long_names_stay_on_the_paper() {
        for count in [1, 2, 7, 28] {
            let names: Vec<String> = (0..count).map(|i| format!("disappointment{i}")).collect();
            let pairs = (0..10_000).map(|i| (i % count, i * i % count));
            let svg = confusion("Text", &names, &Confusion::from_pairs(count, pairs)).unwrap();
            assert_sound(&svg);
        }
    }

    #[test]
    fn names_and_classes_must_agree() {
        let table = Confusion::from_pairs(2, []);
        assert!(matches!(
            confusion("", &named(&["joy"]), &table),
            Err(FigureError::Names {
                expected: 2,
                found: 1,
                ..
            })
        ));
        let none = Confusion::from_pairs(0, []);
        assert!(matches!(
            confusion("", &[], &none),
            Err(FigureError::Empty { .. })
        ));
    }
}
