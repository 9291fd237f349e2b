//! Descriptions that this VM has read, so that a process of a known program need
//! not read them again.
//!
//! A program can make up descriptions, so the store is bounded: when it is full it
//! starts anew, and whoever brings a new description is charged for it.

use std::collections::HashMap;
use std::sync::Arc;

use luavisor_dialect::types::{Description, Malformed, Type};

use crate::ffi::call::Call;

/// Most bytes of descriptions that are kept.
const LIMIT: usize = 4 << 20;
/// What a pattern takes beside its text, roughly.
const PATTERN: usize = 16 << 10;

/// What a description came to.
#[derive(Clone, Debug)]
pub enum Known {
    /// the type, if it names nothing from elsewhere
    Type(Type),
    Description(Arc<Description>),
}

/// The descriptions by their text.
#[derive(Debug, Default)]
pub struct KnownTypes {
    by_text: HashMap<Box<[u8]>, Known>,
    size: usize,
}

/// What the description at 1 stands for.
pub fn find(call: &mut Call) -> Result<Known, Malformed> {
    let text = call.raw_bytes(1);
    if let Some(known) = call.known_types().by_text.get(text) {
        return Ok(known.clone());
    }
    let description = Description::decode(text)?;
    let size = text.len() * 8 + description.patterns() * PATTERN;
    let text = text.into();
    call.charge(size);
    let description = Arc::new(description);
    let known = match description.imports() {
        [] => Known::Type(Type::new(description, Vec::new())),
        _ => Known::Description(description),
    };
    let types = call.known_types();
    if types.size + size > LIMIT {
        *types = KnownTypes::default();
    }
    types.size += size;
    types.by_text.insert(text, known.clone());
    Ok(known)
}
