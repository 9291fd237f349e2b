use super::*;
use crate::codec::json;

fn document(text: &str) -> Document {
    let mut sink = DocumentSink::default();
    json::read(text.as_bytes(), &mut sink).unwrap();
    sink.finish()
}

/// What the check of a value comes to, in a word or in the words of the message.
fn checked(schema: &str, value: &str) -> String {
    let schema = match compile(&document(schema)) {
        Ok(schema) => schema,
        Err(cause) => return format!("schema: {cause}"),
    };
    match schema.check(&document(value), false) {
        Ok(()) => "ok".to_owned(),
        Err(failure) => failure.to_string(),
    }
}

#[track_caller]
fn table(rows: &[(&str, &str, &str)]) {
    for (schema, value, expected) in rows {
        assert_eq!(checked(schema, value), *expected, "{schema} {value}");
    }
}

#[test]
fn types_and_values() {
    table(&[
        ("true", "1", "ok"),
        ("{}", "null", "ok"),
        ("false", "1", "is not allowed"),
        (r#"{"type":"string"}"#, r#""x""#, "ok"),
        (r#"{"type":"string"}"#, "1", "expected string, got number"),
        (r#"{"type":["string","null"]}"#, "null", "ok"),
        (r#"{"type":["string","null"]}"#, "[]", "expected null or string, got array"),
        (r#"{"type":"integer"}"#, "3.0", "ok"),
        (r#"{"type":"integer"}"#, "3.5", "expected integer, got number"),
        (r#"{"type":"number"}"#, "3", "ok"),
        (r#"{"type":"object"}"#, "[]", "expected object, got array"),
        (r#"{"type":"array"}"#, "{}", "expected array, got object"),
        (r#"{"type":"boolean"}"#, "true", "ok"),
        (r#"{"enum":["a",1,null]}"#, "null", "ok"),
        (r#"{"enum":["a",1,null]}"#, "2", "expected \"a\", 1 or null"),
        (r#"{"enum":[{"a":[1]}]}"#, r#"{"a":[1]}"#, "ok"),
        (r#"{"enum":[]}"#, "1", "is not allowed"),
        (r#"{"enum":[1,2,3,4,5,6,7,8,9]}"#, "0", "is none of the 9 values of enum"),
        (r#"{"const":{"b":1,"a":2}}"#, r#"{"a":2,"b":1}"#, "ok"),
        (r#"{"const":1}"#, "1.0", "ok"),
        (r#"{"const":false}"#, "0", "expected false"),
    ]);
}

#[test]
fn numbers() {
    table(&[
        (r#"{"minimum":3,"maximum":5}"#, "3", "ok"),
        (r#"{"minimum":3}"#, "2.5", "2.5 is below the minimum 3"),
        (r#"{"maximum":3}"#, "4", "4 is above the maximum 3"),
        (r#"{"exclusiveMinimum":3}"#, "3", "3 is not above 3"),
        (r#"{"exclusiveMaximum":3}"#, "3", "3 is not below 3"),
        (r#"{"minimum":3,"exclusiveMinimum":true}"#, "3", "3 is not above 3"),
        (r#"{"maximum":3,"exclusiveMaximum":false}"#, "3", "ok"),
        (r#"{"minimum":3}"#, r#""1""#, "ok"),
        (r#"{"multipleOf":0.1}"#, "0.3", "ok"),
        (r#"{"multipleOf":2}"#, "-4", "ok"),
        (r#"{"multipleOf":2}"#, "3", "3 is no multiple of 2"),
        (r#"{"multipleOf":0.01}"#, "1e300", "ok"),
    ]);
}

#[test]
fn strings() {
    table(&[
        (r#"{"minLength":2,"maxLength":3}"#, r#""äöü""#, "ok"),
        (r#"{"minLength":2}"#, r#""ä""#, "has 1 characters, expected at least 2"),
        (r#"{"maxLength":2}"#, r#""abc""#, "has 3 characters, expected at most 2"),
        (r#"{"pattern":"b+"}"#, r#""abbc""#, "ok"),
        (r#"{"pattern":"^b+"}"#, r#""abbc""#, "does not match ^b+"),
        (r#"{"pattern":"^b+"}"#, "5", "ok"),
        (r#"{"pattern":"^\\w{1,200}$"}"#, r#""a_1""#, "ok"),
        (r#"{"pattern":"^\\w$"}"#, r#""ä""#, r"does not match ^\w$"),
        (r#"{"pattern":"^[\\w.-]+@[^\\d[&]+$"}"#, r#""a.b-c@d""#, "ok"),
        (
            r#"{"pattern":"^[\\w.-]+@[^\\d[&]+$"}"#,
            r#""a@d[""#,
            r"does not match ^[\w.-]+@[^\d[&]+$",
        ),
        (r#"{"pattern":"\\bcat\\b"}"#, r#""a cat.""#, "ok"),
        (r#"{"pattern":"^\\/a\\/\\D+$"}"#, r#""/a/b""#, "ok"),
        (r#"{"format":"email"}"#, r#""ada@example.org""#, "ok"),
        (r#"{"format":"email"}"#, r#""ada""#, "is no email"),
        (r#"{"format":"email"}"#, r#""a b@x""#, "is no email"),
        (r#"{"format":"uri"}"#, r#""https://example.org/a?b=%20#c""#, "ok"),
        (r#"{"format":"uri"}"#, r#""/a""#, "is no uri"),
        (r#"{"format":"uri"}"#, r#""a:%zz""#, "is no uri"),
        (r#"{"format":"date"}"#, r#""2024-02-29""#, "ok"),
        (r#"{"format":"date"}"#, r#""2023-02-29""#, "is no date"),
        (r#"{"format":"time"}"#, r#""23:59:60Z""#, "ok"),
        (r#"{"format":"time"}"#, r#""23:59:59.5+01:00""#, "ok"),
        (r#"{"format":"time"}"#, r#""23:59:59""#, "is no time"),
        (r#"{"format":"time"}"#, r#""24:00:00Z""#, "is no time"),
        (r#"{"format":"date-time"}"#, r#""2025-11-26T10:00:00Z""#, "ok"),
        (r#"{"format":"date-time"}"#, r#""2025-11-26""#, "is no date-time"),
        (r#"{"format":"uuid"}"#, r#""123e4567-e89b-12d3-a456-426614174000""#, "ok"),
        (r#"{"format":"uuid"}"#, r#""123e4567e89b12d3a456426614174000""#, "is no uuid"),
        (r#"{"format":"ipv4"}"#, r#""10.0.0.1""#, "ok"),
        (r#"{"format":"ipv4"}"#, r#""10.0.0.256""#, "is no ipv4"),
        (r#"{"format":"ipv6"}"#, r#""::1""#, "ok"),
        (r#"{"format":"ipv6"}"#, r#""::g""#, "is no ipv6"),
        (r#"{"format":"shoe-size"}"#, r#""large""#, "ok"),
        (r#"{"format":"date"}"#, "5", "ok"),
    ]);
}

#[test]
fn objects() {
    let shop = r#"{"properties":{"a":{"type":"number"},"b":{"type":"string"}},
        "patternProperties":{"^x":{"type":"boolean"}},"additionalProperties":false,
        "required":["a"]}"#;
    table(&[
        (shop, r#"{"a":1,"b":"x","x1":true}"#, "ok"),
        (shop, "{}", "a is missing"),
        (shop, "5", "ok"),
        (
            shop,
            r#"{"b":1,"x1":0,"c":2}"#,
            "a is missing; /b: expected string, got number; /c: is not allowed; \
             /x1: expected boolean, got number",
        ),
        (
            r#"{"additionalProperties":{"type":"number"}}"#,
            r#"{"k":"v"}"#,
            "/k: expected number, got string",
        ),
        (r#"{"minProperties":1}"#, "{}", "has 0 properties, expected at least 1"),
        (r#"{"maxProperties":1}"#, r#"{"a":1,"b":2}"#, "has 2 properties, expected at most 1"),
        (r#"{"propertyNames":{"maxLength":2}}"#, r#"{"ab":1}"#, "ok"),
        (r#"{"propertyNames":{"maxLength":2}}"#, r#"{"abc":1}"#, "the name abc does not match"),
        (r#"{"dependentRequired":{"a":["b"]}}"#, r#"{"a":1}"#, "b is missing"),
        (r#"{"dependentRequired":{"a":["b"]}}"#, r#"{"c":1}"#, "ok"),
        (r#"{"dependencies":{"a":["b"]}}"#, r#"{"a":1}"#, "b is missing"),
        (r#"{"dependencies":{"a":{"required":["c"]}}}"#, r#"{"a":1}"#, "c is missing"),
        (r#"{"dependentSchemas":{"a":{"maxProperties":1}}}"#, r#"{"a":1}"#, "ok"),
    ]);
}

#[test]
fn arrays() {
    let tuple = r#"{"prefixItems":[{"type":"number"},{"type":"string"}],"items":false}"#;
    let old = r#"{"items":[{"type":"number"}],"additionalItems":{"type":"string"}}"#;
    table(&[
        (r#"{"items":{"type":"number"}}"#, "[1,2]", "ok"),
        (
            r#"{"items":{"type":"number"}}"#,
            r#"[1,"x",null]"#,
            "/1: expected number, got string; /2: expected number, got null",
        ),
        (tuple, r#"[1,"x"]"#, "ok"),
        (tuple, "[1]", "ok"),
        (tuple, r#"[1,"x",2]"#, "/2: is not allowed"),
        (old, r#"[1,"x","y"]"#, "ok"),
        (old, "[1,2]", "/1: expected string, got number"),
        (r#"{"minItems":1}"#, "[]", "has 0 elements, expected at least 1"),
        (r#"{"maxItems":1}"#, "[1,2]", "has 2 elements, expected at most 1"),
        (r#"{"uniqueItems":true}"#, r#"[1,"1",[1],{"a":1}]"#, "ok"),
        (r#"{"uniqueItems":true}"#, "[{\"a\":1},{\"a\":1}]", "element 1 repeats an earlier one"),
        (r#"{"uniqueItems":false}"#, "[1,1]", "ok"),
        (r#"{"contains":{"const":1}}"#, "[2,1]", "ok"),
        (r#"{"contains":{"const":1}}"#, "[2]", "0 elements match contains, expected at least 1"),
        (r#"{"contains":{"const":1},"minContains":0}"#, "[2]", "ok"),
        (
            r#"{"contains":{"const":1},"maxContains":1}"#,
            "[1,1]",
            "2 elements match contains, expected at most 1",
        ),
    ]);
}

#[test]
fn combinations() {
    let if_then = r#"{"if":{"type":"number"},"then":{"minimum":1},"else":{"type":"string"}}"#;
    table(&[
        (r#"{"allOf":[{"type":"number"},{"minimum":2}]}"#, "2", "ok"),
        (
            r#"{"allOf":[{"type":"string"},{"minimum":2}]}"#,
            "1",
            "expected string, got number; 1 is below the minimum 2",
        ),
        (r#"{"anyOf":[{"type":"string"},{"minimum":2}]}"#, "3", "ok"),
        (r#"{"anyOf":[{"type":"string"},{"minimum":2}]}"#, "1", "matches no schema of anyOf"),
        (r#"{"oneOf":[{"minimum":1},{"minimum":2}]}"#, "1", "ok"),
        (r#"{"oneOf":[{"minimum":1},{"minimum":2}]}"#, "0", "matches no schema of oneOf"),
        (r#"{"oneOf":[{"minimum":1},{"minimum":2}]}"#, "2", "matches 2 schemas of oneOf, not one"),
        (r#"{"not":{"type":"string"}}"#, "1", "ok"),
        (r#"{"not":{"type":"string"}}"#, r#""x""#, "matches the schema of not"),
        (if_then, "1", "ok"),
        (if_then, "0", "0 is below the minimum 1"),
        (if_then, "null", "expected string, got null"),
        (r#"{"then":false}"#, "1", "ok"),
    ]);
}

#[test]
fn references() {
    let list = r##"{"type":["object","null"],"properties":{"next":{"$ref":"#"}}}"##;
    table(&[
        (r##"{"$defs":{"n":{"type":"number"}},"$ref":"#/$defs/n"}"##, "1", "ok"),
        (
            r##"{"definitions":{"n":{"type":"number"}},"items":{"$ref":"#/definitions/n"}}"##,
            r#"["x"]"#,
            "/0: expected number, got string",
        ),
        (list, r#"{"next":{"next":null}}"#, "ok"),
        (list, r#"{"next":{"next":5}}"#, "/next/next: expected null or object, got number"),
        (r##"{"$defs":{"a/b":{"x%":false}},"$ref":"#/$defs/a~1b/x%25"}"##, "1", "is not allowed"),
        (
            r##"{"$defs":{"a":{"$anchor":"here","minimum":2}},"$ref":"#here"}"##,
            "1",
            "1 is below the minimum 2",
        ),
        (
            r##"{"$defs":{"a":{"$id":"urn:a","minimum":2}},"$ref":"urn:a"}"##,
            "1",
            "1 is below the minimum 2",
        ),
        (
            r##"{"$id":"https://x.org/s","$defs":{"a":false},"$ref":"https://x.org/s#/$defs/a"}"##,
            "1",
            "is not allowed",
        ),
        (r##"{"allOf":[false,true],"items":{"$ref":"#/allOf/1"}}"##, "[1]", "is not allowed"),
        // Beside a reference counts nothing in older drafts, everything in newer ones.
        (
            r##"{"$ref":"#/$defs/a","$defs":{"a":true},"minimum":2}"##,
            "1",
            "1 is below the minimum 2",
        ),
        (
            r##"{"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/$defs/a","$defs":{"a":true},"minimum":2}"##,
            "1",
            "ok",
        ),
        (r##"{"$ref":"#"}"##, "1", "the schema refers to itself too deeply"),
        (r##"{"anyOf":[{"$ref":"#"},true]}"##, "1", "the schema refers to itself too deeply"),
    ]);
}

#[test]
fn what_is_no_schema() {
    table(&[
        ("5", "1", "schema: a schema has to be an object or a boolean, not number"),
        (r#"{"items":"x"}"#, "1", "schema: a schema has to be an object or a boolean, not string"),
        (
            r#"{"type":"text"}"#,
            "1",
            "schema: type \"text\" is none of null, boolean, number, integer, string, array, object",
        ),
        (r#"{"type":[]}"#, "1", "schema: type has to be a string or a list of strings"),
        (r#"{"minimum":"1"}"#, "1", "schema: minimum has to be a number"),
        (r#"{"minLength":-1}"#, "1", "schema: minLength has to be a whole number from 0"),
        (r#"{"maxItems":1.5}"#, "1", "schema: maxItems has to be a whole number from 0"),
        (r#"{"multipleOf":0}"#, "1", "schema: multipleOf has to be a number above 0"),
        (r#"{"required":"a"}"#, "1", "schema: required has to be a list of strings"),
        (r#"{"required":true}"#, "1", "schema: required has to be a list of strings"),
        (r#"{"enum":1}"#, "1", "schema: enum has to be a list"),
        (r#"{"allOf":[]}"#, "1", "schema: allOf has to be a list of schemas"),
        (r#"{"properties":[1]}"#, "1", "schema: properties has to be an object of schemas"),
        (r#"{"uniqueItems":1}"#, "1", "schema: uniqueItems has to be a boolean"),
        (r#"{"pattern":"("}"#, "1", "schema: pattern: unclosed group"),
        (
            r#"{"patternProperties":{"[":true}}"#,
            "1",
            "schema: patternProperties: unclosed character class",
        ),
        (
            r#"{"pattern":"(\\pL{99}){99}"}"#,
            "1",
            "schema: pattern: Compiled regex exceeds size limit of 524288 bytes.",
        ),
        (
            r##"{"$ref":"#/$defs/none"}"##,
            "1",
            "schema: $ref \"#/$defs/none\" leads to nothing in this schema",
        ),
        (
            r#"{"$ref":"other.json"}"#,
            "1",
            "schema: $ref \"other.json\" leads to nothing in this schema",
        ),
        (r#"{"$ref":5}"#, "1", "schema: $ref has to be a string"),
        (
            r#"{"unevaluatedProperties":false}"#,
            "1",
            "schema: unevaluatedProperties is not supported",
        ),
        (r#"{"title":5,"x-mine":{"type":"odd"}}"#, "1", "ok"),
    ]);
}

#[test]
fn an_empty_table_of_lua_is_an_object_and_an_array() {
    for (schema, of_lua, of_text) in [
        (r#"{"type":"object"}"#, true, false),
        (r#"{"type":"array"}"#, true, true),
        (r#"{"required":["a"]}"#, false, true),
        (r#"{"const":{}}"#, true, false),
        (r#"{"const":[]}"#, true, true),
        (r#"{"type":"string"}"#, false, false),
    ] {
        let schema = compile(&document(schema)).unwrap();
        let empty = document("[]");
        assert_eq!(schema.check(&empty, true).is_ok(), of_lua, "{schema:?}");
        assert_eq!(schema.check(&empty, false).is_ok(), of_text, "{schema:?}");
    }
}

#[test]
fn many_problems_are_counted() {
    let text = format!("[{}]", vec!["1"; 30].join(","));
    let problems = checked(r#"{"items":{"type":"string"}}"#, &text);
    assert_eq!(problems.matches("expected string").count(), LISTED);
    assert!(problems.ends_with("; and 10 more"), "{problems}");
}

/// Work doubles with each level: 2^40 checks in less than two KB.
fn explosion(keyword: &str) -> String {
    let mut text = String::from("{\"$defs\":{\"d0\":{\"type\":\"number\"}");
    for level in 1..=40 {
        let below = format!("{{\"$ref\":\"#/$defs/d{}\"}}", level - 1);
        text.push_str(&format!(",\"d{level}\":{{\"{keyword}\":[{below},{below}]}}"));
    }
    text.push_str("},\"$ref\":\"#/$defs/d40\"}");
    text
}

#[test]
fn schemas_that_explode_end_soon() {
    for (keyword, value) in [("allOf", "1"), ("oneOf", "1"), ("anyOf", "\"x\"")] {
        let schema = compile(&document(&explosion(keyword))).unwrap();
        assert_eq!(schema.check(&document(value), false), Err(Failure::Exhausted), "{keyword}");
    }
    // Regular expressions are charged by their size, and long texts.
    let schema = compile(&document(r#"{"items":{"pattern":"^[^a]?\\w{20}\\p{L}*$"}}"#)).unwrap();
    let text = format!("[{}]", vec![format!("\"{}\"", "a".repeat(9_999)); 300].join(","));
    assert_eq!(schema.check(&document(&text), false), Err(Failure::Exhausted));
}

#[test]
fn a_chain_of_references_is_followed_as_far_as_the_stack_bears() {
    let mut text = String::from("{\"$defs\":{\"d0\":true");
    for level in 1..2000 {
        text.push_str(&format!(",\"d{level}\":{{\"$ref\":\"#/$defs/d{}\"}}", level - 1));
    }
    text.push_str("},\"$ref\":\"#/$defs/d1999\"}");
    assert_eq!(checked(&text, "1"), "the schema refers to itself too deeply");
    // Data as deep as it may be, and a schema that follows it.
    let tree = r##"{"type":"array","items":{"$ref":"#"}}"##;
    let deep = format!("{}{}", "[".repeat(126), "]".repeat(126));
    assert_eq!(checked(tree, &deep), "ok");
}

#[test]
fn regular_expressions_are_bounded() {
    let long = format!(r#"{{"pattern":"{}"}}"#, "a".repeat(20_000));
    assert_eq!(checked(&long, "1"), "schema: pattern: more than 16384 bytes");
    let many = |count: usize, pattern: &str| {
        let all = (0..count).map(|n| format!(r#"{{"pattern":"{pattern}{n}"}}"#));
        checked(&format!(r#"{{"allOf":[{}]}}"#, all.collect::<Vec<_>>().join(",")), "1")
    };
    assert_eq!(many(200, "a"), "ok");
    assert_eq!(many(201, "a"), "schema: more than 200 regular expressions");
    assert_eq!(many(100, r"\\pL{10}"), "schema: the regular expressions are too large");
}

#[test]
fn nothing_panics_or_hangs() {
    let mut random = fastrand::Rng::with_seed(12);
    let keywords = [
        "type",
        "enum",
        "const",
        "minimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxItems",
        "pattern",
        "format",
        "items",
        "prefixItems",
        "additionalItems",
        "contains",
        "minContains",
        "uniqueItems",
        "properties",
        "patternProperties",
        "additionalProperties",
        "propertyNames",
        "required",
        "dependencies",
        "dependentSchemas",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "$ref",
        "$defs",
        "$id",
        "$anchor",
        "x",
    ];
    let texts =
        ["string", "object", "number", "#", "#/$defs/x", "#x", "x", "^a+", "(a|b)*", "email"];
    fn any(random: &mut fastrand::Rng, depth: usize, keys: &[&str], texts: &[&str]) -> String {
        match random.usize(0..if depth > 5 { 6 } else { 10 }) {
            0 => "null".to_owned(),
            1 => random.bool().to_string(),
            2 => random.i32(-3..9).to_string(),
            3 => format!("{}", random.f64() * 10.0),
            4 | 5 => format!("\"{}\"", texts[random.usize(0..texts.len())]),
            6 => {
                let count = random.usize(0..4);
                let parts: Vec<String> =
                    (0..count).map(|_| any(random, depth + 1, keys, texts)).collect();
                format!("[{}]", parts.join(","))
            }
            _ => {
                let count = random.usize(0..5);
                let entry = |random: &mut fastrand::Rng| {
                    let key = keys[random.usize(0..keys.len())];
                    format!("\"{key}\":{}", any(random, depth + 1, keys, texts))
                };
                let entries: Vec<String> = (0..count).map(|_| entry(random)).collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }
    let mut compiled = 0;
    for _ in 0..20_000 {
        let schema = document(&any(&mut random, 0, &keywords, &texts));
        let Ok(schema) = compile(&schema) else { continue };
        compiled += 1;
        for _ in 0..3 {
            let value = document(&any(&mut random, 0, &["a", "b", "x"], &texts));
            let _ = schema.check(&value, random.bool());
        }
    }
    assert!(compiled > 2_000, "{compiled}");
}
