//! Volumes (MODULES 24) in simulations: there are no files.
#![allow(clippy::unwrap_used)]

use luavisor::App;

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
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("src");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("_index.yaml"), ENTRIES).unwrap();
    std::fs::write(source.join("main.lua"), MAIN).unwrap();
    let simulated = App::from_directory(folder.path()).simulate(1).unwrap();
    simulated.run_for(1_000_000);
    simulated.spawn("app:main", "app:processes", ()).unwrap();
    simulated.run_for(1_000_000_000);
    assert!(simulated.shutdown().unwrap().in_time);
    let lines = simulated.output().stdout();
    assert_eq!(lines.lines().count(), 6, "{lines}{}", simulated.output().stderr());
    let refusal = "Unavailable\tthere are no files in a simulation";
    assert!(lines.lines().all(|line| line.ends_with(refusal)), "{lines}");
    assert!(!folder.path().join("data").exists());
}
