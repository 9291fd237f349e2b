//! What became of the calls that a process started with `funcs.async`.
//!
//! Each Future has a channel, which is fed by its call until that has returned;
//! its number is the Future's. An answer becomes visible only where the process
//! may switch tasks: what comes while a task is preempted in the middle waits
//! until that task blocks, gives way or ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor_core::value::{Object, Payload};
use luavisor_core::{Error, Values};

use super::channels::{Channel, ChannelId, Source};
use super::context::Cx;
use super::process::{Meaning, Process};
use super::{channel, memory, step};
use crate::kernel::Token;

/// Bytes that a call counts for while it has not returned: one that waits in a full pool
/// has no process of its own that would.
const CALL: usize = 512;

/// What became of a call.
#[derive(Clone, Debug, Default)]
pub enum Answer {
    /// it has not returned
    #[default]
    None,
    Value(Arc<Payload>),
    Failure(Arc<Error>),
    Canceled,
}

#[derive(Debug)]
struct Future {
    /// tells calls of one channel number apart
    number: u32,
    answer: Answer,
    /// bytes that the process keeps: of the call, then of the answer
    size: usize,
}

/// The futures of a process that somebody holds.
#[derive(Debug, Default)]
pub struct Futures {
    list: BTreeMap<ChannelId, Future>,
    last_number: u32,
    /// answers that came while a task was preempted
    late: Vec<(ChannelId, u32, Result<Values, Error>)>,
    /// calls that have not returned
    open: usize,
}

impl Futures {
    /// Bits of a number.
    pub const NUMBERS: u32 = (1 << 30) - 1;

    /// Whether a call has not returned.
    pub fn any_open(&self) -> bool {
        self.open > 0
    }
}

/// A channel that a call with so many bytes of arguments feeds, and the token that answers it.
pub fn begin(cx: Cx, process: &mut Process, arguments: usize) -> (ChannelId, Token) {
    let channel = process.channels.add(Channel::new(Source::Future, 1));
    process.external += 1;
    let size = CALL + arguments;
    memory::charge(cx, process, Channel::BASE + size);
    let futures = &mut process.rare().futures;
    futures.last_number = (futures.last_number + 1) & Futures::NUMBERS;
    let number = futures.last_number;
    futures.list.insert(channel, Future { number, answer: Answer::None, size });
    futures.open += 1;
    (channel, Meaning::Call { channel, number }.token())
}

/// What became of the call of a Future.
pub fn answer(process: &mut Process, id: ChannelId) -> Answer {
    let future = process.rare().futures.list.get(&id);
    future.map(|future| future.answer.clone()).unwrap_or_default()
}

/// A call returned.
pub fn answered(
    cx: Cx,
    process: &mut Process,
    id: ChannelId,
    number: u32,
    result: Result<Values, Error>,
) {
    let preempted = process.preempted;
    let futures = &mut process.rare().futures;
    if preempted {
        futures.late.push((id, number, result));
        return;
    }
    let Some(future) = futures.list.get_mut(&id) else { return };
    if future.number != number || !matches!(future.answer, Answer::None) {
        return;
    }
    futures.open -= 1;
    let held = std::mem::take(&mut future.size);
    let object = match result {
        Ok(data) => {
            future.size = data.size();
            let payload = Arc::new(Payload { format: "lua/any".into(), data });
            future.answer = Answer::Value(payload.clone());
            Object::Payload(payload)
        }
        Err(error) => {
            let error = Arc::new(error);
            future.answer = Answer::Failure(error.clone());
            Object::Error(error)
        }
    };
    let size = future.size;
    memory::refund(cx, process, held);
    memory::charge(cx, process, size);
    if process.channel(id).is_some_and(|channel| channel.source == Source::Future) {
        channel::offer(cx, process, id, object);
        channel::close(cx, process, id);
        step::wake_if_stuck(cx, process);
    }
}

/// Makes the answers visible that came while a task was preempted.
pub fn catch_up(cx: Cx, process: &mut Process) {
    let late = process.rare_mut().map(|rare| std::mem::take(&mut rare.futures.late));
    for (id, number, result) in late.into_iter().flatten() {
        answered(cx, process, id, number, result);
    }
}

/// Gives a call up and closes its channel. The token of the call, unless it has returned.
pub fn cancel(cx: Cx, process: &mut Process, id: ChannelId) -> Option<Token> {
    let futures = &mut process.rare().futures;
    let future = futures.list.get_mut(&id)?;
    if !matches!(future.answer, Answer::None) {
        return None;
    }
    future.answer = Answer::Canceled;
    let (number, held) = (future.number, std::mem::take(&mut future.size));
    futures.open -= 1;
    memory::refund(cx, process, held);
    channel::close(cx, process, id);
    Some(Meaning::Call { channel: id, number }.token())
}

/// The code was replaced: its calls mean nothing to the new one.
pub fn clear(cx: Cx, process: &mut Process) {
    let Some(rare) = process.rare_mut() else { return };
    // Numbers go on: answers of old calls may still come.
    let last_number = rare.futures.last_number;
    let old = std::mem::replace(&mut rare.futures, Futures { last_number, ..Futures::default() });
    old.list.values().for_each(|future| memory::refund(cx, process, future.size));
}

/// Nobody holds the Future or its channel any more.
pub fn forget(cx: Cx, process: &mut Process, id: ChannelId) {
    let Some(rare) = process.rare_mut() else { return };
    let Some(future) = rare.futures.list.remove(&id) else { return };
    if matches!(future.answer, Answer::None) {
        rare.futures.open -= 1;
    }
    memory::refund(cx, process, future.size);
}
