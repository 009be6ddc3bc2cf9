//! Rows dealt like cards: every one before any comes again.

use crate::seed::permutation;

/// Rows of one class and modality, in a random order that is renewed each time all were dealt.
pub(super) struct Deck {
    rows: Vec<u32>,
    order: Vec<u32>,
    /// How many of the order are dealt.
    dealt: usize,
    seed: u64,
    /// Key of the first order's random numbers; its last word counts the orders.
    key: [u64; 5],
}

impl Deck {
    /// A deck of `rows`, shuffled by `key` under `seed`.
    pub(super) fn new(rows: Vec<u32>, seed: u64, key: [u64; 4]) -> Self {
        let [a, b, c, d] = key;
        let mut deck = Self {
            rows,
            order: Vec::new(),
            dealt: 0,
            seed,
            key: [a, b, c, d, 0],
        };
        deck.shuffle();
        deck
    }

    fn shuffle(&mut self) {
        self.order = permutation(self.seed, &self.key, self.rows.len() as u32);
        self.key[4] += 1;
        self.dealt = 0;
    }

    /// Appends `count` different rows to `hand`, or all where there are fewer.
    pub(super) fn deal(&mut self, count: usize, hand: &mut Vec<u32>) {
        let count = count.min(self.rows.len());
        let left = (self.order.len() - self.dealt).min(count);
        let old = self.dealt;
        self.take(left, hand);
        if left < count {
            // Those in this very hand go to the end of the new order, so that none comes twice in it.
            let held = self.order.split_off(old);
            self.shuffle();
            let order = std::mem::take(&mut self.order);
            let (again, free): (Vec<u32>, Vec<u32>) =
                order.into_iter().partition(|place| held.contains(place));
            self.order = free;
            self.order.extend(again);
            self.take(count - left, hand);
        }
    }

    fn take(&mut self, count: usize, hand: &mut Vec<u32>) {
        let places = &self.order[self.dealt..self.dealt + count];
        hand.extend(places.iter().map(|place| self.rows[*place as usize]));
        self.dealt += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deck(count: u32) -> Deck {
        Deck::new((0..count).map(|i| 100 + i).collect(), 1, [1, 2, 3, 4])
    }

    fn hand(deck: &mut Deck, count: usize) -> Vec<u32> {
        let mut hand = Vec::new();
        deck.deal(count, &mut hand);
        hand
    }

    #[test]
    fn all_come_before_any_comes_again() {
        let mut deck = deck(10);
        let mut orders = Vec::new();
        for _ in 0..5 {
            let order: Vec<u32> = (0..10).flat_map(|_| hand(&mut deck, 1)).collect();
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(100..110));
            orders.push(order);
        }
        assert!(orders.windows(2).all(|w| w[0] != w[1]));
    }

    #[test]
    fn no_hand_holds_a_row_twice() {
        for size in 1..12 {
            let mut deck = deck(size);
            let mut times = vec![0i32; size as usize];
            for _ in 0..50 {
                let mut hand = hand(&mut deck, 4);
                assert_eq!(hand.len(), 4.min(size as usize));
                for row in &hand {
                    times[(row - 100) as usize] += 1;
                }
                hand.sort_unstable();
                hand.dedup();
                assert_eq!(hand.len(), 4.min(size as usize));
            }
            let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
            assert!(most - least <= 2, "{size}: {times:?}");
        }
    }

    #[test]
    fn an_empty_deck_deals_nothing() {
        assert!(hand(&mut deck(0), 3).is_empty());
    }
}
