//! Where the files of a project are.

use std::path::{Component, Path, PathBuf};

use crate::diagnostic::{Problem, Problems};
use crate::files;
use crate::options::LoadOptions;
use crate::read;
use crate::source::Sources;
use crate::yaml;

/// The files of one project.
#[derive(Debug)]
pub(crate) struct Project {
    /// what `file:///` values start from
    pub source_root: PathBuf,
    /// YAML and JSON files in lexical order
    pub files: Vec<PathBuf>,
    /// the only file, when a single file is the application
    pub form: Form,
    /// the config file, if there is one
    pub config: Option<PathBuf>,
}

/// What the path of a load names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// a project directory
    Directory,
    /// an application in one YAML or JSON file
    File,
    /// a Lua file
    Script,
}

/// Finds the files; `None` if there is nothing to load.
pub(crate) fn find(
    options: &LoadOptions,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Option<Project> {
    let path = &options.path;
    if path.is_dir() {
        return directory(options, sources, problems);
    }
    if !path.exists() {
        problems.push(Problem::file(files::name(path), "no such file or directory"));
        return None;
    }
    let form = match path.extension().and_then(|extension| extension.to_str()) {
        Some("lua") => Form::Script,
        Some("yaml" | "yml" | "json") => Form::File,
        _ => {
            let message = "expected a directory, a .yaml or a .lua file";
            problems.push(Problem::file(files::name(path), message));
            return None;
        }
    };
    let source_root = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    // A config file next to a single file belongs to the project around it.
    let config = options.config_file.clone();
    Some(Project { source_root, files: vec![path.clone()], form, config })
}

fn directory(
    options: &LoadOptions,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Option<Project> {
    let path = &options.path;
    let config = options.config_file.clone().or_else(|| {
        let candidates = ["luavisor.yaml", ".wippy.yaml"].map(|name| path.join(name));
        candidates.into_iter().find(|file| file.is_file())
    });
    let source_root = path.join(source_directory(path, sources, problems)?);
    if !source_root.is_dir() {
        let message = "source directory not found, expected a directory with YAML files";
        problems.push(Problem::file(files::name(&source_root), message));
        return None;
    }
    let mut found = Vec::new();
    walk(&source_root, &options.skip_directories, &mut found, problems);
    Some(Project { source_root, files: found, form: Form::Directory, config })
}

/// `src`, or what `directories.src` of a `wippy.lock` says.
fn source_directory(
    project: &Path,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let lock = project.join("wippy.lock");
    if !lock.is_file() {
        return Some("src".into());
    }
    let file = files::open(sources, problems, &lock)?;
    let parsed = yaml::parse(sources, file);
    problems.append(parsed.problems);
    if let Some(fatal) = parsed.fatal {
        problems.push(fatal);
        return None;
    }
    let Some(root) = parsed.root else { return Some("src".into()) };
    let Some(node) = root.get("directories").and_then(|directories| directories.get("src")) else {
        return Some("src".into());
    };
    let text = read::text(problems, node)?;
    let below = Path::new(text).components().try_fold(0_usize, |depth, step| match step {
        Component::Normal(_) => Some(depth + 1),
        Component::CurDir => Some(depth),
        Component::ParentDir => depth.checked_sub(1),
        _ => None,
    });
    if below.is_none_or(|depth| depth == 0) {
        let message = format!("expected a directory below the project, found \"{text}\"");
        problems.error(node.span, message);
        return None;
    }
    Some(Path::new(text).components().filter(|c| *c != Component::CurDir).collect())
}

/// Collects YAML and JSON files below `directory`, each directory in lexical
/// order. Linked directories are not entered, so the walk ends.
fn walk(directory: &Path, skip: &[String], found: &mut Vec<PathBuf>, problems: &mut Problems) {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            let message = format!("cannot be searched: {error}");
            problems.push(Problem::file(files::name(directory), message));
            return;
        }
    };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !skip.iter().any(|skipped| *skipped == name) {
                walk(&path, skip, found, problems);
            }
        } else if [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}
