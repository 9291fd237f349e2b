//! The config file, `luavisor.yaml` or `.wippy.yaml`, with `--set` applied.

use std::path::Path;
use std::time::Duration;

use crate::diagnostic::Problems;
use crate::files;
use crate::kinds::{Key, Keys};
use crate::options::LoadOptions;
use crate::overrides::{self, Disable, Override};
use crate::read;
use crate::schema;
use crate::source::Sources;
use crate::yaml::{self, Data, Node};

/// Settings of the runtime. [`Settings::default`] is what a project without a
/// config file has.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `logger`
    pub logger: LoggerSettings,
    /// `shutdown.timeout`: bounds the whole shutdown
    pub shutdown_timeout: Duration,
    /// `security.strict_mode`: refuse guarded calls without a security context
    pub strict_mode: bool,
    /// `prometheus`: the address at which metrics are shown, if it is enabled
    pub metrics: Option<String>,
    /// `sim`
    pub simulation: SimulationSettings,
}

/// The `sim` section: what `luavisor sim` does without flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimulationSettings {
    /// virtual time under faults
    pub time: Option<Duration>,
    /// virtual time without faults after it
    pub settle: Option<Duration>,
    /// virtual time of that after which all of `live` and `children` must live again
    pub within: Option<Duration>,
    /// `faults`, by kind, as they are written: `kill: 0.01`
    pub faults: Vec<(String, String)>,
    /// faults at a time, as they are written: `30s kill app:worker`
    pub schedule: Vec<String>,
    /// processes that must live at the end, by entry
    pub live: Vec<(String, u32)>,
    /// children that must live at the end, by supervisor
    pub children: Vec<(String, u32)>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            logger: LoggerSettings::default(),
            shutdown_timeout: Duration::from_secs(30),
            strict_mode: false,
            metrics: None,
            simulation: SimulationSettings::default(),
        }
    }
}

/// The `logger` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoggerSettings {
    /// lowest level that is written
    pub level: LogLevel,
    /// form of a line
    pub encoding: LogEncoding,
}

/// How serious a log line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// for those who look for a fault
    Debug,
    /// what happens
    #[default]
    Info,
    /// something looks wrong
    Warn,
    /// something went wrong
    Error,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogEncoding {
    /// columns separated by tabs
    #[default]
    Console,
    /// one JSON object per line
    Json,
}

/// What the config file and the flags say.
#[derive(Debug, Default)]
pub(crate) struct Config {
    pub settings: Settings,
    pub overrides: Vec<Override>,
    pub disabled: Vec<Disable>,
}

/// Sections that are accepted and have no effect.
const WITHOUT_EFFECT: [&str; 7] =
    ["logmanager", "registry", "supervisor", "functions", "lua", "relay", "cluster"];

const SECTIONS: Keys = &[
    Key::Any("version"),
    Key::Map(
        "logger",
        &[
            Key::Any("level"),
            Key::Any("encoding"),
            // Choices of other runtimes between presets and outputs; accepted.
            Key::Any("mode"),
            Key::Any("sampling"),
            Key::Any("output_paths"),
            Key::Any("error_output_paths"),
        ],
    ),
    Key::Map("shutdown", &[Key::Any("timeout")]),
    Key::Map(
        "sim",
        &[
            Key::Any("time"),
            Key::Any("settle"),
            Key::Any("within"),
            Key::Any("faults"),
            Key::Any("schedule"),
            Key::Any("live"),
            Key::Any("children"),
        ],
    ),
    Key::Map("security", &[Key::Any("strict_mode")]),
    Key::Map("prometheus", &[Key::Any("enabled"), Key::Any("address")]),
    Key::Any("override"),
    Key::Any("disable"),
    Key::Any(WITHOUT_EFFECT[0]),
    Key::Any(WITHOUT_EFFECT[1]),
    Key::Any(WITHOUT_EFFECT[2]),
    Key::Any(WITHOUT_EFFECT[3]),
    Key::Any(WITHOUT_EFFECT[4]),
    Key::Any(WITHOUT_EFFECT[5]),
    Key::Any(WITHOUT_EFFECT[6]),
];

/// Reads the config file, if there is one, and the flags.
pub(crate) fn load(
    options: &LoadOptions,
    path: Option<&Path>,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Config {
    let mut root = path.and_then(|path| config_file(path, sources, problems));
    for text in &options.settings {
        let Some((key, span, value)) = overrides::setting(sources, problems, text) else {
            continue;
        };
        let root = root.get_or_insert_with(|| Node::map(value.span));
        overrides::put(problems, root, key, span, value);
    }
    let mut config = Config::default();
    if let Some(root) = root {
        read_sections(problems, &root, &mut config);
    }
    for text in &options.overrides {
        config.overrides.extend(overrides::flag(sources, problems, text));
    }
    config
}

fn config_file(path: &Path, sources: &mut Sources, problems: &mut Problems) -> Option<Node> {
    let file = files::open(sources, problems, path)?;
    let parsed = yaml::parse(sources, file);
    problems.append(parsed.problems);
    if let Some(fatal) = parsed.fatal {
        problems.push(fatal);
        return None;
    }
    let start = sources.start(file);
    let root = parsed.root.filter(|root| !root.is_null()).unwrap_or_else(|| Node::map(start));
    read::map(problems, &root)?;
    match root.get("version").map(|node| (node, &node.data)) {
        None => problems.error(start, "missing version, expected version: \"1.0\""),
        Some((_, Data::Scalar(scalar))) if &*scalar.text == "1.0" => {}
        Some((node, _)) => {
            let _: Option<()> = read::expected(problems, node, "version \"1.0\"");
        }
    }
    Some(root)
}

fn simulation(problems: &mut Problems, node: &Node, settings: &mut SimulationSettings) {
    let time = |problems: &mut Problems, key: &str| {
        node.get(key).and_then(|node| read::duration(problems, node))
    };
    settings.time = time(problems, "time");
    settings.settle = time(problems, "settle");
    settings.within = time(problems, "within");
    let faults = node.get("faults").and_then(|node| read::map(problems, node));
    for field in faults.unwrap_or_default() {
        if let Some(probability) = read::number(problems, &field.value, 0.0, 1.0) {
            settings.faults.push((field.key.to_string(), probability.to_string()));
        }
    }
    if let Some(schedule) = node.get("schedule") {
        let texts = read::texts(problems, schedule);
        settings.schedule.extend(texts.into_iter().map(|(_, text)| text.to_owned()));
    }
    let SimulationSettings { live, children, .. } = settings;
    for (name, counts) in [("live", live), ("children", children)] {
        let given = node.get(name).and_then(|node| read::map(problems, node));
        for field in given.unwrap_or_default() {
            if let Some(count) = read::count(problems, &field.value) {
                counts.push((field.key.to_string(), count));
            }
        }
    }
}

fn read_sections(problems: &mut Problems, root: &Node, config: &mut Config) {
    schema::unknown_keys(problems, root, SECTIONS, "the config file");
    let settings = &mut config.settings;
    let section = |problems: &mut Problems, name: &str| {
        root.get(name).filter(|node| read::map(problems, node).is_some())
    };
    if let Some(logger) = section(problems, "logger") {
        let levels = [
            ("debug", LogLevel::Debug),
            ("info", LogLevel::Info),
            ("warn", LogLevel::Warn),
            ("error", LogLevel::Error),
        ];
        let encodings = [("console", LogEncoding::Console), ("json", LogEncoding::Json)];
        let level = logger.get("level").and_then(|node| read::choice(problems, node, &levels));
        let encoding =
            logger.get("encoding").and_then(|node| read::choice(problems, node, &encodings));
        settings.logger = LoggerSettings {
            level: level.unwrap_or_default(),
            encoding: encoding.unwrap_or_default(),
        };
    }
    if let Some(node) = section(problems, "shutdown").and_then(|node| node.get("timeout"))
        && let Some(timeout) = read::duration(problems, node)
    {
        settings.shutdown_timeout = timeout;
    }
    if let Some(node) = section(problems, "sim") {
        simulation(problems, node, &mut settings.simulation);
    }
    if let Some(node) = section(problems, "security").and_then(|node| node.get("strict_mode"))
        && let Some(strict) = read::boolean(problems, node)
    {
        settings.strict_mode = strict;
    }
    if let Some(node) = section(problems, "prometheus") {
        let enabled = node.get("enabled").and_then(|node| read::boolean(problems, node));
        let address = node.get("address").and_then(|node| read::text(problems, node));
        if enabled == Some(true) {
            settings.metrics = Some(address.unwrap_or("localhost:9090").to_owned());
        }
    }
    if let Some(node) = root.get("override") {
        config.overrides = overrides::section(problems, node);
    }
    if let Some(node) = root.get("disable") {
        config.disabled = overrides::disabled(problems, node);
    }
}
