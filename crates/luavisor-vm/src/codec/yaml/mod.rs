//! YAML 1.2, core schema (MODULES 13): the first document of a text.
//!
//! Written in blocks of two spaces with sorted keys; texts that would read as
//! something else are quoted.

mod read;
mod scalar;
mod write;

pub use read::read;
pub use write::write;
