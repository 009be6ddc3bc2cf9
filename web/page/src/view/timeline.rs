//! The classes over the last minutes: a row a class, a column a window, darker where it was likelier.

use web_sys::{Element, HtmlButtonElement, HtmlCanvasElement, HtmlElement, HtmlInputElement};

use crate::browser::{add, by_id};
use crate::capture::context_2d;
use crate::english;
use crate::error::PageError;
use crate::history::{History, MOST_MOMENTS, Moment};

/// Pixels of a row and of a column of the picture.
const ROW: usize = 18;
const COLUMN: usize = 4;
/// Columns that are there at least, so that a short history does not look long.
const LEAST_COLUMNS: usize = 60;
/// The mark of the likeliest class of a window.
const LIKELIEST: &str = "#ffffff";

/// The card.
pub(crate) struct TimelineView {
    card: HtmlElement,
    names: Element,
    canvas: HtmlCanvasElement,
    slider: HtmlInputElement,
    live: HtmlButtonElement,
    about: Element,
}

impl TimelineView {
    pub(crate) fn find() -> Result<Self, PageError> {
        Ok(Self {
            card: by_id("timeline")?,
            names: by_id("timeline-names")?,
            canvas: by_id("timeline-map")?,
            slider: by_id("moment")?,
            live: by_id("live")?,
            about: by_id("moment-about")?,
        })
    }

    /// The control that goes through the moments.
    pub(crate) fn slider(&self) -> &HtmlInputElement {
        &self.slider
    }

    /// The control that goes back to the newest one.
    pub(crate) fn live(&self) -> &HtmlButtonElement {
        &self.live
    }

    /// Names the classes, once they are known.
    pub(crate) fn prepare(&self, classes: &[String]) -> Result<(), PageError> {
        self.names.set_text_content(None);
        for class in classes {
            add(&self.names, "span", "", class)?;
        }
        Ok(())
    }

    /// Draws what there is.
    pub(crate) fn show(&self, history: &History) -> Result<(), PageError> {
        let (Some(place), Some(current)) = (history.place(), history.current()) else {
            self.card.set_hidden(true);
            return Ok(());
        };
        self.card.set_hidden(false);
        let count = history.moments().len();
        self.slider.set_max(&(count - 1).to_string());
        self.slider.set_value_as_number(place as f64);
        self.live.set_disabled(!history.is_held());
        let newest_ms = history.moments().last().map_or(0.0, |moment| moment.end_ms);
        let about = about(&current, newest_ms, history.is_held());
        self.about.set_text_content(Some(&about));
        self.slider
            .set_attribute("aria-valuetext", &about)
            .map_err(PageError::browser(english::failed::DRAWING_TIMELINE))?;
        self.draw(history, place)
    }

    fn draw(&self, history: &History, place: usize) -> Result<(), PageError> {
        let moments = history.moments();
        let columns = moments.len().clamp(LEAST_COLUMNS, MOST_MOMENTS);
        let classes = history.current().map_or(0, |m| m.outcome.classes.len());
        self.canvas.set_width((columns * COLUMN) as u32);
        self.canvas.set_height((classes * ROW) as u32);
        let context = context_2d(&self.canvas, false)?;
        let first = columns - moments.len();
        for (column, moment) in moments.enumerate() {
            let x = ((first + column) * COLUMN) as f64;
            let likeliest = moment.outcome.likeliest().map(|(class, ..)| class);
            for (class, probability) in moment.outcome.probabilities.iter().enumerate() {
                let y = (class * ROW) as f64;
                context.set_fill_style_str(&format!("rgb(255 120 60 / {probability:.3})"));
                context.fill_rect(x, y, COLUMN as f64, ROW as f64 - 1.0);
                if Some(class) == likeliest {
                    context.set_fill_style_str(LIKELIEST);
                    context.fill_rect(x, y + ROW as f64 - 5.0, COLUMN as f64, 3.0);
                }
            }
            if column == place && history.is_held() {
                context.set_fill_style_str(LIKELIEST);
                context.fill_rect(x, 0.0, 1.0, (classes * ROW) as f64);
            }
        }
        Ok(())
    }
}

/// Which moment it is, in words.
fn about(moment: &Moment, newest_ms: f64, held: bool) -> String {
    let likeliest = moment.outcome.likeliest();
    let likeliest = likeliest.map(|(_, name, probability)| (name, probability));
    if held {
        let ago_s = (newest_ms - moment.end_ms).max(0.0) / 1000.0;
        english::timeline::earlier(ago_s, likeliest)
    } else {
        english::timeline::newest(likeliest)
    }
}
