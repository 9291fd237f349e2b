//! `hash` (MODULES 15). The expected digests are those of RFC 1321, RFC 2202,
//! RFC 3174, RFC 4231, FIPS 180 and the FNV draft.

mod support;

use support::passes;

#[test]
fn digests() {
    passes(
        r#"
        local hash = require("hash")
        eq(hash.md5("abc"), "900150983cd24fb0d6963f7d28e17f72")
        eq(hash.sha1("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d")
        eq(hash.sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        eq(hash.sha512(""), "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e")
        eq(#hash.md5("", true), 16) eq(#hash.sha512("\0\xff", true), 64) eq(string.byte(hash.sha1("abc", true)), 0xa9)
        eq(hash.hmac_md5("what do ya want for nothing?", "Jefe"), "750c783e6ab0b503eaa86e310a5db738")
        eq(hash.hmac_sha1("what do ya want for nothing?", "Jefe"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
        eq(hash.hmac_sha256("what do ya want for nothing?", "Jefe"), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        eq(string.sub(hash.hmac_sha512("what do ya want for nothing?", "Jefe"), 1, 16), "164b7a7bfcf819e2")
        eq(#hash.hmac_sha512("", string.rep("k", 1000), true), 64)
        eq(hash.fnv32(""), 0x811c9dc5) eq(hash.fnv32("a"), 0x050c5d7e) eq(hash.fnv64("a"), 0xaf63bd4c8601b7be)
        "#,
    );
}

#[test]
fn arguments_that_are_no_strings_are_refused() {
    passes(
        r#"
        local hash = require("hash")
        for name, f in hash do
            local err = refused("Invalid", "data must be a string", f(5, "secret")) eq(err:retryable(), false)
            if string.find(name, "hmac", 1, true) then refused("Invalid", "secret must be a string", f("data")) end
        end
        "#,
    );
}
