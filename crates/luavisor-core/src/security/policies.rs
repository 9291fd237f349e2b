//! All policies of an application, by id and by group.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Policy, Scope};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policies {
    by_id: BTreeMap<Arc<str>, Arc<Policy>>,
    groups: BTreeMap<Arc<str>, Scope>,
}

impl Policies {
    /// Adds a policy and its membership in groups, whose ids are complete.
    pub fn add(&mut self, policy: Arc<Policy>, groups: impl IntoIterator<Item = Arc<str>>) {
        for group in groups {
            let scope = self.groups.entry(group).or_default();
            *scope = std::mem::take(scope).with(policy.clone());
        }
        self.by_id.insert(policy.id.clone(), policy);
    }

    /// The policy of that id.
    pub fn policy(&self, id: &str) -> Option<&Arc<Policy>> {
        self.by_id.get(id)
    }

    /// The scope that a group of policies names.
    pub fn group(&self, id: &str) -> Option<&Scope> {
        self.groups.get(id)
    }

    /// Ids of all policies.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.by_id.keys().map(|id| &**id)
    }

    /// Ids of all groups.
    pub fn group_ids(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(|id| &**id)
    }
}
