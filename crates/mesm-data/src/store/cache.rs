//! Row groups that were read lately, up to a bound in bytes.

use std::collections::{BTreeMap, HashMap};

use arrow_array::RecordBatch;

/// Where a row group lies: shard, group.
pub(super) type GroupKey = (u32, u32);

/// The groups used last, as many as fit.
pub(super) struct GroupCache {
    capacity: usize,
    held: usize,
    groups: HashMap<GroupKey, Held>,
    /// From the moment of the last use to the group: the first is the one to go.
    by_use: BTreeMap<u64, GroupKey>,
    now: u64,
}

struct Held {
    batch: RecordBatch,
    bytes: usize,
    used: u64,
}

impl GroupCache {
    /// A cache of `capacity` bytes; a group that is larger is not kept at all.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            held: 0,
            groups: HashMap::new(),
            by_use: BTreeMap::new(),
            now: 0,
        }
    }

    /// The group, if it is here. Cheap: a batch is a handful of shared pointers.
    pub(super) fn get(&mut self, key: GroupKey) -> Option<RecordBatch> {
        let held = self.groups.get_mut(&key)?;
        self.now += 1;
        self.by_use.remove(&held.used);
        self.by_use.insert(self.now, key);
        held.used = self.now;
        Some(held.batch.clone())
    }

    /// Keeps a group; the ones unused for longest make room.
    pub(super) fn put(&mut self, key: GroupKey, batch: RecordBatch) {
        let bytes = batch.get_array_memory_size();
        if bytes > self.capacity || self.groups.contains_key(&key) {
            return;
        }
        while self.held + bytes > self.capacity {
            let Some((_, oldest)) = self.by_use.pop_first() else {
                break;
            };
            self.held -= self.groups.remove(&oldest).map_or(0, |held| held.bytes);
        }
        self.now += 1;
        self.held += bytes;
        self.by_use.insert(self.now, key);
        let used = self.now;
        self.groups.insert(key, Held { batch, bytes, used });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::columns;

    #[test]
    fn the_group_unused_for_longest_goes_first() {
        let batch = columns::encode(&[], &[]).unwrap();
        let bytes = batch.get_array_memory_size();
        let mut cache = GroupCache::new(2 * bytes);
        cache.put((0, 0), batch.clone());
        cache.put((0, 1), batch.clone());
        assert!(cache.get((0, 0)).is_some());
        cache.put((0, 2), batch.clone());
        assert!(cache.get((0, 1)).is_none());
        assert!(cache.get((0, 0)).is_some() && cache.get((0, 2)).is_some());
        assert_eq!((cache.held, cache.by_use.len()), (2 * bytes, 2));
    }

    #[test]
    fn what_is_larger_than_the_cache_is_not_kept() {
        let batch = columns::encode(&[], &[]).unwrap();
        let mut cache = GroupCache::new(batch.get_array_memory_size() - 1);
        cache.put((0, 0), batch);
        assert!(cache.get((0, 0)).is_none());
        assert_eq!(cache.held, 0);
    }
}
