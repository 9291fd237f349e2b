//! Locations: time zones by name or offset.

use luavisor_core::Object;
use luavisor_core::value::Zone;

use crate::calendar::zone;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

/// The Location at `index`.
pub fn argument(call: &Call, index: i32) -> Result<Zone, Raise> {
    let zone = call.object::<Zone>(index, tags::LOCATION);
    zone.cloned().ok_or_else(|| call.wrong(index, "Location"))
}

/// The Location at `index`; the local zone if there is none.
pub fn optional(call: &Call, index: i32) -> Result<Zone, Raise> {
    if call.is_nil(index) { Ok(Zone::Local) } else { argument(call, index) }
}

/// Pushes a Location.
pub fn push(call: &mut Call, zone: Zone) -> Outcome {
    call.push_object(&Object::Location(zone));
    call.results(1)
}

fn load(call: &mut Call) -> Outcome {
    match zone::load(&call.string(1)?) {
        Ok(zone) => push(call, zone),
        Err(error) => call.fail(error),
    }
}

/// `time.fixed_zone(name, seconds east of UTC)`
fn fixed(call: &mut Call) -> Outcome {
    let name = call.string(1)?;
    let offset = call.integer(2)?;
    match i32::try_from(offset) {
        Ok(offset) => push(call, zone::fixed(&name, offset)),
        Err(_) => Err(call.raise("bad argument #2 to 'fixed_zone' (offset out of range)")),
    }
}

fn text(call: &mut Call) -> Outcome {
    let zone = argument(call, 1)?;
    call.push_str(zone::name(&zone));
    call.results(1)
}

fn equal(call: &mut Call) -> Outcome {
    let equal = argument(call, 1)? == argument(call, 2)?;
    call.push_boolean(equal);
    call.results(1)
}

pub static FUNCTIONS: &[Function] =
    &[Function { name: c"load_location", run: load }, Function { name: c"fixed_zone", run: fixed }];

static METHODS: &[Function] = &[
    Function { name: c"string", run: text },
    Function { name: c"__tostring", run: text },
    Function { name: c"__eq", run: equal },
];

pub fn install(setup: &mut Setup) {
    setup.class::<Zone>(tags::LOCATION, "Location", METHODS);
}
