//! Stores on a disk (MODULES 19): their entries, and what is left when programs end or
//! are killed. What stores do is tested in simulations, in `luavisor`.

mod support;

use support::Project;

const ENTRIES: &str = "
  - { name: memory, kind: store.memory, lifecycle: { auto_start: true } }
  - { name: db, kind: db.sql.sqlite, file: data.sqlite }
  - { name: disk, kind: store.sql, database: db, table_name: things, auto_create: true, lifecycle: { auto_start: true } }
  - name: main
    kind: process.lua
    source: \"file://main.lua\"
    modules: [store, io]
    meta: { command: { name: main } }";

const PRELUDE: &str = "local store, io = require('store'), require('io')\n";

fn project(main: &str) -> Project {
    Project::new().entries(ENTRIES).file("src/main.lua", &format!("{PRELUDE}{main}"))
}

#[test]
fn what_is_stored_on_a_disk_is_there_again() {
    let project = project(
        r#"
        return { main = function()
            local disk, memory = store.get("app:disk"), store.get("app:memory")
            io.print((disk:get("count")), (memory:get("count")))
            disk:set("count", (disk:get("count") or 0) + 1)
            memory:set("count", 1)
        end }
        "#,
    );
    project.run(["main"]).exits(0).prints("nil\tnil\n");
    project.run(["main"]).exits(0).prints("1\tnil\n");
    project.run(["main"]).exits(0).prints("2\tnil\n");
}

#[test]
fn a_missing_table_fails_the_service() {
    let entries = "
  - { name: db, kind: db.sql.sqlite, file: data.sqlite }
  - { name: disk, kind: store.sql, database: db, table: things, lifecycle: { auto_start: true, restart: { policy: never } } }
  - { name: main, kind: process.lua, source: \"file://main.lua\", modules: [store, io], meta: { command: { name: main } } }";
    let main = r#"
        return { main = function()
            require("io").print(select(2, require("store").get("app:disk")):message())
        end }
        "#;
    let project = Project::new().entries(entries).file("src/main.lua", main);
    project.run(["main"]).mentions("no such table: things");
}

#[test]
fn entries_are_checked() {
    let entries = "
  - { name: db, kind: db.sql.sqlite, file: '' }
  - { name: a, kind: store.sql, table: x, database: db, id_column_name: 'a b' }
  - { name: b, kind: store.sql }
  - { name: c, kind: store.sql, table: x, database: main }
  - { name: main, kind: process.lua, source: return print }";
    let checked = Project::new().entries(entries).luavisor(["check"]).exits(1);
    checked
        .mentions("expected a string that is not blank")
        .mentions("expected a name of letters, digits, _ and .")
        .mentions("table_name is required")
        .mentions("database is required")
        .mentions("expected a db.sql.sqlite");
}

/// Writes numbers and prints each when it is acknowledged, until it is killed.
const WRITER: &str = r#"
return { main = function()
    local disk = store.get("app:disk")
    local last = disk:get("last") or 0
    io.print("found", last)
    for n = last + 1, last + 1000000 do
        disk:set(`key/{n}`, n)
        disk:set("last", n)
        io.print("wrote", n)
    end
end }
"#;

fn survives_kills(times: u32) {
    let project = project(WRITER);
    let mut written = 0;
    for round in 0..times {
        let mut running = project.start(["main"]);
        let found = number(running.wait_for("found"));
        assert!(found >= written, "round {round}: {written} was acknowledged, {found} is there");
        // A different number of writes each time.
        for _ in 0..=round % 7 {
            written = number(running.wait_for("wrote"));
        }
        running.signal("KILL");
        let rest = running.finish().stdout;
        let last = rest.lines().rfind(|line| line.starts_with("wrote")).map(number);
        written = last.unwrap_or(written);
    }
}

fn number(line: impl AsRef<str>) -> u64 {
    let digits = line.as_ref().rsplit('\t').next().unwrap_or_default();
    digits.trim().parse().unwrap_or_else(|_| panic!("{:?}", line.as_ref()))
}

#[test]
fn acknowledged_writes_survive_kills() {
    survives_kills(20);
}

#[test]
#[ignore = "takes long"]
fn acknowledged_writes_survive_many_kills() {
    survives_kills(200);
}
