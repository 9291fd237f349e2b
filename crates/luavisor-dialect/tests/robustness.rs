//! Whatever the text: the translation ends soon, never panics, and keeps the lines.

#![allow(clippy::unwrap_used)]

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use luavisor_dialect::translate;
use luavisor_dialect::types::{Description, Type};

const PIECES: &[&str] = &[
    "type",
    "export",
    "T",
    "<",
    ">",
    "=",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "?",
    ":",
    "::",
    "|",
    "&",
    "->",
    "...",
    "..",
    "@min(0)",
    "@pattern(\"a\")",
    "@",
    "as",
    "!",
    "goto",
    "continue",
    "for",
    "while",
    "do",
    "end",
    "repeat",
    "until",
    "if",
    "then",
    "else",
    "function",
    "local",
    "return",
    "x",
    "5",
    "\"s\"",
    "`a{",
    "}b`",
    "`",
    "--[[",
    "]]",
    "--",
    "\n",
    " ",
    ",",
    ";",
    ".",
    "readonly",
    "typeof(",
    "number",
    "string",
    "nil",
    "true",
    "-",
    "==",
    "\\",
    "'",
    "[=[",
    "break",
    "in",
    "é",
];

/// All sources and documents with Lua of the repository.
fn sources() -> Vec<PathBuf> {
    let mut folders =
        vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if is_read(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Lua, documents, and Rust tests that are not about the dialect.
fn is_read(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let about_it = ["dialect.rs", "mistakes.rs", "types.rs", "typed.rs"];
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("lua" | "luau" | "md") => true,
        Some("rs") => name.contains("/tests/") && !about_it.iter().any(|end| name.ends_with(end)),
        _ => false,
    }
}

fn check(text: &[u8]) {
    let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
    if let Ok(translated) = translate(text) {
        assert_eq!(lines(&translated.text), lines(text), "{}", String::from_utf8_lossy(text));
        assert!(translated.text.len() <= text.len() * 40 + 4096);
    }
}

#[test]
fn random_texts() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..random.usize(1..60) {
            text.push_str(PIECES[random.usize(..PIECES.len())]);
            if random.bool() {
                text.push(' ');
            }
        }
        check(text.as_bytes());
    }
}

#[test]
fn mutated_sources() {
    let dialect = include_str!("dialect.lua");
    let mut random = fastrand::Rng::with_seed(8);
    for _ in 0..5_000 {
        let mut text = dialect.as_bytes().to_vec();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..text.len());
            let to = (at + random.usize(..20)).min(text.len());
            match random.usize(..4) {
                0 => drop(text.drain(at..to)),
                1 => text[at] = random.u8(..),
                2 => {
                    let piece = PIECES[random.usize(..PIECES.len())];
                    text.splice(at..at, piece.bytes());
                }
                _ => {
                    let copy = text[at..to].to_vec();
                    let other = random.usize(..text.len());
                    text.splice(other..other, copy);
                }
            }
        }
        check(&text);
    }
}

#[test]
fn every_prefix() {
    let dialect = include_str!("dialect.lua").as_bytes();
    for end in 0..dialect.len() {
        check(&dialect[..end]);
    }
}

#[test]
fn random_descriptions() {
    let mut random = fastrand::Rng::with_seed(9);
    let letters = b"akv0bnisdtfNSAMRFOUIC=@?.-<>lgp 0123456789";
    for _ in 0..50_000 {
        let mut text = b"0 4 ".to_vec();
        for _ in 0..random.usize(1..30) {
            text.push(letters[random.usize(..letters.len())]);
            if random.usize(..3) == 0 {
                text.extend_from_slice(format!("{} ", random.usize(..4)).as_bytes());
            }
        }
        // The right number of nodes for some of them.
        text[2] = b'1' + random.u8(..4);
        if let Ok(description) = Description::decode(&text) {
            let ty = Type::new(description.into(), Vec::new());
            let view = ty.view();
            view.name();
            view.expected();
            view.kind();
            view.fields();
            assert!(view.is_same(view) && view.is_subtype(view));
        }
    }
}

/// Texts that repeat what could make a parser quadratic or deep.
#[test]
fn long_texts_take_linear_time() {
    for piece in [
        "local x = 1 ",
        "type T = number ",
        "do local x ",
        "::a:: ",
        "goto a ",
        "x.y",
        "a as ",
        "--[",
        "[=",
        "]=]",
        "`{",
        "while x do goto a ",
        "x = T[][]",
        "T @min(0) ",
        "{[",
        "a | ",
        "f(",
        "(a, ",
        "local x: T<",
        "export type T = {a?: T} ",
        "-",
        "!",
        "@",
        "\\",
        "\"",
    ] {
        check(piece.repeat(20_000).as_bytes());
    }
    let many: String = (0..2000).map(|n| format!("type T{n} = {{a: T{}}}\n", n + 1)).collect();
    check(format!("{many} return T0, T1, T2").as_bytes());
    let loops = "while x do ".repeat(150) + &"goto a ".repeat(2000) + &"::a:: end ".repeat(150);
    check(loops.as_bytes());
}

/// Code that does not use the dialect is not touched: all Lua files of the
/// repository that are not about it, whole; all examples in its documents; and the
/// texts in its tests, most of which are Lua.
#[test]
fn the_sources_of_this_repository_stay_as_they_are() {
    let mut count = 0;
    for path in sources() {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let name = path.to_string_lossy();
        let about_it = ["docs/lua/types.md", "/typed-orders/", "tests/dialect.lua"];
        if about_it.iter().any(|part| name.contains(part)) || name.contains("luavisor-dialect") {
            continue;
        }
        let pieces: Vec<String> = match path.extension().and_then(|ending| ending.to_str()) {
            Some("md") => blocks(&text).filter(|block| !block.contains("goto")).collect(),
            Some("rs") => literals(&text),
            _ => vec![text],
        };
        for piece in pieces {
            count += 1;
            assert!(is_untouched(piece.as_bytes()), "{name}: {piece}");
        }
    }
    assert!(count > 2000, "only {count}");
}

fn is_untouched(text: &[u8]) -> bool {
    match translate(text) {
        Ok(translated) => matches!(translated.text, Cow::Borrowed(same) if same == text),
        Err(_) => false,
    }
}

fn blocks(page: &str) -> impl Iterator<Item = String> {
    let parts = page.split("```lua\n").skip(1);
    parts.filter_map(|rest| Some(rest.split("```").next()?.to_owned()))
}

/// The string literals of a Rust file, roughly.
fn literals(file: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = file;
    while let Some(at) = rest.find('"') {
        let hashes = rest[..at].bytes().rev().take_while(|byte| *byte == b'#').count();
        let raw = rest[..at - hashes].ends_with('r');
        rest = &rest[at + 1..];
        let end = match raw {
            true => rest.find(&format!("\"{}", "#".repeat(hashes))),
            false => (0..rest.len()).find(|at| {
                let before = rest.as_bytes()[..*at].iter().rev();
                rest.as_bytes()[*at] == b'"' && before.take_while(|b| **b == b'\\').count() % 2 == 0
            }),
        };
        let Some(end) = end else { break };
        found.push(match raw {
            true => rest[..end].to_owned(),
            false => rest[..end].replace("\\n", "\n").replace("\\\"", "\""),
        });
        rest = &rest[end + 1..];
    }
    found
}
