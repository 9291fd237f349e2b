//! `logger`: log lines of processes (MODULES 8).
//!
//! The module is a Logger object. Loggers are immutable; the one of the module is
//! shared by all processes of a VM. Its name is the entry id of the process.
//! A call below the level in force does not look at its arguments.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;
use crate::kernel::{Level, LogRecord};

/// Deepest nesting of tables in a field; deeper ones, and tables within
/// themselves, are null.
const DEPTH: usize = 16;
/// Most values in the fields of one line; further ones are left out. Shared tables
/// are written wherever they occur, so their number could grow without bound.
const VALUES: usize = 10_000;

/// Content of a Logger object.
#[derive(Clone, Default)]
struct Logger {
    /// `None`: the entry id of the process
    name: Option<Arc<str>>,
    fields: Arc<Vec<(String, String)>>,
}

fn this<'a>(call: &Call) -> Result<&'a Logger, Raise> {
    let logger = call.object::<Logger>(1, tags::LOGGER);
    logger.map(|logger| &*logger).ok_or_else(|| call.wrong(1, "Logger"))
}

impl Logger {
    fn name(&self, call: &Call) -> Arc<str> {
        self.name.clone().unwrap_or_else(|| call.process().program.id.clone())
    }
}

fn log(call: &mut Call, level: Level) -> Outcome {
    let logger = this(call)?;
    if level < call.kernel().log_level() {
        return call.nothing();
    }
    let message = call.string(2)?;
    let mut fields = Vec::clone(&logger.fields);
    let pid = call.process().pid;
    fields.push(("pid".to_owned(), json_text(call.kernel().pid_text(pid))));
    if let Some(location) = call.location() {
        fields.push(("location".to_owned(), json_text(location)));
    }
    if !call.is_nil(3) {
        fields.extend(read_fields(call, 3)?);
    }
    let record = LogRecord { level, logger: logger.name(call), message, fields };
    let slot = call.slot();
    call.kernel().log(slot, record);
    call.nothing()
}

fn json_text(value: impl Into<Value>) -> String {
    value.into().to_string()
}

/// The string keys of the table at `index`, in order, with their values as JSON.
fn read_fields(call: &mut Call, index: i32) -> Result<Vec<(String, String)>, Raise> {
    if !call.is_table(index) {
        return Err(call.wrong(index, "table"));
    }
    let mut reader = Reader { path: vec![call.address(index)], left: VALUES };
    let fields = reader.entries(call, index);
    Ok(fields.into_iter().map(|(key, value)| (key, value.to_string())).collect())
}

/// Reads Lua values as JSON.
struct Reader {
    /// the tables that the current one is in, and itself
    path: Vec<usize>,
    /// how many more values are read
    left: usize,
}

impl Reader {
    /// The string keys of a table, in order.
    fn entries(&mut self, call: &mut Call, index: i32) -> Vec<(String, Value)> {
        let mut entries = Vec::new();
        let mut at = 0;
        while let Some(next) = call.next_entry(index, at) {
            at = next;
            let top = call.count();
            if self.left == 0 {
                call.pop(2);
                break;
            }
            if call.is_string(top - 1)
                && let Ok(key) = call.string(top - 1)
            {
                self.left -= 1;
                entries.push((key, self.value(call, top)));
            }
            call.pop(2);
        }
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries
    }

    fn value(&mut self, call: &mut Call, index: i32) -> Value {
        if call.is_boolean(index) {
            return Value::Bool(call.boolean(index));
        }
        if let Ok(number) = call.number(index) {
            return number_value(number);
        }
        if call.is_table(index) {
            return self.table(call, index);
        }
        match call.string(index) {
            Ok(text) => Value::String(text),
            Err(_) => Value::String(String::from_utf8_lossy(&call.text(index)).into_owned()),
        }
    }

    /// An array if the table has a sequence, else an object.
    fn table(&mut self, call: &mut Call, index: i32) -> Value {
        let address = call.address(index);
        if self.path.len() > DEPTH || self.path.contains(&address) {
            return Value::Null;
        }
        self.path.push(address);
        let length = call.length(index);
        let value = if length > 0 {
            let mut items = Vec::new();
            for position in (1..=length).take(self.left) {
                self.left = self.left.saturating_sub(1);
                call.push_element(index, position as i32);
                let top = call.count();
                items.push(if call.is_nil(top) { Value::Null } else { self.value(call, top) });
                call.pop(1);
            }
            Value::Array(items)
        } else {
            Value::Object(Map::from_iter(self.entries(call, index)))
        };
        self.path.pop();
        value
    }
}

/// Whole numbers that an `i64` holds have no fraction; what JSON has no number
/// for is its text.
fn number_value(number: f64) -> Value {
    // -2^63 is an f64, 2^63 - 1 is not: the end of the range is the first beyond it.
    const RANGE: std::ops::Range<f64> = i64::MIN as f64..i64::MAX as f64;
    if number.fract() == 0.0 && RANGE.contains(&number) {
        return Value::from(number as i64);
    }
    match serde_json::Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None => Value::String(number.to_string().to_lowercase()),
    }
}

fn debug(call: &mut Call) -> Outcome {
    log(call, Level::Debug)
}

fn info(call: &mut Call) -> Outcome {
    log(call, Level::Info)
}

fn warn(call: &mut Call) -> Outcome {
    log(call, Level::Warn)
}

fn error(call: &mut Call) -> Outcome {
    log(call, Level::Error)
}

/// `logger:with(fields)`: a field of the same name is replaced.
fn with(call: &mut Call) -> Outcome {
    let logger = this(call)?;
    let added = read_fields(call, 2)?;
    let mut fields = Vec::clone(&logger.fields);
    fields.retain(|(key, _)| !added.iter().any(|(new, _)| new == key));
    fields.extend(added);
    let logger = Logger { name: logger.name.clone(), fields: Arc::new(fields) };
    call.push_data(tags::LOGGER, logger);
    call.results(1)
}

/// `logger:named(name)`
fn named(call: &mut Call) -> Outcome {
    let logger = this(call)?;
    let name = call.string(2)?;
    if name.is_empty() {
        return Err(call.raise("name cannot be empty"));
    }
    let name = format!("{}.{name}", logger.name(call));
    let logger = Logger { name: Some(name.into()), fields: logger.fields.clone() };
    call.push_data(tags::LOGGER, logger);
    call.results(1)
}

static METHODS: &[Function] = &[
    Function { name: c"debug", run: debug },
    Function { name: c"info", run: info },
    Function { name: c"warn", run: warn },
    Function { name: c"error", run: error },
    Function { name: c"with", run: with },
    Function { name: c"named", run: named },
];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.class::<Logger>(tags::LOGGER, "Logger", METHODS);
    setup.object_module("logger", tags::LOGGER, Logger::default());
}
