//! `hash`: digests of strings, with and without a secret (MODULES 15).

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::refusal::invalid;
use crate::ffi::call::{Call, Function, Outcome, Setup};

/// The digest in lower-case digits, or as bytes if the argument at `raw` is true.
fn push_digest(call: &mut Call, digest: &[u8], raw: i32) -> Outcome {
    if call.boolean(raw) {
        call.push_bytes(digest);
    } else {
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        call.push_str(&digits);
    }
    call.results(1)
}

/// `hash.name(data, raw?)`
fn digest<D: Digest>(call: &mut Call) -> Outcome {
    if !call.is_string(1) {
        return invalid(call, "data must be a string");
    }
    let digest = D::digest(call.bytes(1)?);
    push_digest(call, &digest, 2)
}

/// `hash.hmac_name(data, secret, raw?)`
fn keyed<M: Mac + KeyInit>(call: &mut Call) -> Outcome {
    if !call.is_string(1) {
        return invalid(call, "data must be a string");
    }
    if !call.is_string(2) {
        return invalid(call, "secret must be a string");
    }
    // HMAC takes secrets of every length (RFC 2104).
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(&call.bytes(2)?) else {
        return invalid(call, "secret must be a string");
    };
    mac.update(&call.bytes(1)?);
    let digest = mac.finalize().into_bytes();
    push_digest(call, &digest, 3)
}

/// FNV-1: multiplies, then combines. (FNV-1a does it the other way round.)
macro_rules! fnv {
    ($name:ident, $type:ty, $basis:literal, $prime:literal) => {
        fn $name(call: &mut Call) -> Outcome {
            if !call.is_string(1) {
                return invalid(call, "data must be a string");
            }
            let step = |hash: $type, byte: &u8| hash.wrapping_mul($prime) ^ <$type>::from(*byte);
            let hash = call.bytes(1)?.iter().fold($basis, step);
            call.push_number(hash as f64);
            call.results(1)
        }
    };
}

fnv!(fnv32, u32, 0x811c_9dc5, 0x0100_0193);
fnv!(fnv64, u64, 0xcbf2_9ce4_8422_2325, 0x0100_0000_01b3);

static FUNCTIONS: &[Function] = &[
    Function { name: c"md5", run: digest::<Md5> },
    Function { name: c"sha1", run: digest::<Sha1> },
    Function { name: c"sha256", run: digest::<Sha256> },
    Function { name: c"sha512", run: digest::<Sha512> },
    Function { name: c"hmac_md5", run: keyed::<Hmac<Md5>> },
    Function { name: c"hmac_sha1", run: keyed::<Hmac<Sha1>> },
    Function { name: c"hmac_sha256", run: keyed::<Hmac<Sha256>> },
    Function { name: c"hmac_sha512", run: keyed::<Hmac<Sha512>> },
    Function { name: c"fnv32", run: fnv32 },
    Function { name: c"fnv64", run: fnv64 },
];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("hash", FUNCTIONS, |_| {});
}
