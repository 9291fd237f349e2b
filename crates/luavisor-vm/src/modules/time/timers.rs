//! Waiting: `time.sleep`, `after`, timers and tickers.
//!
//! A timer channel is a channel whose [`Source`] is a timer of the kernel; the
//! kernel fires it by the token of the channel. That of `time.after` needs the
//! kernel's timer only while a task waits for it: who comes later looks at the clock. Whoever holds an object that leads
//! to it (the channel object, the Timer, the Ticker) keeps it running: an abandoned
//! one is collected and its timer cleared. A Timer owns its channel and makes the
//! channel's object when it is asked for; if it held it in the process instead,
//! abandoned timers would outlive two collections and fill the heap.

use luavisor_core::{Error, Pid};

use super::duration;
use crate::calendar::Duration;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::{Owner, tags};
use crate::ffi::process::{Channel, ChannelId, Meaning, Source};
use crate::kernel::TimerId;

/// Ticks that a ticker keeps for a slow receiver; further ones are dropped.
const TICKS: u32 = 16;

/// Content of Timer and Ticker objects.
struct Alarm {
    owner: Pid,
    channel: ChannelId,
}

impl Owner for Alarm {
    fn channel(&self) -> (Pid, ChannelId) {
        (self.owner, self.channel)
    }
}

/// Blocks the calling task only. Raises for every bad argument, as there is no
/// result to look at.
fn sleep(call: &mut Call) -> Outcome {
    call.may_block("time.sleep")?;
    let duration = duration::argument(call, 1)??;
    if duration.0 <= 0 {
        return call.nothing();
    }
    let (slot, token, at) = (call.slot(), call.token(), deadline(call, duration));
    let timer = call.kernel().set_timer(slot, at, token);
    call.wait(Some(timer))
}

/// The kernel's clock when `duration` has passed; a negative one has passed already.
fn deadline(call: &Call, duration: Duration) -> u64 {
    call.kernel().monotonic().saturating_add(duration.0.max(0) as u64)
}

fn start_timer(call: &Call, channel: ChannelId, duration: Duration) -> TimerId {
    let at = deadline(call, duration);
    call.kernel().set_timer(call.slot(), at, Meaning::Channel(channel).token())
}

/// Starts the timer that feeds a channel from now on.
fn feed(call: &Call, id: ChannelId, duration: Duration, source: impl FnOnce(TimerId) -> Source) {
    let timer = start_timer(call, id, duration);
    let process = call.process();
    if let Some(channel) = process.channel(id) {
        channel.source = source(timer);
        process.external += 1;
    }
}

/// Pushes an object of class `tag` that owns a new channel.
fn push_alarm(call: &mut Call, tag: i32, capacity: u32) -> ChannelId {
    let process = call.process();
    let owner = process.pid;
    let channel = process.channels.add(Channel::new(Source::Local, capacity));
    call.push_data(tag, Alarm { owner, channel });
    channel
}

/// `time.after(d)`: one Time, then closed.
fn after(call: &mut Call) -> Outcome {
    call.not_at_top_level("time.after")?;
    match positive(call, "time.after")? {
        Ok(duration) => {
            let at = deadline(call, duration);
            call.push_channel(Source::After { at, timer: None }, 1);
            let process = call.process();
            process.external += 1;
            process.dormant += 1;
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

/// The duration at 1, which must not be 0 or less.
fn positive(call: &Call, function: &str) -> Result<Result<Duration, Error>, Raise> {
    Ok(duration::argument(call, 1)?.and_then(|duration| {
        if duration.0 > 0 {
            return Ok(duration);
        }
        Err(Error::invalid(format!("{function}: duration must be > 0")).retryable(false))
    }))
}

/// `time.timer(d)`; d ≤ 0 fires at once.
fn timer(call: &mut Call) -> Outcome {
    call.not_at_top_level("time.timer")?;
    match duration::argument(call, 1)? {
        Ok(duration) => {
            let id = push_alarm(call, tags::TIMER, 1);
            feed(call, id, duration, Source::Timer);
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

fn ticker(call: &mut Call) -> Outcome {
    call.not_at_top_level("time.ticker")?;
    match positive(call, "time.ticker")? {
        Ok(duration) => {
            let period = duration.0 as u64;
            let id = push_alarm(call, tags::TICKER, TICKS);
            feed(call, id, duration, |timer| Source::Ticker { timer, period });
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

fn this<'a>(call: &Call, tag: i32) -> Result<&'a Alarm, Raise> {
    let expected = if tag == tags::TIMER { "Timer" } else { "Ticker" };
    let alarm = call.object::<Alarm>(1, tag);
    alarm.map(|alarm| &*alarm).ok_or_else(|| call.wrong(1, expected))
}

fn push_channel_of(call: &mut Call, tag: i32) -> Outcome {
    let id = this(call, tag)?.channel;
    call.push_channel_view(id);
    call.results(1)
}

fn timer_channel(call: &mut Call) -> Outcome {
    push_channel_of(call, tags::TIMER)
}

fn ticker_channel(call: &mut Call) -> Outcome {
    push_channel_of(call, tags::TICKER)
}

/// The kernel's timer behind a Timer that has neither fired nor been stopped.
fn running(call: &Call, id: ChannelId) -> Option<TimerId> {
    match call.process().channel(id)?.source {
        Source::Timer(timer) => Some(timer),
        _ => None,
    }
}

/// True if it had not fired; its channel is closed then.
fn stop_timer(call: &mut Call) -> Outcome {
    let id = this(call, tags::TIMER)?.channel;
    let active = running(call, id).is_some();
    if active {
        call.close_channel(id);
    }
    call.push_boolean(active);
    call.results(1)
}

/// True if it was active. One that fired or was stopped stays so: its channel is closed.
fn reset_timer(call: &mut Call) -> Outcome {
    let id = this(call, tags::TIMER)?.channel;
    let duration = match duration::argument(call, 2)? {
        Ok(duration) => duration,
        Err(error) => return call.fail(error),
    };
    let old = running(call, id);
    if let Some(old) = old {
        call.kernel().clear_timer(call.slot(), old);
        let timer = start_timer(call, id, duration);
        if let Some(channel) = call.process().channel(id) {
            channel.source = Source::Timer(timer);
        }
    }
    call.push_boolean(old.is_some());
    call.results(1)
}

/// Ends the ticks. The channel stays open, with the ticks it has; true if it ran.
fn stop_ticker(call: &mut Call) -> Outcome {
    let id = this(call, tags::TICKER)?.channel;
    let slot = call.slot();
    let process = call.process();
    let mut ran = false;
    if let Some(channel) = process.channel(id)
        && let Source::Ticker { timer, .. } = channel.source
    {
        channel.source = Source::Local;
        process.external -= 1;
        call.kernel().clear_timer(slot, timer);
        ran = true;
    }
    call.push_boolean(ran);
    call.results(1)
}

fn timer_text(call: &mut Call) -> Outcome {
    this(call, tags::TIMER)?;
    call.push_str("time.Timer{}");
    call.results(1)
}

fn ticker_text(call: &mut Call) -> Outcome {
    this(call, tags::TICKER)?;
    call.push_str("time.Ticker{}");
    call.results(1)
}

pub static FUNCTIONS: &[Function] = &[
    Function { name: c"sleep", run: sleep },
    Function { name: c"after", run: after },
    Function { name: c"timer", run: timer },
    Function { name: c"ticker", run: ticker },
];

static TIMER: &[Function] = &[
    Function { name: c"channel", run: timer_channel },
    Function { name: c"response", run: timer_channel },
    Function { name: c"stop", run: stop_timer },
    Function { name: c"reset", run: reset_timer },
    Function { name: c"__tostring", run: timer_text },
];

static TICKER: &[Function] = &[
    Function { name: c"channel", run: ticker_channel },
    Function { name: c"response", run: ticker_channel },
    Function { name: c"stop", run: stop_ticker },
    Function { name: c"__tostring", run: ticker_text },
];

pub fn install(setup: &mut Setup) {
    setup.owner_class::<Alarm>(tags::TIMER, "Timer", TIMER);
    setup.owner_class::<Alarm>(tags::TICKER, "Ticker", TICKER);
}
