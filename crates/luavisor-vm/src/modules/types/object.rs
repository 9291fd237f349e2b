//! The class of types: `T(v)`, `T:is(v)` and what one asks a type about itself.
//!
//! `T:name()` calls a method, `T.name` is the type of a field; so methods are
//! found by their call, and only then by name.

use std::ffi::CStr;

use luavisor_dialect::types::{Node, Type, View, number_text};

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

use super::{check, listing};

/// The type at `index`.
pub fn at<'a>(call: &Call, index: i32) -> Option<&'a Type> {
    call.object::<Type>(index, tags::TYPE).map(|ty| &*ty)
}

/// The predefined types. They are the only objects of their types, so that a table
/// with them as keys finds what is asked for with the type of a field.
pub static PREDEFINED: [(&CStr, Node); 5] = [
    (c"Number", Node::Number),
    (c"Integer", Node::Integer),
    (c"String", Node::String),
    (c"Boolean", Node::Boolean),
    (c"Any", Node::Any),
];

/// Pushes a type.
pub fn push(call: &mut Call, ty: Type) {
    let node = std::mem::discriminant(ty.view().node());
    let known = PREDEFINED.iter().find(|(_, known)| std::mem::discriminant(known) == node);
    match known {
        Some((name, _)) => call.push_builtin(name),
        None => call.push_data(tags::TYPE, ty),
    }
}

/// The type of a method call. It is cloned, as the object may be collected.
fn this(call: &Call, index: i32) -> Result<Type, Raise> {
    at(call, index).cloned().ok_or_else(|| call.wrong(index, "Type"))
}

/// `T:is(v)`
fn is(call: &mut Call) -> Outcome {
    let ty = this(call, 1)?;
    match check::check(call, ty.view(), 2)? {
        None => {
            call.push_argument(2);
            call.push_nil();
            call.results(2)
        }
        Some(error) => call.fail(error),
    }
}

/// `T(v)`
fn cast(call: &mut Call) -> Outcome {
    let ty = this(call, 1)?;
    match check::check(call, ty.view(), 2)? {
        None => {
            call.push_argument(2);
            call.results(1)
        }
        Some(mut error) => {
            error.frames = call.frames().into();
            Err(error.into())
        }
    }
}

fn kind(call: &mut Call) -> Outcome {
    let kind = this(call, 1)?.view().kind();
    call.push_str(kind);
    call.results(1)
}

fn name(call: &mut Call) -> Outcome {
    let name = this(call, 1)?.view().name();
    call.push_str(&name);
    call.results(1)
}

/// A literal prints as its value, everything else by its name.
fn text(call: &mut Call) -> Outcome {
    use luavisor_dialect::types::Literal;
    let ty = this(call, 1)?;
    match ty.view().node() {
        Node::Literal(Literal::String(value)) => call.push_bytes(value),
        Node::Literal(Literal::Number(value)) => call.push_str(&number_text(*value)),
        _ => call.push_str(&ty.view().name()),
    }
    call.results(1)
}

/// Pushes a part of the type at 1, or nil if it has none.
fn part(
    call: &mut Call,
    pick: impl for<'a> FnOnce(View<'a>, &'a Node) -> Option<View<'a>>,
) -> Outcome {
    let ty = this(call, 1)?;
    let plain = ty.view().plain();
    match pick(plain, plain.node()) {
        Some(part) => push(call, part.to_type()),
        None => call.push_nil(),
    }
    call.results(1)
}

fn elem(call: &mut Call) -> Outcome {
    part(call, |view, node| match node {
        Node::Array(element) => Some(view.at(*element)),
        _ => None,
    })
}

fn key(call: &mut Call) -> Outcome {
    part(call, |view, node| match node {
        Node::Map(key, _) | Node::Record { index: Some((key, _)), .. } => Some(view.at(*key)),
        _ => None,
    })
}

fn val(call: &mut Call) -> Outcome {
    part(call, |view, node| match node {
        Node::Map(_, value) | Node::Record { index: Some((_, value)), .. } => Some(view.at(*value)),
        _ => None,
    })
}

fn inner(call: &mut Call) -> Outcome {
    part(call, |view, node| match node {
        Node::Optional(inner) => Some(view.at(*inner)),
        _ => None,
    })
}

fn ret(call: &mut Call) -> Outcome {
    part(call, |view, node| match node {
        Node::Function { returns, more, .. } => {
            returns.first().or(more.as_ref()).map(|first| view.at(*first))
        }
        _ => None,
    })
}

fn fields(call: &mut Call) -> Outcome {
    listing::push(call, this(call, 1)?, listing::Of::Fields)
}

fn variants(call: &mut Call) -> Outcome {
    listing::push(call, this(call, 1)?, listing::Of::Variants)
}

fn params(call: &mut Call) -> Outcome {
    listing::push(call, this(call, 1)?, listing::Of::Params)
}

/// `T.field`, or else `T.method`
fn index(call: &mut Call) -> Outcome {
    let ty = this(call, 1)?;
    if !call.is_string(2) {
        call.push_nil();
        return call.results(1);
    }
    let name = call.raw_bytes(2);
    let fields = ty.view().fields();
    let field = fields.into_iter().find(|(field, _)| *field.name == *name);
    let method = METHODS.iter().find(|method| method.name.to_bytes() == name);
    match (field, method) {
        (Some((_, field)), _) => push(call, field.to_type()),
        (None, Some(method)) => call.push_function(method),
        (None, None) => call.push_nil(),
    }
    call.results(1)
}

/// `T:method(…)`
fn namecall(call: &mut Call) -> Outcome {
    let name = call.method();
    match METHODS.iter().find(|method| method.name.to_bytes() == name) {
        Some(method) => (method.run)(call),
        None => Err(Raise::no_method(name, "Type")),
    }
}

fn equal(call: &mut Call) -> Outcome {
    let equal = this(call, 1)?.view().is_same(this(call, 2)?.view());
    call.push_boolean(equal);
    call.results(1)
}

fn less_or_equal(call: &mut Call) -> Outcome {
    let less = this(call, 1)?.view().is_subtype(this(call, 2)?.view());
    call.push_boolean(less);
    call.results(1)
}

fn less(call: &mut Call) -> Outcome {
    let (a, b) = (this(call, 1)?, this(call, 2)?);
    let less = a.view().is_subtype(b.view()) && !b.view().is_subtype(a.view());
    call.push_boolean(less);
    call.results(1)
}

static METHODS: &[Function] = &[
    Function { name: c"is", run: is },
    Function { name: c"kind", run: kind },
    Function { name: c"name", run: name },
    Function { name: c"fields", run: fields },
    Function { name: c"elem", run: elem },
    Function { name: c"key", run: key },
    Function { name: c"val", run: val },
    Function { name: c"inner", run: inner },
    Function { name: c"ret", run: ret },
    Function { name: c"variants", run: variants },
    Function { name: c"params", run: params },
];

static METAMETHODS: &[Function] = &[
    Function { name: c"__index", run: index },
    Function { name: c"__namecall", run: namecall },
    Function { name: c"__call", run: cast },
    Function { name: c"__eq", run: equal },
    Function { name: c"__le", run: less_or_equal },
    Function { name: c"__lt", run: less },
    Function { name: c"__tostring", run: text },
];

/// Installs the class.
pub fn install(setup: &mut Setup) {
    setup.class::<Type>(tags::TYPE, "Type", METAMETHODS);
}
