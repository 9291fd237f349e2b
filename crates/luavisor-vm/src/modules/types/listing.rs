//! `for name, t in T:fields()` and its kin: objects that are called for the next.

use luavisor_dialect::types::{Node, Type};

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::objects::tags;

use super::object;

/// What is listed.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    Fields,
    Variants,
    Params,
}

/// A place in a list of parts.
#[derive(Debug)]
struct Listing {
    /// what is left, the last first; fields with their names
    parts: Vec<(Option<Box<[u8]>>, Type)>,
}

/// Pushes the list of the parts of a type, empty if it has none.
pub fn push(call: &mut Call, ty: Type, of: Of) -> Outcome {
    let plain = ty.view().plain();
    let mut parts: Vec<(Option<Box<[u8]>>, Type)> = match (of, plain.node()) {
        (Of::Fields, _) => plain
            .fields()
            .into_iter()
            .map(|(field, view)| (Some(field.name.clone()), view.to_type()))
            .collect(),
        (Of::Variants, Node::Union(nodes)) | (Of::Params, Node::Function { params: nodes, .. }) => {
            nodes.iter().map(|node| (None, plain.at(*node).to_type())).collect()
        }
        _ => Vec::new(),
    };
    parts.reverse();
    call.push_data(tags::LISTING, Listing { parts });
    call.results(1)
}

fn next(call: &mut Call) -> Outcome {
    let Some(listing) = call.object::<Listing>(1, tags::LISTING) else {
        return Err(call.wrong(1, "types"));
    };
    match listing.parts.pop() {
        None => {
            call.push_nil();
            call.results(1)
        }
        Some((None, ty)) => {
            object::push(call, ty);
            call.results(1)
        }
        Some((Some(name), ty)) => {
            call.push_bytes(&name);
            object::push(call, ty);
            call.results(2)
        }
    }
}

static METHODS: &[Function] = &[Function { name: c"__call", run: next }];

/// Installs the class.
pub fn install(setup: &mut Setup) {
    setup.class::<Listing>(tags::LISTING, "Types", METHODS);
}
