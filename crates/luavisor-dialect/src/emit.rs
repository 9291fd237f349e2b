//! From the types of a text to the constructors of their values.
//!
//! A value needs a [`Description`] of everything that its type refers to. Names
//! are resolved here, generic aliases are instantiated, and equal parts become one
//! node. Aliases are made from a list, not by recursion, so that a chain of them
//! may have any length.

use std::collections::HashMap;

use crate::DialectError;
use crate::literal;
use crate::parse::Found;
use crate::scope::{AliasId, BindingId, Meaning};
use crate::syntax::{FieldSyntax, FunctionSyntax, Instance, Name, Span, Syntax, SyntaxId};
use crate::types::{
    Description, Field, IMPORTS, Import, Literal, NAMED, NODES, Node, NodeId, lua_text, write_node,
};

/// Bytes that the constructors of one text may take together.
const TOTAL: usize = 4 << 20;

/// Puts the values of all types that are used as values into the text.
///
/// # Errors
/// A type without end, or a type that is assigned to.
pub fn values(source: &[u8], found: &mut Found<'_>) -> Result<(), DialectError> {
    let mut total = 0;
    for id in 0..found.syntaxes.aliases.len() as AliasId {
        let Some(alias) = found.syntaxes.alias(id) else { continue };
        let statement = alias.statement;
        if let Some(place) = alias.assigned.filter(|_| found.unread.is_none()) {
            let name = String::from_utf8_lossy(alias.name.of(source));
            let message = format!("type '{name}' is read-only, it cannot be assigned to");
            return Err(DialectError::at(source, place.start, message));
        }
        if found.unread.is_some() || !alias.used || alias.binding.is_none() {
            if !alias.is_luau {
                found.edits.blank(statement.start, statement.end);
            }
            continue;
        }
        let name = String::from_utf8_lossy(alias.name.of(source)).into_owned();
        let value = value(source, found, id, &[], alias.name, statement.start, &mut total)?;
        // The semicolon keeps a parenthesis in the next line from being a call.
        let text = format!("local {name}={value};");
        found.edits.replace(statement.start, statement.end, text);
    }
    if found.unread.is_some() {
        return Ok(());
    }
    for at in 0..found.syntaxes.instances.len() {
        let Some(Instance { place, alias, arguments }) = found.syntaxes.instances.get(at) else {
            break;
        };
        let (place, start) = (*place, place.start);
        let value = value(source, found, *alias, arguments, place, start, &mut total)?;
        found.edits.replace(place.start, place.end, format!("({value})"));
    }
    Ok(())
}

/// The expression that makes the value of an alias with these arguments. `name` is
/// what errors point at, `place` where the expression will stand.
fn value(
    source: &[u8],
    found: &Found<'_>,
    id: AliasId,
    arguments: &[SyntaxId],
    name: Span,
    place: u32,
    total: &mut usize,
) -> Result<String, DialectError> {
    let wrong = |what: &str| {
        let name_text = String::from_utf8_lossy(name.of(source));
        let message = format!("the value of type '{name_text}' {what}");
        DialectError::at(source, name.start, message)
    };
    let (description, locals) = describe(source, found, id, arguments, place)
        .ok_or_else(|| wrong("refers to too many types, or grows without end"))?;
    let text = lua_text(&description.encode());
    *total += text.len();
    if *total > TOTAL {
        return Err(wrong("makes the types of this file too large"));
    }
    Ok(format!("({text}):__type({})", locals.join(",")))
}

/// The description of an alias, and the locals that its constructor is given.
fn describe(
    source: &[u8],
    found: &Found<'_>,
    id: AliasId,
    arguments: &[SyntaxId],
    place: u32,
) -> Option<(Description, Vec<String>)> {
    let mut lowering = Lowering {
        source,
        found,
        place,
        description: Description::default(),
        known: HashMap::new(),
        instances: HashMap::new(),
        imports: HashMap::new(),
        arguments: Vec::new(),
        list: Vec::new(),
        too_large: false,
    };
    // The root comes first. That of a generic alias is a copy, as its arguments are
    // made before it.
    let is_generic = found.syntaxes.alias(id).is_some_and(|it| !it.parameters.is_empty());
    let root = is_generic.then(|| lowering.push(Node::Any));
    let arguments = lowering.all(arguments, &Names::new());
    let instance = lowering.instance(id, arguments);
    while let Some((node, id, names)) = lowering.list.pop()
        && !lowering.too_large
    {
        let Some(alias) = found.syntaxes.alias(id) else { continue };
        let made = lowering.lower(alias.target, &names);
        if let Some(Node::Alias { target, .. }) = lowering.description.nodes.get_mut(node as usize)
        {
            *target = made;
        }
    }
    let made = lowering.description.nodes.get(instance as usize).cloned();
    if let (Some(root), Some(made)) = (root, made) {
        lowering.description.nodes[root as usize] = made;
    }
    let locals = lowering.arguments.iter().map(|(_, name)| name.clone()).collect();
    (!lowering.too_large).then_some((lowering.description, locals))
}

/// What generic names stand for.
type Names<'a> = Vec<(&'a [u8], NodeId)>;

struct Lowering<'s, 'f> {
    source: &'s [u8],
    found: &'f Found<'s>,
    /// where the constructor is called
    place: u32,
    description: Description,
    /// nodes by how they are written
    known: HashMap<Vec<u8>, NodeId>,
    /// aliases with their arguments
    instances: HashMap<(AliasId, Vec<NodeId>), NodeId>,
    imports: HashMap<Import, NodeId>,
    /// the locals that are passed, by the constructor's argument
    arguments: Vec<(BindingId, String)>,
    /// aliases whose targets are still to be made
    list: Vec<(NodeId, AliasId, Names<'s>)>,
    too_large: bool,
}

impl<'s> Lowering<'s, '_> {
    fn push(&mut self, node: Node) -> NodeId {
        if self.description.nodes.len() >= NODES {
            self.too_large = true;
            return 0;
        }
        self.description.nodes.push(node);
        self.description.nodes.len() as NodeId - 1
    }

    /// The node, once.
    fn add(&mut self, node: Node) -> NodeId {
        let mut key = Vec::new();
        write_node(&mut key, &node);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let id = self.push(node);
        self.known.insert(key, id);
        id
    }

    /// An alias with these arguments; missing ones have their default or are `any`.
    fn instance(&mut self, id: AliasId, mut arguments: Vec<NodeId>) -> NodeId {
        let Some(alias) = self.found.syntaxes.alias(id) else { return self.add(Node::Any) };
        let shown = arguments.clone();
        let mut names: Names<'s> = Vec::new();
        arguments.truncate(alias.parameters.len());
        for (at, parameter) in alias.parameters.iter().enumerate() {
            let argument = match (arguments.get(at), parameter.default) {
                (Some(argument), _) => *argument,
                (None, Some(default)) => self.lower(default, &names),
                (None, None) => self.add(Node::Any),
            };
            names.push((parameter.name.of(self.source), argument));
        }
        let key = (id, names.iter().map(|(_, argument)| *argument).collect());
        if let Some(known) = self.instances.get(&key) {
            return *known;
        }
        let name = String::from_utf8_lossy(alias.name.of(self.source)).into();
        let node = Node::Alias { name, arguments: shown, target: 0, recursive: false };
        let made = self.push(node);
        self.instances.insert(key, made);
        self.list.push((made, id, names));
        made
    }

    fn all(&mut self, types: &[SyntaxId], names: &Names<'s>) -> Vec<NodeId> {
        types.iter().map(|ty| self.lower(*ty, names)).collect()
    }

    /// Depth is that of the written type, which the parser has bounded.
    fn lower(&mut self, id: SyntaxId, names: &Names<'s>) -> NodeId {
        if self.too_large {
            return 0;
        }
        let found = self.found;
        let node = match found.syntaxes.get(id) {
            Syntax::Unknown => Node::Any,
            Syntax::Nil => Node::Nil,
            Syntax::Boolean(value) => Node::Literal(Literal::Boolean(*value)),
            Syntax::Text(token) => {
                Node::Literal(Literal::String(literal::text(token.of(self.source)).into()))
            }
            Syntax::Number { token, negative } => {
                let value = literal::number(token.of(self.source)).unwrap_or(f64::NAN);
                Node::Literal(Literal::Number(if *negative { -value } else { value }))
            }
            Syntax::Name(name) => return self.name(name, names),
            Syntax::Table { fields, index } => self.table(fields, *index, names),
            Syntax::Array(element) => Node::Array(self.lower(*element, names)),
            Syntax::Function(function) => self.function(function, names),
            // Several types where one stands: the first, as with values.
            Syntax::Pack(types, rest) => match types.first().or(rest.as_ref()) {
                Some(first) => return self.lower(*first, names),
                None => Node::Nil,
            },
            Syntax::Optional(inner) => Node::Optional(self.lower(*inner, names)),
            Syntax::Union(members) => Node::Union(self.all(members, names)),
            Syntax::Intersection(members) => Node::Intersection(self.all(members, names)),
            Syntax::Checked(base, check) => {
                let base = self.lower(*base, names);
                match self.description.nodes.get(base as usize) {
                    // Several in a row are one node, checked in order.
                    Some(Node::Checked(inner, checks)) => {
                        let checks = checks.iter().chain([check]).cloned().collect();
                        Node::Checked(*inner, checks)
                    }
                    _ => Node::Checked(base, vec![check.clone()]),
                }
            }
            Syntax::Typeof { binding } => return self.type_of(*binding, names),
        };
        self.add(node)
    }

    fn table(
        &mut self,
        fields: &[FieldSyntax],
        index: Option<(SyntaxId, SyntaxId)>,
        names: &Names<'s>,
    ) -> Node {
        let fields: Vec<Field> = fields
            .iter()
            .map(|field| {
                let written = field.name.of(self.source);
                let name = match field.quoted {
                    true => literal::text(written).into(),
                    false => written.into(),
                };
                let mut node = self.lower(field.node, names);
                // `name?: T` says the same as `name: T?`.
                let made = self.description.nodes.get(node as usize);
                if field.optional && !matches!(made, Some(Node::Optional(_))) {
                    node = self.add(Node::Optional(node));
                }
                Field { name, optional: field.optional, node }
            })
            .collect();
        let index = index.map(|(key, value)| (self.lower(key, names), self.lower(value, names)));
        match index {
            Some((key, value)) if fields.is_empty() => Node::Map(key, value),
            index => Node::Record { fields, index },
        }
    }

    fn function(&mut self, function: &FunctionSyntax, names: &Names<'s>) -> Node {
        let mut names = names.clone();
        for generic in &function.generics {
            let any = self.add(Node::Any);
            names.push((generic.of(self.source), any));
        }
        Node::Function {
            params: self.all(&function.params, &names),
            rest: function.rest.map(|rest| self.lower(rest, &names)),
            returns: self.all(&function.returns, &names),
            more: function.more.map(|more| self.lower(more, &names)),
        }
    }

    fn name(&mut self, name: &Name, names: &Names<'s>) -> NodeId {
        let word = name.name.of(self.source);
        if let Some(prefix) = name.prefix {
            return self.import(name.local, prefix, Some(word));
        }
        if let Some((_, node)) = names.iter().rev().find(|(generic, _)| *generic == word) {
            return *node;
        }
        if let Some(alias) = self.found.scopes.alias(word, name.scope) {
            let arguments = self.all(&name.arguments, names);
            return self.instance(alias, arguments);
        }
        let node = match word {
            b"any" | b"Any" => Node::Any,
            b"unknown" => Node::Unknown,
            b"never" => Node::Never,
            b"boolean" | b"Boolean" => Node::Boolean,
            b"number" | b"Number" => Node::Number,
            b"integer" | b"Integer" => Node::Integer,
            b"string" | b"String" => Node::String,
            _ => match NAMED.into_iter().find(|named| named.as_bytes() == word) {
                Some(named) => Node::Named(named),
                None => return self.import(name.local, name.name, None),
            },
        };
        self.add(node)
    }

    /// The type that a local, or a field of it, holds where the constructor is called.
    fn import(&mut self, local: Option<BindingId>, span: Span, field: Option<&[u8]>) -> NodeId {
        let visible = local.filter(|local| self.found.scopes.is_visible(*local, self.place));
        let Some(local) = visible else { return self.add(Node::Any) };
        let known = self.arguments.iter().position(|(id, _)| *id == local);
        if known.is_none() && self.arguments.len() >= IMPORTS
            || self.description.imports.len() >= IMPORTS
        {
            self.too_large = true;
            return 0;
        }
        let argument = known.unwrap_or(self.arguments.len());
        if known.is_none() {
            let name = String::from_utf8_lossy(span.of(self.source)).into_owned();
            self.arguments.push((local, name));
        }
        let field = field.map(|field| String::from_utf8_lossy(field).into());
        let import = Import { argument: argument as u32, field };
        if let Some(known) = self.imports.get(&import) {
            return *known;
        }
        let node = self.push(Node::Import(self.description.imports.len() as u32));
        self.description.imports.push(import.clone());
        self.imports.insert(import, node);
        node
    }

    fn type_of(&mut self, binding: Option<BindingId>, names: &Names<'s>) -> NodeId {
        let found = self.found;
        match binding.and_then(|id| Some((id, found.scopes.binding(id)?))) {
            Some((_, binding)) => match binding.meaning {
                Meaning::Local(Some(ty)) => self.lower(ty, names),
                Meaning::Local(None) => self.add(Node::Any),
                Meaning::Alias(alias) => self.instance(alias, Vec::new()),
            },
            None => self.add(Node::Any),
        }
    }
}
