//! A list whose entries keep their number until they are removed, and whose numbers are used again. Its room
//! is bounded by the most entries that it ever held at once.

pub(super) struct Slots<T> {
    entries: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Slots<T> {
    pub(super) fn insert(&mut self, entry: T) -> usize {
        if let Some(slot) = self.free.pop() {
            self.entries[slot] = Some(entry);
            return slot;
        }
        self.entries.push(Some(entry));
        self.entries.len() - 1
    }

    pub(super) fn remove(&mut self, slot: usize) -> Option<T> {
        let entry = self.entries.get_mut(slot)?.take()?;
        self.free.push(slot);
        if self.free.len() == self.entries.len() {
            // Empty: give the room back after a peak.
            *self = Self::default();
        }
        Some(entry)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().flatten()
    }
}

impl<T: Clone> Slots<T> {
    pub(super) fn copy(&self) -> Vec<T> {
        self.iter().cloned().collect()
    }
}

#[cfg(test)]
impl<T> Slots<T> {
    pub(super) fn room(&self) -> usize {
        self.entries.capacity() + self.free.capacity()
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_used_again_and_an_empty_list_takes_no_room() {
        let mut slots = Slots::default();
        let (a, b) = (slots.insert('a'), slots.insert('b'));
        assert_eq!(slots.remove(a), Some('a'));
        assert_eq!(slots.remove(a), None);
        assert_eq!(slots.insert('c'), a);
        assert_eq!(slots.copy(), ['c', 'b']);
        slots.remove(a);
        slots.remove(b);
        assert_eq!(slots.room(), 0);
    }
}
