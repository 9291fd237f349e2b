//! Types as they are written, before names mean something.

use crate::scope::{AliasId, BindingId, ScopeId};
use crate::types::Check;

/// A type by its place in [`Syntaxes`].
pub type SyntaxId = u32;

/// Bytes of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn of(self, source: &[u8]) -> &[u8] {
        source.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// One written type.
#[derive(Debug)]
pub enum Syntax {
    /// what is not looked at, such as a generic pack
    Unknown,
    Nil,
    Boolean(bool),
    /// a quoted or long string
    Text(Span),
    Number {
        token: Span,
        negative: bool,
    },
    Name(Box<Name>),
    Table {
        fields: Vec<FieldSyntax>,
        index: Option<(SyntaxId, SyntaxId)>,
    },
    Array(SyntaxId),
    Function(Box<FunctionSyntax>),
    /// several types, where several may stand
    Pack(Vec<SyntaxId>, Option<SyntaxId>),
    Optional(SyntaxId),
    Union(Vec<SyntaxId>),
    Intersection(Vec<SyntaxId>),
    Checked(SyntaxId, Check),
    /// `typeof(name)`
    Typeof {
        binding: Option<BindingId>,
    },
}

#[derive(Debug)]
pub struct Name {
    pub prefix: Option<Span>,
    pub name: Span,
    pub arguments: Vec<SyntaxId>,
    pub scope: ScopeId,
    /// the local that the first part names here, if it names one
    pub local: Option<BindingId>,
}

#[derive(Debug)]
pub struct FieldSyntax {
    pub name: Span,
    /// written as `["name"]`
    pub quoted: bool,
    pub optional: bool,
    pub node: SyntaxId,
}

#[derive(Debug)]
pub struct FunctionSyntax {
    pub generics: Vec<Span>,
    pub params: Vec<SyntaxId>,
    pub rest: Option<SyntaxId>,
    pub returns: Vec<SyntaxId>,
    pub more: Option<SyntaxId>,
}

/// A parameter of a generic alias.
#[derive(Debug)]
pub struct Parameter {
    pub name: Span,
    pub default: Option<SyntaxId>,
}

/// A `type` statement.
#[derive(Debug)]
pub struct Alias {
    pub name: Span,
    /// the whole statement
    pub statement: Span,
    pub parameters: Vec<Parameter>,
    pub target: SyntaxId,
    /// whether it defines a value
    pub binding: Option<BindingId>,
    /// whether that value is used
    pub used: bool,
    /// where its name is assigned to
    pub assigned: Option<Span>,
    /// whether Luau can read it
    pub is_luau: bool,
}

/// `Name<T>` in an expression, where `Name` is a generic alias.
#[derive(Debug)]
pub struct Instance {
    /// what stands there
    pub place: Span,
    pub alias: AliasId,
    pub arguments: Vec<SyntaxId>,
}

/// All types of a text.
#[derive(Debug, Default)]
pub struct Syntaxes {
    pub types: Vec<Syntax>,
    pub aliases: Vec<Alias>,
    pub instances: Vec<Instance>,
}

impl Syntaxes {
    pub fn add(&mut self, syntax: Syntax) -> SyntaxId {
        self.types.push(syntax);
        self.types.len() as SyntaxId - 1
    }

    pub fn get(&self, id: SyntaxId) -> &Syntax {
        self.types.get(id as usize).unwrap_or(&Syntax::Unknown)
    }

    pub fn alias(&self, id: AliasId) -> Option<&Alias> {
        self.aliases.get(id as usize)
    }
}
