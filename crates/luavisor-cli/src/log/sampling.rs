//! Identical lines beyond 100 per second are sampled 1:100.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use luavisor::LogRecord;

/// Lines of one second that all pass.
const ALL: u32 = 100;
/// Of the lines after them every so manieth passes.
const EVERY: u32 = 100;
/// Different lines that are counted; what comes on top passes.
const TABLE: usize = 1 << 16;

/// Counts the lines of the current second.
#[derive(Default)]
pub struct Sampling {
    second: i64,
    counts: HashMap<u64, u32>,
}

impl Sampling {
    /// Whether this line is written. Lines are identical when everything but
    /// their time is.
    pub fn passes(&mut self, record: &LogRecord, second: i64) -> bool {
        if second != self.second {
            self.second = second;
            self.counts.clear();
        }
        let mut hasher = DefaultHasher::new();
        (record.level as u8, &record.logger, &record.message, &record.fields).hash(&mut hasher);
        let key = hasher.finish();
        if self.counts.len() >= TABLE && !self.counts.contains_key(&key) {
            return true;
        }
        let count = self.counts.entry(key).or_insert(0);
        *count = count.saturating_add(1);
        *count <= ALL || (*count - ALL).is_multiple_of(EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use luavisor::Level;

    #[test]
    fn a_hundred_a_second_and_one_of_a_hundred_after_them() {
        let record = |message: &str| LogRecord {
            level: Level::Info,
            logger: "app".into(),
            message: message.into(),
            fields: Vec::new(),
        };
        let mut sampling = Sampling::default();
        let mut passed = |message: &str, second| {
            (0..1000).filter(|_| sampling.passes(&record(message), second)).count()
        };
        assert_eq!(passed("same", 1), 109);
        assert_eq!(passed("other", 1), 109);
        assert_eq!(passed("same", 2), 109);
        let different = (0..1000).filter(|n| sampling.passes(&record(&n.to_string()), 2)).count();
        assert_eq!(different, 1000);
    }
}
