//! `template.set` and `template.jinja` entries (MODULES 21).

use std::collections::BTreeMap;

use luavisor_core::template::{TemplateFault, TemplateOptions};

use crate::compiler::ChunkCompiler;
use crate::diagnostic::{Problem, Problems};
use crate::entries::{RawEntries, RawEntry};
use crate::id::EntryId;
use crate::read;
use crate::source::{Sources, Span};
use crate::templates::TemplateSetDefinition;
use crate::yaml::{Meaning, Node};

use super::code;
use super::lifecycles::set;

pub(super) const SET: &str = "template.set";
pub(super) const JINJA: &str = "template.jinja";
/// Known, and never supported.
pub(super) const JET: &str = "template.jet";

/// Sets and templates on their way.
#[derive(Default)]
pub(super) struct Templates<'a> {
    sets: Vec<(&'a RawEntry, TemplateOptions)>,
    /// with the set of each
    templates: Vec<(EntryId, &'a RawEntry)>,
}

impl<'a> Templates<'a> {
    pub fn set(&mut self, problems: &mut Problems, entry: &'a RawEntry) {
        let mut options = TemplateOptions::default();
        if let Some(globals) = entry.data.get("globals")
            && read::map(problems, globals).is_some()
        {
            options.globals = read::any(globals);
        }
        if let Some(engine) = entry.data.get("engine") {
            set(problems, engine, "development_mode", read::boolean, &mut options.development);
            let escape = |problems: &mut Problems, node: &Node| escape(problems, node).map(Some);
            set(problems, engine, "autoescape", escape, &mut options.escape);
            if let Some(delimiters) = engine.get("delimiters") {
                let text = |problems: &mut Problems, node: &Node| {
                    read::text(problems, node).map(str::to_owned)
                };
                set(problems, delimiters, "left", text, &mut options.delimiters.0);
                set(problems, delimiters, "right", text, &mut options.delimiters.1);
            }
        }
        self.sets.push((entry, options));
    }

    pub fn template(&mut self, problems: &mut Problems, entries: &RawEntries, entry: &'a RawEntry) {
        let Some(node) = entry.data.get("set") else {
            return problems.error(entry.name_span, "set is required");
        };
        if let Some(target) = entries.target(problems, entry, node, &[SET], "template set") {
            self.templates.push((target.id.clone(), entry));
        }
    }

    /// Reads all templates.
    pub fn finish<C: ChunkCompiler>(
        self,
        problems: &mut Problems,
        sources: &Sources,
        compiler: &C,
    ) -> Vec<TemplateSetDefinition> {
        let sets = self.sets.into_iter().map(|(set, options)| {
            let mut templates = BTreeMap::new();
            let mut places: BTreeMap<String, Span> = BTreeMap::new();
            if let Err(fault) = compiler.template(&options, "", "") {
                problems.error(set.name_span, fault.message);
                return TemplateSetDefinition { id: set.id.clone(), options, templates };
            }
            let own = self.templates.iter().filter(|(id, _)| *id == set.id);
            for (_, entry) in own {
                let name = name(entry);
                if let Some(other) = places.get(&name) {
                    let text = format!("two templates \"{name}\" in {}", set.id);
                    let problem = Problem::error(entry.name_span, text);
                    problems.push(problem.note(*other, "the other one"));
                    continue;
                }
                places.insert(name.clone(), entry.name_span);
                let Some((node, text)) = code::source(problems, entry, "a template") else {
                    continue;
                };
                if let Err(fault) = compiler.template(&options, &name, text) {
                    let TemplateFault { line, column, message } = fault;
                    let at = (line.unwrap_or(1), column);
                    problems.push(code::problem(sources, node, at, message));
                }
                templates.insert(name, text.into());
            }
            TemplateSetDefinition { id: set.id.clone(), options, templates }
        });
        sets.collect()
    }
}

/// `meta.name`, else the name of the entry.
fn name(entry: &RawEntry) -> String {
    let given = entry.meta.get("name").and_then(Node::as_text);
    given.unwrap_or_else(|| entry.id.name()).to_owned()
}

/// `html` or `none`.
fn escape(problems: &mut Problems, node: &Node) -> Option<bool> {
    match node.meaning() {
        Some(Meaning::Bool(escape)) => Some(escape),
        _ => read::choice(problems, node, &[("html", true), ("none", false)]),
    }
}
