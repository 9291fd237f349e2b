//! `fs.directory` entries (MODULES 24).

use std::path::Path;

use crate::diagnostic::Problems;
use crate::entries::RawEntry;
use crate::files;
use crate::lifecycle::Lifecycle;
use crate::read;
use crate::resources::VolumeDefinition;
use crate::yaml::Node;

use super::lifecycles::set;

/// A directory.
pub(super) const DIRECTORY: &str = "fs.directory";

/// A directory that is packed into the executable.
pub(super) const EMBEDDED: &str = "fs.embed";

/// Reads a volume. Its directory is relative to `project` or, with `base: module`, to
/// `sources`; its dependencies are filled in later.
pub(super) fn volume(
    problems: &mut Problems,
    entry: &RawEntry,
    lifecycle: &Lifecycle,
    project: &Path,
    sources: &Path,
) -> Option<VolumeDefinition> {
    let (mut create, mut mode) = (false, 0o755);
    set(problems, &entry.data, "auto_init", read::boolean, &mut create);
    set(problems, &entry.data, "mode", permissions, &mut mode);
    let bases = [("project", project), ("module", sources)];
    let mut base = project;
    let choose = |problems: &mut Problems, node: &Node| read::choice(problems, node, &bases);
    set(problems, &entry.data, "base", choose, &mut base);
    let Some(node) = entry.data.get("directory") else {
        problems.error(entry.name_span, "directory is required");
        return None;
    };
    let directory = match read::text(problems, node)? {
        "" => return read::expected(problems, node, "a path"),
        path => base.join(path),
    };
    if !create && !directory.is_dir() {
        let text = format!("there is no directory {}; auto_init makes it", files::name(&directory));
        problems.error(node.span, text);
        return None;
    }
    let (id, lifecycle) = (entry.id.clone(), lifecycle.clone());
    Some(VolumeDefinition { id, directory, create, mode, lifecycle, dependencies: Vec::new() })
}

/// Three or four octal digits.
fn permissions(problems: &mut Problems, node: &Node) -> Option<u32> {
    let digits = read::text(problems, node)?;
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o777 && digits.len() <= 4 => Some(mode),
        _ => read::expected(problems, node, "an octal mode such as \"0755\""),
    }
}
