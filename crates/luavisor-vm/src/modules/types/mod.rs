//! Types as values (MODULES 32).
//!
//! What a type is and how two compare is in `luavisor_dialect::types`; here is
//! what Lua sees: the objects, their methods ([`object`]), and the checking of
//! values ([`check`]). The translated program makes an object by calling the
//! [`CONSTRUCTOR`] with the type's description.
//!
//! Objects never change and hold no values of Lua, so what a library returns can
//! be used by everyone in the process.

mod check;
mod known;
mod listing;
mod object;

use luavisor_dialect::types::{Node, Type};

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::objects::tags;

pub use known::KnownTypes;

/// `("description"):__type(local, …)`; the arguments hold types from elsewhere, or
/// the tables of libraries that have them. What is no type counts as `any`.
pub static CONSTRUCTOR: Function = Function { name: c"__type", run: construct };

fn construct(call: &mut Call) -> Outcome {
    if !call.is_string(1) {
        return Err(call.wrong(1, "string"));
    }
    let known = known::find(call).map_err(|error| call.raise(error.to_string()))?;
    let made = match known {
        known::Known::Type(ty) => ty,
        known::Known::Description(description) => {
            let imports = description.imports().iter().map(|import| {
                let argument = import.argument as i32 + 2;
                match &import.field {
                    None => object::at(call, argument).cloned(),
                    Some(field) if argument <= call.count() && call.is_table(argument) => {
                        call.push_entry(argument, field.as_bytes());
                        let found = object::at(call, call.count()).cloned();
                        call.pop(1);
                        found
                    }
                    Some(_) => None,
                }
                .unwrap_or_else(|| Type::simple(Node::Any))
            });
            let imports = imports.collect();
            Type::new(description, imports)
        }
    };
    object::push(call, made);
    call.results(1)
}

/// Installs the classes and the predefined types.
pub fn install(setup: &mut Setup) {
    object::install(setup);
    listing::install(setup);
    for (name, node) in &object::PREDEFINED {
        setup.object_global(name, tags::TYPE, Type::simple(node.clone()));
    }
}
