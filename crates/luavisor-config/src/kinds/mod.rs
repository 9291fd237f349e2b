//! Entry kinds and the keys that each of them knows.
//!
//! The tables stand here once; the check of unknown keys walks them. Kinds of
//! later versions are known, so that their entries load, and are reported where
//! something would need them.

macro_rules! keys {
    ($($key:expr),* $(,)?) => { &[$($key),*] };
}

mod later;

/// What this version does with an entry of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    /// It works.
    Now,
    /// It is data without behaviour, now and later.
    Data,
    /// A later version brings it.
    Later,
}

/// A kind of entries.
#[derive(Debug)]
pub(crate) struct Kind {
    pub name: &'static str,
    pub support: Support,
    /// `None`: any keys
    pub keys: Option<Keys>,
}

/// The keys of a map.
pub(crate) type Keys = &'static [Key];

/// A key and what its value may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    /// any value
    Any(&'static str),
    /// a map with known keys
    Map(&'static str, Keys),
    /// a list of maps with known keys
    List(&'static str, Keys),
}

impl Key {
    pub fn name(&self) -> &'static str {
        match self {
            Key::Any(name) | Key::Map(name, _) | Key::List(name, _) => name,
        }
    }
}

/// The kind of that name.
pub(crate) fn kind(name: &str) -> Option<&'static Kind> {
    NOW.iter().chain(later::LATER).find(|kind| kind.name == name)
}

impl Kind {
    /// Whether entries of this kind have a `lifecycle`.
    pub fn has_lifecycle(&self) -> bool {
        self.keys.is_some_and(|keys| keys.iter().any(|key| key.name() == "lifecycle"))
    }
}

/// All names, for suggestions.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    NOW.iter().chain(later::LATER).map(|kind| kind.name)
}

const fn any(name: &'static str) -> Key {
    Key::Any(name)
}

const RESTART: Key = Key::Map(
    "restart",
    keys![
        any("policy"),
        any("initial_delay"),
        any("max_delay"),
        any("backoff_factor"),
        any("jitter"),
        any("max_attempts"),
        any("on_exhausted"),
    ],
);

const LIFECYCLE: Key = Key::Map(
    "lifecycle",
    keys![
        any("auto_start"),
        any("startup"),
        any("requires"),
        any("depends_on"),
        any("ready"),
        any("start_timeout"),
        any("stop_timeout"),
        any("stable_threshold"),
        RESTART,
        Key::Map(
            "security",
            keys![Key::Map("actor", keys![any("id"), any("meta")]), any("groups"), any("policies"),]
        ),
    ],
);

const CHILD: Keys = keys![
    any("name"),
    any("process"),
    any("count"),
    any("restart"),
    any("shutdown"),
    any("input"),
    any("ready"),
    any("start_timeout"),
    any("significant"),
    any("host"),
];

const HOST_LIMITS: Key = Key::Map(
    "limits",
    keys![
        any("memory"),
        any("mailbox"),
        any("mailbox_bytes"),
        any("shard_memory"),
        any("message_bytes"),
    ],
);

const fn now(name: &'static str, keys: Keys) -> Kind {
    Kind { name, support: Support::Now, keys: Some(keys) }
}

const fn data(name: &'static str) -> Kind {
    Kind { name, support: Support::Data, keys: None }
}

/// Kinds that this version runs or keeps as data.
static NOW: &[Kind] = &[
    now(
        "process.lua",
        keys![
            any("source"),
            any("method"),
            any("modules"),
            any("imports"),
            Key::Map("limits", keys![any("memory"), any("mailbox")]),
            LIFECYCLE,
            any("host"),
            any("input"),
            any("options"),
        ],
    ),
    now(
        "process.host",
        keys![
            Key::Map(
                "host",
                keys![
                    any("workers"),
                    any("slice"),
                    any("max_processes"),
                    any("unpreemptible"),
                    any("queue_size"),
                    any("local_queue_size"),
                ]
            ),
            HOST_LIMITS,
            LIFECYCLE,
        ],
    ),
    now(
        "terminal.host",
        keys![
            any("hide_logs"),
            Key::Map("host", keys![any("slice"), any("unpreemptible")]),
            HOST_LIMITS,
            LIFECYCLE,
        ],
    ),
    now("process.service", keys![any("process"), any("host"), any("input"), LIFECYCLE]),
    now(
        "process.supervisor",
        keys![
            any("host"),
            any("strategy"),
            Key::Map("intensity", keys![any("restarts"), any("period")]),
            Key::Map(
                "backoff",
                keys![any("initial_delay"), any("max_delay"), any("factor"), any("jitter")]
            ),
            any("auto_shutdown"),
            Key::List("children", CHILD),
            Key::Map(
                "dynamic",
                keys![any("process"), any("max_children"), any("restart"), any("shutdown")]
            ),
            LIFECYCLE,
        ],
    ),
    now(
        "sim.check",
        keys![any("source"), any("method"), any("modules"), any("imports"), any("when")],
    ),
    now(
        "function.lua",
        keys![
            any("source"),
            any("method"),
            any("modules"),
            any("imports"),
            Key::Map(
                "pool",
                keys![
                    any("type"),
                    any("size"),
                    any("workers"),
                    any("buffer"),
                    any("max_size"),
                    any("warm_start"),
                ]
            ),
        ],
    ),
    now("library.lua", keys![any("source"), any("modules"), any("imports")]),
    now(
        "security.policy.expr",
        keys![
            Key::Map(
                "policy",
                keys![any("actions"), any("resources"), any("effect"), any("expression")]
            ),
            any("groups"),
        ],
    ),
    now("env.storage.memory", keys![]),
    now("env.storage.os", keys![]),
    now(
        "env.storage.file",
        keys![any("file_path"), any("auto_create"), any("file_mode"), any("dir_mode")],
    ),
    now("env.storage.static", keys![any("values")]),
    now("env.storage.router", keys![any("storages")]),
    now(
        "env.variable",
        keys![any("variable"), any("storage"), any("default"), any("readonly"), any("read_only")],
    ),
    now(
        "security.policy",
        keys![
            Key::Map(
                "policy",
                keys![
                    any("actions"),
                    any("resources"),
                    any("effect"),
                    Key::List(
                        "conditions",
                        keys![any("field"), any("operator"), any("value"), any("value_from")]
                    ),
                ]
            ),
            any("groups"),
        ],
    ),
    now(
        "template.set",
        keys![
            Key::Map(
                "engine",
                keys![
                    any("development_mode"),
                    Key::Map("delimiters", keys![any("left"), any("right")]),
                    any("autoescape"),
                ]
            ),
            any("globals"),
        ],
    ),
    now("template.jinja", keys![any("set"), any("source")]),
    Kind { name: "fs.embed", support: Support::Now, keys: None },
    now("template.jet", keys![any("set"), any("source")]),
    now("store.memory", keys![any("max_size"), any("cleanup_interval"), LIFECYCLE]),
    now(
        "store.sql",
        keys![
            any("database"),
            any("table_name"),
            any("table"),
            any("id_column_name"),
            any("payload_column_name"),
            any("expire_column_name"),
            any("auto_create"),
            any("cleanup_interval"),
            LIFECYCLE,
        ],
    ),
    now("db.sql.sqlite", keys![any("file"), any("pool"), any("options"), LIFECYCLE]),
    now(
        "fs.directory",
        keys![any("directory"), any("auto_init"), any("mode"), any("base"), LIFECYCLE],
    ),
    now(
        "security.token_store",
        keys![any("store"), any("token_length"), any("default_expiration"), any("token_key")],
    ),
    data("registry.entry"),
    data("ns.definition"),
    data("ns.requirement"),
    data("ns.dependency"),
];
