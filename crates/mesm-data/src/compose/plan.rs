//! The items of an epoch, packed, and their batches.

use super::sample::Modalities;
use crate::seed::permutation;

/// Stands for a row that is not there.
const NO_ROW: u32 = u32::MAX;

/// Batches among which [`Plan::grouped`] sorts: enough for batches of one size, few enough for an order by chance.
const STRETCH: usize = 50;

/// One training or test item: rows by their places in the samples that the plan was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanItem {
    /// Its place in the plan, counted from 0: with seed and epoch the address of its random numbers.
    pub number: usize,
    /// Rows whose faces are taken, all different.
    pub faces: Vec<usize>,
    /// Row whose voice is taken.
    pub audio: Option<usize>,
    /// Row whose words are taken.
    pub text: Option<usize>,
    /// Index of the class that all of them have.
    pub label: Option<u8>,
    /// What modality dropout took away; its rows are not among the above.
    pub dropped: Modalities,
}

/// The items of one epoch in their order: 17 bytes an item and four more a face.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Face rows of all items, one item's after the other's.
    faces: Vec<u32>,
    /// Where each item's face rows end.
    face_ends: Vec<u32>,
    audio: Vec<u32>,
    text: Vec<u32>,
    labels: Vec<Option<u8>>,
    dropped: Vec<Modalities>,
}

impl Plan {
    /// An empty plan with room for `items`.
    pub(super) fn with_capacity(items: usize) -> Self {
        Self {
            faces: Vec::new(),
            face_ends: Vec::with_capacity(items),
            audio: Vec::with_capacity(items),
            text: Vec::with_capacity(items),
            labels: Vec::with_capacity(items),
            dropped: Vec::with_capacity(items),
        }
    }

    /// Appends an item.
    pub(super) fn push(
        &mut self,
        label: Option<u8>,
        faces: &[u32],
        audio: Option<u32>,
        text: Option<u32>,
        dropped: Modalities,
    ) {
        if !dropped.faces {
            self.faces.extend(faces);
        }
        self.face_ends.push(self.faces.len() as u32);
        self.audio
            .push(audio.filter(|_| !dropped.audio).unwrap_or(NO_ROW));
        self.text
            .push(text.filter(|_| !dropped.text).unwrap_or(NO_ROW));
        self.labels.push(label);
        self.dropped.push(dropped);
    }

    /// The same items in batches of nearly equal size, so that little is spent on padding: within stretches of
    /// fifty batches of `batch_size` items they are sorted by `size`, then all batches are shuffled by `seed` and
    /// `key`. The items of the last, smaller batch stay last.
    #[must_use]
    pub fn grouped(
        &self,
        batch_size: usize,
        size: impl Fn(&PlanItem) -> u64,
        seed: u64,
        key: &[u64],
    ) -> Self {
        let batch_size = batch_size.max(1);
        let mut order: Vec<usize> = (0..self.len()).collect();
        let whole = self.len() / batch_size;
        for stretch in order[..whole * batch_size].chunks_mut(batch_size * STRETCH) {
            stretch.sort_by_key(|number| self.item(*number).map_or(0, |item| size(&item)));
        }
        let batches = permutation(seed, key, whole as u32)
            .into_iter()
            .map(|batch| batch as usize * batch_size..(batch as usize + 1) * batch_size);
        let mut plan = Self::with_capacity(self.len());
        for place in batches.flatten().chain(whole * batch_size..self.len()) {
            let number = order[place];
            let faces_start = number
                .checked_sub(1)
                .map_or(0, |n| self.face_ends[n] as usize);
            plan.faces
                .extend(&self.faces[faces_start..self.face_ends[number] as usize]);
            plan.face_ends.push(plan.faces.len() as u32);
            plan.audio.push(self.audio[number]);
            plan.text.push(self.text[number]);
            plan.labels.push(self.labels[number]);
            plan.dropped.push(self.dropped[number]);
        }
        plan
    }

    /// Items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The item at a place; `None` beyond the end.
    #[must_use]
    pub fn item(&self, number: usize) -> Option<PlanItem> {
        let label = *self.labels.get(number)?;
        let start = match number {
            0 => 0,
            _ => self.face_ends[number - 1] as usize,
        };
        let row = |row: u32| (row != NO_ROW).then_some(row as usize);
        let faces = &self.faces[start..self.face_ends[number] as usize];
        Some(PlanItem {
            number,
            faces: faces.iter().map(|row| *row as usize).collect(),
            audio: row(self.audio[number]),
            text: row(self.text[number]),
            label,
            dropped: self.dropped[number],
        })
    }

    /// All items in order.
    pub fn items(&self) -> impl Iterator<Item = PlanItem> {
        (0..self.len()).filter_map(|number| self.item(number))
    }

    /// Steps of the epoch with `batch_size` (at least 1) items each; the last may have fewer.
    #[must_use]
    pub fn steps(&self, batch_size: usize) -> usize {
        self.len().div_ceil(batch_size.max(1))
    }

    /// The items of a step counted from 0; empty beyond the last.
    #[must_use]
    pub fn batch(&self, step: usize, batch_size: usize) -> Vec<PlanItem> {
        let size = batch_size.max(1);
        let first = step.saturating_mul(size).min(self.len());
        let end = first.saturating_add(size).min(self.len());
        (first..end)
            .filter_map(|number| self.item(number))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let mut plan = Plan::with_capacity(3);
        plan.push(Some(2), &[5, 6], Some(7), None, Modalities::NONE);
        let voice = Modalities {
            audio: true,
            ..Modalities::NONE
        };
        plan.push(None, &[], Some(8), Some(9), voice);
        let faces = Modalities {
            faces: true,
            ..Modalities::NONE
        };
        plan.push(Some(0), &[1, 2], None, Some(3), faces);
        plan
    }

    #[test]
    fn items_come_back() {
        let first = PlanItem {
            number: 0,
            faces: vec![5, 6],
            audio: Some(7),
            label: Some(2),
            ..PlanItem::default()
        };
        assert_eq!(plan().item(0), Some(first));
        let second = plan().item(1).unwrap();
        assert_eq!(
            (second.audio, second.text, second.dropped.audio),
            (None, Some(9), true)
        );
        let third = plan().item(2).unwrap();
        assert!(third.faces.is_empty() && third.dropped.faces && third.text == Some(3));
        assert_eq!(plan().item(3), None);
    }

    #[test]
    fn grouped_items_are_the_same_in_batches_of_one_size() {
        let mut plan = Plan::with_capacity(103);
        for row in 0..103_u32 {
            plan.push(None, &[row], None, Some(row), Modalities::NONE);
        }
        let size = |item: &PlanItem| item.text.map_or(0, |row| row as u64 * 37 % 103);
        let grouped = plan.grouped(10, size, 1, &[2]);
        let mut rows: Vec<usize> = grouped.items().filter_map(|item| item.text).collect();
        assert_ne!(rows, (0..103).collect::<Vec<_>>());
        for step in 0..10 {
            let sizes: Vec<u64> = grouped.batch(step, 10).iter().map(size).collect();
            let spread = sizes.iter().max().unwrap() - sizes.iter().min().unwrap();
            assert!(spread < 15, "{sizes:?}");
        }
        assert_eq!(rows[100..], [100, 101, 102]);
        assert!(
            grouped
                .items()
                .all(|item| item.faces == [item.text.unwrap()])
        );
        rows.sort_unstable();
        assert_eq!(rows, (0..103).collect::<Vec<_>>());
        assert_eq!(grouped, plan.grouped(10, size, 1, &[2]));
        assert_ne!(grouped, plan.grouped(10, size, 1, &[3]));
    }

    #[test]
    fn batches_cut_the_plan() {
        assert_eq!(
            (plan().steps(2), plan().steps(3), plan().steps(0)),
            (2, 1, 3)
        );
        let numbers = |step, size| {
            plan()
                .batch(step, size)
                .iter()
                .map(|i| i.number)
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers(0, 2), [0, 1]);
        assert_eq!(numbers(1, 2), [2]);
        assert!(numbers(2, 2).is_empty() && numbers(usize::MAX, 2).is_empty());
    }
}
