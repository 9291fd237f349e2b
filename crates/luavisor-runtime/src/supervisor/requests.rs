//! What Lua code asks of a supervisor, and the answers (SPEC 13.3).

use std::collections::BTreeMap;

use luavisor_core::supervision::{Answer, Caller, ChildId, ChildView, Event, State};
use luavisor_core::value::Table;
use luavisor_core::{Error, Pid, Value, Values};
use luavisor_vm::Token;
use luavisor_vm::kernel::SupervisorRequest;

use super::actor::Supervisor;
use super::{ChildTarget, restart_text};
use crate::native::NativeContext;
use crate::runtime::Runtime;

/// Who waits for an answer. Whoever still waits when the supervisor ends is told.
#[derive(Default)]
pub(super) struct Pending {
    callers: BTreeMap<Caller, Asked>,
    next: Caller,
    runtime: Option<Runtime>,
}

struct Asked {
    from: Pid,
    token: Token,
    /// of a dynamic child, until it is added
    arguments: Option<Values>,
    wants: Wants,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Done,
    Pid,
    NameAndPid,
}

impl Pending {
    fn add(&mut self, asked: Asked) -> Caller {
        self.next += 1;
        self.callers.insert(self.next, asked);
        self.next
    }

    pub fn take_arguments(&mut self, caller: Caller) -> Option<Values> {
        self.callers.get_mut(&caller)?.arguments.take()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let Some(runtime) = &self.runtime else { return };
        for asked in std::mem::take(&mut self.callers).into_values() {
            runtime.complete(asked.from, asked.token, Err(Error::process_not_found()));
        }
    }
}

impl Supervisor {
    /// Answers a request, at once or when it is carried out.
    pub(super) fn request(
        &mut self,
        context: &mut NativeContext<'_>,
        from: Pid,
        token: Token,
        request: SupervisorRequest,
    ) {
        let mut wait = |arguments, wants| {
            self.pending.runtime.get_or_insert_with(|| context.runtime());
            self.pending.add(Asked { from, token, arguments, wants })
        };
        let event = match request {
            SupervisorRequest::Children => {
                return context.runtime().complete(from, token, Ok(self.list(context)));
            }
            SupervisorRequest::Counts => {
                return context.runtime().complete(from, token, Ok(self.counts()));
            }
            SupervisorRequest::Which(name) => {
                let answer = match self.machine.named(&name) {
                    Some(child) => Ok(Values::one(self.pid_value(context, child))),
                    None => Err(Error::not_found("no such child")),
                };
                return context.runtime().complete(from, token, answer);
            }
            SupervisorRequest::Start(name, arguments) => {
                Event::StartAsked { caller: wait(Some(arguments), Wants::NameAndPid), name }
            }
            SupervisorRequest::Stop(name) => {
                Event::StopChild { caller: wait(None, Wants::Done), name }
            }
            SupervisorRequest::Restart(name) => {
                Event::RestartChild { caller: wait(None, Wants::Pid), name }
            }
        };
        self.happen(context, event);
    }

    /// Answers one who waited.
    pub(super) fn answer(
        &mut self,
        context: &mut NativeContext<'_>,
        caller: Caller,
        answer: Result<Answer, Error>,
    ) {
        let Some(asked) = self.pending.callers.remove(&caller) else { return };
        let result = answer.map(|answer| match answer {
            Answer::Done => Values::one(true),
            Answer::Child(child) => {
                let mut values = Values::one(self.pid_value(context, child));
                if asked.wants == Wants::NameAndPid {
                    let name = self.machine.child(child).map(|view| view.name);
                    values.items.insert(0, text(name.as_deref().unwrap_or_default()));
                }
                values
            }
        });
        context.runtime().complete(asked.from, asked.token, result);
    }

    fn pid_value(&self, context: &NativeContext<'_>, child: ChildId) -> Value {
        let pid = self.pids.get(&child);
        pid.map_or(Value::Nil, |pid| text(&context.pid_text(*pid)))
    }

    pub(super) fn target(&self, view: &ChildView) -> Option<&ChildTarget> {
        match view.rule {
            Some(rule) => self.spec.children.get(rule).map(|child| &child.target),
            None => self.spec.dynamic.as_ref().map(|dynamic| &dynamic.target),
        }
    }

    fn is_supervisor(&self, view: &ChildView) -> bool {
        matches!(self.target(view), Some(ChildTarget::Supervisor(_)))
    }

    fn list(&self, context: &NativeContext<'_>) -> Values {
        let describe = |view: ChildView| {
            let kind = if self.is_supervisor(&view) { "supervisor" } else { "worker" };
            let field = |name: &str, value| (Value::from(name), value);
            Table {
                array: Vec::new(),
                hash: vec![
                    field("name", text(&view.name)),
                    field("pid", self.pid_value(context, view.id)),
                    field("life", Value::Number(view.life as f64)),
                    field("state", text(view.state.as_str())),
                    field("restarts", Value::Number(view.restarts as f64)),
                    field("restart", text(restart_text(view.restart))),
                    field("kind", text(kind)),
                ],
            }
        };
        let mut tables = vec![Table::default()];
        tables.extend(self.machine.children().map(describe));
        tables[0].array = (1..tables.len()).map(|index| Value::Table(index as _)).collect();
        // An absent pid is no field.
        for table in &mut tables {
            table.hash.retain(|(_, value)| *value != Value::Nil);
        }
        Values { items: [Value::Table(0)].into_iter().collect(), tables }
    }

    fn counts(&self) -> Values {
        let (mut active, mut specs, mut supervisors, mut restarts) = (0_u64, 0_u64, 0_u64, 0_u64);
        for view in self.machine.children() {
            specs += 1;
            active += u64::from(matches!(view.state, State::Running | State::Starting));
            supervisors += u64::from(self.is_supervisor(&view));
            restarts += view.restarts;
        }
        let fields = [
            ("active", active),
            ("specs", specs),
            ("supervisors", supervisors),
            ("workers", specs - supervisors),
            ("restarts", restarts),
        ];
        let hash = fields.map(|(name, value)| (Value::from(name), Value::Number(value as f64)));
        let table = Table { array: Vec::new(), hash: hash.into() };
        Values { items: [Value::Table(0)].into_iter().collect(), tables: vec![table] }
    }
}

fn text(text: &str) -> Value {
    Value::from(text)
}
