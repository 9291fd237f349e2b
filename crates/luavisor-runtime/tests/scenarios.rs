//! The acceptance scenarios of the specification, by number, on virtual time.
//!
//! Each is a handful of Lua programs of which `app:main` tells the story and
//! returns `"ok"`. Scenarios that need the binary (36 to 40) are tests of the
//! service layer and of the command.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod lua_support;

use lua_support::{World, world, world_with};
use luavisor_core::Reason;
use luavisor_runtime::HostConfig;

/// What every program below starts with.
const PRELUDE: &str = r#"
local HOST = "app:processes"
local function must(value, err) if value == nil or value == false then error(tostring(err), 2) end return value end
local function equal(got, want, what)
  if got ~= want then error(string.format("%s: expected %s, got %s", what or "value", tostring(want), tostring(got)), 2) end
end
local function like(text, want)
  if not string.find(tostring(text), want, 1, true) then error("expected " .. want .. " in " .. tostring(text), 2) end
end
"#;

fn tell(programs: &[(&str, &str)]) -> World {
    tell_with(programs, HostConfig::new("app:processes"))
}

fn tell_with(programs: &[(&str, &str)], config: HostConfig) -> World {
    // One line, so that error positions are those of the program.
    let prelude = PRELUDE.replace('\n', " ");
    let sources: Vec<(String, String)> = programs
        .iter()
        .map(|(name, source)| (format!("app:{name}"), format!("{prelude}{source}")))
        .collect();
    let sources: Vec<(&str, &str)> =
        sources.iter().map(|(name, source)| (name.as_str(), source.as_str())).collect();
    let world = world_with(&sources, config);
    world.main_is_ok();
    world
}

#[test]
fn scenario_01_a_chunk_that_raises_ends_its_process_once() {
    tell(&[
        ("child", "error('early')"),
        (
            "main",
            "return function()
              local time = require('time')
              local events = process.events()
              local pid = must(process.spawn_monitored('app:child', HOST))
              local e = events:receive()
              equal(e.kind, process.event.EXIT) equal(e.from, pid) equal(e.reason, 'error')
              equal(e.result.error:message(), 'app:child:1: early')
              local r = channel.select{ events:case_receive(), time.after('1s'):case_receive() }
              assert(r.channel ~= events, 'a second event')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_02_a_missing_method_is_a_failure_of_the_child() {
    tell(&[
        ("child", "return { other = function() end }"),
        (
            "main",
            "return function()
              must(process.spawn_monitored('app:child', HOST))
              local e = process.events():receive()
              equal(e.result.error:message(), 'method \"main\" not found in module')
              equal(e.result.error:kind(), 'NotFound')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_03_a_thousand_exits_arrive() {
    tell(&[
        ("child", "return function() end"),
        (
            "main",
            "return function()
              local events, done, seen, n = process.events(), channel.new(), {}, 0
              coroutine.spawn(function()
                for i = 1, 1000 do
                  local e = events:receive()
                  assert(not seen[e.from], 'twice') seen[e.from] = true n += 1
                end
                done:send(true)
              end)
              for i = 1, 1000 do must(process.spawn_monitored('app:child', HOST)) end
              done:receive()
              equal(n, 1000)
              local r = channel.select{ events:case_receive(), default = true }
              assert(r.default, 'more than 1000')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_04_a_message_waits_for_the_inbox() {
    tell(&[
        (
            "child",
            "return function() require('time').sleep('50ms') return process.inbox():receive():payload():data() end",
        ),
        (
            "main",
            "return function()
              local pid = must(process.spawn_monitored('app:child', HOST))
              must(process.send(pid, 'greeting', 'hello'))
              equal(process.events():receive().result.value, 'hello')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_05_ten_thousand_messages_stay_in_order() {
    tell(&[
        (
            "reader",
            "return function()
              local time, jobs = require('time'), process.listen('job')
              for i = 1, 10000 do
                equal(jobs:receive(), i)
                if i % 1000 == 0 then time.sleep('1ms') end
              end
              return 'all'
            end",
        ),
        (
            "main",
            "return function()
              local pid = must(process.spawn_monitored('app:reader', HOST))
              for i = 1, 10000 do must(process.send(pid, 'job', i)) end
              equal(process.events():receive().result.value, 'all')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_06_messages_survive_their_sender() {
    tell(&[
        (
            "child",
            "return function(parent) for i = 1, 3 do must(process.send(parent, 'part', i)) end end",
        ),
        (
            "main",
            "return function()
              local events, inbox = process.events(), process.inbox()
              must(process.spawn_monitored('app:child', HOST, process.pid()))
              equal(events:receive().kind, 'pid.exit')
              for i = 1, 3 do equal(inbox:receive():payload():data(), i) end
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_07_no_sleep_at_chunk_top_level() {
    tell(&[
        ("child", "require('time').sleep('1ms')"),
        (
            "main",
            "return function()
              process.set_options{ trap_links = true }
              must(process.spawn_linked('app:child', HOST))
              local e = process.events():receive()
              equal(e.kind, process.event.LINK_DOWN)
              equal(e.result.error:kind(), 'Invalid')
              like(e.result.error:message(), 'time.sleep')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_08_one_worker_serves_beside_an_endless_loop() {
    let mut config = HostConfig::new("app:processes");
    config.workers = 1;
    tell_with(
        &[
            ("loop", "return function() while true do end end"),
            (
                "echo",
                "return function() local m = process.inbox():receive() process.send(m:from(), 'echo', m:payload():data()) end",
            ),
            (
                "main",
                "return function()
                  local hog = must(process.spawn('app:loop', HOST))
                  local pid = must(process.spawn('app:echo', HOST))
                  process.send(pid, 'x', 42)
                  equal(process.inbox():receive():payload():data(), 42)
                  must(process.terminate(hog))
                  return 'ok'
                end",
            ),
        ],
        config,
    );
}

#[test]
fn scenario_09_terminate_beats_pcall() {
    tell(&[
        ("loop", "return function() while true do pcall(function() while true do end end) end end"),
        (
            "main",
            "return function()
              local pid = must(process.spawn_monitored('app:loop', HOST))
              for i = 1, 5000 do coroutine.yield() end -- time stands still beside a busy loop
              must(process.terminate(pid))
              local e = process.events():receive()
              equal(e.result.error:message(), 'process terminated')
              equal(e.reason, 'terminated') equal(e.result.error:kind(), 'Internal')
              equal(e.result.error:retryable(), nil)
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_10_terminating_oneself_does_not_return() {
    let world = tell(&[
        ("child", "return function() process.terminate(process.pid()) print('unreachable') end"),
        (
            "main",
            "return function()
              must(process.spawn_monitored('app:child', HOST))
              equal(process.events():receive().reason, 'terminated')
              return 'ok'
            end",
        ),
    ]);
    assert_eq!(world.output.stdout(), "");
}

#[test]
fn scenario_11_a_deadline_ends_who_ignores_cancel() {
    tell(&[
        ("child", "return function() require('time').sleep('1h') end"),
        (
            "main",
            "return function()
              local time = require('time')
              local pid = must(process.spawn_monitored('app:child', HOST))
              time.sleep('5ms')
              local start = time.now()
              must(process.cancel(pid, '100ms'))
              local e = process.events():receive()
              equal(time.now():sub(start):milliseconds(), 100)
              equal(e.reason, 'cancelled') equal(e.result.error:kind(), 'Timeout')
              equal(e.result.error:message(), 'cancel deadline exceeded after 100ms')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_12_the_earliest_deadline_wins() {
    tell(&[
        (
            "child",
            "return function(parent)
              local time = require('time')
              time.sleep('50ms')
              local events, n = process.events(), 0
              while true do
                local r = channel.select{ events:case_receive(), default = true }
                if r.default then break end
                n += 1
              end
              process.send(parent, 'unread', n)
              time.sleep('1h')
            end",
        ),
        (
            "main",
            "return function()
              local time = require('time')
              local pid = must(process.spawn_monitored('app:child', HOST, process.pid()))
              time.sleep('5ms')
              local start = time.now()
              must(process.cancel(pid, '100ms')) must(process.cancel(pid, '5s'))
              equal(process.inbox():receive():payload():data(), 1)
              local e = process.events():receive()
              equal(time.now():sub(start):milliseconds(), 100)
              equal(e.result.error:message(), 'cancel deadline exceeded after 100ms')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_13_a_cooperative_end_is_normal() {
    tell(&[
        (
            "child",
            "return function()
              local e = process.events():receive()
              equal(e.kind, process.event.CANCEL)
              require('time').sleep('50ms')
              return 'bye'
            end",
        ),
        (
            "partner",
            "return function(peer, parent)
              process.set_options{ trap_links = true }
              must(process.link(peer)) process.send(parent, 'linked')
              local r = channel.select{ process.events():case_receive(), require('time').after('2s'):case_receive() }
              return r.channel == process.events() and 'told' or 'not told'
            end",
        ),
        (
            "main",
            "return function()
              local pid = must(process.spawn_monitored('app:child', HOST))
              local partner = must(process.spawn_monitored('app:partner', HOST, pid, process.pid()))
              process.inbox():receive()
              must(process.cancel(pid, '1s'))
              local e = process.events():receive()
              equal(e.from, pid) equal(e.result.value, 'bye') equal(e.reason, 'normal')
              equal(process.events():receive().result.value, 'not told')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_14_a_reason_without_deadline_never_forces() {
    tell(&[
        (
            "child",
            "return function()
              local e = process.events():receive()
              require('time').sleep('10m')
              return { reason = e.reason, deadline = e.deadline, from = e.from }
            end",
        ),
        (
            "main",
            "return function()
              local pid = must(process.spawn_monitored('app:child', HOST))
              must(process.cancel(pid, 'maintenance'))
              local e = process.events():receive()
              equal(e.reason, 'normal')
              equal(e.result.value.reason, 'maintenance') equal(e.result.value.deadline, nil)
              equal(e.result.value.from, process.pid())
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_15_a_reason_in_the_place_of_a_timeout_is_refused() {
    tell(&[
        (
            "child",
            "return function()
              local r = channel.select{ process.events():case_receive(), require('time').after('1s'):case_receive() }
              return r.channel == process.events() and 'event' or 'none'
            end",
        ),
        (
            "main",
            "return function()
              local pid = must(process.spawn_monitored('app:child', HOST))
              local ok, err = process.cancel(pid, 'soon', 'maintenance')
              equal(ok, nil) equal(err:kind(), 'Invalid') equal(err:message(), 'invalid duration: soon')
              equal(process.events():receive().result.value, 'none')
              return 'ok'
            end",
        ),
    ]);
}

const CHAIN: &str = "return function(depth, parent, trap)
  if trap == depth then process.set_options{ trap_links = true } end
  local next_pid
  if depth > 1 then next_pid = must(process.spawn_linked('app:node', HOST, depth - 1, parent, trap)) end
  process.send(parent, 'node', { depth = depth, pid = process.pid() })
  if depth == 3 then
    process.inbox():receive()
    error('boom', 0)
  end
  if trap == depth then
    local e = process.events():receive()
    process.send(parent, 'told', { kind = e.kind, from = e.from, message = e.result.error:message() })
    local r = channel.select{ process.events():case_receive(), require('time').after('100ms'):case_receive() }
    assert(r.channel ~= process.events(), 'a second LINK_DOWN')
    return
  end
  require('time').sleep('1h')
end";

#[test]
fn scenario_16_a_failure_runs_down_the_chain() {
    tell(&[
        ("node", CHAIN),
        (
            "main",
            "return function()
              local inbox, pids = process.inbox(), {}
              must(process.spawn('app:node', HOST, 3, process.pid(), 0))
              for i = 1, 3 do local d = inbox:receive():payload():data() pids[d.depth] = d.pid end
              must(process.monitor(pids[1]))
              process.send(pids[3], 'go')
              local e = process.events():receive()
              equal(e.from, pids[1]) equal(e.reason, 'linked')
              local err = e.result.error
              equal(err:kind(), 'LinkDown')
              equal(err:message(), 'linked process failed: ' .. pids[2] .. ': boom')
              equal(err:details().origin, pids[3]) equal(err:details().pid, pids[2]) equal(err:details().cause, 'boom')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_17_a_trapping_middle_stops_the_cascade() {
    tell(&[
        ("node", CHAIN),
        (
            "main",
            "return function()
              local time, inbox, pids = require('time'), process.inbox(), {}
              must(process.spawn('app:node', HOST, 3, process.pid(), 2))
              for i = 1, 3 do local d = inbox:receive():payload():data() pids[d.depth] = d.pid end
              process.send(pids[3], 'go')
              local told = inbox:receive():payload():data()
              equal(told.kind, 'pid.link.down') equal(told.from, pids[3]) equal(told.message, 'boom')
              time.sleep('1s')
              equal(select(2, process.monitor(pids[2])):message(), 'process not found')
              must(process.monitor(pids[1]), 'C died')
              must(process.terminate(pids[1]))
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_18_a_linked_busy_loop_ends_at_a_safepoint() {
    let world = tell(&[
        ("peer", "return function() process.inbox():receive() error('down', 0) end"),
        (
            "busy",
            "return function(peer, parent)
              must(process.link(peer)) process.send(parent, 'linked')
              pcall(function() while true do end end)
              print('later code')
            end",
        ),
        (
            "main",
            "return function()
              local peer = must(process.spawn('app:peer', HOST))
              local busy = must(process.spawn_monitored('app:busy', HOST, peer, process.pid()))
              process.inbox():receive()
              process.send(peer, 'go')
              local e = process.events():receive()
              equal(e.from, busy) equal(e.reason, 'linked')
              return 'ok'
            end",
        ),
    ]);
    assert_eq!(world.output.stdout(), "");
}

#[test]
fn scenario_19_giving_up_the_trap_with_a_failure_unread_is_fatal() {
    let world = tell(&[
        ("peer", "return function() error('down', 0) end"),
        (
            "trapper",
            "return function()
              process.set_options{ trap_links = true }
              must(process.spawn_linked('app:peer', HOST))
              require('time').sleep('10ms')
              process.set_options{ trap_links = false }
              print('unreachable')
            end",
        ),
        (
            "main",
            "return function()
              must(process.spawn_monitored('app:trapper', HOST))
              local e = process.events():receive()
              equal(e.reason, 'linked') like(e.result.error:message(), ': down')
              return 'ok'
            end",
        ),
    ]);
    assert_eq!(world.output.stdout(), "");
}

#[test]
fn scenario_20_exit_comes_before_link_down() {
    tell(&[
        ("peer", "return function() error('down', 0) end"),
        (
            "main",
            "return function()
              process.set_options{ trap_links = true }
              must(process.spawn_linked_monitored('app:peer', HOST))
              local events = process.events()
              local a, b = events:receive(), events:receive()
              equal(a.kind, 'pid.exit') equal(b.kind, 'pid.link.down')
              equal(a.result.error:message(), b.result.error:message())
              equal(a.result.error:kind(), b.result.error:kind()) equal(a.from, b.from)
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_21_a_normal_end_dissolves_the_link_silently() {
    tell(&[
        ("child", "return function() return nil end"),
        (
            "main",
            "return function()
              process.set_options{ trap_links = true }
              must(process.spawn_linked('app:child', HOST))
              local events = process.events()
              local r = channel.select{ events:case_receive(), require('time').after('500ms'):case_receive() }
              assert(r.channel ~= events)
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_22_a_dead_pid_is_not_found() {
    tell(&[
        ("child", "return function() end"),
        (
            "main",
            "return function()
              local pid = must(process.spawn_monitored('app:child', HOST))
              local events = process.events()
              events:receive()
              for _, call in { process.monitor, process.link, function(p) return process.registry.register('n', p) end } do
                local ok, err = call(pid)
                equal(ok, nil) equal(err:kind(), 'NotFound') equal(err:message(), 'process not found')
              end
              local r = channel.select{ events:case_receive(), require('time').after('1s'):case_receive() }
              assert(r.channel ~= events)
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_23_several_monitors_one_exit() {
    tell(&[
        ("child", "return function() process.inbox():receive() end"),
        (
            "main",
            "return function()
              local pid = must(process.spawn_monitored('app:child', HOST))
              equal(process.monitor(pid), true) equal(process.monitor(pid), true)
              process.send(pid, 'end')
              local events = process.events()
              equal(events:receive().from, pid)
              local r = channel.select{ events:case_receive(), require('time').after('1s'):case_receive() }
              assert(r.channel ~= events)
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_24_listening_takes_unread_messages_out_of_the_inbox() {
    tell(&[(
        "main",
        "return function()
          local inbox = process.inbox()
          process.send(process.pid(), 'job', 1) process.send(process.pid(), 'job', 2)
          local jobs = process.listen('job')
          equal(jobs:receive(), 1) equal(jobs:receive(), 2)
          assert(channel.select{ inbox:case_receive(), default = true }.default)
          return 'ok'
        end",
    )]);
}

#[test]
fn scenario_25_after_unlisten_the_inbox_gets_the_topic() {
    tell(&[(
        "main",
        "return function()
          local inbox, jobs = process.inbox(), process.listen('job')
          equal(process.unlisten(jobs), true)
          process.send(process.pid(), 'job', 'x')
          local m = inbox:receive()
          equal(m:topic(), 'job') equal(m:payload():data(), 'x')
          return 'ok'
        end",
    )]);
}

#[test]
fn scenario_26_events_can_be_opened_again() {
    tell(&[(
        "main",
        "return function()
          process.events():close()
          must(process.cancel(process.pid(), 'again'))
          local e = process.events():receive()
          equal(e.kind, process.event.CANCEL) equal(e.reason, 'again')
          return 'ok'
        end",
    )]);
}

#[test]
fn scenario_27_a_full_mailbox_refuses_messages_but_not_cancel() {
    let mut config = HostConfig::new("app:processes");
    config.limits.mailbox = 10;
    tell_with(
        &[
            (
                "child",
                "return function() require('time').sleep('1s') return process.events():receive().kind end",
            ),
            (
                "main",
                "return function()
                  local pid = must(process.spawn_monitored('app:child', HOST))
                  for i = 1, 10 do must(process.send(pid, 'x', i)) end
                  local ok, err = process.send(pid, 'x', 11)
                  equal(ok, nil) equal(err:kind(), 'LimitExceeded') equal(err:message(), 'mailbox full')
                  must(process.cancel(pid, 'full'))
                  equal(process.events():receive().result.value, 'pid.cancel')
                  return 'ok'
                end",
            ),
        ],
        config,
    );
}

#[test]
fn scenario_28_a_backlog_does_not_delay_events_or_other_topics() {
    tell(&[
        (
            "child",
            "return function(parent)
              local wanted, events = process.listen('wanted'), process.events()
              process.send(parent, 'up')
              local e, w = events:receive(), wanted:receive()
              return e.kind .. ' ' .. w
            end",
        ),
        (
            "main",
            "return function()
              local pid = must(process.spawn_monitored('app:child', HOST, process.pid()))
              process.inbox():receive()
              for i = 1, 500000 do process.send(pid, 'backlog', i) end
              must(process.cancel(pid)) must(process.send(pid, 'wanted', 'this'))
              equal(process.events():receive().result.value, 'pid.cancel this')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_29_select_takes_the_first_ready_case() {
    tell(&[(
        "main",
        "return function()
          local inbox, events = process.inbox(), process.events()
          local function both() process.send(process.pid(), 'm') must(process.cancel(process.pid())) require('time').sleep('1ms') end
          both()
          equal(channel.select{ events:case_receive(), inbox:case_receive() }.channel, events)
          inbox:receive() both()
          equal(channel.select{ inbox:case_receive(), events:case_receive() }.channel, inbox)
          return 'ok'
        end",
    )]);
}

#[test]
fn scenario_30_sending_on_a_closed_channel_raises_in_select() {
    tell(&[(
        "main",
        "return function()
          local ch = channel.new() ch:close()
          local ok, err = pcall(channel.select, { ch:case_send(1) })
          equal(ok, false) like(err, 'send on closed channel')
          return 'ok'
        end",
    )]);
}

#[test]
fn scenario_31_closing_wakes_a_blocked_sender_with_an_error() {
    tell(&[(
        "main",
        "return function()
          local ch, done = channel.new(), channel.new()
          coroutine.spawn(function()
            local ok, err = pcall(function() ch:send(1) end)
            done:send({ ok, err })
          end)
          coroutine.yield()
          ch:close()
          local r = done:receive()
          equal(r[1], false) like(r[2], 'send on closed channel')
          return 'ok'
        end",
    )]);
}

#[test]
fn scenario_32_a_process_that_nothing_can_wake_fails() {
    tell(&[
        ("child", "return function() channel.new():receive() end"),
        (
            "main",
            "return function()
              must(process.spawn_monitored('app:child', HOST))
              local err = process.events():receive().result.error
              equal(err:message(), 'deadlock: all coroutines blocked with no pending operations (threads=1)')
              equal(err:kind(), 'Internal')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_33_a_function_in_a_payload_is_refused_with_its_path() {
    tell(&[
        (
            "child",
            "return function()
              local r = channel.select{ process.inbox():case_receive(), require('time').after('1s'):case_receive() }
              return r.channel == process.inbox() and 'got' or 'nothing'
            end",
        ),
        (
            "main",
            "return function()
              local pid = must(process.spawn_monitored('app:child', HOST))
              local ok, err = process.send(pid, 'x', { handlers = { 1, print } })
              equal(ok, nil) equal(err:kind(), 'Invalid')
              equal(err:message(), 'payload.handlers[2]: a function cannot be sent')
              equal(process.events():receive().result.value, 'nothing')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_34_every_watcher_gets_its_own_copy_of_a_result() {
    let watcher = "return function(target, parent, change)
      must(process.monitor(target)) process.send(parent, 'watching')
      local v = process.events():receive().result.value
      equal(v.self, v) equal(v.err:kind(), 'Conflict') equal(v.at:unix(), 12)
      if change then v.list[1] = 'changed' end
      require('time').sleep('10ms')
      return v.list[1]
    end";
    tell(&[
        (
            "child",
            "return function()
              process.inbox():receive()
              local v = { list = { 'original' }, at = require('time').unix(12, 0), err = errors.new{ message = 'x', kind = 'Conflict' } }
              v.self = v
              return v
            end",
        ),
        ("watcher", watcher),
        (
            "main",
            "return function()
              local pid, results = must(process.spawn('app:child', HOST)), {}
              for i = 1, 2 do
                must(process.spawn_monitored('app:watcher', HOST, pid, process.pid(), i == 1))
                process.inbox():receive()
              end
              process.send(pid, 'go')
              for i = 1, 2 do local r = process.events():receive().result results[must(r.value, r.error)] = true end
              assert(results.changed and results.original)
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn scenario_35_a_result_that_cannot_be_copied_is_a_failure() {
    tell(&[
        ("child", "return function() return channel.new() end"),
        (
            "main",
            "return function()
              must(process.spawn_monitored('app:child', HOST))
              local e = process.events():receive()
              equal(e.reason, 'error') equal(e.result.error:kind(), 'Invalid')
              equal(e.result.error:message(), 'result: a channel cannot be sent')
              return 'ok'
            end",
        ),
    ]);
}

#[test]
fn a_world_that_is_shut_down_forgets_its_processes() {
    let world = world(&[("app:main", "return function() process.inbox():receive() end")]);
    let pid = world.spawn("app:main");
    world.simulation.run();
    world.runtime.begin_shutdown();
    world.runtime.terminate_all();
    world.simulation.run();
    assert_eq!(world.exit(pid).unwrap().reason, Reason::Shutdown);
}
