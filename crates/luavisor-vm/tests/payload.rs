//! Payloads (SPEC 2.3, MODULES 3).

mod support;

use support::passes;

#[test]
fn formats() {
    passes(
        r#"
        local f = payload.format
        eq(f.LUA, "lua/any") eq(f.JSON, "json/plain") eq(f.YAML, "yaml/plain")
        eq(f.STRING, "text/plain") eq(f.BYTES, "application/octet-stream")
        eq(f.MSGPACK, "application/msgpack") eq(f.GOLANG, "golang/any") eq(f.ERROR, "golang/error")
        fails("attempt to modify a readonly table", function() f.LUA = "x" end)
        eq(require("payload"), payload)
        "#,
    );
}

#[test]
fn a_new_payload_holds_a_copy() {
    passes(
        r#"
        local t = {a = {1, 2}}
        local p = payload.new(t)
        eq(type(p), "userdata") eq(tostring(p), "payload{format=lua/any}") eq(p:get_format(), "lua/any")
        t.a[1] = 9
        eq(p:data().a[1], 1) eq(p:unmarshal().a[2], 2)
        assert(p:data() ~= p:data())
        eq(payload.new(nil):data(), nil) eq(payload.new():data(), nil) eq(payload.new(false):data(), false)
        eq(payload.new(p), p)
        local e = errors.new("boom")
        eq(payload.new(e):get_format(), "golang/error") eq(payload.new(e):data():message(), "boom")
        local err = fails("payload.f: a function cannot be sent", payload.new, {f = print})
        eq(err:kind(), "Invalid")
        fails("bad argument #1 to 'get_format' (payload expected, got table)", p.get_format, {})
        "#,
    );
}

#[test]
fn payloads_are_transcoded() {
    passes(
        r#"
        local f = payload.format
        local function text(v, format) return payload.new(v):transcode(format or f.STRING):data() end
        eq(text("s"), "s") eq(text(5), "5") eq(text(1e100), "1e+100") eq(text(true), "true") eq(text(nil), "")
        eq(text("s", f.BYTES), "s") eq(text(errors.new("boom")), "boom")
        local p, err = payload.new("s"):transcode(f.BYTES)
        eq(err, nil) eq(p:get_format(), f.BYTES) eq(p:transcode(f.STRING):get_format(), f.STRING)
        eq(p:transcode(f.LUA):get_format(), f.LUA)
        eq(payload.new({1}):transcode(f.GOLANG):data()[1], 1)
        eq(payload.new({1}):transcode(f.GOLANG):transcode(f.LUA):data()[1], 1)
        local e = payload.new(errors.new("boom"))
        eq(e:transcode(f.LUA):data():message(), "boom")
        eq(e:transcode(f.LUA):transcode(f.ERROR):data():message(), "boom")
        refused("Internal", "transcode failed: the data is not an error", p:transcode(f.ERROR))
        err = refused("Internal", "transcode failed: format json/plain is not supported yet", p:transcode(f.JSON))
        eq(err:retryable(), false)
        refused("Internal", "transcode failed: format yaml/plain is not supported yet", p:transcode(f.YAML))
        refused("Internal", "transcode failed: format application/msgpack is not supported yet", p:transcode(f.MSGPACK))
        refused("Internal", "transcode failed: format json/plain is not supported yet", payload.new({}):transcode(f.STRING))
        refused("Internal", "transcode failed: unknown format x", p:transcode("x"))
        fails("bad argument #2 to 'transcode' (string expected, got nil)", p.transcode, p, nil)
        "#,
    );
}

#[test]
fn a_message_shows_payloads() {
    passes(
        r#"
        local inbox, own = process.inbox(), process.pid()
        process.send(own, "t", {a = 1})
        local msg = inbox:receive()
        eq(tostring(msg), "process.Message{topic=t}") eq(msg:topic(), "t") eq(msg:from(), own)
        local p = msg:payload()
        eq(type(p), "userdata") eq(tostring(p), "payload{format=lua/any}") eq(p:get_format(), "lua/any")
        eq(p:data().a, 1) eq(p:unmarshal().a, 1) eq(type(p.data), "function")
        eq(p:transcode(payload.format.GOLANG):get_format(), "golang/any")
        process.send(own, "t")
        eq(inbox:receive():payload(), nil)
        process.send(own, "t", nil)
        p = inbox:receive():payload()
        eq(p:data(), nil) eq(p:transcode("text/plain"):data(), "")
        process.send(own, "t", 1, nil, "three")
        local list = inbox:receive():payload()
        eq(#list, 3) eq(list[1]:data(), 1) eq(list[2]:data(), nil) eq(list[3]:transcode("text/plain"):data(), "three")
        "#,
    );
}

#[test]
fn a_payload_travels_as_itself() {
    passes(
        r#"
        local inbox, own = process.inbox(), process.pid()
        process.send(own, "t", payload.new("x"):transcode("text/plain"))
        local p = inbox:receive():payload()
        eq(p:get_format(), "text/plain") eq(p:data(), "x")
        -- what a message showed can be sent on
        process.send(own, "t", {1})
        process.send(own, "t", inbox:receive():payload())
        eq(inbox:receive():payload():data()[1], 1)
        local first, second = 1, payload.new(2)
        process.send(own, "t", first, second)
        local list = inbox:receive():payload()
        eq(list[1]:data(), 1) eq(list[2]:data(), 2)
        "#,
    );
}
