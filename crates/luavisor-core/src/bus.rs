//! What a subscription to the event bus holds for its reader (MODULES 4).
//!
//! A sender never waits: when the buffer is full the oldest event goes, and is
//! counted. The count is told at most once per second, when something is dropped
//! or the subscription ends.
//!
//! A *bell* tells the reader that something came. It rings once, and again only
//! when the reader has heard it, so that a flood is one signal.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::value::Values;

/// Events that a subscription keeps.
pub const CAPACITY: usize = 64;
/// Bytes of data that it keeps. The newest event stays, whatever its size.
pub const BYTES: usize = 64 << 20;
/// Nanoseconds between two counts.
const INTERVAL: u64 = 1_000_000_000;

/// Something that was announced to all who subscribed.
#[derive(Debug)]
pub struct BusEvent {
    /// the part of the application that it concerns
    pub system: Arc<str>,
    /// what happened
    pub kind: Arc<str>,
    /// what it happened to
    pub path: Arc<str>,
    /// one value, unless nothing was sent along
    pub data: Option<Values>,
}

impl BusEvent {
    /// Bytes that it counts for.
    pub fn size(&self) -> usize {
        self.path.len() + self.data.as_ref().map_or(0, Values::size)
    }
}

/// What follows from an event that was added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// the reader must be told
    pub ring: bool,
    /// so many events were dropped, which is to be told now
    pub dropped: Option<u64>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Buffer {
    events: VecDeque<Arc<BusEvent>>,
    bytes: usize,
    rung: bool,
    /// since it was told
    dropped: u64,
    told: Option<u64>,
}

impl Buffer {
    /// Adds an event. `now` is asked, in nanoseconds, if something is dropped.
    pub fn add(&mut self, event: Arc<BusEvent>, now: impl FnOnce() -> u64) -> Added {
        self.bytes += event.size();
        self.events.push_back(event);
        let before = self.dropped;
        while self.events.len() > CAPACITY || self.bytes > BYTES && self.events.len() > 1 {
            self.take();
            self.dropped += 1;
        }
        let ring = !std::mem::replace(&mut self.rung, true);
        let dropped = (self.dropped > before).then(|| self.tell(now())).flatten();
        Added { ring, dropped }
    }

    fn tell(&mut self, now: u64) -> Option<u64> {
        if self.told.is_some_and(|told| now.saturating_sub(told) < INTERVAL) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.dropped))
    }

    /// Takes the oldest event.
    pub fn take(&mut self) -> Option<Arc<BusEvent>> {
        let event = self.events.pop_front()?;
        self.bytes -= event.size();
        Some(event)
    }

    /// The reader heard the bell: the next event rings again.
    pub fn hear(&mut self) {
        self.rung = false;
    }

    /// Events that were dropped and not told of.
    pub fn untold(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(path: &str, data: Option<Values>) -> Arc<BusEvent> {
        Arc::new(BusEvent { system: "s".into(), kind: "k".into(), path: path.into(), data })
    }

    fn paths(buffer: &mut Buffer) -> Vec<String> {
        std::iter::from_fn(|| buffer.take()).map(|event| event.path.to_string()).collect()
    }

    #[test]
    fn the_oldest_goes_when_it_is_full() {
        let mut buffer = Buffer::default();
        let add =
            |buffer: &mut Buffer, n: usize, now| buffer.add(event(&n.to_string(), None), || now);
        assert_eq!(add(&mut buffer, 0, 0), Added { ring: true, dropped: None });
        for n in 1..CAPACITY {
            assert_eq!(add(&mut buffer, n, 0), Added::default());
        }
        // (time, told)
        for (n, (now, told)) in [
            (5, Some(1)),
            (6, None),
            (INTERVAL, None),
            (5 + INTERVAL, Some(3)),
            (6 + INTERVAL, None),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(add(&mut buffer, CAPACITY + n, now), Added { ring: false, dropped: told });
        }
        assert_eq!(buffer.untold(), 1);
        let left: Vec<String> = (5..CAPACITY + 5).map(|n| n.to_string()).collect();
        assert_eq!(paths(&mut buffer), left);
    }

    #[test]
    fn large_data_is_dropped_before_the_number_is_reached() {
        let mut buffer = Buffer::default();
        let large = || Some(Values::one("x".repeat(BYTES / 2)));
        for path in ["a", "b", "c"] {
            buffer.add(event(path, large()), || 0);
        }
        assert_eq!(paths(&mut buffer), ["c"]);
        buffer.add(event("d", Some(Values::one("x".repeat(BYTES + 1)))), || 0);
        assert_eq!((paths(&mut buffer), buffer.bytes), (vec!["d".to_owned()], 0));
    }

    #[test]
    fn the_bell_rings_once_until_it_is_heard() {
        let mut buffer = Buffer::default();
        let mut ring = || buffer.add(event("", None), || 0).ring;
        assert!(ring() && !ring());
        buffer.hear();
        assert!(buffer.add(event("", None), || 0).ring);
    }
}
