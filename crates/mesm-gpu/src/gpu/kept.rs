//! What is made of weights alone, kept from call to call: they do not change between two, and a dispatch saved is time saved
//! on every device.

use std::sync::{Mutex, PoisonError};

use burn::backend::Cube;
use burn::backend::tensor::FloatTensor;

/// What is made of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// The same in the order of their dimensions.
    Ordered,
    /// Scale and shift of a normalisation.
    Folded,
    /// The same with the bias of the convolution before it.
    FoldedWithBias,
    /// All parameters of an encoder, one after the other.
    Encoder,
    /// Rows of channels, one point after the other, of what were the points of one channel after the other.
    ChannelsLast,
    /// The columns of several matrices side by side.
    SideBySide,
}

/// What is kept of everybody's weights. A device has few models at a time, of a few dozen layers each.
static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// A tensor, and what it was made of.
///
/// Memory that two own is not written to, neither in place nor by giving it to somebody else: as long as the sources are held
/// here, the same memory has the same weights.
struct Kept {
    what: Made,
    sources: Vec<FloatTensor<Cube>>,
    made: FloatTensor<Cube>,
}

impl Kept {
    fn is(&self, what: Made, sources: &[FloatTensor<Cube>]) -> bool {
        let same = |a: &FloatTensor<Cube>, b: &FloatTensor<Cube>| {
            a.handle.memory.descriptor() == b.handle.memory.descriptor()
                && (a.handle.offset_start, a.handle.offset_end)
                    == (b.handle.offset_start, b.handle.offset_end)
                && a.meta == b.meta
        };
        self.what == what
            && self.sources.len() == sources.len()
            && self.sources.iter().zip(sources).all(|(a, b)| same(a, b))
    }

    /// Whether somebody else owns each of the sources.
    fn is_needed(&self) -> bool {
        self.sources.iter().all(|source| !source.can_mut())
    }
}

/// What `make` gives of these sources, made once as long as they live.
pub(super) fn kept(
    what: Made,
    sources: Vec<FloatTensor<Cube>>,
    make: impl FnOnce() -> Option<FloatTensor<Cube>>,
) -> Option<FloatTensor<Cube>> {
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.iter().find(|kept| kept.is(what, &sources)) {
        return Some(known.made.clone());
    }
    all.retain(Kept::is_needed);
    let made = make()?;
    all.push(Kept {
        what,
        sources,
        made: made.clone(),
    });
    Some(made)
}
