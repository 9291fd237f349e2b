//! Expressions: no tree and no precedence, only where names, types and functions are.

use crate::lexer::Kind;
use crate::scope::Meaning;
use crate::syntax::{Instance, Span};

use super::{Parser, Read, Stop};

impl Parser<'_> {
    pub fn expressions(&mut self) -> Read {
        self.expression()?;
        while self.accept_symbol(b',') {
            self.expression()?;
        }
        Ok(())
    }

    /// Operands with operators between them, in a row.
    pub fn expression(&mut self) -> Read {
        self.deeper()?;
        loop {
            while matches!(self.kind(), Kind::Not | Kind::Symbol(b'-' | b'#')) {
                self.next();
            }
            self.operand()?;
            let mut is_first = true;
            loop {
                match self.kind() {
                    Kind::Colons if !self.is_label() => self.cast(is_first)?,
                    Kind::Name if self.is_as() => self.cast(is_first)?,
                    Kind::Symbol(b'!') => {
                        self.bang();
                        continue;
                    }
                    _ => break,
                }
                is_first = false;
            }
            match self.kind() {
                Kind::Operator
                | Kind::And
                | Kind::Or
                | Kind::Symbol(b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'<' | b'>') => {
                    self.next();
                }
                _ => break,
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// A label after an expression; casts do not follow each other.
    fn is_label(&self) -> bool {
        self.peek(1).kind == Kind::Name && self.peek(2).kind == Kind::Colons
    }

    /// The postfix `!` has no effect.
    fn bang(&mut self) {
        let bang = self.next();
        self.edits.blank(bang.start, bang.end);
    }

    fn operand(&mut self) -> Read {
        match self.kind() {
            Kind::Nil
            | Kind::True
            | Kind::False
            | Kind::Number
            | Kind::Text
            | Kind::Interpolated
            | Kind::Dots => {
                self.next();
                Ok(())
            }
            Kind::InterpolatedHead => self.interpolated(),
            Kind::Symbol(b'{') => self.table(),
            Kind::Symbol(b'@') => self.attributes(),
            Kind::Function => {
                self.next();
                self.function_body()
            }
            Kind::If => self.if_expression(),
            Kind::Name if self.peek(1).kind == Kind::Symbol(b'<') => self.maybe_instance(),
            _ => self.suffixed_expression(),
        }
    }

    /// `Box<string>`, if `Box` is a generic type; else the name before a comparison.
    fn maybe_instance(&mut self) -> Read {
        let (name, at) = (self.token(), self.at);
        let Some((_, Meaning::Alias(alias))) = self.scopes.value(self.bytes(name)) else {
            return self.suffixed_expression();
        };
        let is_generic = self.syntaxes.alias(alias).is_some_and(|it| !it.parameters.is_empty());
        if !is_generic || self.in_typeof > 0 {
            return self.suffixed_expression();
        }
        let (depth, edits) = (self.depth, self.edits.mark());
        self.next();
        match self.arguments() {
            Ok(arguments) if !self.starts_operand() => {
                let place = Span { start: name.start, end: self.previous().end };
                self.syntaxes.instances.push(Instance { place, alias, arguments });
                self.suffixes()
            }
            _ => {
                self.at = at;
                self.depth = depth;
                self.edits.back_to(edits);
                self.suffixed_expression()
            }
        }
    }

    /// Whether what follows `>` can only be compared with what stands before it.
    fn starts_operand(&self) -> bool {
        match self.kind() {
            Kind::Name => self.token().line == self.previous().line,
            Kind::Number | Kind::Text | Kind::Not | Kind::Nil | Kind::True | Kind::False => true,
            Kind::Symbol(b'{' | b'-' | b'#') => true,
            _ => false,
        }
    }

    fn interpolated(&mut self) -> Read {
        loop {
            self.next();
            self.expression()?;
            match self.kind() {
                Kind::InterpolatedPart => {}
                Kind::InterpolatedTail => {
                    self.next();
                    return Ok(());
                }
                _ => return Err(Stop::Unknown),
            }
        }
    }

    fn table(&mut self) -> Read {
        self.next();
        while !self.is(b'}') {
            if self.accept_symbol(b'[') {
                self.expression()?;
                self.expect_symbol(b']')?;
                self.expect_symbol(b'=')?;
            } else if self.kind() == Kind::Name && self.peek(1).kind == Kind::Symbol(b'=') {
                self.next();
                self.next();
            }
            self.expression()?;
            if !self.accept_symbol(b',') && !self.accept_symbol(b';') {
                break;
            }
        }
        self.expect_symbol(b'}')?;
        Ok(())
    }

    fn if_expression(&mut self) -> Read {
        loop {
            self.next();
            self.expression()?;
            self.expect(Kind::Then)?;
            self.expression()?;
            if self.kind() != Kind::Elseif {
                break;
            }
        }
        self.expect(Kind::Else)?;
        self.expression()
    }

    /// A name or parentheses, with what is looked up or called.
    pub fn suffixed_expression(&mut self) -> Read {
        match self.kind() {
            Kind::Name => {
                let name = self.next();
                self.use_name(name);
            }
            Kind::Symbol(b'(') => {
                self.next();
                self.expression()?;
                self.expect_symbol(b')')?;
            }
            _ => return Err(Stop::Unknown),
        }
        self.suffixes()
    }

    /// What is looked up or called.
    fn suffixes(&mut self) -> Read {
        loop {
            match self.kind() {
                Kind::Symbol(b'.' | b':') => {
                    self.next();
                    self.expect(Kind::Name)?;
                }
                Kind::Symbol(b'[') => {
                    self.next();
                    self.expression()?;
                    self.expect_symbol(b']')?;
                }
                Kind::Symbol(b'(') => {
                    self.next();
                    if !self.is(b')') {
                        self.expressions()?;
                    }
                    self.expect_symbol(b')')?;
                }
                Kind::Symbol(b'{') => {
                    self.deeper()?;
                    self.table()?;
                    self.depth -= 1;
                }
                Kind::Text => {
                    self.next();
                }
                Kind::Symbol(b'!') => self.bang(),
                // `f<<T>>(x)`
                Kind::Symbol(b'<') if self.peek(1).kind == Kind::Symbol(b'<') => {
                    self.next();
                    self.arguments()?;
                    self.expect_symbol(b'>')?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// What follows `function` and its name.
    pub fn function_body(&mut self) -> Read {
        self.deeper()?;
        let mark = self.enter_function();
        if self.is(b'<') {
            self.generics()?;
        }
        self.expect_symbol(b'(')?;
        self.scopes.enter();
        while !self.is(b')') {
            if self.accept(Kind::Dots) {
                self.annotation()?;
                let _ = self.accept(Kind::Dots);
            } else {
                let name = self.expect(Kind::Name)?;
                let annotation = self.annotation()?;
                self.declare(name, annotation);
            }
            if !self.accept_symbol(b',') {
                break;
            }
        }
        self.expect_symbol(b')')?;
        self.return_annotation()?;
        let labels = self.block()?;
        if let Some(label) = labels.first() {
            return Err(self.error(*label, "a label can only stand at the end of a loop's body"));
        }
        let end = self.expect(Kind::End)?.start;
        self.scopes.leave(end);
        self.leave_function(mark)?;
        self.depth -= 1;
        Ok(())
    }
}
