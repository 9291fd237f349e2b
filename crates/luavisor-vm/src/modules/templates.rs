//! `templates`: texts made of templates and data (MODULES 21).
//!
//! A short render happens at once. One with much data, or with many steps, begins again
//! away from the workers.

use std::sync::Arc;

use luavisor_core::Error;

use super::refusal::{inaccessible, invalid};
use crate::codec::jinja;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

/// Bytes of data with which a render happens at once.
const AT_ONCE: usize = 1 << 20;

/// Content of a Set object: its id, until it is released. The templates are those that
/// the entries have when they are rendered.
struct Handle(Option<Arc<str>>);

/// `templates.get(id)`
fn get(call: &mut Call) -> Outcome {
    let id = call.string(1)?;
    if id.is_empty() {
        return invalid(call, "resource id is required");
    }
    if !call.allowed("template.get", &id) {
        return inaccessible(call, "template", &id);
    }
    match call.kernel().template_set(&id) {
        Ok(_) => {
            call.push_data(tags::TEMPLATE_SET, Handle(Some(id.into())));
            call.results(1)
        }
        Err(error) => call.fail(error.retryable(false)),
    }
}

fn this<'a>(call: &Call) -> Result<&'a mut Handle, Raise> {
    call.object(1, tags::TEMPLATE_SET).ok_or_else(|| call.wrong(1, "template.Set"))
}

/// `set:render(name, data?)`
fn render(call: &mut Call) -> Outcome {
    let handle = this(call)?;
    let name = call.string(2)?;
    let Some(id) = &handle.0 else {
        return call.fail(Error::internal("template set is released").retryable(false));
    };
    if name.is_empty() {
        return invalid(call, "template name is required");
    }
    if !call.is_nil(3) && !call.is_table(3) {
        return Err(call.wrong(3, "table"));
    }
    let set = match call.kernel().template_set(id) {
        Ok(set) => set,
        Err(error) => return call.fail(error.retryable(false)),
    };
    if !set.has(&name) {
        return call.fail(Error::not_found("template not found").retryable(false));
    }
    let (data, size) = match call.look(3, jinja::value) {
        Ok(Ok(data)) => data,
        Ok(Err(fault)) => {
            let text = format!("failed to render template: {fault}");
            return call.fail(Error::internal(text).retryable(false));
        }
        Err(error) => return call.fail(error),
    };
    if size <= AT_ONCE
        && let Some(result) = set.render_briefly(&name, &data)
    {
        return call.answer(result);
    }
    call.compute(usize::MAX, move || set.render(&name, &data))
}

/// `set:release()`
fn release(call: &mut Call) -> Outcome {
    this(call)?.0 = None;
    call.yes()
}

fn to_string(call: &mut Call) -> Outcome {
    let released = this(call)?.0.is_none();
    call.push_str(if released { "template.Set{released}" } else { "template.Set{}" });
    call.results(1)
}

static METHODS: &[Function] = &[
    Function { name: c"render", run: render },
    Function { name: c"release", run: release },
    Function { name: c"__tostring", run: to_string },
];

static FUNCTIONS: &[Function] = &[Function { name: c"get", run: get }];

/// Installs the module and its class.
pub fn install(setup: &mut Setup) {
    setup.class::<Handle>(tags::TEMPLATE_SET, "template.Set", METHODS);
    setup.module("templates", FUNCTIONS, |_| {});
}
