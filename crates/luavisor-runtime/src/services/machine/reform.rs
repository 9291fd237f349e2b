//! Services that come, change and go while the others run.

use std::collections::BTreeSet;

use super::super::graph::Graph;
use super::super::spec::ServiceSpec;
use super::{Machine, Phase};

impl Machine {
    /// What is known of the services now.
    pub fn specs(&self) -> &std::sync::Arc<[ServiceSpec]> {
        &self.specs
    }

    /// See [`super::Event::Put`].
    pub(super) fn put(&mut self, changed: Vec<(usize, ServiceSpec)>) {
        let mut specs = self.specs.to_vec();
        let (mut known, mut auto_start) = (Vec::new(), Vec::new());
        for (service, spec) in changed {
            if spec.auto_start && self.phase >= Phase::Booting {
                auto_start.push(service);
            }
            if service == specs.len() {
                specs.push(spec);
            } else {
                let Some(old) = specs.get_mut(service) else { return };
                *old = spec;
                known.push(service);
            }
        }
        // Whoever asks has checked it: then nothing is wrong with the graph.
        let Ok(graph) = Graph::new(&specs) else { return };
        let affected = known.iter().map(|service| {
            let with_dependants = self.graph.with_dependants(*service).into_iter();
            let wanted = with_dependants.filter(|each| self.services[*each].wanted());
            (*service, wanted.collect::<Vec<usize>>())
        });
        let affected: Vec<_> = affected.filter(|(_, wanted)| !wanted.is_empty()).collect();
        affected.iter().for_each(|(service, _)| self.stop_asked(*service));
        self.set(specs, graph);
        let starts: BTreeSet<usize> =
            affected.into_iter().flat_map(|(_, wanted)| wanted).chain(auto_start).collect();
        for service in starts {
            match self.services[service].state.alive() {
                true => drop(self.again.insert(service)),
                false => self.start_asked(service),
            }
        }
    }

    /// See [`super::Event::Amend`].
    pub(super) fn amend(&mut self, changed: Vec<(usize, ServiceSpec)>) {
        let mut specs = self.specs.to_vec();
        for (service, spec) in changed {
            if let Some(known) = specs.get_mut(service) {
                *known = spec;
            }
        }
        self.specs = specs.into();
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
