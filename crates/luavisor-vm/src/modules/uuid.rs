//! `uuid`: making and looking at UUIDs (MODULES 14).
//!
//! Random bits and the time come from the kernel, so a simulation makes the same
//! ones every time. v1 has a random node and clock sequence each time: it tells
//! nothing of the machine, and two of one instant differ.

use uuid::{Builder, Timestamp, Uuid, Variant};

use super::refusal::invalid;
use crate::ffi::call::{Call, Function, Outcome, Setup};

fn push(call: &mut Call, uuid: Uuid) -> Outcome {
    call.push_str(&uuid.hyphenated().to_string());
    call.results(1)
}

fn random(call: &Call) -> [u8; 16] {
    let (high, low) = (call.kernel().random(), call.kernel().random());
    (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
}

/// Unix time; the few instants before 1970 that a clock could show count as 1970.
fn wall(call: &Call) -> (u64, u32) {
    let (seconds, nanos) = call.kernel().wall();
    (u64::try_from(seconds).unwrap_or(0), nanos)
}

fn v1(call: &mut Call) -> Outcome {
    let (seconds, nanos) = wall(call);
    let [high, low, mut node @ .., _, _, _, _, _, _, _, _] = random(call);
    // The multicast bit marks a node that is no hardware address (RFC 9562, 6.10).
    node[0] |= 1;
    let sequence = u16::from_be_bytes([high, low]) & 0x3fff;
    let (ticks, _) = Timestamp::from_unix_time(seconds, nanos, 0, 0).to_gregorian();
    push(call, Builder::from_gregorian_timestamp(ticks, sequence, &node).into_uuid())
}

fn v4(call: &mut Call) -> Outcome {
    let uuid = Builder::from_random_bytes(random(call)).into_uuid();
    push(call, uuid)
}

fn v7(call: &mut Call) -> Outcome {
    let (seconds, nanos) = wall(call);
    let milliseconds = seconds.saturating_mul(1000) + u64::from(nanos / 1_000_000);
    let [bytes @ .., _, _, _, _, _, _] = random(call);
    push(call, Builder::from_unix_timestamp_millis(milliseconds, &bytes).into_uuid())
}

fn named(call: &mut Call, make: fn(&Uuid, &[u8]) -> Uuid) -> Outcome {
    if !call.is_string(1) || !call.is_string(2) {
        return invalid(call, "namespace and name must be strings");
    }
    match Uuid::try_parse(&call.string(1)?) {
        Ok(namespace) => {
            let name = call.bytes(2)?;
            push(call, make(&namespace, &name))
        }
        Err(_) => invalid(call, "invalid namespace UUID"),
    }
}

fn v3(call: &mut Call) -> Outcome {
    named(call, Uuid::new_v3)
}

fn v5(call: &mut Call) -> Outcome {
    named(call, Uuid::new_v5)
}

/// The UUID at 1, or why there is none.
fn argument(call: &Call) -> Result<Uuid, &'static str> {
    if !call.is_string(1) {
        return Err("input must be a string");
    }
    let text = call.string(1).map_err(|_| "input must be a string")?;
    Uuid::try_parse(&text).map_err(|_| "invalid UUID format")
}

fn validate(call: &mut Call) -> Outcome {
    let valid = argument(call).is_ok();
    call.push_boolean(valid);
    call.results(1)
}

/// 1 to 8; others, the nil UUID among them, have none.
fn numbered(call: &Call) -> Result<(Uuid, usize), &'static str> {
    let uuid = argument(call)?;
    match uuid.get_version_num() {
        version @ 1..=8 => Ok((uuid, version)),
        _ => Err("invalid UUID format"),
    }
}

fn version(call: &mut Call) -> Outcome {
    match numbered(call) {
        Ok((_, version)) => {
            call.push_number(version as f64);
            call.results(1)
        }
        Err(message) => invalid(call, message),
    }
}

fn variant_name(uuid: &Uuid) -> &'static str {
    match uuid.get_variant() {
        Variant::RFC4122 => "RFC4122",
        Variant::Microsoft => "Microsoft",
        Variant::NCS => "NCS",
        _ => "Future",
    }
}

fn variant(call: &mut Call) -> Outcome {
    match argument(call) {
        Ok(uuid) => {
            call.push_str(variant_name(&uuid));
            call.results(1)
        }
        Err(message) => invalid(call, message),
    }
}

/// `{version, variant, timestamp?, node?}`
fn parse(call: &mut Call) -> Outcome {
    let (uuid, version) = match numbered(call) {
        Ok(parsed) => parsed,
        Err(message) => return invalid(call, message),
    };
    call.push_table(0, 4);
    call.push_number(version as f64);
    call.set_field(c"version");
    call.push_str(variant_name(&uuid));
    call.set_field(c"variant");
    if let (1 | 7, Some(timestamp)) = (version, uuid.get_timestamp()) {
        call.push_number(timestamp.to_unix().0 as f64);
        call.set_field(c"timestamp");
    }
    if let Some(node) = uuid.get_node_id().filter(|_| version == 1) {
        call.push_bytes(&node);
        call.set_field(c"node");
    }
    call.results(1)
}

/// `uuid.format(s, style?)`
fn format(call: &mut Call) -> Outcome {
    let uuid = match argument(call) {
        Ok(uuid) => uuid,
        Err(message) => return invalid(call, message),
    };
    let style = match call.is_nil(2) {
        true => "standard".to_owned(),
        // What is no text is no known style either.
        false if !call.is_string(2) => String::new(),
        false => call.string(2).unwrap_or_default(),
    };
    let text = match style.as_str() {
        "standard" => uuid.hyphenated().to_string(),
        "simple" => uuid.simple().to_string(),
        "urn" => uuid.urn().to_string(),
        _ => return invalid(call, "unsupported format"),
    };
    call.push_str(&text);
    call.results(1)
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"v1", run: v1 },
    Function { name: c"v3", run: v3 },
    Function { name: c"v4", run: v4 },
    Function { name: c"v5", run: v5 },
    Function { name: c"v7", run: v7 },
    Function { name: c"validate", run: validate },
    Function { name: c"version", run: version },
    Function { name: c"variant", run: variant },
    Function { name: c"parse", run: parse },
    Function { name: c"format", run: format },
];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("uuid", FUNCTIONS, |_| {});
}
