//! JSON Schema, drafts 4 to 2020-12 (MODULES 12): [`compile`] once, then [`Schema::check`].
//!
//! Schemas come from programs, so nothing may take longer than its input deserves.
//! Chains of `allOf` and `$ref` multiply: three lines of schema can ask for more checks
//! than there are atoms. Therefore all work is counted, and a check that needs more than
//! [`STEPS`] of it fails with [`Failure::Exhausted`]; nesting is bounded as well, and
//! regular expressions are charged by what they compile to. Validators that we could
//! have used know no such bounds.
//!
//! What it knows: all keywords of the drafts but `unevaluatedProperties`,
//! `unevaluatedItems` and dynamic references, which are refused, so that no schema seems
//! to hold because a part of it was not looked at. Other keywords are annotations.

mod check;
mod compile;
mod document;
mod format;
mod node;
mod pattern;
mod problem;
#[cfg(test)]
mod tests;

pub use compile::compile;
pub use document::{Document, DocumentSink};
pub use node::Schema;
#[cfg(test)]
use problem::Failure;

/// Work of one check: some 100 ms.
const STEPS: usize = 3_000_000;

/// Schemas that apply within each other, references included.
const DEPTH: usize = 256;

/// Problems that a message lists.
const LISTED: usize = 20;
