//! A host with a victim and an attacker in one VM, on the manual executor.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use luavisor_core::{Exit, Pid, Values};
use luavisor_runtime::{
    Captured, HostConfig, Observer, Occurrence, Order, ProgramTable, Runtime, RuntimeBuilder,
    Simulation,
};
use luavisor_vm::kernel::SpawnRequest;
use luavisor_vm::{Chunk, Program, Unit, compile};

#[derive(Default)]
struct Exits(Mutex<Vec<(Pid, Arc<Exit>)>>);

impl Observer for Exits {
    fn observe(&self, occurrence: &Occurrence) {
        if let Occurrence::Exited { pid, exit, .. } = occurrence {
            self.0.lock().unwrap().push((*pid, exit.clone()));
        }
    }
}

pub struct World {
    runtime: Runtime,
    simulation: Simulation,
    output: Captured,
    exits: Arc<Exits>,
    victim: Pid,
    attacker: Mutex<Option<Pid>>,
}

/// Answers each question with all it can see of itself.
const VICTIM: &str = r#"
local lib = require("lib")
local names = { "string", "table", "math", "coroutine", "utf8", "bit32", "buffer", "channel",
    "process", "errors" }
local saved = {}
for _, name in names do
    local library = _G[name]
    local copy = {}
    for key, value in pairs(library) do copy[key] = value end
    saved[name] = copy
end
own = "mine"
local function state()
    local out = {}
    for _, name in names do
        local count = 0
        for key, value in pairs(_G[name]) do
            count += 1
            if saved[name][key] ~= value and value == value then table.insert(out, name .. "." .. key .. " changed") end
        end
        for key in pairs(saved[name]) do count -= 1 end
        if count ~= 0 then table.insert(out, name .. " has other keys") end
    end
    local globals = {}
    for key in pairs(_G) do table.insert(globals, key) end
    table.sort(globals)
    table.insert(out, table.concat(globals, ","))
    table.insert(out, own)
    table.insert(out, tostring(evil))
    table.insert(out, tostring(getmetatable("").__index == string))
    table.insert(out, tostring(getmetatable(_G)))
    table.insert(out, tostring(getmetatable(process.inbox())))
    table.insert(out, tostring(process.inbox()  == process.inbox()))
    table.insert(out, ("x"):upper() .. ("%d"):format(3) .. ("a,b"):split(",")[2] .. #("abc"):rep(2))
    table.insert(out, tostring(math.random(1, 1000000)))
    table.insert(out, lib.count() .. lib.shared.value)
    table.insert(out, (string.gsub("abc", "%w", function(c) return c .. "-" end)))
    local list = { 3, 1, 2 }
    table.sort(list, function(a, b) return a > b end)
    table.insert(out, table.concat(list))
    local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end)
    table.insert(out, co(1) .. co(21))
    local ok, err = pcall(error, { n = 1 })
    table.insert(out, tostring(ok) .. err.n)
    local ch = channel.new(1)
    ch:send("v")
    table.insert(out, channel.select { ch:case_receive() }.value)
    return table.concat(out, " ")
end
return function()
    math.randomseed(42)
    process.registry.register("victim")
    local inbox = process.inbox()
    while true do
        local message = inbox:receive()
        if message:topic() == "ask" then
            print("ANSWER " .. state() .. " " .. tostring(message:payload():data()))
        elseif message:from() ~= "" then
            local part = message:payload()
            if type(part) == "table" then part = part[1] end
            process.send(message:from(), "echo", part and part:data())
        end
    end
end
"#;

/// The module state that victim and attacker both have, each its own.
const LIBRARY: &str = r#"
local n = 0
local shared = { value = "intact" }
return { count = function() n += 1 return n end, shared = shared }
"#;

fn unit(name: &str, source: &str, imports: BTreeMap<String, Arc<Unit>>) -> Arc<Unit> {
    let bytecode = compile(source.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let chunk = Arc::new(Chunk { name: name.into(), bytecode });
    Arc::new(Unit { chunk, modules: None, imports })
}

fn program(name: &str, unit: Arc<Unit>) -> Arc<Program> {
    Arc::new(Program { id: name.into(), method: String::new(), unit, memory: None, mailbox: None })
}

impl World {
    /// `attack` is the body of the attacker's main function, or a whole chunk that starts with `--chunk`.
    pub fn new(attack: &str, configure: impl FnOnce(&mut HostConfig)) -> World {
        let table = Arc::new(ProgramTable::default());
        let library = unit("app:lib", LIBRARY, BTreeMap::new());
        let imports: BTreeMap<_, _> = [("lib".to_owned(), library)].into();
        let source = match attack.trim_start().starts_with("--chunk") {
            true => attack.to_owned(),
            false => format!("return function() {attack}\nend"),
        };
        table.insert(program("app:victim", unit("app:victim", VICTIM, imports.clone())));
        table.insert(program("app:attack", unit("app:attack", &source, imports.clone())));
        let idle = "return function() process.inbox():receive() return 'got' end";
        table.insert(program("app:idle", unit("app:idle", idle, imports)));
        let (runtime, simulation, output) = RuntimeBuilder::new(table).manual(Order::Fair, 2_000);
        let mut config = HostConfig::new("app:processes");
        config.workers = 1;
        config.turn_steps = 4;
        configure(&mut config);
        let host = runtime.add_host(config).unwrap();
        runtime.start_host(host).unwrap();
        let exits = Arc::new(Exits::default());
        runtime.observe(exits.clone());
        let victim = spawn(&runtime, "app:victim");
        World { runtime, simulation, output, exits, victim, attacker: Mutex::new(None) }
    }

    /// Asks the victim and waits for its answer while everybody else runs too.
    #[track_caller]
    pub fn ask(&self) -> String {
        let before = self.output.stdout().matches("ANSWER").count();
        self.runtime.send(self.victim, "ask".as_bytes(), Values::one("question")).unwrap();
        for _ in 0..10_000 {
            self.simulation.step();
            let output = self.output.stdout();
            if output.matches("ANSWER").count() > before {
                return output.lines().rfind(|line| line.starts_with("ANSWER")).unwrap().to_owned();
            }
        }
        let exits = self.exits.0.lock().unwrap();
        panic!("the victim is silent: {:?}\n{}", exits, self.output.stdout());
    }

    pub fn attack(&self) {
        *self.attacker.lock().unwrap() = Some(spawn(&self.runtime, "app:attack"));
    }

    pub fn steps(&self, count: u32) {
        for _ in 0..count {
            self.simulation.step();
        }
    }

    /// Runs until the attack is over.
    #[track_caller]
    pub fn settle_attack(&self, name: &str) {
        for _ in 0..200_000 {
            if self.attack_exit().is_some() {
                return;
            }
            if !self.simulation.step() {
                self.simulation.run_for(1_000_000);
            }
        }
        panic!("{name}: it goes on");
    }

    /// Ends the attack from outside and runs until it is gone.
    pub fn terminate_attack(&self) {
        let attacker = self.attacker.lock().unwrap().unwrap();
        self.runtime.terminate(attacker).unwrap();
        self.steps(50);
    }

    pub fn attack_exit(&self) -> Option<Arc<Exit>> {
        let attacker = (*self.attacker.lock().unwrap())?;
        let exits = self.exits.0.lock().unwrap();
        exits.iter().find(|(pid, _)| *pid == attacker).map(|(_, exit)| exit.clone())
    }

    pub fn attack_reason(&self) -> String {
        self.attack_exit().map(|exit| exit.reason.as_str().to_owned()).unwrap_or_default()
    }

    /// Lets processes that make garbage run, so that what the attack left is collected.
    pub fn collect_garbage_of_the_dead(&self) {
        for _ in 0..3 {
            let pid = spawn(&self.runtime, "app:idle");
            self.steps(4);
            self.runtime.send(pid, "x".as_bytes(), Values::one(1.0)).unwrap();
            self.steps(4);
        }
    }

    pub fn output(&self) -> String {
        self.output.stdout()
    }
}

fn spawn(runtime: &Runtime, id: &str) -> Pid {
    let request = SpawnRequest::new(id, "app:processes", Values::none(), Arc::default());
    runtime.spawn(request).unwrap()
}
