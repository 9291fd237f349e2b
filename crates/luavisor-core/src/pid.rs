//! Process identifiers.
//!
//! A [`Pid`] names a process by host, place and generation. The place (shard and
//! slot) is reused after a process ends; the generation never is, so a pid is
//! unique for one run of the runtime and a stale one is recognised without a
//! lookup. Only Lua and logs see the text form, `{host|0x…}` or
//! `{node@host|0x…}`.

use std::fmt;

/// A host's number within one runtime. `HostId::NONE` belongs to no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostId(pub u32);

impl HostId {
    /// The host of the empty pid `{|}`.
    pub const NONE: HostId = HostId(0);
}

/// Identifies one process in one run of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pid {
    /// The host that the process runs on.
    pub host: HostId,
    /// Shard in the upper 16 bits, slot within the shard in the lower 16.
    pub place: u32,
    /// Counts the processes that have lived at this place; never reused.
    pub generation: u64,
}

impl Pid {
    /// The empty pid, `{|}`: the sender of what the runtime itself sends.
    pub const NONE: Pid = Pid { host: HostId::NONE, place: 0, generation: 0 };

    /// A pid from its parts.
    pub fn new(host: HostId, shard: u16, slot: u16, generation: u64) -> Pid {
        Pid { host, place: (shard as u32) << 16 | slot as u32, generation }
    }

    /// The shard that the process lives in.
    pub fn shard(self) -> u16 {
        (self.place >> 16) as u16
    }

    /// The slot within the shard.
    pub fn slot(self) -> u16 {
        self.place as u16
    }

    /// The part of the text form after the bar: generation and place as one hexadecimal number.
    pub fn uniq(self) -> u128 {
        (self.generation as u128) << 32 | self.place as u128
    }

    /// The pid that [`Pid::uniq`] gave `uniq` for.
    pub fn from_uniq(host: HostId, uniq: u128) -> Option<Pid> {
        let generation = u64::try_from(uniq >> 32).ok()?;
        Some(Pid { host, place: uniq as u32, generation })
    }

    /// The text form, given the name of the host.
    pub fn text<'a>(&self, host: &'a str) -> PidText<'a> {
        PidText { pid: *self, host }
    }
}

/// Displays a pid as Lua sees it.
pub struct PidText<'a> {
    pid: Pid,
    host: &'a str,
}

impl fmt::Display for PidText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == Pid::NONE {
            return f.write_str("{|}");
        }
        write!(f, "{{{}|0x{:05x}}}", self.host, self.pid.uniq())
    }
}

/// The parts of a pid's text form.
#[derive(Debug, PartialEq, Eq)]
pub struct ParsedPid<'a> {
    /// The node before `@`, if there is one.
    pub node: Option<&'a str>,
    /// The host's entry id.
    pub host: &'a str,
    /// The number after the last bar; `None` when it is not one of ours.
    pub uniq: Option<u128>,
}

/// Parses `{host|0x…}`, `{node@host|0x…}` and `{host|ignored|0x…}`.
///
/// Returns `None` when the text does not have the shape of a pid (braces and at
/// least one bar), which makes it a name.
pub fn parse(text: &str) -> Option<ParsedPid<'_>> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let (host, rest) = inner.split_once('|')?;
    let uniq = rest.rsplit('|').next().unwrap_or(rest);
    let (node, host) = match host.split_once('@') {
        Some((node, host)) => (Some(node), host),
        None => (None, host),
    };
    let digits = uniq.strip_prefix("0x").filter(|digits| digits.len() >= 5);
    Some(ParsedPid { node, host, uniq: digits.and_then(hexadecimal) })
}

/// The value of lower-case digits; `None` for others and for what is too large.
fn hexadecimal(digits: &str) -> Option<u128> {
    digits.bytes().try_fold(0_u128, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        (value >> 124 == 0).then_some(value << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        let pid = Pid::new(HostId(3), 7, 9, 42);
        let text = pid.text("app:processes").to_string();
        assert_eq!(text, "{app:processes|0x2a00070009}");
        let parsed = parse(&text).unwrap();
        assert_eq!(parsed.host, "app:processes");
        assert_eq!(Pid::from_uniq(HostId(3), parsed.uniq.unwrap()), Some(pid));
    }

    #[test]
    fn the_parser_takes_what_the_format_allows() {
        for (text, node, host, uniq) in [
            ("{h|0x00002}", None, "h", Some(2)),
            ("{n@h|0x00002}", Some("n"), "h", Some(2)),
            ("{h|middle|0x00002}", None, "h", Some(2)),
            ("{h|0x2}", None, "h", None),
            ("{h|0x0000G}", None, "h", None),
            ("{|}", None, "", None),
        ] {
            assert_eq!(parse(text), Some(ParsedPid { node, host, uniq }), "{text}");
        }
        for text in ["", "name", "{h}", "{h|0x00002", "h|0x00002}"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_empty_pid_prints_bare() {
        assert_eq!(Pid::NONE.text("").to_string(), "{|}");
    }
}
