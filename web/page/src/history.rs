//! The moments of the last minutes, as they were judged.

use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::ArrayBuffer;
use mesm_protocol::Outcome;

/// Moments that are kept: some minutes at one a second, some tens of megabytes.
pub(crate) const MOST_MOMENTS: usize = 240;

/// A judged window with what is needed to show it again.
pub(crate) struct Moment {
    /// What the engine said.
    pub outcome: Outcome,
    /// The outcome's buffers, which were checked.
    pub buffers: Vec<ArrayBuffer>,
    /// End of the window on the source's clock in milliseconds.
    pub end_ms: f64,
    /// The words that were judged.
    pub words: String,
    /// The share of the attention mass that was kept.
    pub top_p: f32,
    /// Whether the dense twin was asked, which has no use for it.
    pub every_point: bool,
    /// The last picture of the window, small, as a `data:` address.
    pub picture: Option<String>,
    /// Width and height of the pictures in which faces were looked for.
    pub picture_size: Option<(u32, u32)>,
}

/// The moments, oldest first, and which of them is looked at.
#[derive(Default)]
pub(crate) struct History {
    moments: VecDeque<Rc<Moment>>,
    /// The moment that is looked at; `None` for always the newest.
    held: Option<usize>,
}

impl History {
    /// Adds the newest moment and forgets the oldest where there are too many.
    pub(crate) fn push(&mut self, moment: Moment) {
        self.moments.push_back(Rc::new(moment));
        if self.moments.len() > MOST_MOMENTS {
            self.moments.pop_front();
            self.held = self.held.map(|held| held.saturating_sub(1));
        }
    }

    /// Puts a moment in the place of the newest: the same window, asked again.
    pub(crate) fn replace_newest(&mut self, moment: Moment) {
        self.moments.pop_back();
        self.push(moment);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.moments.clear();
        self.held = None;
    }

    /// Stays at a moment; at the newest one, goes with it.
    pub(crate) fn hold(&mut self, index: Option<usize>) {
        self.held = index.filter(|index| *index < self.moments.len());
    }

    /// The place of the moment that is looked at.
    pub(crate) fn place(&self) -> Option<usize> {
        let newest = self.moments.len().checked_sub(1)?;
        Some(self.held.unwrap_or(newest))
    }

    /// Whether an older moment is held while newer ones come in.
    pub(crate) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// The moment that is looked at.
    pub(crate) fn current(&self) -> Option<Rc<Moment>> {
        self.moments.get(self.place()?).cloned()
    }

    /// All moments, oldest first.
    pub(crate) fn moments(&self) -> impl ExactSizeIterator<Item = &Moment> {
        self.moments.iter().map(Rc::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mesm_protocol::DeviceKind;

    use super::*;

    pub(crate) fn moment(id: u64) -> Moment {
        Moment {
            outcome: Outcome {
                id,
                classes: Vec::new(),
                probabilities: Vec::new(),
                logits: Vec::new(),
                shares: BTreeMap::new(),
                frames: 0,
                chunks: 0,
                faces_found: 0,
                active_points: BTreeMap::new(),
                macs: BTreeMap::new(),
                device: DeviceKind::Cpu,
                memory_bytes: 0,
                timings_ms: BTreeMap::new(),
                notes: Vec::new(),
                faces: Vec::new(),
                crops: None,
                mels: None,
                attention: BTreeMap::new(),
            },
            buffers: Vec::new(),
            end_ms: 0.0,
            words: String::new(),
            top_p: 0.5,
            every_point: false,
            picture: None,
            picture_size: None,
        }
    }

    fn looked_at(history: &History) -> Option<u64> {
        history.current().map(|moment| moment.outcome.id)
    }

    #[test]
    fn the_newest_is_looked_at_until_one_is_held() {
        let mut history = History::default();
        assert_eq!(looked_at(&history), None);
        (0..3).for_each(|id| history.push(moment(id)));
        assert_eq!(looked_at(&history), Some(2));
        history.hold(Some(1));
        history.push(moment(3));
        assert_eq!(looked_at(&history), Some(1));
        history.replace_newest(moment(9));
        history.hold(None);
        assert_eq!(looked_at(&history), Some(9));
        assert_eq!(history.moments().len(), 4);
        history.hold(Some(7));
        assert!(!history.is_held());
    }

    #[test]
    fn what_is_held_stays_when_old_moments_go() {
        let mut history = History::default();
        (0..MOST_MOMENTS as u64).for_each(|id| history.push(moment(id)));
        history.hold(Some(5));
        (1000..1003).for_each(|id| history.push(moment(id)));
        assert_eq!(looked_at(&history), Some(5));
        assert_eq!(history.moments().len(), MOST_MOMENTS);
    }
}
