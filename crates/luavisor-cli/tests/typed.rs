//! Applications in the typed dialect: what is reported when they are loaded, and
//! how the traceback of a failure looks.

mod support;

use support::Project;

fn project(source: &str) -> Project {
    Project::new().process("main", "meta: { command: { name: main } }", source)
}

#[test]
fn an_error_of_the_dialect_shows_its_place() {
    let source = "type Age = number @min(0)\nlocal a: {\n  name: string @minlen(3),\n} = {}\n";
    project(source).luavisor(["check", "."]).exits(1).mentions(
        "src/main.lua:3:17: error: unknown validator '@minlen', expected @min, @max, @min_len, \
         @max_len or @pattern\n   3 |   name: string @minlen(3),\n     |                 ^^^^^^\n",
    );
}

#[test]
fn an_error_of_luau_shows_its_line_as_it_was_written() {
    let source = "type T = {x?: number}\nprint(T)\nlocal y: T[] = = 5 as T\n";
    project(source).luavisor(["check", "."]).exits(1).mentions(
        "src/main.lua:3:1: error: Expected identifier when parsing expression, got '='\n   \
         3 | local y: T[] = = 5 as T\n",
    );
}

#[test]
fn a_failure_names_the_line_as_it_was_written() {
    let source = "type Point = {\n  x: number,\n  y?: number,\n}\n\nlocal function main()\n  \
                  local p: Point = Point({ x = 1 })\n  print(p.y!.z as string[])\nend\n\n\
                  return { main = main }\n";
    let message = "app:main:8: attempt to index nil with 'z'";
    project(source).run(["main"]).exits(1).mentions(message);
}
