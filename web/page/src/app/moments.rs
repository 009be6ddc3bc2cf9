//! What was judged: showing it, going back to it, asking it again, taking it away.

use std::rc::Rc;

use futures_channel::oneshot;
use js_sys::ArrayBuffer;
use mesm_protocol::{Outcome, Settings};
use wasm_bindgen_futures::spawn_local;

use super::App;
use super::link::{InFlight, Purpose};
use crate::browser::{on, sleep};
use crate::capture::WindowInput;
use crate::english;
use crate::error::PageError;
use crate::history::Moment;
use crate::save::save;
use crate::view::CurvePoint;
use crate::{export, view};

/// Shares of the attention mass of the curve, in tenths.
const CURVE: std::ops::RangeInclusive<u8> = 1..=10;
/// How long an engine that is busy is waited for.
const POLL_MS: f64 = 50.0;

impl App {
    /// Listens to the controls of what was judged.
    pub(super) fn listen_to_moments(self: &Rc<Self>) -> Result<(), PageError> {
        for input in self.ui.look_inputs() {
            let app = Rc::clone(self);
            on(input, "change", move |_| app.redraw())?;
        }
        for input in self.ui.asking_inputs() {
            let app = Rc::clone(self);
            on(input, "change", move |_| app.ask_again())?;
        }
        let (slider, live) = self.views.borrow().moment_controls();
        let (app, value) = (Rc::clone(self), slider.clone());
        on(&slider, "input", move |_| {
            app.hold(Some(value.value_as_number() as usize));
        })?;
        let app = Rc::clone(self);
        on(&live, "click", move |_| app.hold(None))?;
        for (button, format) in self.ui.save_buttons() {
            let (app, format) = (Rc::clone(self), *format);
            on(button, "click", move |_| {
                if let Err(error) = save(&app.history.borrow(), format) {
                    app.ui.announce(&error.to_string());
                }
            })?;
        }
        let app = Rc::clone(self);
        on(&self.ui.curve, "click", move |_| {
            let app = Rc::clone(&app);
            spawn_local(async move {
                app.ui.curve.set_disabled(true);
                if let Err(error) = app.draw_curve().await {
                    app.ui.announce(&error.to_string());
                }
                app.ui.curve.set_disabled(false);
            });
        })
    }

    /// Forgets what was judged before.
    pub(super) fn begin_history(&self) {
        self.history.borrow_mut().clear();
        // What cannot be cleared is drawn over by the next result.
        let _ = self.views.borrow_mut().clear(&self.history.borrow());
    }

    /// Takes a result and shows it, unless an older moment is looked at.
    pub(super) fn show(
        &self,
        outcome: Outcome,
        buffers: Vec<ArrayBuffer>,
    ) -> Result<(), PageError> {
        outcome.check(&mesm_protocol::port::sizes(&buffers))?;
        let Some(done) = self.finish(outcome.id) else {
            return Ok(());
        };
        let InFlight {
            input,
            settings,
            purpose,
            wanted,
            done,
            ..
        } = done;
        if !wanted {
            return Ok(());
        }
        let again = match purpose {
            Purpose::Tell(whom) => {
                // Whoever asked may have gone.
                let _ = whom.send(outcome);
                return Ok(());
            }
            Purpose::Show => false,
            Purpose::Again => true,
        };
        export::publish(&outcome)?;
        self.ui.say(&english::status::judged(&outcome));
        let moment = moment(outcome, buffers, &input, &settings)?;
        self.views.borrow_mut().count(&moment.outcome)?;
        let mut history = self.history.borrow_mut();
        if again {
            history.replace_newest(moment);
        } else {
            history.push(moment);
        }
        drop(history);
        self.shown.replace(Some(input));
        self.draw()?;
        if let Some(done) = done {
            // Nobody waits where the session was ended meanwhile.
            let _ = done.send(());
        }
        Ok(())
    }

    /// Draws the moment that is looked at.
    fn draw(&self) -> Result<(), PageError> {
        let (look, smoothing_ms) = (self.ui.look(), self.ui.smoothing_ms());
        let history = self.history.borrow();
        let summary = self.views.borrow_mut().show(&history, look, smoothing_ms)?;
        if let Some(summary) = summary {
            self.ui.whisper(&summary);
        }
        Ok(())
    }

    fn redraw(&self) {
        if let Err(error) = self.draw() {
            self.ui.announce(&error.to_string());
        }
    }

    fn hold(&self, place: Option<usize>) {
        self.history.borrow_mut().hold(place);
        self.redraw();
    }

    /// Asks the last window with the settings of now; where a source runs, the next window does.
    fn ask_again(self: &Rc<Self>) {
        if self.session.borrow().is_some() || self.asking.replace(true) {
            return;
        }
        let app = Rc::clone(self);
        spawn_local(async move {
            let asked = app.when_free().await;
            app.asking.set(false);
            let last = app.shown.borrow().clone();
            // A source that was started meanwhile asks by itself.
            if app.session.borrow().is_some() {
                return;
            }
            if let (Ok(()), Some(mut input)) = (asked, last) {
                input.text = app.ui.words.value();
                app.history.borrow_mut().hold(None);
                match app.ask(input, app.ui.settings(), Purpose::Again) {
                    Ok(done) => drop(done.await),
                    Err(error) => app.ui.announce(&error.to_string()),
                }
            }
        });
    }

    async fn when_free(&self) -> Result<(), PageError> {
        while !self.engine_is_free() {
            sleep(POLL_MS).await?;
        }
        Ok(())
    }

    /// Asks the last window at every share of the attention mass, and draws what it costs.
    async fn draw_curve(&self) -> Result<(), PageError> {
        let last = self.shown.borrow().clone();
        let input: WindowInput =
            last.ok_or_else(|| PageError::Input(english::failed::NO_RESULT.to_owned()))?;
        let mut points = Vec::new();
        for tenth in CURVE {
            let top_p = f32::from(tenth) / 10.0;
            self.ui.say(&english::status::asking_at(top_p));
            let settings = Settings {
                top_p: Some(top_p),
                every_point: false,
                ..self.ui.settings()
            };
            self.when_free().await?;
            let (tell, told) = oneshot::channel();
            drop(self.ask(input.clone(), settings, Purpose::Tell(tell))?);
            let outcome = told
                .await
                .map_err(|_| PageError::Input(english::failed::NO_CURVE.to_owned()))?;
            points.push(CurvePoint::of(top_p, &outcome));
            view::show_curve(&points)?;
        }
        self.ui.say(english::status::CURVE_DRAWN);
        Ok(())
    }
}

fn moment(
    outcome: Outcome,
    buffers: Vec<ArrayBuffer>,
    input: &WindowInput,
    settings: &Settings,
) -> Result<Moment, PageError> {
    let last = input.pictures.last();
    Ok(Moment {
        end_ms: input.end_ms(),
        words: input.text.clone(),
        top_p: settings.top_p.unwrap_or(1.0),
        every_point: settings.every_point,
        picture: last.map(|picture| picture.small()).transpose()?,
        picture_size: last.map(|picture| (picture.width, picture.height)),
        outcome,
        buffers,
    })
}
