//! Reads a text and collects what to replace.
//!
//! The parser knows Luau and the dialect. It builds no tree of expressions: it
//! only finds the places of types, names and jumps. What it cannot read is left
//! to Luau's compiler, which then says what is wrong; so a mistake here cannot
//! make a correct program fail.
//!
//! Recursion is bounded by [`DEPTH`]; everything is linear in the text.

mod expression;
mod jumps;
mod statement;
mod typing;

use std::collections::HashSet;

use crate::DialectError;
use crate::edit::Edits;
use crate::lexer::{Kind, Token, tokens};
use crate::scope::{Meaning, Scopes};
use crate::syntax::{Span, SyntaxId, Syntaxes};
use jumps::Jumps;

/// Deepest nesting that is read. Luau's own limit is 1000 for all kinds together.
const DEPTH: u32 = 200;

/// Why reading ended early.
pub enum Stop {
    /// the text is not understood; Luau will say why, or know better
    Unknown,
    /// what is wrong is known
    Error(DialectError),
}

type Read<T = ()> = Result<T, Stop>;

/// What was found in a text.
pub struct Found<'a> {
    pub edits: Edits,
    pub syntaxes: Syntaxes,
    pub scopes: Scopes<'a>,
    /// line, from 1, where reading ended early
    pub unread: Option<u32>,
}

/// Reads a text.
///
/// # Errors
/// The first thing that is wrong in the dialect's own terms.
pub fn parse(source: &[u8]) -> Result<Found<'_>, DialectError> {
    let mut parser = Parser {
        source,
        tokens: tokens(source),
        at: 0,
        depth: 0,
        foreign: 0,
        in_typeof: 0,
        edits: Edits::default(),
        syntaxes: Syntaxes::default(),
        scopes: Scopes::default(),
        jumps: Jumps::default(),
        globals: HashSet::new(),
    };
    let unread = match parser.chunk() {
        Ok(()) => None,
        Err(Stop::Unknown) => Some(parser.token().line + 1),
        Err(Stop::Error(error)) => return Err(error),
    };
    let Parser { edits, syntaxes, scopes, .. } = parser;
    Ok(Found { edits, syntaxes, scopes, unread })
}

struct Parser<'a> {
    source: &'a [u8],
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    /// how many things Luau's grammar of types lacks were read
    foreign: u32,
    /// whether the expression is only looked at for its type
    in_typeof: u32,
    edits: Edits,
    syntaxes: Syntaxes,
    scopes: Scopes<'a>,
    jumps: Jumps<'a>,
    /// globals that the text has assigned to so far
    globals: HashSet<&'a [u8]>,
}

impl<'a> Parser<'a> {
    fn chunk(&mut self) -> Read {
        self.scopes.enter();
        self.block()?;
        if self.kind() != Kind::Eof {
            return Err(Stop::Unknown);
        }
        self.unresolved_jumps(0)?;
        let end = self.token().start;
        self.scopes.leave(end);
        Ok(())
    }

    fn token(&self) -> Token {
        self.peek(0)
    }

    /// The token that many places ahead; the last one stays.
    fn peek(&self, ahead: usize) -> Token {
        let last = self.tokens.len() - 1;
        self.tokens[(self.at + ahead).min(last)]
    }

    fn kind(&self) -> Kind {
        self.token().kind
    }

    fn previous(&self) -> Token {
        self.tokens[self.at.saturating_sub(1)]
    }

    fn next(&mut self) -> Token {
        let token = self.token();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn is(&self, symbol: u8) -> bool {
        self.kind() == Kind::Symbol(symbol)
    }

    fn accept(&mut self, kind: Kind) -> bool {
        let found = self.kind() == kind;
        if found {
            self.next();
        }
        found
    }

    fn accept_symbol(&mut self, symbol: u8) -> bool {
        self.accept(Kind::Symbol(symbol))
    }

    fn expect(&mut self, kind: Kind) -> Read<Token> {
        if self.kind() == kind { Ok(self.next()) } else { Err(Stop::Unknown) }
    }

    fn expect_symbol(&mut self, symbol: u8) -> Read<Token> {
        self.expect(Kind::Symbol(symbol))
    }

    fn bytes(&self, token: Token) -> &'a [u8] {
        self.source.get(token.start as usize..token.end as usize).unwrap_or_default()
    }

    /// Whether the token here is this contextual word.
    fn is_word(&self, word: &[u8]) -> bool {
        self.kind() == Kind::Name && self.bytes(self.token()) == word
    }

    fn span(token: Token) -> Span {
        Span { start: token.start, end: token.end }
    }

    fn error(&self, at: Token, message: impl Into<String>) -> Stop {
        Stop::Error(DialectError::at(self.source, at.start, message))
    }

    /// One level deeper; pairs with `self.depth -= 1` on success. After a failure
    /// nothing more is read.
    fn deeper(&mut self) -> Read {
        self.depth += 1;
        if self.depth > DEPTH { Err(Stop::Unknown) } else { Ok(()) }
    }

    fn declare(&mut self, name: Token, annotation: Option<SyntaxId>) {
        let start = self.previous().end;
        self.scopes.declare(self.bytes(name), Meaning::Local(annotation), start);
    }

    /// A name is read as a value.
    fn use_name(&mut self, name: Token) {
        if self.in_typeof > 0 {
            return;
        }
        if let Some((_, Meaning::Alias(id))) = self.scopes.value(self.bytes(name))
            && let Some(alias) = self.syntaxes.aliases.get_mut(id as usize)
        {
            alias.used = true;
        }
    }

    /// A name is assigned to; `is_class`: a table, function or the like.
    ///
    /// Programs may have a global table of a type's name, as they may have a local
    /// one: the name then means the table. Any other assignment is a mistake.
    fn assign_name(&mut self, name: Token, is_class: bool) {
        match self.scopes.value(self.bytes(name)) {
            Some((_, Meaning::Alias(id))) => {
                if let Some(alias) = self.syntaxes.aliases.get_mut(id as usize) {
                    if is_class && !alias.used {
                        alias.binding = None;
                    } else if alias.binding.is_some() {
                        alias.assigned.get_or_insert(Self::span(name));
                    }
                }
            }
            Some((_, Meaning::Local(_))) => {}
            None => _ = self.globals.insert(self.bytes(name)),
        }
    }
}
