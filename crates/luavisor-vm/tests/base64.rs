//! `base64` (MODULES 15).

mod support;

use support::passes;

#[test]
fn bytes_become_text_and_come_back() {
    passes(
        r#"
        local base64 = require("base64")
        for bytes, text in {[""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", ["\0\xff\xfe"] = "AP/+"} do
            eq(base64.encode(bytes), text) eq(base64.decode(text), bytes)
        end
        local all = ""
        for byte = 0, 255 do all ..= string.char(byte) end
        eq(base64.decode(base64.encode(all)), all)
        eq(base64.decode("Zm\r\n9v\n"), "foo")
        "#,
    );
}

#[test]
fn other_texts_are_refused() {
    passes(
        r#"
        local base64 = require("base64")
        refused("Invalid", "string expected", base64.encode(5)) refused("Invalid", "string expected", base64.encode())
        local err = refused("Invalid", "string expected", base64.decode({})) eq(err:retryable(), false)
        local function fails(text, place)
            refused("Invalid", `decode failed: illegal base64 data at input byte {place}`, base64.decode(text))
        end
        fails("Zm9*", 3) fails("Zm\n9*", 4) fails("Zm9", 3) fails("Z", 1) fails("_-8=", 0) fails("\xff", 0) fails("Zh==", 1)
        "#,
    );
}
