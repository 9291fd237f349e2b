//! How a call of a module's function waits: for an operation of the kernel, for work that is
//! done elsewhere, for channels.

use std::ffi::c_int;

use luavisor_core::pattern::Pattern;
use luavisor_core::{Error, Values};

use super::call::{Call, Outcome, Return};
use super::channel;
use super::context::{Cx, Op};
use super::error::Raise;
use super::lua::*;
use super::process::{ChannelId, Meaning, Source, Wait};
use super::tasks::Answer;
use crate::kernel::{Kernel, TimerId, Token};

/// Bytes that are computed on without waiting: some 0.1 ms of a cipher, some 10 ms of a compressor.
const AT_ONCE: usize = 256 << 10;

/// Operations.
impl Call {
    /// The token that wakes the running task when it completes; see [`Call::wait`].
    pub fn token(&self) -> Token {
        token(self.cx)
    }
    /// The operation of [`Call::token`] goes on unwatched: its end must not wake
    /// what the task waits for next.
    pub fn forget_token(&mut self) {
        if let Some(task) = self.process().task(self.cx.vm().current_task) {
            task.ticket = task.ticket.wrapping_add(1);
        }
    }
    /// The function waits for the operation of [`Call::token`]. Its results are
    /// the completion's values, or `nil, err`.
    pub fn wait(&mut self, timer: Option<TimerId>) -> Outcome {
        Ok(Return(wait(self.cx, self.lua, timer)))
    }
    /// Like [`Call::wait`], for an operation whose end has no values: the result is `true`.
    pub fn wait_for_true(&mut self) -> Outcome {
        if let Some(task) = self.process().task(self.cx.vm().current_task) {
            task.answer = Answer::True;
        }
        self.wait(None)
    }
    /// Does work that would hold the worker up elsewhere and waits for it. Its values, or
    /// `nil, err`, are the results.
    pub fn elsewhere(
        &mut self,
        work: impl FnOnce() -> Result<Values, Error> + Send + 'static,
    ) -> Outcome {
        self.may_block(self.name.to_str().unwrap_or("?"))?;
        let (slot, token) = (self.slot(), self.token());
        self.kernel().run_blocking(slot, Box::new(work), token);
        self.wait(None)
    }
    /// The same, with something else than `nil, err`.
    pub(crate) fn elsewhere_or(
        &mut self,
        otherwise: fn(Lua, Error) -> c_int,
        work: impl FnOnce() -> Result<Values, Error> + Send + 'static,
    ) -> Outcome {
        self.will_answer(Answer::Or(otherwise))?;
        self.elsewhere(work)
    }
    /// The same, with something else than the values.
    pub(crate) fn elsewhere_as(
        &mut self,
        push: fn(Lua, &Values) -> c_int,
        work: impl FnOnce() -> Result<Values, Error> + Send + 'static,
    ) -> Outcome {
        self.will_answer(Answer::As(push))?;
        self.elsewhere(work)
    }
    /// The same, with what `push` pushes: an object that holds what the work made.
    pub(crate) fn elsewhere_then(
        &mut self,
        work: impl FnOnce() -> Result<Values, Error> + Send + 'static,
        push: impl FnOnce(&mut Call) + Send + 'static,
    ) -> Outcome {
        self.will_answer(Answer::Push(Box::new(push)))?;
        self.elsewhere(work)
    }
    /// Computes here and now, or, if `size` bytes are much and the task may wait, away from
    /// the worker.
    pub(crate) fn compute(
        &mut self,
        size: usize,
        work: impl FnOnce() -> Result<Values, Error> + Send + 'static,
    ) -> Outcome {
        if size > AT_ONCE && self.may_block("").is_ok() {
            return self.elsewhere(work);
        }
        self.answer(work())
    }
    fn will_answer(&mut self, answer: Answer) -> Result<(), Raise> {
        self.may_block(self.name.to_str().unwrap_or("?"))?;
        if let Some(task) = self.process().task(self.cx.vm().current_task) {
            task.answer = answer;
        }
        Ok(())
    }
    /// These values, or `nil, err`.
    pub fn answer(&mut self, result: Result<Values, Error>) -> Outcome {
        match result {
            Ok(values) => {
                let count = self.push_values(&values);
                self.results(count)
            }
            Err(error) => self.fail(error),
        }
    }
}

/// Channels.
impl Call {
    /// Makes a channel of the process and pushes it.
    pub(crate) fn push_channel(&mut self, source: Source, capacity: u32) -> ChannelId {
        channel::create(self.cx, self.lua, source, capacity)
    }
    /// Pushes the object of a channel that another object owns.
    pub(crate) fn push_channel_view(&mut self, id: ChannelId) {
        channel::push_view(self.cx, self.lua, id);
    }
    /// Makes a channel that the event bus feeds.
    pub(crate) fn subscribe_to_bus(&mut self, system: Pattern, kind: Option<Pattern>) -> ChannelId {
        super::bus::subscribe(self.cx, self.process(), system, kind)
    }
    /// Makes a channel that a call feeds, and the token that answers it.
    pub(crate) fn begin_future(&mut self, arguments: usize) -> (ChannelId, Token) {
        super::futures::begin(self.cx, self.process(), arguments)
    }
    /// Gives the call of a Future up; its token, unless it has returned.
    pub(crate) fn cancel_future(&mut self, id: ChannelId) -> Option<Token> {
        super::futures::cancel(self.cx, self.process(), id)
    }
    /// The channel at `index`.
    pub(crate) fn channel(&self, index: i32) -> Option<ChannelId> {
        channel::id_at(self.lua, index)
    }
    /// Keeps the channel on top of the stack alive until it is closed.
    pub(crate) fn anchor_channel(&mut self, id: ChannelId) {
        channel::anchor(self.cx, self.lua, id);
    }
    pub(crate) fn close_channel(&mut self, id: ChannelId) {
        channel::close(self.cx, self.process(), id);
    }
    /// Pushes the object of an anchored channel.
    pub(crate) fn push_anchored(&mut self, id: ChannelId) {
        let process = self.process();
        match process.channel(id).and_then(|channel| channel.anchor.as_ref()) {
            Some(anchor) => self.cx.push_held(self.lua, anchor),
            None => self.lua.push_nil(),
        }
    }
    /// Hands waiting mailbox contents to a channel that just got its source.
    pub(crate) fn pump_channel(&mut self, id: ChannelId) {
        channel::pump(self.cx, self.process(), id);
    }
    pub(crate) fn push_singleton(&mut self, id: ChannelId) {
        self.cx.push_shared(self.lua, self.cx.vm().places.singletons[id as usize]);
    }
}

fn token(cx: Cx) -> Token {
    let id = cx.vm().current_task;
    let ticket = cx.process().task(id).map_or(0, |task| task.ticket);
    Meaning::Task { id, ticket }.token()
}

fn wait(cx: Cx, lua: Lua, timer: Option<TimerId>) -> c_int {
    let id = cx.vm().current_task;
    if let Some(task) = cx.process().task(id) {
        task.wait = Wait::Operation(timer);
    }
    cx.vm().op = Op::Block;
    lua.do_yield(lua.top())
}

/// Starts an operation of the kernel and waits for its completion.
pub fn operation(
    cx: Cx,
    lua: Lua,
    start: impl FnOnce(&mut dyn Kernel, crate::kernel::Slot, Token),
) -> Result<c_int, Raise> {
    start(cx.kernel(), cx.process().slot(), token(cx));
    Ok(wait(cx, lua, None))
}

impl Cx {
    pub fn may_block(self, lua: Lua, function: &str) -> Result<(), Raise> {
        self.not_at_top_level(function)?;
        if !lua.is_yieldable() {
            return Err(Error::invalid("cannot block inside a metamethod").into());
        }
        Ok(())
    }

    pub fn not_at_top_level(self, function: &str) -> Result<(), Raise> {
        if self.process().loading > 0 {
            let message = format!("{function} cannot be called at chunk top level");
            return Err(Error::invalid(message).into());
        }
        Ok(())
    }
}
