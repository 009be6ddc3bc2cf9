//! Rows of frames that have more of them or fewer.

use burn::tensor::{Device, Int, Tensor};

use super::sites::index_tensor;

/// Index tables between rows that lie one frame after the other, and a padded table
/// `[frames, longest]` of slots.
pub(super) struct Ragged {
    /// Slots of a frame.
    pub(super) longest: usize,
    /// `[rows]`.
    pub(super) frame_of_row: Tensor<1, Int>,
    /// `[frames * longest]`, 0 where a slot holds none.
    pub(super) row_of_slot: Tensor<1, Int>,
    /// `[rows]`.
    pub(super) slot_of_row: Tensor<1, Int>,
    /// 1 where a slot holds a row; none when all do.
    pub(super) filled: Option<Tensor<2>>,
}

impl Ragged {
    /// Of frames of so many rows each.
    pub(super) fn new(counts: &[usize], device: &Device) -> Self {
        let longest = counts.iter().copied().max().unwrap_or(0);
        let mut frame_of_row = Vec::new();
        let mut row_of_slot = Vec::new();
        let mut slot_of_row = Vec::new();
        let mut filled = Vec::new();
        for (frame, &count) in counts.iter().enumerate() {
            for slot in 0..longest {
                let holds = slot < count;
                // Padding points at row 0 and gets weight 0.
                row_of_slot.push(if holds { frame_of_row.len() as i64 } else { 0 });
                filled.push(f32::from(u8::from(holds)));
                if holds {
                    slot_of_row.push((frame * longest + slot) as i64);
                    frame_of_row.push(frame as i64);
                }
            }
        }
        let padded = filled.contains(&0.0);
        Self {
            longest,
            frame_of_row: index_tensor(frame_of_row, device),
            row_of_slot: index_tensor(row_of_slot, device),
            slot_of_row: index_tensor(slot_of_row, device),
            filled: padded.then(|| {
                Tensor::<1>::from_floats(filled.as_slice(), device).reshape([counts.len(), longest])
            }),
        }
    }
}
