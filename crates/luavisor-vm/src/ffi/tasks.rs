//! The tasks of one process, and the order in which the ready ones run.
//!
//! The main task lies in the process itself: most processes have no other, and
//! need no memory beside. The ready tasks form a list through the tasks.

use std::ffi::c_int;
use std::sync::Arc;

use luavisor_core::{Error, Values};

use super::call::Call;
use super::channels::ChannelId;
use super::lua::Lua;
use super::shelf::Hold;
use crate::kernel::TimerId;
use crate::program::{Program, Unit};

/// Number of a task within its process.
pub type TaskId = u32;

/// The task that runs `main`.
pub const MAIN: TaskId = 0;

/// Ends the list of ready tasks.
const NOBODY: TaskId = TaskId::MAX;

/// What a thread in a task's stack of coroutines is for.
#[derive(Debug)]
pub enum Purpose {
    /// a coroutine of the program; `protected`: started by `resume`, so errors become results
    Coroutine { protected: bool },
    /// a library chunk under `require`; its value is kept for this unit
    Library(Arc<Unit>),
    /// the new chunk of `process.upgrade`
    Upgrade(Box<Upgrade>),
}

/// Code that is about to replace the running one.
#[derive(Debug)]
pub struct Upgrade {
    pub program: Arc<Program>,
    pub arguments: Values,
}

/// A coroutine that the task runs above its root.
#[derive(Debug)]
pub struct Fiber {
    pub lua: Lua,
    pub purpose: Purpose,
}

/// What a task waits for.
#[derive(Debug, PartialEq)]
pub enum Wait {
    /// it runs or is about to run
    None,
    /// on these channels
    Channels(ChannelSet),
    /// on the operation that its ticket names, with a timer if it sleeps
    Operation(Option<TimerId>),
}

/// The channels that a task waits for. Up to three need no memory of their own.
#[derive(Debug, PartialEq)]
pub enum ChannelSet {
    Few { count: u8, ids: [ChannelId; 3] },
    Many(Box<[ChannelId]>),
}

impl ChannelSet {
    pub fn of(channels: &[ChannelId]) -> ChannelSet {
        let mut ids = [0; 3];
        match ids.get_mut(..channels.len()) {
            Some(few) => {
                few.copy_from_slice(channels);
                ChannelSet::Few { count: channels.len() as u8, ids }
            }
            None => ChannelSet::Many(channels.into()),
        }
    }

    pub fn as_slice(&self) -> &[ChannelId] {
        match self {
            ChannelSet::Few { count, ids } => &ids[..usize::from(*count)],
            ChannelSet::Many(ids) => ids,
        }
    }
}

/// How the end of an operation becomes values.
#[derive(Default)]
pub enum Answer {
    /// its values, or `nil, err`
    #[default]
    Plain,
    /// `true` if it has no values
    True,
    /// what this pushes, instead of the values
    As(fn(Lua, &Values) -> c_int),
    /// what this pushes, instead of `nil, err`
    Or(fn(Lua, Error) -> c_int),
    /// the same as `As`, for what is no value of the operation
    Push(Box<dyn FnOnce(&mut Call) + Send>),
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer")
    }
}

#[derive(Debug)]
pub struct Task {
    /// the thread that it began with
    pub root: Lua,
    /// the coroutines that it runs above its root, innermost last
    pub fibers: Vec<Fiber>,
    /// keeps the root alive; none for main
    pub anchor: Option<Hold>,
    /// counts the waits; a late completion of an earlier wait is recognised by it
    pub ticket: u32,
    pub wait: Wait,
    /// values on the innermost thread to resume it with
    pub arguments: i32,
    /// resume by raising the value on top
    pub raise: bool,
    /// how the end of the operation that it waits for becomes values
    pub answer: Answer,
    /// the ready task after this one
    next: TaskId,
}

impl Task {
    pub fn new(root: Lua, anchor: Option<Hold>, arguments: i32) -> Task {
        Task {
            root,
            fibers: Vec::new(),
            anchor,
            ticket: 0,
            wait: Wait::None,
            arguments,
            raise: false,
            answer: Answer::Plain,
            next: NOBODY,
        }
    }

    /// The thread that runs when the task runs.
    pub fn innermost(&self) -> Lua {
        self.fibers.last().map_or(self.root, |fiber| fiber.lua)
    }

    /// All its threads.
    pub fn threads(&self) -> impl Iterator<Item = Lua> + '_ {
        std::iter::once(self.root).chain(self.fibers.iter().map(|fiber| fiber.lua))
    }
}

/// See the module.
#[derive(Debug)]
pub struct Tasks {
    /// from the start of the process to its end
    main: Option<Task>,
    others: Option<Box<Others>>,
    /// the ready tasks
    first: TaskId,
    last: TaskId,
}

#[derive(Debug, Default)]
struct Others {
    /// the task with number n lies at n - 1
    tasks: Vec<Option<Task>>,
    free: Vec<TaskId>,
}

impl Default for Tasks {
    fn default() -> Tasks {
        Tasks { main: None, others: None, first: NOBODY, last: NOBODY }
    }
}

impl Tasks {
    pub fn get(&mut self, id: TaskId) -> Option<&mut Task> {
        match id {
            MAIN => self.main.as_mut(),
            _ => self.others.as_mut()?.tasks.get_mut(id as usize - 1)?.as_mut(),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Task> {
        let others = self.others.iter().flat_map(|others| others.tasks.iter().flatten());
        self.main.iter().chain(others)
    }

    /// Sets the main task and makes it ready.
    pub fn begin(&mut self, main: Task) {
        self.main = Some(main);
        self.make_ready(MAIN);
    }

    /// Adds a ready task beside main.
    pub fn add(&mut self, task: Task) -> TaskId {
        let others = self.others.get_or_insert_default();
        let id = match others.free.pop() {
            Some(id) => {
                others.tasks[id as usize - 1] = Some(task);
                id
            }
            None => {
                others.tasks.push(Some(task));
                others.tasks.len() as TaskId
            }
        };
        self.make_ready(id);
        id
    }

    /// Forgets a task that is not ready; its number is free again.
    pub fn remove(&mut self, id: TaskId) -> Option<Task> {
        let others = self.others.as_mut().filter(|_| id != MAIN)?;
        let task = others.tasks.get_mut(id as usize - 1)?.take()?;
        others.free.push(id);
        Some(task)
    }

    /// Takes all tasks out.
    pub fn take(&mut self) -> impl Iterator<Item = Task> + use<> {
        let Tasks { main, others, .. } = std::mem::take(self);
        main.into_iter().chain(others.into_iter().flat_map(|others| others.tasks).flatten())
    }

    /// Puts a task that is not ready at the end of the ready ones.
    pub fn make_ready(&mut self, id: TaskId) {
        match self.last {
            NOBODY => self.first = id,
            last => {
                if let Some(task) = self.get(last) {
                    task.next = id;
                }
            }
        }
        self.last = id;
    }

    /// Puts it before the others.
    pub fn make_ready_first(&mut self, id: TaskId) {
        let first = self.first;
        if let Some(task) = self.get(id) {
            task.next = first;
        }
        if first == NOBODY {
            self.last = id;
        }
        self.first = id;
    }

    /// Takes the task that is to run next.
    pub fn next_ready(&mut self) -> Option<TaskId> {
        if self.first == NOBODY {
            return None;
        }
        let id = self.first;
        self.first = self.get(id).map_or(NOBODY, |task| std::mem::replace(&mut task.next, NOBODY));
        if self.first == NOBODY {
            self.last = NOBODY;
        }
        Some(id)
    }

    /// Whether there is or was a task beside main.
    pub fn has_others(&self) -> bool {
        self.others.is_some()
    }

    /// Whether no task is ready.
    pub fn none_ready(&self) -> bool {
        self.first == NOBODY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        Task::new(Lua(std::ptr::null_mut()), None, 0)
    }

    #[test]
    fn ready_tasks_run_in_order() {
        let mut tasks = Tasks::default();
        tasks.begin(task());
        let ids = [tasks.add(task()), tasks.add(task())];
        assert_eq!(ids, [1, 2]);
        assert_eq!(tasks.next_ready(), Some(MAIN));
        tasks.make_ready_first(MAIN);
        for id in [MAIN, 1, 2] {
            assert_eq!(tasks.next_ready(), Some(id));
        }
        assert!(tasks.none_ready() && tasks.next_ready().is_none());
        tasks.make_ready(2);
        tasks.make_ready(MAIN);
        assert_eq!(tasks.next_ready(), Some(2));
        assert!(tasks.remove(2).is_some() && tasks.remove(2).is_none());
        assert_eq!(tasks.add(task()), 2);
        assert_eq!(tasks.take().count(), 3);
        assert!(tasks.none_ready() && tasks.iter().next().is_none());
    }
}
