//! Services that come, change and go while the others run.

use super::super::graph::Graph;
use super::super::spec::ServiceSpec;
use super::{Machine, Phase};

impl Machine {
    /// What is known of the services now.
    pub fn specs(&self) -> &std::sync::Arc<[ServiceSpec]> {
        &self.specs
    }

    /// See [`super::Event::Put`].
    pub(super) fn put(&mut self, service: usize, spec: ServiceSpec) {
        let mut specs = self.specs.to_vec();
        let new = service == specs.len();
        match specs.get_mut(service) {
            Some(known) => *known = spec,
            None if new => specs.push(spec),
            None => return,
        }
        // Whoever asks has checked it: then nothing is wrong with the graph.
        let Ok(graph) = Graph::new(&specs) else { return };
        let affected = if new { Vec::new() } else { self.graph.with_dependants(service) };
        let mut starts: Vec<usize> =
            affected.into_iter().filter(|each| self.services[*each].wanted()).collect();
        if !starts.is_empty() {
            self.stop_asked(service);
        }
        let auto_start = specs[service].auto_start && self.phase >= Phase::Booting;
        self.set(specs, graph);
        if auto_start && !starts.contains(&service) {
            starts.push(service);
        }
        for service in starts {
            match self.services[service].state.alive() {
                true => drop(self.again.insert(service)),
                false => self.start_asked(service),
            }
        }
    }

    /// See [`super::Event::Removed`].
    pub(super) fn removed(&mut self, service: usize) {
        let Some(spec) = self.specs.get(service) else { return };
        let gone = ServiceSpec { auto_start: false, ..spec.clone() };
        for each in self.graph.with_dependants(service) {
            self.again.remove(&each);
        }
        self.stop_asked(service);
        let mut specs = self.specs.to_vec();
        specs[service] = gone;
        self.specs = specs.into();
    }

    fn set(&mut self, specs: Vec<ServiceSpec>, graph: Graph) {
        self.services.resize_with(specs.len(), super::Service::new);
        self.alive = vec![0; graph.levels.len()];
        for (service, level) in graph.level.iter().enumerate() {
            self.alive[*level] += usize::from(self.services[service].state.alive());
        }
        (self.specs, self.graph) = (specs.into(), graph);
    }
}
