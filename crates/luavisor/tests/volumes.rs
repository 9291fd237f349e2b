//! Volumes (MODULES 24) in simulations: there are no files.

mod support;

use support::simulate;

const ENTRIES: &str = r#"
version: "1.0"
namespace: app
entries:
  - { name: processes, kind: process.host, lifecycle: { auto_start: true } }
  - { name: data, kind: fs.directory, directory: data, auto_init: true, lifecycle: { auto_start: true } }
  - { name: main, kind: process.lua, source: "file://main.lua", modules: [fs] }
"#;

const MAIN: &str = r#"
return { main = function()
    local v = assert(require("fs").get("app:data"))
    for _, name in { "readfile", "writefile", "mkdir", "remove", "readdir", "exists" } do
        local _, err = v[name](v, "a", "x")
        print(name, err:kind(), err:message())
    end
end }
"#;

#[test]
fn a_simulation_has_no_files() {
    let ([lines, errors], folder) = simulate(ENTRIES, MAIN, 1_000_000_000);
    assert_eq!(lines.lines().count(), 6, "{lines}{errors}");
    let refusal = "Unavailable\tthere are no files in a simulation";
    assert!(lines.lines().all(|line| line.ends_with(refusal)), "{lines}");
    assert!(!folder.path().join("data").exists());
}
