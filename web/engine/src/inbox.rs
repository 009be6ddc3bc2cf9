//! The newest window wins.

/// Room for one message that waits.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    waiting: Option<T>,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self { waiting: None }
    }
}

impl<T> Inbox<T> {
    /// Puts a message in and gives back the one it replaces.
    pub(crate) fn put(&mut self, message: T) -> Option<T> {
        self.waiting.replace(message)
    }

    /// Takes the message out.
    pub(crate) fn take(&mut self) -> Option<T> {
        self.waiting.take()
    }
}

#[cfg(test)]
mod tests {
    use super::Inbox;

    #[test]
    fn an_old_message_gives_way() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.put(1), None);
        assert_eq!(inbox.put(2), Some(1));
        assert_eq!(inbox.take(), Some(2));
        assert_eq!(inbox.take(), None);
    }
}
