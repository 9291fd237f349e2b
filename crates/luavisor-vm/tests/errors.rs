//! Error objects (SPEC 8).

mod support;

use luavisor_core::Maker;
use support::{Bench, failure, passes};

#[test]
fn kinds_are_read_only_constants() {
    passes(
        r#"
        local kinds = {
            NOT_FOUND = "NotFound", ALREADY_EXISTS = "AlreadyExists", INVALID = "Invalid",
            PERMISSION_DENIED = "PermissionDenied", UNAVAILABLE = "Unavailable",
            INTERNAL = "Internal", CANCELED = "Canceled", CONFLICT = "Conflict",
            TIMEOUT = "Timeout", RATE_LIMITED = "RateLimited", UNKNOWN = "",
        }
        for name, kind in kinds do eq(errors[name], kind) end
        fails("attempt to modify a readonly table", function() errors.INVALID = "x" end)
        eq(require("errors"), errors)
        "#,
    );
}

#[test]
fn an_error_is_made_from_a_text_or_a_table() {
    passes(
        r#"
        local e = errors.new("boom")
        eq(type(e), "userdata")
        eq(e:message(), "boom") eq(e:kind(), "") eq(e:retryable(), nil) eq(e:details(), nil)
        eq(tostring(e), "boom")
        e = errors.new{message = "m", kind = "Own", retryable = false, details = {a = 1}}
        eq(e:message(), "m") eq(e:kind(), "Own") eq(e:retryable(), false) eq(e:details().a, 1)
        assert(e:details() ~= e:details())
        -- fields of a wrong type are ignored
        e = errors.new{message = "m", kind = 7, retryable = "yes", details = "none"}
        eq(e:kind(), "") eq(e:retryable(), nil) eq(e:details(), nil)
        fails("bad argument #1 to 'new' (field 'message' must be a string)", errors.new, {})
        fails("field 'message' must be a string", errors.new, {message = 5})
        fails("bad argument #1 to 'new' (string or table expected, got nil)", errors.new, nil)
        fails("string or table expected, got number", errors.new, 5)
        fails("bad argument #1 to 'kind' (error expected, got table)", e.kind, {})
        "#,
    );
}

#[test]
fn details_keep_what_can_be_shown() {
    passes(
        r#"
        local inner = {text = "t"}
        inner.again = inner
        local details = errors.new{message = "m", details = {
            s = "s", n = 1.5, b = false, t = inner, u = inner,
            f = print, c = channel.new(), [1] = "array", [true] = 1,
        }}:details()
        eq(details.s, "s") eq(details.n, 1.5) eq(details.b, false)
        eq(details.t.text, "t") eq(details.t, details.u) eq(details.t.again, details.t)
        eq(details.f, nil) eq(details.c, nil) eq(details[1], nil) eq(details[true], nil)
        eq(errors.new{message = "m", details = {}}:details(), nil)
        eq(errors.new{message = "m", details = {print}}:details(), nil)
        "#,
    );
}

#[test]
fn wrapping_shows_in_the_stack_only() {
    passes(
        r#"
        local e = errors.new{message = "boom", kind = errors.TIMEOUT, retryable = true, details = {a = 1}}
        local w = errors.wrap(errors.wrap(e, "inner"), "outer")
        eq(w:message(), "boom") eq(tostring(w), "boom") eq(w:kind(), "Timeout")
        eq(w:retryable(), true) eq(w:details().a, 1)
        local stack = w:stack()
        assert(string.find(stack, "^boom\n  context: inner\n  context: outer\n  at app:main:2"), stack)
        assert(not string.find(e:stack(), "context"))
        local s = errors.wrap("text", "ctx")
        eq(s:message(), "text") eq(s:kind(), "")
        assert(string.find(s:stack(), "^text\n  context: ctx\n  at app:main:9"), s:stack())
        fails("bad argument #1 to 'wrap' (error or string expected, got nil)", errors.wrap, nil, "x")
        fails("bad argument #2 to 'wrap' (string expected, got no value)", errors.wrap, e)
        "#,
    );
}

#[test]
fn is_compares_kinds() {
    passes(
        r#"
        local e = errors.new{message = "m", kind = errors.INVALID}
        eq(errors.is(e, errors.INVALID), true) eq(errors.is(e, errors.TIMEOUT), false)
        for _, v in {"Invalid", 5, {}, true} do eq(errors.is(v, errors.INVALID), false) end
        eq(errors.is(nil, errors.INVALID), false)
        fails("bad argument #2 to 'is' (string expected, got nil)", errors.is, e, nil)
        "#,
    );
}

#[test]
fn frames_are_those_of_errors_new() {
    passes(
        r#"
        function make() return errors.new("boom") end
        local e = make()
        local stack = errors.call_stack(e)
        eq(type(stack.thread), "string")
        local first = stack.frames[1]
        eq(first.level, 1) eq(first.source, "app:main") eq(first.line, 2)
        eq(first.name, "make") eq(first.type, "Lua")
        eq(stack.frames[2].line, 3)
        eq(errors.call_stack("text"), nil)
        eq(errors.call_stack(nil), nil)
        local _, invalid = process.listen("")
        eq(errors.call_stack(invalid), nil)
        assert(string.find(e:stack(), "boom\n  at app:main:2 in make\n  at app:main:3"), e:stack())
        "#,
    );
}

#[test]
fn errors_are_texts_where_texts_are_expected() {
    passes(
        r#"
        local e = errors.new("boom")
        eq("<" .. e .. ">", "<boom>") eq(e .. e, "boomboom")
        eq(string.upper(e), "BOOM") eq(string.find(e, "oo"), 2) eq(string.format("%s!", e), "boom!") eq(string.gsub(e, "o", "0"), "b00m")
        eq(select(2, pcall(error, e)), e)
        local _, text = pcall(function() error("x") end)
        eq(text, "app:main:6: x")
        eq(type(e.kind), "function")
        fails("attempt to concatenate", function() return e .. {} end)
        "#,
    );
}

#[test]
fn an_error_that_ends_the_process_keeps_itself() {
    let error =
        failure(r#"error(errors.new{message = "m", kind = "Conflict", retryable = false})"#);
    assert_eq!((&*error.message, error.kind.as_str()), ("m", "Conflict"));
    assert_eq!((error.retryable, error.maker), (Some(false), Maker::Program));
    assert!(!error.frames.is_empty());
    let error = failure(r#"return nil, errors.new("m")"#);
    assert_eq!((&*error.message, error.kind.as_str()), ("m", "Internal"));
}

#[test]
fn an_error_of_the_runtime_is_not_the_programs() {
    let exit = Bench::new().run(
        r#"local _, err = process.listen("")
        return nil, errors.wrap(err, "listening")"#,
    );
    assert_eq!(exit.error.map(|error| error.maker), Some(Maker::Runtime));
}
