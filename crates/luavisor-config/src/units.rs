//! Durations and sizes as they are written in YAML.
//!
//! A duration is a sequence of numbers with units, `300ms`, `1.5h`, `1h30m`
//! (ns, us, µs, ms, s, m, h). A size is a number of bytes or a number with a
//! unit: powers of 1024 for K, KiB, M, MiB, G, GiB, powers of 1000 for KB, MB, GB.

use std::time::Duration;

/// A duration from its text. `None` for anything else, negative ones included.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, tail) = number(rest)?;
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let nanos = match &tail[..end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        // Whole nanoseconds below 2^53 are exact, which is 104 days.
        total += number * nanos;
        rest = &tail[end..];
    }
    // The longest duration that the time module knows: 2^63 nanoseconds.
    (total < i64::MAX as f64).then(|| Duration::from_nanos(total.round() as u64))
}

/// A number of bytes from a text with or without a unit.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (number, unit) = number(text.trim())?;
    let factor = match unit.trim() {
        "" | "B" => 1.0,
        "K" | "KiB" => 1024.0,
        "M" | "MiB" => 1024.0 * 1024.0,
        "G" | "GiB" => 1024.0 * 1024.0 * 1024.0,
        "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    let bytes = number * factor;
    // Beyond 2^53 the number would not be exact, and no machine has as much.
    (bytes < 9.0e15 && (bytes.fract() == 0.0 || factor > 1.0)).then_some(bytes as u64)
}

/// Splits an unsigned decimal number from what follows it.
fn number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.bytes().any(|b| b.is_ascii_digit())).then_some(())?;
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_for_each_number() {
        for (text, millis) in [
            ("10s", 10_000),
            ("300ms", 300),
            ("1.5h", 5_400_000),
            ("1h30m", 5_400_000),
            ("2000us", 2),
            ("+1s", 1000),
            ("0s", 0),
            ("0", 0),
            (".5s", 500),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(duration("1ns"), Some(Duration::from_nanos(1)));
        for bad in ["", "10", "s", "10x", "1h30", "-1s", "1.2.3s", ".s", "10 s", "1e3s", "9999999h"]
        {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_know_both_families_of_units() {
        for (text, bytes) in [
            ("7", 7),
            ("7B", 7),
            ("1K", 1024),
            ("1KiB", 1024),
            ("1KB", 1000),
            ("1.5M", 1_572_864),
            ("64 MiB", 64 << 20),
            ("2GB", 2_000_000_000),
            ("2G", 2 << 30),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for bad in ["", "-1", "1.5", "1k", "1TB", "MB", "99999999GiB"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }
}
