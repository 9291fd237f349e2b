//! `luavisor sim` on random applications: trees of supervisors whose workers monitor, link,
//! send, register names and fail, under all faults.

mod support;

use std::fmt::Write as _;

use support::Project;

/// What the workers of every tree do, by their number.
const WORKER: &str = r#"
local time = require("time")
local NAMES = { "a", "b", "c", "d" }
return function(number)
    local inbox, events = process.inbox(), process.events()
    process.set_options{ trap_links = math.random() < 0.5 }
    process.registry.register(NAMES[math.random(#NAMES)])
    if process.supervisor() then process.ready() end
    while true do
        local pause = time.after(`{math.random(1, 2000)}ms`)
        local got = channel.select{ events:case_receive(), inbox:case_receive(), pause:case_receive() }
        if got.channel == events then
            if got.value.kind == process.event.CANCEL then return end
        elseif got.channel == pause then
            local other = process.registry.lookup(NAMES[math.random(#NAMES)])
            local what = math.random(12)
            if not other then continue
            elseif what == 1 then process.monitor(other)
            elseif what == 2 then process.unmonitor(other)
            elseif what == 3 then process.link(other)
            elseif what == 4 then process.unlink(other)
            elseif what == 5 then process.cancel(other, "50ms")
            elseif what == 6 then process.terminate(other) process.unmonitor(other)
            elseif what == 7 then error("a whim")
            elseif what == 8 then process.spawn_linked_monitored("app:child", "app:processes")
            elseif what == 9 then time.sleep("100ms")
            else for _ = 1, 5 do process.send(other, "greeting", { number = number }) end
            end
        end
    end
end
"#;

const CHILD: &str = r#"
local time = require("time")
return function()
    time.sleep(`{math.random(1, 3000)}ms`)
    if math.random() < 0.5 then error("enough") end
end
"#;

/// A small generator: the trees are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

/// A supervisor and what is below it, as entries. Returns its name.
fn supervisor(dice: &mut Dice, entries: &mut String, depth: u32, count: &mut u32) -> String {
    *count += 1;
    let name = format!("tree{count}");
    let lifecycle = if *count == 1 { "\n    lifecycle: { auto_start: true }" } else { "" };
    let mut children = String::new();
    for number in 0..1 + dice.below(3) {
        let restart = dice.one_of(&["permanent", "permanent", "transient", "temporary"]);
        let shutdown = dice.one_of(&["100ms", "2s", "kill", "infinity"]);
        if depth > 0 && dice.below(3) == 0 {
            let below = supervisor(dice, entries, depth - 1, count);
            let _ = write!(
                children,
                "\n      - {{ name: c{number}, process: {below}, restart: {restart} }}"
            );
        } else {
            let more = dice.one_of(&["", ", ready: true", ", count: 2"]);
            let _ = write!(
                children,
                "\n      - {{ name: c{number}, process: worker, restart: {restart}, shutdown: {shutdown}{more} }}"
            );
        }
    }
    let strategy = dice.one_of(&["one_for_one", "one_for_all", "rest_for_one"]);
    let (restarts, period) = (1 + dice.below(20), 1 + dice.below(10));
    let _ = write!(
        entries,
        "
  - name: {name}
    kind: process.supervisor
    host: processes
    strategy: {strategy}
    intensity: {{ restarts: {restarts}, period: {period}s }}
    backoff: {{ initial_delay: 20ms, max_delay: 200ms }}
    children:{children}{lifecycle}"
    );
    name
}

#[test]
fn random_trees_keep_what_is_promised() {
    for tree in 1..=12 {
        let mut dice = Dice(tree);
        let mut entries = String::new();
        supervisor(&mut dice, &mut entries, 3, &mut 0);
        let project = Project::new()
            .entries(&entries)
            .process("worker", "", WORKER)
            .process("child", "", CHILD);
        let faults = "kill=0.01,fail=0.01,cancel=0.01,memory=0.005,flood=0.005,start=0.02,hold=0.01,stop=0.002";
        let flags = ["sim", "--seeds", "40", "--time", "2m", "--faults", faults];
        let finished = project.luavisor(flags).exits(0);
        assert!(finished.stdout.starts_with("40 seeds, "), "{tree}: {finished:?}");
    }
}
