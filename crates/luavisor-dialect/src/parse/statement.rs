//! Statements and blocks.

use crate::lexer::{Kind, Token};
use crate::scope::Meaning;
use crate::syntax::{Alias, Span};

use super::{Parser, Read, Stop};

/// Globals of the runtime that existing programs use beside types of that name.
const GLOBALS: [&[u8]; 28] = [
    b"assert",
    b"bit32",
    b"boolean",
    b"buffer",
    b"channel",
    b"coroutine",
    b"error",
    b"errors",
    b"integer",
    b"ipairs",
    b"math",
    b"next",
    b"number",
    b"os",
    b"pairs",
    b"payload",
    b"pcall",
    b"print",
    b"process",
    b"require",
    b"select",
    b"string",
    b"table",
    b"tostring",
    b"type",
    b"typeof",
    b"utf8",
    b"vector",
];

impl Parser<'_> {
    /// Statements up to a word that ends a block; returns the labels at its end.
    pub fn block(&mut self) -> Read<Vec<Token>> {
        self.deeper()?;
        let mut labels: Vec<Token> = Vec::new();
        loop {
            match self.kind() {
                Kind::Eof | Kind::End | Kind::Else | Kind::Elseif | Kind::Until => break,
                Kind::Symbol(b';') => {
                    self.next();
                }
                Kind::Colons => labels.push(self.label()?),
                _ => {
                    self.no_labels(&labels)?;
                    self.statement()?;
                }
            }
        }
        self.depth -= 1;
        Ok(labels)
    }

    /// A block with names of its own, which is no loop's body.
    fn inner_block(&mut self) -> Read {
        self.scopes.enter();
        let labels = self.block()?;
        self.no_labels(&labels)?;
        let end = self.token().start;
        self.scopes.leave(end);
        Ok(())
    }

    fn no_labels(&self, labels: &[Token]) -> Read {
        match labels.first() {
            Some(label) => {
                Err(self.error(*label, "a label can only stand at the end of a loop's body"))
            }
            None => Ok(()),
        }
    }

    /// `::name::`
    fn label(&mut self) -> Read<Token> {
        let start = self.next().start;
        let name = self.expect(Kind::Name)?;
        self.expect(Kind::Colons)?;
        // Alone, Luau takes a semicolon for a statement that is missing.
        let _ = self.accept_symbol(b';');
        let end = self.previous().end;
        self.edits.blank(start, end);
        Ok(name)
    }

    fn statement(&mut self) -> Read {
        let first = self.token();
        match first.kind {
            Kind::If => self.if_statement(),
            Kind::While | Kind::For | Kind::Repeat => self.loop_statement(),
            Kind::Do => {
                self.next();
                self.inner_block()?;
                self.expect(Kind::End)?;
                Ok(())
            }
            Kind::Function => {
                self.next();
                let name = self.expect(Kind::Name)?;
                if matches!(self.kind(), Kind::Symbol(b'.' | b':')) {
                    self.use_name(name);
                } else {
                    self.assign_name(name, true);
                }
                while matches!(self.kind(), Kind::Symbol(b'.' | b':')) {
                    self.next();
                    self.expect(Kind::Name)?;
                }
                self.function_body()
            }
            Kind::Local => {
                self.next();
                self.local()
            }
            Kind::Return => {
                self.next();
                match self.kind() {
                    Kind::Eof | Kind::End | Kind::Else | Kind::Elseif | Kind::Until => Ok(()),
                    Kind::Symbol(b';') | Kind::Colons => Ok(()),
                    _ => self.expressions(),
                }
            }
            Kind::Break => {
                self.next();
                Ok(())
            }
            Kind::Symbol(b'@') => self.attributes(),
            Kind::Name => self.contextual(first),
            _ => self.expression_statement(),
        }
    }

    /// What begins with a name, which may be a word of the language.
    fn contextual(&mut self, first: Token) -> Read {
        let next = self.peek(1);
        let is_declared = |kind| matches!(kind, Kind::Name | Kind::Function);
        match self.bytes(first) {
            b"type" if is_declared(next.kind) => self.type_statement(),
            b"export" if self.bytes(next) == b"type" && is_declared(self.peek(2).kind) => {
                self.type_statement()
            }
            b"const" if is_declared(next.kind) => {
                self.next();
                self.local()
            }
            b"goto" if next.kind == Kind::Name && next.line == first.line => {
                self.goto();
                Ok(())
            }
            b"continue" if !continues(next.kind) => {
                self.next();
                Ok(())
            }
            _ => self.expression_statement(),
        }
    }

    fn if_statement(&mut self) -> Read {
        loop {
            self.next();
            self.expression()?;
            self.expect(Kind::Then)?;
            self.inner_block()?;
            match self.kind() {
                Kind::Elseif => {}
                Kind::Else => {
                    self.next();
                    self.inner_block()?;
                    break;
                }
                _ => break,
            }
        }
        self.expect(Kind::End)?;
        Ok(())
    }

    fn loop_statement(&mut self) -> Read {
        let first = self.token();
        let mark = self.enter_loop(first);
        self.next();
        match first.kind {
            Kind::While => {
                self.expression()?;
                self.expect(Kind::Do)?;
                self.scopes.enter();
            }
            Kind::For => {
                let names = self.names()?;
                if !self.accept_symbol(b'=') && !self.accept(Kind::In) {
                    return Err(Stop::Unknown);
                }
                self.expressions()?;
                self.expect(Kind::Do)?;
                self.scopes.enter();
                names.into_iter().for_each(|(name, ty)| self.declare(name, ty));
            }
            _ => self.scopes.enter(),
        }
        let labels = self.block()?;
        self.end_of_body(&mark, &labels);
        if first.kind == Kind::Repeat {
            self.expect(Kind::Until)?;
            // The condition sees the names of the body.
            self.expression()?;
        } else {
            self.expect(Kind::End)?;
        }
        let end = self.previous().end;
        self.scopes.leave(end);
        self.leave_loop(mark);
        Ok(())
    }

    /// Names with annotations.
    fn names(&mut self) -> Read<Vec<(Token, Option<u32>)>> {
        let mut names = Vec::new();
        loop {
            let name = self.expect(Kind::Name)?;
            names.push((name, self.annotation()?));
            if !self.accept_symbol(b',') {
                return Ok(names);
            }
        }
    }

    /// What follows `local`.
    fn local(&mut self) -> Read {
        if self.accept(Kind::Function) {
            let name = self.expect(Kind::Name)?;
            self.declare(name, None);
            return self.function_body();
        }
        let names = self.names()?;
        if self.accept_symbol(b'=') {
            self.expressions()?;
        }
        names.into_iter().for_each(|(name, ty)| self.declare(name, ty));
        Ok(())
    }

    /// `@native function`; only functions have them.
    pub fn attributes(&mut self) -> Read {
        while self.accept_symbol(b'@') {
            if self.accept(Kind::Name) {
                continue;
            }
            self.expect_symbol(b'[')?;
            let mut open = 1;
            while open > 0 {
                match self.next().kind {
                    Kind::Symbol(b'[') => open += 1,
                    Kind::Symbol(b']') => open -= 1,
                    Kind::Eof => return Err(Stop::Unknown),
                    _ => {}
                }
            }
        }
        match self.kind() {
            Kind::Function if self.peek(1).kind == Kind::Symbol(b'(') => self.expression(),
            Kind::Function | Kind::Local => self.statement(),
            _ => Err(Stop::Unknown),
        }
    }

    /// `x = 1`, `x, y.z += 2`, `f()`
    fn expression_statement(&mut self) -> Read {
        loop {
            let is_target = matches!(self.peek(1).kind, Kind::Symbol(b'=' | b',') | Kind::Assign);
            if self.kind() == Kind::Name && is_target {
                let name = self.next();
                let is_class = self.is(b'=') && self.makes_class(self.peek(1));
                self.assign_name(name, is_class);
            } else {
                self.suffixed_expression()?;
            }
            if !self.accept_symbol(b',') {
                break;
            }
        }
        if self.accept_symbol(b'=') || self.accept(Kind::Assign) {
            self.expressions()?;
        }
        Ok(())
    }

    /// Whether an expression that begins so makes a table with functions.
    fn makes_class(&self, first: Token) -> bool {
        match first.kind {
            Kind::Symbol(b'{') | Kind::Function => true,
            Kind::Name => matches!(self.bytes(first), b"setmetatable" | b"require"),
            _ => false,
        }
    }

    /// `type Name<T> = …`, perhaps exported
    fn type_statement(&mut self) -> Read {
        let start = self.token().start;
        if self.is_word(b"export") {
            self.next();
        }
        self.next();
        if self.accept(Kind::Function) {
            self.expect(Kind::Name)?;
            return self.function_body();
        }
        let name = self.expect(Kind::Name)?;
        let before = self.foreign;
        let parameters = if self.is(b'<') { self.generics()? } else { Vec::new() };
        self.expect_symbol(b'=')?;
        let target = self.ty()?;
        while self.accept_symbol(b',') {
            self.more_return(target)?;
        }
        // It goes with the statement, see `label`.
        let _ = self.accept_symbol(b';');
        let end = self.previous().end;
        let id = self.syntaxes.aliases.len() as u32;
        let word = self.bytes(name);
        // Programs name types like the locals and globals beside them.
        let is_taken = GLOBALS.contains(&word)
            || self.globals.contains(word)
            || matches!(self.scopes.value(word), Some((_, Meaning::Local(_))));
        self.scopes.add_alias(word, id);
        let binding = (!is_taken).then(|| self.scopes.declare(word, Meaning::Alias(id), end));
        self.syntaxes.aliases.push(Alias {
            name: Self::span(name),
            statement: Span { start, end },
            parameters,
            target,
            binding,
            used: false,
            assigned: None,
            is_luau: self.foreign == before,
        });
        Ok(())
    }
}

/// Whether what follows a name makes it an expression.
fn continues(next: Kind) -> bool {
    matches!(
        next,
        Kind::Symbol(b'=' | b'.' | b'(' | b'[' | b':' | b',' | b'{' | b'!')
            | Kind::Text
            | Kind::Assign
    )
}
