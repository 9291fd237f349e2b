//! The pure rules of Luavisor.
//!
//! What stands here decides; nothing here acts. There is no clock, no
//! randomness, no thread, no file and no Lua in this crate: every function goes
//! from a state and an event to a new state and a list of actions, so that each
//! rule can be tested as a table and simulated from a seed.
//!
//! | module | holds |
//! |---|---|
//! | [`pid`] | process identifiers and their text form |
//! | [`value`] | owned values that cross process boundaries |
//! | [`error`] | error objects: kind, message, retryable, details |
//! | [`exit`] | how a process ended |
//! | [`event`] | what `process.events()` delivers |
//! | [`mailbox`] | queues by topic, inbox fallback |
//! | [`relations`] | links and monitors: who hears of whose end |
//! | [`pid_map`] | the map behind them |
//! | [`bus`] | what a subscription to the event bus holds |
//! | [`pool`] | how many calls of a function run at once |
//! | [`pattern`] | patterns of dotted names |
//! | [`cancel`] | deadlines and forced ends |
//! | [`restart`] | whether, when and how often a service is started again |
//! | [`supervision`] | supervisors: what an exit of a child means for it and its siblings |
//! | [`lifecycle`] | the states of a service and the steps between them |
//! | [`security`] | actors, policies, scopes: who may do what |
//! | [`template`] | options of template sets |
//! | [`vocabulary`] | words of the format |
//! | [`startplan`] | the order in which services start and stop |

pub mod bus;
pub mod cancel;
pub mod error;
pub mod event;
pub mod exit;
pub mod expr;
pub mod lifecycle;
pub mod mailbox;
pub mod pattern;
pub mod pid;
pub mod pid_map;
pub mod pool;
pub mod registry;
pub mod relations;
pub mod restart;
pub mod security;
pub mod startplan;
pub mod supervision;
pub mod template;
pub mod value;
pub mod vocabulary;

pub use error::{Error, Kind, Maker};
pub use event::Event;
pub use exit::{Exit, Reason};
pub use pid::{HostId, Pid};
pub use value::{Bytes, Object, Table, Value, Values};
