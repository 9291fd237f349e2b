//! No input makes a load panic, overflow the stack or take for ever.

#![allow(clippy::unwrap_used)]

mod support;

use luavisor_config::Mode;
use support::Project;

const GOOD: &str = include_str!("fixtures/good.yaml");

fn survives(project: &Project, text: &[u8]) {
    for name in ["src/a.yaml", "src/a.json", "luavisor.yaml"] {
        project.write(name, text);
        let diagnostics = project.load().diagnostics;
        diagnostics.render(Mode::Run);
        std::fs::remove_file(project.path(name)).unwrap();
    }
}

#[test]
fn random_bytes() {
    let mut rng = fastrand::Rng::with_seed(7);
    let project = Project::new(&[("src/main.lua", "return 1")]);
    let alphabet = b"ab:-[]{}\"'\\\n\t #&*|>!%@,?01.~\xc3\xa4\xff";
    for _ in 0..1500 {
        let length = rng.usize(0..120);
        let bytes: Vec<u8> = (0..length).map(|_| alphabet[rng.usize(0..alphabet.len())]).collect();
        survives(&project, &bytes);
    }
}

#[test]
fn mutations_of_a_good_file() {
    let mut rng = fastrand::Rng::with_seed(11);
    let project = Project::new(&[("src/main.lua", "return 1")]);
    project.write("src/a.yaml", GOOD.as_bytes());
    assert_eq!(project.report(Mode::Check), "");
    let words = [
        "file://",
        "file:///",
        "app:worker",
        "lifecycle:",
        "<<: *m",
        "\n",
        "  ",
        "\t",
        "null",
        "[",
        "}",
        "-1",
        "1e999",
        "\"",
        "'",
        "|",
        "&x",
        "*x",
        "ä",
        "---\n",
        ": ",
        "\u{feff}",
        "\0",
    ];
    for _ in 0..2500 {
        let mut text: Vec<char> = GOOD.chars().collect();
        for _ in 0..rng.usize(1..5) {
            if text.is_empty() {
                break;
            }
            let at = rng.usize(0..text.len());
            match rng.u8(0..4) {
                0 => {
                    let end = (at + rng.usize(1..30)).min(text.len());
                    text.drain(at..end);
                }
                1 => {
                    let word = words[rng.usize(0..words.len())];
                    text.splice(at..at, word.chars());
                }
                2 => {
                    let end = (at + rng.usize(1..60)).min(text.len());
                    let copy: Vec<char> = text[at..end].to_vec();
                    let to = rng.usize(0..=text.len());
                    text.splice(to..to, copy);
                }
                _ => text.truncate(at.max(1)),
            }
        }
        survives(&project, text.into_iter().collect::<String>().as_bytes());
    }
}

#[test]
fn flags_of_all_sorts() {
    let mut rng = fastrand::Rng::with_seed(13);
    let alphabet: Vec<char> = "ap:.=w1\"ä ".chars().collect();
    let mut project = Project::with("- name: a\n  kind: library.lua\n  source: x\n");
    for _ in 0..500 {
        let mut text = || -> String {
            (0..rng.usize(0..20)).map(|_| alphabet[rng.usize(0..alphabet.len())]).collect()
        };
        project.options.overrides = vec![text(), format!("app:a:{}", text())];
        project.options.settings = vec![text(), format!("logger.{}", text())];
        project.report(Mode::Run);
    }
}

#[test]
fn deep_nesting_and_aliases_that_multiply() {
    let project = Project::new(&[("src/main.lua", "return 1")]);
    for text in
        ["[".repeat(50_000), "- ".repeat(50_000), "{a: ".repeat(50_000), "? ".repeat(50_000)]
    {
        survives(&project, text.as_bytes());
    }
    let mut text =
        "namespace: app\nname: x\nkind: registry.entry\na0: &a0 [1,2,3,4,5,6,7,8]\n".to_owned();
    for level in 1..20 {
        let below = level - 1;
        text.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            vec![format!("*a{below}"); 8].join(",")
        ));
    }
    project.write("src/a.yaml", text.as_bytes());
    assert!(project.report(Mode::Run).contains("aliases add too many values"));
}

/// A host, then `count` entries, each made from its number.
fn chain(count: usize, entry: impl Fn(usize) -> String) -> Project {
    let entries: String = (0..count).map(|n| format!("- {{ {} }}\n", entry(n))).collect();
    let text = format!("namespace: app\nentries:\n- {{ name: h, kind: process.host }}\n{entries}");
    Project::new(&[("src/a.yaml", &text)])
}

#[test]
fn long_chains_of_requirements_and_imports() {
    let services = chain(5000, |n| {
        let before = n.checked_sub(1).map_or(String::new(), |before| format!("s{before}"));
        format!(
            "name: s{n}, kind: process.lua, source: x, \
             lifecycle: {{ requires: [{before}], auto_start: true }}"
        )
    });
    assert_eq!(services.app().start_levels.len(), 5001);
    let libraries = |count| {
        chain(count, |n| {
            let before =
                n.checked_sub(1).map_or(String::new(), |n| format!("imports: {{ x: l{n} }}"));
            format!("name: l{n}, kind: library.lua, source: x, {before}")
        })
    };
    assert_eq!(libraries(200).app().libraries.len(), 200);
    libraries(5000).reports(
        r#"
src/a.yaml:204:11: error: imports nested too deeply, expected at most 200 levels
 204 | - { name: l200, kind: library.lua, source: x, imports: { x: l199 } }
     |           ^^^^
"#,
    );
}

#[test]
#[allow(clippy::disallowed_methods)]
fn an_application_of_two_hundred_entries_loads() {
    let project = Project::with("");
    for file in 0..20 {
        let mut text = format!("version: \"1.0\"\nnamespace: app.f{file}\nentries:\n");
        for n in 0..10 {
            text.push_str(&format!(
                "  - name: e{n}\n    kind: process.lua\n    meta:\n      comment: number {n}\n    \
                 source: file://e{n}_{file}.lua\n    modules:\n      - time\n      - logger\n    \
                 lifecycle:\n      auto_start: true\n      stop_timeout: 5s\n      restart:\n        \
                 max_attempts: 3\n"
            ));
            let code = "local time = require(\"time\")\n".repeat(100);
            project.write(&format!("src/f{file}/e{n}_{file}.lua"), code.as_bytes());
        }
        project.write(&format!("src/f{file}/_index.yaml"), text.as_bytes());
    }
    assert_eq!(project.app().processes.len(), 200);
}
