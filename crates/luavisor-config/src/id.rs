//! Entry ids, `namespace:name`.

use std::fmt;
use std::sync::Arc;

/// The id of an entry: a namespace, a colon and a name, none of them empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(Arc<str>);

impl EntryId {
    /// The id of `name` in `namespace`. `None` if a part is blank or has a colon.
    pub fn new(namespace: &str, name: &str) -> Option<EntryId> {
        let valid = |part: &str| !part.trim().is_empty() && !part.contains(':');
        (valid(namespace) && valid(name)).then(|| EntryId(format!("{namespace}:{name}").into()))
    }

    /// The id that `target` names when it stands in an entry of `namespace`: a
    /// target without a colon means that namespace.
    pub fn resolve(namespace: &str, target: &str) -> Option<EntryId> {
        match target.split_once(':') {
            Some((namespace, name)) => EntryId::new(namespace, name),
            None => EntryId::new(namespace, target),
        }
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole id, shared.
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }

    /// The part before the colon.
    pub fn namespace(&self) -> &str {
        self.0.split_once(':').map_or("", |(namespace, _)| namespace)
    }

    /// The part after the colon.
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, name)| name)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_colon_means_the_own_namespace() {
        let text = |target| EntryId::resolve("app", target).map(|id| id.to_string());
        assert_eq!(text("pool"), Some("app:pool".into()));
        assert_eq!(text("other.ns:pool.v2"), Some("other.ns:pool.v2".into()));
        for bad in ["", " ", ":pool", "app:", "a:b:c"] {
            assert_eq!(text(bad), None, "{bad:?}");
        }
    }
}
