//! UUIDs (MODULES 14).

mod support;

use support::passes;

#[test]
fn uuids_are_made() {
    passes(
        r#"
        local uuid = require("uuid")
        local pattern = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"
        for _, version in {1, 4, 7} do
            local make = uuid[`v{version}`]
            local id = make()
            assert(string.match(id, pattern) and id == string.lower(id), id)
            eq(uuid.version(id), version) eq(uuid.variant(id), "RFC4122")
            assert(make() ~= id)
        end
        eq(uuid.parse(uuid.v1()).timestamp, 1762095845) eq(#uuid.parse(uuid.v1()).node, 6)
        eq(uuid.parse(uuid.v7()).timestamp, 1762095845) eq(uuid.parse(uuid.v7()).node, nil)
        eq(uuid.parse(uuid.v4()).timestamp, nil)
        "#,
    );
}

#[test]
fn named_uuids() {
    passes(
        r#"
        local uuid = require("uuid")
        local dns = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
        eq(uuid.v3(dns, "www.example.com"), "5df41881-3aed-3515-88a7-2f4a814cf09e")
        eq(uuid.v5(dns, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2")
        eq(refused("Invalid", "namespace and name must be strings", uuid.v3(dns, 5)):retryable(), false)
        refused("Invalid", "namespace and name must be strings", uuid.v5())
        refused("Invalid", "invalid namespace UUID", uuid.v5("x", "y"))
        "#,
    );
}

#[test]
fn uuids_are_read() {
    passes(
        r#"
        local uuid = require("uuid")
        local id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
        for _, form in {id, string.upper(id), "urn:uuid:" .. id, "{" .. id .. "}", (string.gsub(id, "-", ""))} do
            eq(uuid.validate(form), true) eq(uuid.format(form), id) eq(uuid.version(form), 1)
        end
        local parsed = uuid.parse(id)
        eq(parsed.version, 1) eq(parsed.variant, "RFC4122")
        eq(parsed.timestamp, 886630433) eq(parsed.node, "\x00\xc0\x4f\xd4\x30\xc8")
        eq(uuid.variant("6ba7b810-9dad-41d1-c0b4-00c04fd430c8"), "Microsoft")
        eq(uuid.variant("6ba7b810-9dad-41d1-00b4-00c04fd430c8"), "NCS")
        eq(uuid.variant("6ba7b810-9dad-41d1-e0b4-00c04fd430c8"), "Future")
        eq(uuid.validate("x"), false) eq(uuid.validate(5), false) eq(uuid.validate(nil), false)
        for _, f in {uuid.version, uuid.variant, uuid.parse, uuid.format} do
            eq(refused("Invalid", "input must be a string", f(5)):retryable(), false)
            refused("Invalid", "input must be a string", f())
            refused("Invalid", "invalid UUID format", f("6ba7b810"))
        end
        eq(uuid.format(id, "simple"), "6ba7b8109dad11d180b400c04fd430c8")
        eq(uuid.format(id, "urn"), "urn:uuid:" .. id) eq(uuid.format(id, "standard"), id)
        for _, style in {"x", "", "\xff", 5, true, {}} do
            refused("Invalid", "unsupported format", uuid.format(id, style))
        end
        "#,
    );
}
