//! `crypto`: random values, keyed digests, authenticated encryption, tokens, derived keys
//! (MODULES 16).
//!
//! In a simulation random values come from its seed. Large data and the derivation of keys
//! are worked on away from the workers.

mod tokens;

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::aes::Aes192;
use aes_gcm::{Aes128Gcm, Aes256Gcm, AesGcm};
use chacha20poly1305::ChaCha20Poly1305;
use hmac::{Hmac, Mac};
use luavisor_core::{Error, Value, Values};
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::refusal::invalid;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;

/// Random bytes of one call, at most.
const RANDOM: i64 = 1 << 20;
/// Bytes of a nonce and of a tag.
const NONCE: usize = 12;
const TAG: usize = 16;
/// Rounds of a derivation, at most, and bytes of its key.
const ROUNDS: i64 = 10_000_000;
const LONGEST_KEY: i64 = 1 << 20;
/// What a random string is made of by default.
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

fn bytes(values: Vec<u8>) -> Values {
    Values::one(Value::String(values.into()))
}

// --- random values ---

/// The length at 1, if it is one.
fn length(call: &Call) -> Result<Result<usize, &'static str>, Raise> {
    let length = call.integer(1)?;
    Ok(match length {
        i64::MIN..=0 => Err("length must be a positive integer"),
        1..=RANDOM => Ok(length as usize),
        _ => Err("length exceeds maximum allowed size (1MB)"),
    })
}

/// `crypto.random.bytes(n)`
fn random_bytes(call: &mut Call) -> Outcome {
    let length = match length(call)? {
        Ok(length) => length,
        Err(text) => return invalid(call, text),
    };
    match call.random_bytes(length) {
        Ok(bytes) => {
            call.push_bytes(&bytes);
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

/// `crypto.random.string(n, charset?)`
fn random_string(call: &mut Call) -> Outcome {
    let length = match length(call)? {
        Ok(length) => length,
        Err(text) => return invalid(call, text),
    };
    let charset = match call.is_nil(2) {
        true => LETTERS.to_vec(),
        false => call.bytes(2)?,
    };
    if charset.is_empty() {
        return invalid(call, "charset cannot be empty");
    }
    // A number that would favour some is thrown away.
    let count = charset.len() as u64;
    let fair = u32::MAX as u64 / count * count;
    let mut text = Vec::with_capacity(length);
    while text.len() < length {
        let random = match call.random_bytes((length - text.len()) * 4) {
            Ok(random) => random,
            Err(error) => return call.fail(error),
        };
        let numbers = random.chunks_exact(4).filter_map(|four| {
            let number = four.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            (number < fair).then(|| charset[(number % count) as usize])
        });
        text.extend(numbers);
    }
    call.push_bytes(&text);
    call.results(1)
}

/// `crypto.random.uuid()`
fn random_uuid(call: &mut Call) -> Outcome {
    match call.random_bytes(16) {
        Ok(random) => {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&random);
            let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
            call.push_str(&uuid.hyphenated().to_string());
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

// --- keyed digests ---

/// `crypto.hmac.name(key, data)`
fn keyed<M: Mac + hmac::KeyInit>(call: &mut Call) -> Outcome {
    let (key, data) = (call.bytes(1)?, call.bytes(2)?);
    if key.is_empty() {
        return invalid(call, "key cannot be empty");
    }
    // HMAC takes keys of every length (RFC 2104).
    let Ok(mut mac) = <M as hmac::KeyInit>::new_from_slice(&key) else {
        return invalid(call, "key cannot be empty");
    };
    mac.update(&data);
    let digest = mac.finalize().into_bytes();
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    call.push_str(&digits);
    call.results(1)
}

/// `crypto.constant_time_compare(a, b)`
fn constant_time_compare(call: &mut Call) -> Outcome {
    let (a, b) = (call.bytes(1)?, call.bytes(2)?);
    call.push_boolean(a.ct_eq(&b).into());
    call.results(1)
}

// --- encryption ---

/// A cipher by the length of its key.
#[derive(Clone, Copy)]
enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    ChaCha20,
}

impl Cipher {
    /// AES for keys of this length.
    fn aes(key: &[u8]) -> Result<Cipher, &'static str> {
        match key.len() {
            16 => Ok(Cipher::Aes128),
            24 => Ok(Cipher::Aes192),
            32 => Ok(Cipher::Aes256),
            _ => Err("key must be 16, 24, or 32 bytes"),
        }
    }

    fn chacha20(key: &[u8]) -> Result<Cipher, &'static str> {
        if key.len() == 32 { Ok(Cipher::ChaCha20) } else { Err("key must be 32 bytes") }
    }

    /// Encrypts or decrypts; `None` if the key, the nonce or the data are wrong.
    fn apply(
        self,
        way: Way,
        key: &[u8],
        nonce: &[u8],
        payload: Payload<'_, '_>,
    ) -> Option<Vec<u8>> {
        match self {
            Cipher::Aes128 => apply::<Aes128Gcm>(way, key, nonce, payload),
            Cipher::Aes192 => apply::<AesGcm<Aes192, U12>>(way, key, nonce, payload),
            Cipher::Aes256 => apply::<Aes256Gcm>(way, key, nonce, payload),
            Cipher::ChaCha20 => apply::<ChaCha20Poly1305>(way, key, nonce, payload),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Encrypt,
    Decrypt,
}

fn apply<C: Aead + aes_gcm::KeyInit>(
    way: Way,
    key: &[u8],
    nonce: &[u8],
    payload: Payload<'_, '_>,
) -> Option<Vec<u8>> {
    let cipher = C::new_from_slice(key).ok()?;
    let nonce = nonce.try_into().ok()?;
    match way {
        Way::Encrypt => cipher.encrypt(nonce, payload).ok(),
        Way::Decrypt => cipher.decrypt(nonce, payload).ok(),
    }
}

/// `crypto.encrypt.name(data, key, aad?)`
fn encrypt(call: &mut Call, choose: fn(&[u8]) -> Result<Cipher, &'static str>) -> Outcome {
    let (data, key) = (call.bytes(1)?, call.bytes(2)?);
    let aad = if call.is_nil(3) { Vec::new() } else { call.bytes(3)? };
    let cipher = match choose(&key) {
        Ok(cipher) => cipher,
        Err(text) => return invalid(call, text),
    };
    let nonce = match call.random_bytes(NONCE) {
        Ok(nonce) => nonce,
        Err(error) => return call.fail(error),
    };
    call.compute(data.len(), move || {
        let payload = Payload { msg: &data, aad: &aad };
        let encrypted = cipher.apply(Way::Encrypt, &key, &nonce, payload);
        let encrypted =
            encrypted.ok_or_else(|| Error::internal("encrypt failed").retryable(false))?;
        Ok(bytes([nonce, encrypted].concat()))
    })
}

/// `crypto.decrypt.name(data, key, aad?)`
fn decrypt(call: &mut Call, choose: fn(&[u8]) -> Result<Cipher, &'static str>) -> Outcome {
    let (data, key) = (call.bytes(1)?, call.bytes(2)?);
    let aad = if call.is_nil(3) { Vec::new() } else { call.bytes(3)? };
    let cipher = match choose(&key) {
        Ok(cipher) => cipher,
        Err(text) => return invalid(call, text),
    };
    if data.len() < NONCE + TAG {
        return invalid(call, "encrypted data too short");
    }
    call.compute(data.len(), move || {
        let (nonce, encrypted) = data.split_at(NONCE);
        let payload = Payload { msg: encrypted, aad: &aad };
        let plain = cipher.apply(Way::Decrypt, &key, nonce, payload);
        let wrong =
            || Error::internal("decrypt: wrong key, additional data or tag").retryable(false);
        plain.map(bytes).ok_or_else(wrong)
    })
}

fn encrypt_aes(call: &mut Call) -> Outcome {
    encrypt(call, Cipher::aes)
}

fn encrypt_chacha20(call: &mut Call) -> Outcome {
    encrypt(call, Cipher::chacha20)
}

fn decrypt_aes(call: &mut Call) -> Outcome {
    decrypt(call, Cipher::aes)
}

fn decrypt_chacha20(call: &mut Call) -> Outcome {
    decrypt(call, Cipher::chacha20)
}

// --- keys from passwords ---

/// `crypto.pbkdf2(password, salt, iterations, length, hash?)`
fn pbkdf2(call: &mut Call) -> Outcome {
    let (password, salt) = (call.bytes(1)?, call.bytes(2)?);
    let (rounds, length) = (call.integer(3)?, call.integer(4)?);
    let hash = call.optional_string(5)?.unwrap_or_else(|| "sha256".to_owned());
    let wrong = match (rounds, length) {
        _ if password.is_empty() => Some("password cannot be empty"),
        _ if salt.is_empty() => Some("salt cannot be empty"),
        (i64::MIN..=0, _) => Some("iterations must be positive"),
        (rounds, _) if rounds > ROUNDS => Some("iterations exceeds maximum (10000000)"),
        (_, i64::MIN..=0) => Some("key length must be positive"),
        (_, length) if length > LONGEST_KEY => Some("key length exceeds maximum (1048576)"),
        _ => None,
    };
    if let Some(text) = wrong {
        return invalid(call, text);
    }
    let derive: fn(&[u8], &[u8], u32, &mut [u8]) = match hash.as_str() {
        "sha256" => pbkdf2::pbkdf2_hmac::<Sha256>,
        "sha512" => pbkdf2::pbkdf2_hmac::<Sha512>,
        _ => {
            let error = Error::invalid(format!("unsupported hash function: {hash}"));
            return call.fail(error.retryable(false));
        }
    };
    // Each block of 32 bytes takes all rounds.
    let work = (rounds as usize).saturating_mul(length as usize / 32 + 1).saturating_mul(64);
    call.compute(work, move || {
        let mut key = vec![0; length as usize];
        derive(&password, &salt, rounds as u32, &mut key);
        Ok(bytes(key))
    })
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"pbkdf2", run: pbkdf2 },
    Function { name: c"constant_time_compare", run: constant_time_compare },
];

static RANDOMS: &[Function] = &[
    Function { name: c"bytes", run: random_bytes },
    Function { name: c"string", run: random_string },
    Function { name: c"uuid", run: random_uuid },
];

static HMACS: &[Function] = &[
    Function { name: c"sha256", run: keyed::<Hmac<Sha256>> },
    Function { name: c"sha512", run: keyed::<Hmac<Sha512>> },
];

static ENCRYPT: &[Function] = &[
    Function { name: c"aes", run: encrypt_aes },
    Function { name: c"chacha20", run: encrypt_chacha20 },
];

static DECRYPT: &[Function] = &[
    Function { name: c"aes", run: decrypt_aes },
    Function { name: c"chacha20", run: decrypt_chacha20 },
];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("crypto", FUNCTIONS, |module| {
        module.table(c"random", RANDOMS, |_| {});
        module.table(c"hmac", HMACS, |_| {});
        module.table(c"encrypt", ENCRYPT, |_| {});
        module.table(c"decrypt", DECRYPT, |_| {});
        module.table(c"jwt", tokens::FUNCTIONS, |_| {});
    });
}
