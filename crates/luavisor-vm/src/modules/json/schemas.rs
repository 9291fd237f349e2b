//! `json.validate` and `json.validate_string`. What a schema says is in [`crate::schema`].
//!
//! A table of Lua is checked as the JSON text that it would be written as, so that there
//! is one rule for what it means. Schemas that were read are kept by their text.

use std::collections::HashMap;
use std::sync::Arc;

use luavisor_core::Error;

use crate::codec::{self, Fault};
use crate::ffi::call::{Call, Outcome};
use crate::ffi::error::Raise;
use crate::schema::{self, Document, DocumentSink, Schema};

/// Longest text of a schema, in bytes.
const SCHEMA: usize = 1 << 20;
/// Longest text of data. What is checked takes several times as much memory.
const DATA: usize = 4 << 20;

/// Most schemas that a VM keeps.
const KEPT: usize = 100;
/// What they take together at most, in bytes.
const KEPT_BYTES: usize = 8 << 20;

/// The schemas that a VM has read, by their text.
#[derive(Debug, Default)]
pub struct KnownSchemas {
    by_text: HashMap<Box<[u8]>, Kept>,
    size: usize,
    /// counts the uses
    now: u64,
}

#[derive(Debug)]
struct Kept {
    schema: Arc<Schema>,
    size: usize,
    /// when it was used last
    used: u64,
}

impl KnownSchemas {
    fn find(&mut self, text: &[u8]) -> Option<Arc<Schema>> {
        self.now += 1;
        let kept = self.by_text.get_mut(text)?;
        kept.used = self.now;
        Some(kept.schema.clone())
    }

    /// Keeps a schema, in the place of those that have not been used for longest.
    fn keep(&mut self, text: Vec<u8>, schema: &Arc<Schema>) {
        let size = 2 * text.len() + schema.size();
        if size > KEPT_BYTES / 8 {
            return;
        }
        while self.by_text.len() >= KEPT || self.size + size > KEPT_BYTES {
            let oldest = self.by_text.iter().min_by_key(|(_, kept)| kept.used);
            let Some(text) = oldest.map(|(text, _)| text.clone()) else { return };
            self.size -= self.by_text.remove(&text).map_or(0, |kept| kept.size);
        }
        self.size += size;
        let kept = Kept { schema: schema.clone(), size, used: self.now };
        self.by_text.insert(text.into(), kept);
    }
}

/// Why there is no answer.
enum Refusal {
    Raise(Raise),
    Invalid(String),
}

impl From<String> for Refusal {
    fn from(text: String) -> Refusal {
        Refusal::Invalid(text)
    }
}

fn read(text: &[u8], most: usize) -> Result<Document, Fault> {
    if text.len() > most {
        return Err(format!("more than {most} bytes").into());
    }
    let mut sink = DocumentSink::default();
    codec::json::read(text, &mut sink)?;
    Ok(sink.finish())
}

/// The JSON text of the value at `index`.
fn written(call: &mut Call, index: i32) -> Result<Result<Vec<u8>, Fault>, Refusal> {
    let text = call.look(index, codec::json::write);
    text.map_err(|error| Refusal::Raise(error.into()))
}

/// The schema at 1.
fn schema(call: &mut Call) -> Result<Arc<Schema>, Refusal> {
    let wrong = |cause: Fault| Refusal::Invalid(format!("schema error: {cause}"));
    let text = if call.is_nil(1) {
        return Err("schema is required".to_owned().into());
    } else if call.is_string(1) {
        call.raw_bytes(1).to_vec()
    } else if call.is_table(1) {
        written(call, 1)?.map_err(wrong)?
    } else {
        return Err("schema error: expected a table or a JSON string".to_owned().into());
    };
    if let Some(schema) = call.known_schemas().find(&text) {
        return Ok(schema);
    }
    let document = read(&text, SCHEMA).map_err(wrong)?;
    let schema = schema::compile(&document).map_err(|cause| format!("compile schema: {cause}"))?;
    let schema = Arc::new(schema);
    call.known_schemas().keep(text, &schema);
    Ok(schema)
}

/// Checks the data that `data` reads. `of_lua`: it was a value of Lua.
fn check(
    call: &mut Call,
    of_lua: bool,
    data: impl FnOnce(&mut Call) -> Result<Document, Refusal>,
) -> Outcome {
    let checked = schema(call).and_then(|schema| {
        let data = data(call)?;
        let checked = schema.check(&data, of_lua);
        checked.map_err(|failure| format!("validation failed: {failure}").into())
    });
    match checked {
        Ok(()) => call.yes(),
        Err(Refusal::Raise(raise)) => Err(raise),
        Err(Refusal::Invalid(text)) => call.fail_false(Error::invalid(text).retryable(false)),
    }
}

/// `json.validate(schema, data)`
pub fn validate(call: &mut Call) -> Outcome {
    check(call, true, |call| {
        if call.is_nil(2) {
            return Err("data is required".to_owned().into());
        }
        let document = written(call, 2)?.and_then(|text| read(&text, DATA));
        document.map_err(|cause| format!("validation failed: {cause}").into())
    })
}

/// `json.validate_string(schema, text)`
pub fn validate_string(call: &mut Call) -> Outcome {
    check(call, false, |call| {
        if call.is_nil(2) {
            return Err("data is required".to_owned().into());
        }
        if !call.is_string(2) {
            return Err("data must be a JSON string".to_owned().into());
        }
        let document = read(call.raw_bytes(2), DATA);
        document.map_err(|cause| format!("data must be a JSON string: {cause}").into())
    })
}
