//! `crypto.jwt`: signed tokens (RFC 7519).
//!
//! Only the algorithm that the caller names is accepted. Times are those of the kernel's
//! wall clock, so that a simulation can let a token expire.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use luavisor_core::Error;
use serde_json::{Map, Value};

use super::super::refusal::invalid;
use crate::codec::json;
use crate::ffi::call::{Call, Function, Outcome};

/// The claim that goes into the header instead.
const HEADER: &str = "_header";

fn algorithm(call: &Call, index: i32) -> Result<Option<Algorithm>, crate::ffi::error::Raise> {
    let name = call.optional_string(index)?;
    Ok(match name.as_deref().unwrap_or("HS256") {
        "HS256" => Some(Algorithm::HS256),
        "HS384" => Some(Algorithm::HS384),
        "HS512" => Some(Algorithm::HS512),
        "RS256" => Some(Algorithm::RS256),
        _ => None,
    })
}

/// Internal `<what>: <cause>`.
fn failed(call: &mut Call, what: &str, cause: impl std::fmt::Display) -> Outcome {
    call.fail(Error::internal(format!("{what}: {cause}")).retryable(false))
}

/// `crypto.jwt.encode(claims, key, alg?)`
fn encode(call: &mut Call) -> Outcome {
    if !call.is_table(1) {
        return Err(call.wrong(1, "table"));
    }
    let key = call.bytes(2)?;
    let Some(algorithm) = algorithm(call, 3)? else {
        return failed(call, "sign token", "unsupported algorithm");
    };
    let text = call.look(1, json::write)?;
    let claims = text.ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let mut claims = match claims {
        Some(Value::Object(claims)) => claims,
        // An empty table.
        Some(Value::Array(list)) if list.is_empty() => Map::new(),
        _ => return invalid(call, "failed to convert payload to map"),
    };
    let mut header = Header::new(algorithm);
    if let Some(Value::Object(more)) = claims.remove(HEADER) {
        let plain = serde_json::to_value(&header).ok();
        let Some(Value::Object(mut fields)) = plain else {
            return failed(call, "sign token", "header");
        };
        // The algorithm is the one that signs.
        fields.extend(more.into_iter().filter(|(name, _)| name != "alg"));
        header = match serde_json::from_value(Value::Object(fields)) {
            Ok(header) => header,
            Err(error) => return failed(call, "sign token", error),
        };
    }
    let key = match algorithm {
        Algorithm::RS256 => match EncodingKey::from_rsa_pem(&key) {
            Ok(key) => key,
            Err(error) => {
                let text = format!("invalid RSA private key: {error}");
                return call.fail(Error::invalid(text).retryable(false));
            }
        },
        _ => EncodingKey::from_secret(&key),
    };
    match jsonwebtoken::encode(&header, &claims, &key) {
        Ok(token) => {
            call.push_str(&token);
            call.results(1)
        }
        Err(error) => failed(call, "sign token", error),
    }
}

/// `crypto.jwt.verify(token, key, alg?, require_exp?)`
fn verify(call: &mut Call) -> Outcome {
    let (token, key) = (call.string(1)?, call.bytes(2)?);
    let Some(algorithm) = algorithm(call, 3)? else {
        return failed(call, "verify token", "unsupported algorithm");
    };
    let require_exp = call.is_nil(4) || call.boolean(4);
    let key = match algorithm {
        Algorithm::RS256 => match DecodingKey::from_rsa_pem(&key) {
            Ok(key) => key,
            Err(error) => return failed(call, "verify token", error),
        },
        _ => DecodingKey::from_secret(&key),
    };
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf) = (false, false);
    validation.validate_aud = false;
    let claims = match jsonwebtoken::decode::<Map<String, Value>>(&token, &key, &validation) {
        Ok(data) => data.claims,
        Err(error) => return failed(call, "verify token", error),
    };
    let now = call.kernel().wall().0 as f64;
    let time = |name: &str| claims.get(name).map(Value::as_f64);
    let cause = match (time("exp"), time("nbf")) {
        (Some(None), _) | (_, Some(None)) => Some("a time is no number"),
        (None, _) if require_exp => Some("exp claim is required"),
        (Some(Some(exp)), _) if exp <= now => Some("token is expired"),
        (_, Some(Some(nbf))) if nbf > now => Some("token is not valid yet"),
        _ => None,
    };
    if let Some(cause) = cause {
        return failed(call, "verify token", cause);
    }
    let text = Value::Object(claims).to_string();
    match call.build(|builder| json::read(text.as_bytes(), builder)) {
        Ok(()) => call.results(1),
        Err(cause) => failed(call, "verify token", cause),
    }
}

/// The functions of the table.
pub static FUNCTIONS: &[Function] =
    &[Function { name: c"encode", run: encode }, Function { name: c"verify", run: verify }];
