//! `crypto` (MODULES 16).

mod support;

use support::passes;

#[test]
fn random_values_have_the_length_that_is_asked_for() {
    passes(
        r##"
        local crypto = require("crypto")
        eq(#crypto.random.bytes(1), 1) eq(#crypto.random.bytes(1048576), 1048576)
        assert(crypto.random.bytes(32) ~= crypto.random.bytes(32))
        local text = crypto.random.string(5000)
        eq(#text, 5000) eq(string.find(text, "[^%w]"), nil)
        -- Each letter comes up about as often as the others.
        local counts = {}
        for letter in string.gmatch(crypto.random.string(30000, "abc"), ".") do
            counts[letter] = (counts[letter] or 0) + 1
        end
        for _, letter in { "a", "b", "c" } do assert(counts[letter] > 9000, counts[letter]) end
        eq(crypto.random.string(3, "x"), "xxx")
        assert(string.find(crypto.random.uuid(), "^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$"))
        refused("Invalid", "length must be a positive integer", crypto.random.bytes(0))
        refused("Invalid", "length must be a positive integer", crypto.random.string(-1))
        refused("Invalid", "length exceeds maximum allowed size (1MB)", crypto.random.bytes(1048577))
        refused("Invalid", "charset cannot be empty", crypto.random.string(1, ""))
        "##,
    );
}

/// RFC 4231, test case 2; PBKDF2 vectors from RFC 7914, section 11, and draft-josefsson.
#[test]
fn digests_and_keys_are_those_of_the_standards() {
    passes(
        r##"
        local crypto = require("crypto")
        eq(crypto.hmac.sha256("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        eq(#crypto.hmac.sha512("k", ""), 128)
        refused("Invalid", "key cannot be empty", crypto.hmac.sha256("", "x"))
        local function hex(bytes) return (string.gsub(bytes, ".", function(c) return string.format("%02x", string.byte(c)) end)) end
        eq(hex(crypto.pbkdf2("passwd", "salt", 1, 64)),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
            .. "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783")
        eq(#crypto.pbkdf2("p", "s", 2, 10, "sha512"), 10)
        for _, case in {
            { "password cannot be empty", "", "s", 1, 1 },
            { "salt cannot be empty", "p", "", 1, 1 },
            { "iterations must be positive", "p", "s", 0, 1 },
            { "iterations exceeds maximum (10000000)", "p", "s", 10000001, 1 },
            { "key length must be positive", "p", "s", 1, 0 },
            { "unsupported hash function: md5", "p", "s", 1, 1, "md5" },
        } do
            refused("Invalid", case[1], crypto.pbkdf2(case[2], case[3], case[4], case[5], case[6]))
        end
        eq(crypto.constant_time_compare("same", "same"), true)
        eq(crypto.constant_time_compare("same", "sama"), false)
        eq(crypto.constant_time_compare("same", "sam"), false)
        "##,
    );
}

#[test]
fn what_was_encrypted_is_decrypted_with_the_same_key_only() {
    passes(
        r##"
        local crypto = require("crypto")
        local function like(text, part) assert(string.find(text, part, 1, true), text) end
        for name, lengths in { aes = { 16, 24, 32 }, chacha20 = { 32 } } do
            local encrypt, decrypt = crypto.encrypt[name], crypto.decrypt[name]
            for _, length in lengths do
                local key = string.rep("k", length)
                for _, text in { "", "text", string.rep("long", 10000) } do
                    local sealed = encrypt(text, key)
                    eq(#sealed, #text + 28)
                    assert(sealed ~= encrypt(text, key), "the nonce is used once")
                    eq(decrypt(sealed, key), text)
                end
                local sealed = encrypt("text", key, "more")
                eq(decrypt(sealed, key, "more"), "text")
                for _, wrong in { { sealed, key }, { sealed, key, "other" }, { sealed, string.rep("x", length), "more" },
                    { string.sub(sealed, 1, -2), key, "more" }, { "x" .. string.sub(sealed, 2), key, "more" } } do
                    local plain, err = decrypt(wrong[1], wrong[2], wrong[3])
                    eq(plain, nil) eq(err:kind(), "Internal") like(err:message(), "decrypt: ")
                    eq(err:retryable(), false)
                end
                refused("Invalid", "encrypted data too short", decrypt(string.rep("x", 27), key))
            end
        end
        refused("Invalid", "key must be 16, 24, or 32 bytes", crypto.encrypt.aes("x", "short"))
        refused("Invalid", "key must be 32 bytes", crypto.decrypt.chacha20("x", "short"))
        "##,
    );
}

#[test]
fn tokens_are_signed_and_checked() {
    let keys = format!(
        "local private, public = [[{}]], [[{}]]\n",
        include_str!("keys/private.pem"),
        include_str!("keys/public.pem")
    );
    let source = r##"
        local crypto, time = require("crypto"), require("time")
        local function like(text, part) assert(string.find(text, part, 1, true), text) end
        local function fails(part, claims, err)
            eq(claims, nil) eq(err:kind(), "Internal") eq(err:retryable(), false)
            like(err:message(), "verify token: ") like(err:message(), part)
        end
        local now = time.now():unix()
        local claims = { sub = "bob", exp = now + 60, level = 3, tags = { "a", "b" }, ratio = 0.5 }
        for _, alg in { "HS256", "HS384", "HS512" } do
            local token = crypto.jwt.encode(claims, "secret", alg)
            local seen = crypto.jwt.verify(token, "secret", alg)
            eq(seen.sub, "bob") eq(seen.level, 3) eq(seen.tags[2], "b") eq(seen.ratio, 0.5) eq(seen.exp, now + 60)
            fails("InvalidSignature", crypto.jwt.verify(token, "other", alg))
            fails("", crypto.jwt.verify(token, "secret", alg == "HS256" and "HS512" or "HS256"))
            fails("", crypto.jwt.verify(string.sub(token, 1, -3), "secret", alg))
        end
        -- The example of RFC 7515, A.1 has this signature for its own header only; ours has typ and alg.
        local token = crypto.jwt.encode({ sub = "x", _header = { kid = "key 1", alg = "none" } }, "s")
        local base64 = require("base64")
        local header = string.match(token, "^[^.]+")
        header = base64.decode(header .. string.rep("=", -#header % 4))
        like(header, '"kid":"key 1"') like(header, '"alg":"HS256"')
        eq(crypto.jwt.verify(token, "s", "HS256", false)._header, nil)
        fails("exp claim is required", crypto.jwt.verify(token, "s"))
        fails("expired", crypto.jwt.verify(crypto.jwt.encode({ exp = now - 1 }, "s"), "s"))
        fails("not valid yet", crypto.jwt.verify(crypto.jwt.encode({ exp = now + 9, nbf = now + 5 }, "s"), "s"))
        fails("no number", crypto.jwt.verify(crypto.jwt.encode({ exp = "soon" }, "s"), "s"))
        fails("", crypto.jwt.verify("no.token.at all", "s"))
        fails("", crypto.jwt.verify("eyJhbGciOiJub25lIn0.e30.", "s", "HS256", false))
        -- RSA.
        local signed = crypto.jwt.encode(claims, private, "RS256")
        eq(crypto.jwt.verify(signed, public, "RS256").sub, "bob")
        -- A public key is no secret: it must not pass as one.
        fails("", crypto.jwt.verify(crypto.jwt.encode(claims, public, "HS256"), public, "RS256"))
        local none, err = crypto.jwt.encode(claims, "no key", "RS256")
        eq(none, nil) eq(err:kind(), "Invalid") like(err:message(), "invalid RSA private key: ")
        refused("Invalid", "failed to convert payload to map", crypto.jwt.encode({ 1, 2 }, "s"))
        local cyclic = {} cyclic.self = cyclic
        refused("Invalid", "failed to convert payload to map", crypto.jwt.encode(cyclic, "s"))
        _, err = crypto.jwt.encode({}, "s", "ES256")
        eq(err:message(), "sign token: unsupported algorithm")
        "##;
    passes(&(keys + source));
}
