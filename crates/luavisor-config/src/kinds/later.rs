//! Kinds that later versions bring. They are known now so that their entries
//! load and their misspelt keys are found.

use super::{Key, Keys, Kind, LIFECYCLE, Support, any};

const fn later(name: &'static str, keys: Keys) -> Kind {
    Kind { name, support: Support::Later, keys: Some(keys) }
}

/// All of them.
pub(super) static LATER: &[Kind] = &[
    later("queue.driver.memory", keys![LIFECYCLE]),
    later(
        "queue.queue",
        keys![
            any("driver"),
            any("codec"),
            any("queue_name"),
            any("driver_options"),
            Key::Map("dead_letter", keys![any("queue"), any("max_attempts")]),
            LIFECYCLE,
        ],
    ),
    later(
        "queue.consumer",
        keys![
            any("queue"),
            any("func"),
            any("concurrency"),
            any("prefetch"),
            any("auto_ack"),
            any("driver_options"),
            LIFECYCLE,
        ],
    ),
    later(
        "db.sql.postgres",
        keys![
            any("host"),
            any("port"),
            any("database"),
            any("username"),
            any("password"),
            any("options"),
            Key::Map("pool", keys![any("max_open"), any("max_idle"), any("max_lifetime")]),
            LIFECYCLE,
        ],
    ),
    later(
        "http.service",
        keys![
            any("addr"),
            Key::Map("timeouts", keys![any("read"), any("write"), any("idle")]),
            Key::Map("host", keys![any("buffer_size"), any("worker_count")]),
            Key::Map(
                "tls",
                keys![any("mode"), any("cert"), any("key"), any("client_ca"), any("client_auth")]
            ),
            LIFECYCLE,
        ],
    ),
    later(
        "http.router",
        keys![
            any("prefix"),
            any("middleware"),
            any("options"),
            any("post_middleware"),
            any("post_options"),
        ],
    ),
    later("http.endpoint", keys![any("method"), any("path"), any("func")]),
    later(
        "http.static",
        keys![
            any("path"),
            any("fs"),
            Key::Map("static_options", keys![any("spa"), any("index"), any("cache")]),
            any("middleware"),
            any("options"),
        ],
    ),
    later(
        "exec.native",
        keys![any("default_work_dir"), any("default_env"), any("command_whitelist")],
    ),
];
