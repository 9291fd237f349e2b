//! Who depends on whom, by number instead of by id.

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor_core::startplan::levels;
use luavisor_core::{Error, Kind};

use super::spec::ServiceSpec;

/// The dependencies of all services. A service is its place in the list of specs.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    /// by service: what must be up before it
    pub dependencies: Vec<Vec<usize>>,
    /// by service: what needs it
    pub dependants: Vec<Vec<usize>>,
    /// by service: its place in `levels`
    pub level: Vec<usize>,
    /// one above its highest dependency; within a level in order
    pub levels: Vec<Vec<usize>>,
}

impl Graph {
    /// AlreadyExists, NotFound or Invalid, as for [`super::Services::boot`].
    pub fn new(specs: &[ServiceSpec]) -> Result<Graph, Error> {
        let mut numbers: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for (number, spec) in specs.iter().enumerate() {
            if numbers.insert(&spec.id, number).is_some() {
                let text = format!("service {} is declared twice", spec.id);
                return Err(Error::new(Kind::ALREADY_EXISTS, text));
            }
        }
        let mut dependencies = Vec::with_capacity(specs.len());
        let mut dependants = vec![Vec::new(); specs.len()];
        for (number, spec) in specs.iter().enumerate() {
            let mut needs = Vec::with_capacity(spec.dependencies.len());
            for id in &spec.dependencies {
                let need = numbers.get(id).copied().ok_or_else(|| {
                    let text = format!("service {} needs {id}, which is no service", spec.id);
                    Error::not_found(text)
                })?;
                if !needs.contains(&need) {
                    needs.push(need);
                    dependants[need].push(number);
                }
            }
            dependencies.push(needs);
        }
        let levels = levels(&dependencies).map_err(|cycle| {
            let mut ids: Vec<&str> = cycle.0.iter().map(|number| &*specs[*number].id).collect();
            ids.extend(ids.first().copied());
            Error::invalid(format!("services need each other: {}", ids.join(" -> ")))
        })?;
        let mut level = vec![0; specs.len()];
        for (height, services) in levels.iter().enumerate() {
            services.iter().for_each(|service| level[*service] = height);
        }
        Ok(Graph { dependencies, dependants, level, levels })
    }

    /// A service and everything it depends on.
    pub fn with_dependencies(&self, service: usize) -> Vec<usize> {
        reach(service, &self.dependencies)
    }

    /// A service and everything that depends on it.
    pub fn with_dependants(&self, service: usize) -> Vec<usize> {
        reach(service, &self.dependants)
    }
}

fn reach(start: usize, edges: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; edges.len()];
    seen[start] = true;
    let mut found = vec![start];
    let mut next = 0;
    while let Some(&service) = found.get(next) {
        next += 1;
        for &other in &edges[service] {
            if !std::mem::replace(&mut seen[other], true) {
                found.push(other);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Target;
    use luavisor_core::HostId;

    fn spec(id: &str, needs: &[&str]) -> ServiceSpec {
        let dependencies = needs.iter().map(|need| Arc::from(*need)).collect();
        ServiceSpec { dependencies, ..ServiceSpec::new(id, Target::Host(HostId(7))) }
    }

    #[test]
    fn faults_are_named() {
        for (specs, text) in [
            (vec![spec("a", &[]), spec("a", &[])], "service a is declared twice"),
            (vec![spec("a", &["x"])], "service a needs x, which is no service"),
            (
                vec![spec("a", &["c"]), spec("b", &["a"]), spec("c", &["b"])],
                "services need each other: a -> c -> b -> a",
            ),
        ] {
            assert_eq!(&*Graph::new(&specs).unwrap_err().message, text);
        }
    }

    #[test]
    fn both_directions_reach_everything_once() {
        let specs = [spec("a", &[]), spec("b", &["a", "a"]), spec("c", &["a", "b"])];
        let graph = Graph::new(&specs).unwrap();
        assert_eq!(graph.with_dependencies(2), [2, 0, 1]);
        assert_eq!(graph.with_dependants(0), [0, 1, 2]);
        assert_eq!(graph.levels, [vec![0], vec![1], vec![2]]);
    }
}
