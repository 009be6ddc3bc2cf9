//! The pictures of the last window's length.

use std::collections::VecDeque;
use std::rc::Rc;

use web_sys::HtmlVideoElement;

use super::FRAME_STEP_MS;
use super::frames::{FrameGrabber, Picture};
use super::window::WINDOW_MS;
use crate::error::PageError;

/// Keeps a picture every half second.
pub(crate) struct Feed {
    grabber: FrameGrabber,
    pictures: VecDeque<Rc<Picture>>,
    next_ms: f64,
}

impl Feed {
    /// Pictures are scaled down until their longer side is `max_side`.
    pub(crate) fn new(max_side: u32) -> Result<Self, PageError> {
        Ok(Self {
            grabber: FrameGrabber::new(max_side)?,
            pictures: VecDeque::new(),
            next_ms: f64::NEG_INFINITY,
        })
    }

    /// Takes the picture that the video shows, when it is time for one.
    pub(crate) fn tick(&mut self, video: &HtmlVideoElement, t_ms: f64) -> Result<(), PageError> {
        if t_ms >= self.next_ms
            && let Some(picture) = self.grabber.grab(video, t_ms)?
        {
            self.pictures.push_back(Rc::new(picture));
            self.next_ms = t_ms + FRAME_STEP_MS;
        }
        while self
            .pictures
            .front()
            .is_some_and(|picture| picture.t_ms < t_ms - 2.0 * WINDOW_MS)
        {
            self.pictures.pop_front();
        }
        Ok(())
    }

    /// The pictures of the window that ends at `end_ms`.
    pub(crate) fn window(&self, end_ms: f64) -> Vec<Rc<Picture>> {
        let within = (end_ms - WINDOW_MS)..=end_ms;
        let pictures = self.pictures.iter();
        pictures
            .filter(|picture| within.contains(&picture.t_ms))
            .cloned()
            .collect()
    }
}
