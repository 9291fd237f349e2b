//! Volumes (MODULES 24): what programs do with files, and that nothing leads outside.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use std::os::unix::fs::{PermissionsExt, symlink};

use support::Project;

const ENTRIES: &str = "
  - { name: data, kind: fs.directory, directory: data, auto_init: true, lifecycle: { auto_start: true } }
  - { name: off, kind: fs.directory, directory: data, auto_init: true }
  - { name: fixed, kind: fs.directory, directory: data, auto_init: true, mode: \"0555\", lifecycle: { auto_start: true } }
  - name: main
    kind: process.lua
    source: \"file://main.lua\"
    modules: [fs, io]
    meta: { command: { name: main } }";

const PRELUDE: &str = r#"
local fs, io = require("fs"), require("io")
local function eq(got, want) if got ~= want then error(`got {got}, want {want}`, 2) end end
local function refused(want, value, err)
    if value then error(`got {value}`, 2) end
    eq(`{err:kind()}: {err:message()}`, want)
end
local function main() "#;

fn project(main: &str) -> Project {
    let source = format!("{PRELUDE}{main} io.print('done') end\nreturn {{ main = main }}");
    Project::new().entries(ENTRIES).file("src/main.lua", &source)
}

#[track_caller]
fn passes(main: &str) {
    project(main).run(["main"]).exits(0).prints("done\n");
}

#[test]
fn files_and_directories() {
    passes(
        r#"
        local v = assert(fs.get("app:data"))
        eq(v:pwd(), "/")
        refused("NotFound: failed to open file: /a", v:readfile("a"))
        eq(v:writefile("a", "one"), true) eq(v:readfile("/a"), "one")
        eq(v:write_file("a", "\0two", "a"), true) eq(v:read_file("a"), "one\0two")
        eq(v:writefile("a", "x"), true) eq(v:readfile("a"), "x")
        eq(v:writefile("empty", ""), true) eq(v:readfile("empty"), "")
        refused("AlreadyExists: path already exists: /a", v:writefile("a", "y", "wx"))
        eq(v:writefile("new", "y", "wx"), true)
        eq(v:exists("a"), true) eq(v:exists("b"), false) eq(v:exists("a/b"), false)

        eq(v:mkdir("d"), true) eq(v:isdir("d"), true) eq(v:isdir("a"), false)
        refused("AlreadyExists: path already exists: /d", v:mkdir("d"))
        refused("AlreadyExists: path already exists: /", v:mkdir("/"))
        refused("NotFound: no such file or directory: /x/y", v:mkdir("x/y"))
        refused("NotFound: no such file or directory: /x/y", v:writefile("x/y", "z"))
        refused("NotFound: no such file or directory: /x", v:isdir("x"))
        refused("NotFound: no such file or directory: /x", v:stat("x"))
        refused("Invalid: not a file: /d", v:readfile("d"))
        refused("Invalid: not a file: /d", v:writefile("d", "x"))

        local s = v:stat("/d/../a")
        eq(s.name, "a") eq(s.size, 1) eq(s.is_dir, false) eq(s.type, fs.type.FILE)
        eq(s.mode, 420) eq(s.modified > 1600000000, true)
        s = v:stat("/")
        eq(s.name, "/") eq(s.is_dir, true) eq(s.type, fs.type.DIR)

        local seen = {}
        for e in v:readdir("/") do table.insert(seen, `{e.name}:{e.type}`) end
        eq(table.concat(seen, " "), "a:file d:directory empty:file new:file")
        for e in v:readdir("d") do error(e.name) end
        refused("Invalid: not a directory: /a", v:readdir("a"))
        refused("NotFound: no such file or directory: /x", v:readdir("x"))

        eq(v:chdir("d"), true) eq(v:pwd(), "/d")
        eq(v:writefile("inner", "1"), true) eq(v:readfile("../d/inner"), "1")
        eq(fs.get("app:data"):pwd(), "/")
        refused("Invalid: not a directory: /a", v:chdir("/a"))
        refused("NotFound: no such file or directory: /x", v:chdir("/x"))
        eq(v:pwd(), "/d") eq(v:chdir(".."), true) eq(v:pwd(), "/")

        refused("Invalid: directory not empty: /d", v:remove("d"))
        eq(v:remove("d/inner"), true) eq(v:remove("d"), true) eq(v:exists("d"), false)
        refused("NotFound: no such file or directory: /d", v:remove("d"))
        refused("PermissionDenied: cannot remove the root of a volume", v:remove("/"))
        "#,
    );
}

#[test]
fn files_are_open_to_read_or_to_write() {
    passes(
        r#"
        local v = assert(fs.get("app:data"))
        local f = assert(v:open("a", "w"))
        eq(f:write("one two three"), true) eq(f:seek(fs.seek.SET, 4), 4) eq(f:write("TWO"), true)
        eq(f:seek("cur", -1), 6) eq(f:seek("end", 0), 13)
        refused("Invalid: offset is before the start of the file", f:seek("set", -1))
        refused("Invalid: offset is before the start of the file", f:seek("cur", -50))
        refused("Invalid: invalid whence: must be 'set', 'cur', or 'end'", f:seek("start", 0))
        refused("Invalid: data required", f:write(""))
        refused("PermissionDenied: not open to read: /a", f:read())
        eq(f:stat().size, 13) eq(f:stat().name, "a") eq(f:sync(), true)
        eq(f:close(), true) eq(f:close(), true)
        for _, method in { "read", "stat", "sync", "scanner" } do
            refused("Invalid: file is closed", f[method](f))
        end
        refused("Invalid: file is closed", f:write("x")) refused("Invalid: file is closed", f:seek("set", 0))

        f = v:open("a", "r")
        eq(f:read(3), "one") eq(f:read(), " TWO three")
        refused("NotFound: EOF", f:read())
        refused("Invalid: size must be positive", f:read(0))
        refused("PermissionDenied: not open to write: /a", f:write("x"))
        f = v:open("a", "a") eq(f:seek("set", 0), 0) eq(f:write("!"), true) f:close()
        eq(v:readfile("a"), "one TWO three!")

        refused("AlreadyExists: path already exists: /a", v:open("a", "wx"))
        refused("NotFound: failed to open file: /b", v:open("b", "r"))
        refused("Invalid: invalid mode: must be 'r', 'w', 'wx' or 'a'", v:open("a", "rw"))
        refused("Invalid: not a file: /", v:open("/", "r"))
        refused("PermissionDenied: the mode of app:fixed does not allow that: /a", fs.get("app:fixed"):open("a", "w"))
        "#,
    );
}

#[test]
fn a_scanner_gives_lines_words_bytes_and_runes() {
    passes(
        r#"
        local v = assert(fs.get("app:data"))
        local function all(text, split)
            v:writefile("a", text)
            local scanner, found = v:open("a", "r"):scanner(split), {}
            eq(scanner:text(), "")
            while scanner:scan() do table.insert(found, scanner:text()) end
            return table.concat(found, "|"), scanner:err(), scanner:scan()
        end
        eq(all("tea\r\nmilk\n\nlast"), "tea|milk||last")
        eq(all("tea and\nmilk ", "words"), "tea|and|milk")
        eq(all("abc", "bytes"), "a|b|c")
        eq(all("\u{20ac}\xff", "runes"), "\u{20ac}|\u{fffd}")
        local found, err, again = all(string.rep("x", 65537))
        eq(found, "") eq(err, "token too long") eq(again, false)
        eq(#all(string.rep("x", 65536)), 65536)
        local many = all(string.rep("a line\n", 50000))
        eq(#many, 50000 * 7 - 1)

        local f = v:open("a", "r")
        refused("Invalid: invalid split type: must be 'lines', 'words', 'bytes', or 'runes'", f:scanner("x"))
        local scanner = f:scanner()
        f:close()
        eq(scanner:scan(), false) eq(scanner:err(), "file is closed")
        "#,
    );
}

#[test]
fn a_process_has_only_so_many_files() {
    let project = project(
        r#"
        local v = assert(fs.get("app:data"))
        v:writefile("a", "x")
        local open = {}
        for n = 1, 1000 do open[n] = assert(v:open("a", "r")) end
        refused("LimitExceeded: more than 1000 files are open", v:open("a", "r"))
        "#,
    );
    project.run(["main"]).exits(0).prints("done\n");
}

#[test]
fn bad_arguments_are_refused() {
    passes(
        r#"
        refused("Invalid: filesystem name required", fs.get(""))
        refused("NotFound: filesystem not found: app:none", fs.get("app:none"))
        refused("NotFound: filesystem not found: app:main", fs.get("app:main"))
        refused("Unavailable: app:off is not running", fs.get("app:off"))
        local v = fs.get("app:data")
        local methods = { "readfile", "writefile", "stat", "exists", "isdir", "mkdir", "remove", "readdir", "chdir" }
        for _, name in methods do
            refused("Invalid: path required", v[name](v, "", "x"))
            refused("Invalid: invalid path: it has a zero byte", v[name](v, "a\0b", "x"))
        end
        refused("Invalid: data argument required", v:writefile("a"))
        refused("Invalid: invalid mode; must be 'w', 'wx' or 'a'", v:writefile("a", "x", "r"))
        eq(v:exists("a"), false)
        local value, err = v:readfile(string.rep("x", 5000))
        eq(value, nil) eq(err:kind(), "Internal")

        local fixed = fs.get("app:fixed")
        v:writefile("a", "x")
        eq(fixed:readfile("a"), "x")
        for _, name in { "writefile", "mkdir", "remove" } do
            refused("PermissionDenied: the mode of app:fixed does not allow that: /a", fixed[name](fixed, "a", "y"))
        end
        "#,
    );
}

#[test]
fn nothing_leads_outside() {
    let project = project(
        r#"
        local v = fs.get("app:data")
        for _, path in { "../secret", "/../../secret", "a/../../secret" } do
            refused("NotFound: failed to open file: /secret", v:readfile(path))
        end
        eq(v:readfile("inside"), "inner")
        for _, path in { "out", "out_relative", "folder/secret" } do
            local value, err = v:readfile(path)
            eq(value, nil) eq(err:kind(), "PermissionDenied")
            for _, mode in { "w", "a" } do
                local value, err = v:writefile(path, "x", mode)
                eq(value, false) eq(err:kind(), "PermissionDenied")
            end
            eq(v:exists(path), false)
        end
        local value, err = v:readdir("folder")
        eq(value, nil) eq(err:kind(), "PermissionDenied")
        value, err = v:mkdir("folder/new")
        eq(value, false) eq(err:kind(), "PermissionDenied")
        value, err = v:chdir("folder")
        eq(value, false) eq(err:kind(), "PermissionDenied")
        value, err = v:remove("folder/secret")
        eq(value, false) eq(err:kind(), "PermissionDenied")
        -- the link itself is inside
        eq(v:remove("out"), true)
        refused("Invalid: not a file: /pipe", v:readfile("pipe"))
        "#,
    );
    let at = |name: &str| project.path().join(name);
    std::fs::create_dir(at("data")).unwrap();
    std::fs::write(at("secret"), "s").unwrap();
    std::fs::write(at("data/inner"), "inner").unwrap();
    symlink("inner", at("data/inside")).unwrap();
    symlink(at("secret"), at("data/out")).unwrap();
    symlink("../secret", at("data/out_relative")).unwrap();
    symlink("..", at("data/folder")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(at("data/pipe")).status().unwrap();
    assert!(pipe.success());
    project.run(["main"]).exits(0).prints("done\n");
    assert_eq!(std::fs::read_to_string(at("secret")).unwrap(), "s");
    assert!(!at("new").exists());
}

#[test]
fn what_is_made_has_the_mode_of_the_entry_at_most() {
    let entries = "
  - { name: data, kind: fs.directory, directory: data, auto_init: true, mode: \"0700\", lifecycle: { auto_start: true } }
  - { name: main, kind: process.lua, source: \"file://main.lua\", modules: [fs], meta: { command: { name: main } } }";
    let main = r#"return { main = function()
        local v = require("fs").get("app:data")
        assert(v:writefile("a", "x")) assert(v:mkdir("d"))
    end }"#;
    let project = Project::new().entries(entries).file("src/main.lua", main);
    project.run(["main"]).exits(0);
    let mode = |name: &str| {
        std::fs::metadata(project.path().join(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("data/a"), mode("data/d")), (0o600, 0o700));
}

#[test]
fn entries_are_checked() {
    let entries = "
  - { name: a, kind: fs.directory }
  - { name: b, kind: fs.directory, directory: none }
  - { name: c, kind: fs.directory, directory: src, mode: \"0999\" }
  - { name: d, kind: fs.directory, directory: src, base: elsewhere }
  - { name: e, kind: fs.embed, anything: 1 }
  - { name: main, kind: process.lua, source: return print }";
    let checked = Project::new().entries(entries).luavisor(["check"]).exits(1);
    checked
        .mentions("directory is required")
        .mentions("there is no directory")
        .mentions("an octal mode such as")
        .mentions("expected project or module, found \"elsewhere\"")
        .mentions("fs.embed needs files that are packed into the executable");
}

#[test]
fn a_directory_may_be_among_the_sources() {
    let entries = "
  - { name: data, kind: fs.directory, directory: texts, base: module, lifecycle: { auto_start: true } }
  - { name: main, kind: process.lua, source: \"file://main.lua\", modules: [fs], meta: { command: { name: main } } }";
    let main = "return { main = function()
        print(require('fs').get('app:data'):readfile('a'))
    end }";
    let project = Project::new().entries(entries).file("src/main.lua", main);
    project.file("src/texts/a", "found").run(["main"]).exits(0).prints("found\n");
}

#[test]
fn policies_decide_who_gets_a_volume() {
    let entries = "
  - { name: data, kind: fs.directory, directory: data, auto_init: true, lifecycle: { auto_start: true } }
  - { name: other, kind: fs.directory, directory: other, auto_init: true, lifecycle: { auto_start: true } }
  - { name: own, kind: security.policy, policy: { actions: [fs.get, system.exit], resources: ['app:data', system], effect: allow } }
  - { name: guest, kind: process.lua, source: \"file://guest.lua\", modules: [fs, system], lifecycle: { auto_start: true, requires: [data, other], restart: { policy: never }, security: { actor: { id: guest }, policies: [own] } } }";
    let guest = r#"
        local fs, system = require("fs"), require("system")
        return { main = function()
            print(fs.get("app:data"):exists("x"))
            local _, err = fs.get("app:other")
            print(err:kind(), err:message())
            system.exit(0)
        end }"#;
    Project::new()
        .entries(entries)
        .file("src/guest.lua", guest)
        .run([])
        .exits(0)
        .prints("false\nPermissionDenied\tnot allowed to access filesystem: app:other\n");
}
