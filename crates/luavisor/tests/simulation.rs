//! Applications under a seed, on virtual time.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use luavisor::{App, Observer, Occurrence, Simulated};

/// Everything that happens, as text, but for what is written: it may show addresses, and
/// is compared without them.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<String>>);

impl Observer for Tape {
    fn observe(&self, occurrence: &Occurrence) {
        if !matches!(occurrence, Occurrence::Written { .. }) {
            let _ = writeln!(self.0.lock().unwrap(), "{occurrence:?}");
        }
    }
}

/// Shows whatever could differ from run to run.
const CURIOUS: &str = r#"
return function(number)
    local time, uuid = require("time"), require("uuid")
    local keys = {}
    for i = 1, 40 do keys[{}] = i; keys[function() end] = -i end
    local order = {}
    for _, value in keys do table.insert(order, value) end
    print(number, table.concat(order, ","))
    print(tostring(keys), print, coroutine.create(print), math.random(), uuid.v4(), time.now():unix())
    local json, system = require("json"), require("system")
    local value = json.decode(`[{number},\{"a":[{number}]}]`)
    print(json.encode({system.memory.stats(), system.runtime.goroutines(), system.process.hostname(), value}))
    local sum = 0
    for i = 1, 5000 do sum += i % 7 end
    time.sleep(`{math.random(1, 5)}ms`)
    print(number, sum)
end
"#;

const MANY: &str = r#"
return function()
    for i = 1, 20 do process.spawn("app:curious", "app:processes", i) end
    for i = 1, 3 do process.spawn_monitored("app:curious", "app:processes", i) end
    local events = process.events()
    for i = 1, 3 do print(events:receive().from) end
end
"#;

fn run(seed: u64) -> (String, String) {
    let tape = Tape::default();
    let observer = tape.clone();
    let app = App::new()
        .host("app:processes", 2)
        .process("app:curious", CURIOUS)
        .process("app:many", MANY)
        .observer(move |_| observer);
    let simulated = app.simulate(seed).unwrap();
    simulated.run_for(1_000_000);
    simulated.spawn("app:many", "app:processes", ()).unwrap();
    simulated.run_for(1_000_000_000);
    assert!(simulated.shutdown().unwrap().in_time);
    let text = tape.0.lock().unwrap().clone();
    (simulated.output().stdout(), text)
}

/// What does not depend on where the memory of the simulation lies.
fn without_addresses(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.contains("table: 0x"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn one_seed_is_one_run() {
    let (first, again) = (run(1), run(1));
    assert!(first.0.contains("table: 0x") && first.1.contains("Exited"));
    assert_eq!(without_addresses(&first.0), without_addresses(&again.0));
    assert_eq!(first.1, again.1);
    let other = run(2);
    assert!(first.0 != other.0 && first.1 != other.1);
}

#[test]
fn simulations_beside_each_other_do_not_meet() {
    let alone: Vec<_> = (0..4).map(run).collect();
    let threads: Vec<_> =
        (0..4).map(|seed| std::thread::Builder::new().spawn(move || run(seed)).unwrap()).collect();
    for (thread, alone) in threads.into_iter().zip(alone) {
        let run = thread.join().unwrap();
        assert_eq!(without_addresses(&run.0), without_addresses(&alone.0));
        assert_eq!(run.1, alone.1);
    }
}

#[test]
fn every_example_is_the_same_twice() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let run = |path: &Path, seed: u64| {
        let tape = Tape::default();
        let observer = tape.clone();
        let app = App::from_directory(path).observer(move |_| observer);
        let simulated: Simulated = app.simulate(seed).unwrap();
        simulated.run_for(10_000_000);
        // Examples that run to their end have this command; the others run as services.
        let _ = simulated.spawn("app:main", "app:terminal", ());
        simulated.run_for(60_000_000_000);
        simulated.shutdown().unwrap();
        let text = tape.0.lock().unwrap().clone();
        (simulated.output().stdout(), text)
    };
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.join("src/_index.yaml").exists() {
            continue;
        }
        for seed in [3, 4] {
            let (first, again) = (run(&path, seed), run(&path, seed));
            assert!(!first.0.is_empty(), "{} prints nothing", path.display());
            assert_eq!(
                without_addresses(&first.0),
                without_addresses(&again.0),
                "{}",
                path.display()
            );
            assert_eq!(first.1, again.1, "{}", path.display());
        }
        count += 1;
    }
    assert!(count > 10);
}
