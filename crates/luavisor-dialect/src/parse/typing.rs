//! Types: annotations, casts, and what they are made of.

use crate::lexer::{Kind, Token};
use crate::literal;
use crate::scope::Meaning;
use crate::syntax::{FieldSyntax, FunctionSyntax, Name, Parameter, Span, Syntax, SyntaxId};
use crate::types::{Check, Pattern};

use super::{Parser, Read, Stop};

const VALIDATORS: [&str; 5] = ["min", "max", "min_len", "max_len", "pattern"];

/// Types that take no arguments: what follows them is a comparison.
const PRIMITIVES: [&[u8]; 7] =
    [b"number", b"integer", b"string", b"boolean", b"any", b"unknown", b"never"];

impl Parser<'_> {
    /// `: T` of a local, parameter or loop variable, if it is there.
    pub fn annotation(&mut self) -> Read<Option<SyntaxId>> {
        let start = self.token().start;
        let before = self.foreign;
        // `name?: T`
        let optional = self.is(b'?') && self.peek(1).kind == Kind::Symbol(b':');
        if optional {
            self.next();
            self.foreign += 1;
        }
        if !self.accept_symbol(b':') {
            return Ok(None);
        }
        let mut ty = self.ty()?;
        if optional {
            ty = self.add(Syntax::Optional(ty));
        }
        self.blank_foreign(start, before);
        Ok(Some(ty))
    }

    /// `: T`, `: (T, U)` or `: T, U` after the parameters of a function.
    pub fn return_annotation(&mut self) -> Read {
        let start = self.token().start;
        let before = self.foreign;
        if !self.accept_symbol(b':') {
            return Ok(());
        }
        self.pack()?;
        while self.accept_symbol(b',') {
            self.foreign += 1;
            self.pack()?;
        }
        self.blank_foreign(start, before);
        Ok(())
    }

    /// Blanks what was read since `start` if Luau cannot read it.
    fn blank_foreign(&mut self, start: u32, before: u32) {
        if self.foreign != before {
            let end = self.previous().end;
            self.edits.blank(start, end);
        }
    }

    /// `:: T` or `as T` after an expression; the word is next. Like `::`, it makes
    /// one value of several. Of casts in a row only the first stays.
    pub fn cast(&mut self, is_first: bool) -> Read {
        let word = self.next();
        let before = self.foreign;
        let start = self.token().start;
        self.ty()?;
        let end = self.previous().end;
        // What follows `nil` is never taken for the arguments of a generic type.
        let is_compared = matches!(self.kind(), Kind::Symbol(b'<' | b'!'));
        let stand_in = if is_compared { "::nil" } else { "::_" };
        if word.kind == Kind::Colons && is_first {
            if self.foreign != before {
                self.edits.replace(start, end, &stand_in[2..]);
            }
        } else if is_first {
            // Word and type together, so that `f()as T` has room.
            self.edits.replace(word.start, end, stand_in);
        } else {
            self.edits.blank(word.start, end);
        }
        Ok(())
    }

    fn add(&mut self, syntax: Syntax) -> SyntaxId {
        self.syntaxes.add(syntax)
    }

    /// `A | B & C`
    pub fn ty(&mut self) -> Read<SyntaxId> {
        self.deeper()?;
        let _ = self.accept_symbol(b'|') || self.accept_symbol(b'&');
        let mut members = vec![self.intersection()?];
        while self.accept_symbol(b'|') {
            members.push(self.intersection()?);
        }
        self.depth -= 1;
        Ok(match members[..] {
            [one] => one,
            _ => self.add(Syntax::Union(members)),
        })
    }

    fn intersection(&mut self) -> Read<SyntaxId> {
        let mut members = vec![self.suffixed()?];
        while self.accept_symbol(b'&') {
            members.push(self.suffixed()?);
        }
        Ok(match members[..] {
            [one] => one,
            _ => self.add(Syntax::Intersection(members)),
        })
    }

    /// `T?`, `T[]`, `T @min(0)`
    fn suffixed(&mut self) -> Read<SyntaxId> {
        let mut ty = self.simple_type()?;
        loop {
            let syntax = match self.kind() {
                Kind::Symbol(b'?') => {
                    self.next();
                    Syntax::Optional(ty)
                }
                Kind::Symbol(b'[') if self.peek(1).kind == Kind::Symbol(b']') => {
                    self.next();
                    self.next();
                    self.foreign += 1;
                    Syntax::Array(ty)
                }
                // Attributes of functions, such as `@native`, have no parentheses.
                Kind::Symbol(b'@')
                    if self.peek(1).kind == Kind::Name
                        && self.peek(2).kind == Kind::Symbol(b'(') =>
                {
                    self.foreign += 1;
                    Syntax::Checked(ty, self.validator()?)
                }
                _ => return Ok(ty),
            };
            ty = self.add(syntax);
        }
    }

    /// `@min(0)`
    fn validator(&mut self) -> Read<Check> {
        self.next();
        let word = self.next();
        let name = String::from_utf8_lossy(self.bytes(word)).into_owned();
        if !VALIDATORS.contains(&name.as_str()) {
            let known = "expected @min, @max, @min_len, @max_len or @pattern";
            let message = format!("unknown validator '@{name}', {known}");
            return Err(self.error(word, message));
        }
        self.expect_symbol(b'(')?;
        let negative = self.accept_symbol(b'-');
        let token = self.next();
        let number = match token.kind {
            Kind::Number => literal::number(self.bytes(token)),
            _ => None,
        };
        let number = number.map(|number| if negative { -number } else { number });
        let check = match (name.as_str(), token.kind, number) {
            ("pattern", Kind::Text, _) if !negative => {
                let text = literal::text(self.bytes(token));
                let pattern = match String::from_utf8(text) {
                    Ok(text) => Pattern::new(&text),
                    Err(_) => Err("it is no UTF-8".to_owned()),
                };
                let wrong = |reason| self.error(token, format!("invalid pattern: {reason}"));
                Check::Pattern(pattern.map_err(wrong)?)
            }
            ("min", _, Some(number)) => Check::Min(number),
            ("max", _, Some(number)) => Check::Max(number),
            ("min_len", _, Some(number)) => Check::MinLength(number),
            ("max_len", _, Some(number)) => Check::MaxLength(number),
            _ => {
                let what = if name == "pattern" { "string" } else { "number" };
                return Err(self.error(token, format!("'@{name}' takes a {what}")));
            }
        };
        if !self.is(b')') {
            let message = format!("'@{name}' takes one argument, expected ')'");
            return Err(self.error(self.token(), message));
        }
        self.next();
        Ok(check)
    }

    fn simple_type(&mut self) -> Read<SyntaxId> {
        let token = self.token();
        let syntax = match token.kind {
            Kind::Nil => Syntax::Nil,
            Kind::True => Syntax::Boolean(true),
            Kind::False => Syntax::Boolean(false),
            Kind::Text => Syntax::Text(Self::span(token)),
            Kind::Number => {
                self.foreign += 1;
                Syntax::Number { token: Self::span(token), negative: false }
            }
            Kind::Symbol(b'-') if self.peek(1).kind == Kind::Number => {
                self.foreign += 1;
                self.next();
                Syntax::Number { token: Self::span(self.token()), negative: true }
            }
            Kind::Symbol(b'{') => return self.table_type(),
            Kind::Symbol(b'(' | b'<') => return self.function_type(),
            Kind::Name => return self.named_type(),
            _ => return Err(Stop::Unknown),
        };
        self.next();
        Ok(self.add(syntax))
    }

    /// `name`, `library.name`, `name<T>`, `typeof(e)`, `readonly T`
    fn named_type(&mut self) -> Read<SyntaxId> {
        let first = self.next();
        let word = self.bytes(first);
        if word == b"typeof" && self.is(b'(') {
            return self.type_of();
        }
        if word == b"readonly" && self.starts_type() && self.token().line == first.line {
            self.foreign += 1;
            self.deeper()?;
            let ty = self.suffixed()?;
            self.depth -= 1;
            return Ok(ty);
        }
        let (mut prefix, mut name) = (None, first);
        if self.is(b'.') && self.peek(1).kind == Kind::Name {
            self.next();
            prefix = Some(Self::span(first));
            name = self.next();
        }
        let generic = self.is(b'<') && !PRIMITIVES.contains(&word);
        let arguments = if generic { self.arguments()? } else { Vec::new() };
        let local = match self.scopes.value(word) {
            Some((id, Meaning::Local(_))) => Some(id),
            _ => None,
        };
        let name =
            Name { prefix, name: Self::span(name), arguments, scope: self.scopes.current(), local };
        Ok(self.add(Syntax::Name(Box::new(name))))
    }

    fn starts_type(&self) -> bool {
        matches!(
            self.kind(),
            Kind::Name
                | Kind::Nil
                | Kind::True
                | Kind::False
                | Kind::Text
                | Kind::Number
                | Kind::Symbol(b'{' | b'(')
        )
    }

    /// `typeof(expression)`; only a name has a type here.
    fn type_of(&mut self) -> Read<SyntaxId> {
        self.next();
        let name = self.token();
        self.in_typeof += 1;
        let start = self.at;
        self.expression()?;
        self.in_typeof -= 1;
        let is_name = name.kind == Kind::Name && self.at == start + 1;
        self.expect_symbol(b')')?;
        let binding = self.scopes.value(self.bytes(name)).filter(|_| is_name);
        let binding = binding.map(|(id, _)| id);
        Ok(self.add(Syntax::Typeof { binding }))
    }

    /// `<T, (A, B), ...C>`; the bracket is next.
    pub fn arguments(&mut self) -> Read<Vec<SyntaxId>> {
        self.next();
        let mut arguments = Vec::new();
        while !self.is(b'>') {
            arguments.push(self.pack()?);
            if !self.accept_symbol(b',') {
                break;
            }
        }
        self.expect_symbol(b'>')?;
        Ok(arguments)
    }

    /// A type, or what may stand for several: `(A, B)`, `...T`, `T...`.
    fn pack(&mut self) -> Read<SyntaxId> {
        if self.accept(Kind::Dots) {
            let rest = self.ty()?;
            return Ok(self.add(Syntax::Pack(Vec::new(), Some(rest))));
        }
        let ty = self.ty()?;
        if self.accept(Kind::Dots) {
            let rest = self.add(Syntax::Unknown);
            return Ok(self.add(Syntax::Pack(Vec::new(), Some(rest))));
        }
        Ok(ty)
    }

    /// `(A, name: B, ...C) -> D`, or what is in parentheses.
    fn function_type(&mut self) -> Read<SyntaxId> {
        self.deeper()?;
        let generics = if self.is(b'<') { self.generics()? } else { Vec::new() };
        self.expect_symbol(b'(')?;
        let (mut params, mut rest) = (Vec::new(), None);
        while !self.is(b')') {
            if self.accept(Kind::Dots) {
                rest = Some(self.ty()?);
            } else {
                params.push(self.parameter()?);
                if self.accept(Kind::Dots) {
                    params.pop();
                    rest = Some(self.add(Syntax::Unknown));
                }
            }
            if !self.accept_symbol(b',') {
                break;
            }
        }
        self.expect_symbol(b')')?;
        self.depth -= 1;
        if self.accept(Kind::Arrow) {
            self.deeper()?;
            let returns = self.pack()?;
            self.depth -= 1;
            let (returns, more) = self.unpack(returns);
            let generics = generics.into_iter().map(|parameter| parameter.name).collect();
            let function = FunctionSyntax { generics, params, rest, returns, more };
            return Ok(self.add(Syntax::Function(Box::new(function))));
        }
        match (&params[..], rest) {
            ([one], None) => Ok(*one),
            _ => Ok(self.add(Syntax::Pack(params, rest))),
        }
    }

    /// The types of a pack; a single type is a pack of one.
    fn unpack(&self, id: SyntaxId) -> (Vec<SyntaxId>, Option<SyntaxId>) {
        match self.syntaxes.get(id) {
            Syntax::Pack(types, rest) => (types.clone(), *rest),
            _ => (vec![id], None),
        }
    }

    /// One more result of a function type, where it can be nothing else.
    pub fn more_return(&mut self, function: SyntaxId) -> Read {
        if !matches!(self.syntaxes.get(function), Syntax::Function(_)) {
            return Err(Stop::Unknown);
        }
        self.foreign += 1;
        let ty = self.pack()?;
        let (types, rest) = self.unpack(ty);
        if let Some(Syntax::Function(function)) = self.syntaxes.types.get_mut(function as usize) {
            function.returns.extend(types);
            function.more = function.more.or(rest);
        }
        Ok(())
    }

    /// A parameter of a function type, perhaps with a name.
    fn parameter(&mut self) -> Read<SyntaxId> {
        let second = self.peek(1).kind;
        if self.kind() == Kind::Name && second == Kind::Symbol(b':') {
            self.next();
            self.next();
            return self.ty();
        }
        let optional = second == Kind::Symbol(b'?') && self.peek(2).kind == Kind::Symbol(b':');
        if self.kind() == Kind::Name && optional {
            self.foreign += 1;
            self.next();
            self.next();
            self.next();
            let ty = self.ty()?;
            return Ok(self.add(Syntax::Optional(ty)));
        }
        self.ty()
    }

    /// `<T, U = number, P...>` of a function or an alias; the bracket is next.
    pub fn generics(&mut self) -> Read<Vec<Parameter>> {
        self.next();
        let mut parameters = Vec::new();
        while !self.is(b'>') {
            let name = self.expect(Kind::Name)?;
            let _ = self.accept(Kind::Dots);
            let default = if self.accept_symbol(b'=') { Some(self.pack()?) } else { None };
            parameters.push(Parameter { name: Self::span(name), default });
            if !self.accept_symbol(b',') {
                break;
            }
        }
        self.expect_symbol(b'>')?;
        Ok(parameters)
    }

    /// `{T}`, `{[K]: V}`, `{name: T, name?: T, ["name"]: T}`
    fn table_type(&mut self) -> Read<SyntaxId> {
        self.deeper()?;
        self.next();
        let (mut fields, mut index) = (Vec::new(), None);
        while !self.is(b'}') {
            self.access();
            if self.is(b'[') {
                self.bracketed(&mut fields, &mut index)?;
            } else if self.kind() == Kind::Name && self.is_field() {
                let name = Self::span(self.next());
                fields.push(self.field(name, false)?);
            } else if fields.is_empty() && index.is_none() {
                let element = self.ty()?;
                self.expect_symbol(b'}')?;
                self.depth -= 1;
                return Ok(self.add(Syntax::Array(element)));
            } else {
                // What is no field can only be one more result of the function before.
                let Some(last) = fields.last() else { return Err(Stop::Unknown) };
                self.more_return(last.node)?;
            }
            if !self.accept_symbol(b',') && !self.accept_symbol(b';') {
                break;
            }
        }
        self.expect_symbol(b'}')?;
        self.depth -= 1;
        Ok(self.add(Syntax::Table { fields, index }))
    }

    fn is_field(&self) -> bool {
        let second = self.peek(1).kind;
        let optional = second == Kind::Symbol(b'?') && self.peek(2).kind == Kind::Symbol(b':');
        optional || second == Kind::Symbol(b':')
    }

    /// `read` and `write` are Luau's, `readonly` is ours; they have no effect.
    fn access(&mut self) {
        let word = self.bytes(self.token());
        let known = matches!(word, b"read" | b"write" | b"readonly");
        let next = self.peek(1);
        let named = next.kind == Kind::Name && {
            let after = self.peek(2).kind;
            after == Kind::Symbol(b':')
                || after == Kind::Symbol(b'?') && self.peek(3).kind == Kind::Symbol(b':')
        };
        // `readonly [` could be an array of arrays elsewhere, not here.
        if known && self.kind() == Kind::Name && (named || next.kind == Kind::Symbol(b'[')) {
            self.foreign += u32::from(word == b"readonly");
            self.next();
        }
    }

    /// `?: T` after a field's name
    fn field(&mut self, name: Span, quoted: bool) -> Read<FieldSyntax> {
        let optional = self.accept_symbol(b'?');
        self.foreign += u32::from(optional);
        self.expect_symbol(b':')?;
        Ok(FieldSyntax { name, quoted, optional, node: self.ty()? })
    }

    /// `["name"]: T` or `[K]: V`
    fn bracketed(
        &mut self,
        fields: &mut Vec<FieldSyntax>,
        index: &mut Option<(SyntaxId, SyntaxId)>,
    ) -> Read {
        self.next();
        if self.kind() == Kind::Text && self.peek(1).kind == Kind::Symbol(b']') {
            let name = Self::span(self.next());
            self.next();
            fields.push(self.field(name, true)?);
            return Ok(());
        }
        let key = self.ty()?;
        self.expect_symbol(b']')?;
        self.expect_symbol(b':')?;
        *index = Some((key, self.ty()?));
        Ok(())
    }

    /// Whether `as` here begins a cast of the expression before it.
    pub fn is_as(&self) -> bool {
        if !self.is_word(b"as") || self.scopes.value(b"as").is_some() {
            return false;
        }
        let next: Token = self.peek(1);
        if next.kind == Kind::Name {
            return true;
        }
        // `as` may also be a function that the next line calls.
        let same_line = self.previous().line == self.token().line;
        let starts =
            matches!(next.kind, Kind::Nil | Kind::True | Kind::False | Kind::Text | Kind::Number)
                || matches!(next.kind, Kind::Symbol(b'{' | b'(' | b'<' | b'-'));
        same_line && starts
    }
}
