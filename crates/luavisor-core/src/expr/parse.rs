//! The tree of an expression. Precedences are those of the language's definition.

use std::sync::Arc;

use super::functions::{self, Function};
use super::lex::{self, Token, Word};
use super::{DEPTH, Value};

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Program(pub(super) Node);

/// A tree, with its height.
#[derive(Clone, Debug)]
pub struct Node {
    pub kind: Kind,
    height: usize,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Value(Value),
    /// a variable
    Name(Arc<str>),
    /// `#`
    Element,
    Array(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Unary(Unary, Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    /// `a.b`, `a[b]`; the flag is that of `?.`
    Member(Box<Node>, Box<Node>, bool),
    Slice(Box<Node>, Option<Box<Node>>, Option<Box<Node>>),
    Call(&'static Function, Vec<Node>),
    Let(Arc<str>, Box<Node>, Box<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    Not,
    Minus,
    Plus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    Range,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Coalesce,
}

/// Sign or word, operator, precedence.
const BINARY: &[(&str, Binary, u32)] = &[
    ("or", Binary::Or, 10),
    ("||", Binary::Or, 10),
    ("and", Binary::And, 15),
    ("&&", Binary::And, 15),
    ("==", Binary::Equal, 20),
    ("!=", Binary::Unequal, 20),
    ("<", Binary::Less, 20),
    ("<=", Binary::LessEqual, 20),
    (">", Binary::Greater, 20),
    (">=", Binary::GreaterEqual, 20),
    ("in", Binary::In, 20),
    ("contains", Binary::Contains, 20),
    ("startsWith", Binary::StartsWith, 20),
    ("endsWith", Binary::EndsWith, 20),
    ("matches", Binary::Matches, 20),
    ("..", Binary::Range, 25),
    ("+", Binary::Add, 30),
    ("-", Binary::Subtract, 30),
    ("*", Binary::Multiply, 60),
    ("/", Binary::Divide, 60),
    ("%", Binary::Remainder, 60),
    ("**", Binary::Power, 100),
    ("^", Binary::Power, 100),
    ("??", Binary::Coalesce, 500),
];
const NOT: u32 = 50;
const SIGN: u32 = 90;

impl Binary {
    pub fn sign(self) -> &'static str {
        BINARY.iter().find(|(_, binary, _)| *binary == self).map_or("not in", |(sign, _, _)| sign)
    }
}

pub fn program(source: &str) -> Result<Program, String> {
    let tokens = lex::tokens(source)?;
    let mut parser = Parser { source, tokens, next: 0, depth: 0 };
    let node = parser.expression()?;
    match parser.peek() {
        Word::End => Ok(Program(node)),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

type Parsed = Result<Node, String>;

impl Parser<'_> {
    fn peek(&self) -> &Word {
        &self.tokens[self.next].word
    }

    fn is(&self, sign: &str) -> bool {
        match self.peek() {
            Word::Sign(found) => *found == sign,
            Word::Name(found) => found == sign,
            _ => false,
        }
    }

    fn take(&mut self, sign: &str) -> bool {
        let is = self.is(sign);
        self.next += usize::from(is);
        is
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        match self.take(sign) {
            true => Ok(()),
            false => Err(self.error(&format!("expected {sign}"))),
        }
    }

    fn error(&self, text: &str) -> String {
        lex::error(self.source, self.tokens[self.next].at, text)
    }

    fn unexpected(&self) -> String {
        let found = match self.peek() {
            Word::End => "end".to_owned(),
            Word::Int(value) => value.to_string(),
            Word::Float(value) => value.to_string(),
            Word::Text(_) => "string".to_owned(),
            Word::Name(name) => name.clone(),
            Word::Sign(sign) => (*sign).to_owned(),
        };
        self.error(&format!("unexpected {found}"))
    }

    fn node(&self, kind: Kind) -> Parsed {
        let below = match &kind {
            Kind::Value(_) | Kind::Name(_) | Kind::Element => 0,
            Kind::Array(nodes) | Kind::Call(_, nodes) => highest(nodes),
            Kind::Map(pairs) => {
                pairs.iter().map(|(key, value)| key.height.max(value.height)).max().unwrap_or(0)
            }
            Kind::Unary(_, node) => node.height,
            Kind::Binary(_, a, b) | Kind::Member(a, b, _) | Kind::Let(_, a, b) => {
                a.height.max(b.height)
            }
            Kind::If(a, b, c) => a.height.max(b.height).max(c.height),
            Kind::Slice(a, b, c) => {
                let ends = b.iter().chain(c).map(|node| node.height);
                ends.chain([a.height]).max().unwrap_or(0)
            }
        };
        match below < DEPTH {
            true => Ok(Node { kind, height: below + 1 }),
            false => Err(self.error("nested too deeply")),
        }
    }

    /// Everything that recurses goes through here.
    fn deeper(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        if self.depth >= DEPTH {
            return Err(self.error("nested too deeply"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn expression(&mut self) -> Parsed {
        self.deeper(|parser| {
            if parser.take("let") {
                let name = parser.name()?;
                parser.expect("=")?;
                let value = parser.piped()?;
                parser.expect(";")?;
                let body = parser.expression()?;
                return parser.node(Kind::Let(name.into(), Box::new(value), Box::new(body)));
            }
            parser.piped()
        })
    }

    fn name(&mut self) -> Result<String, String> {
        match self.peek().clone() {
            Word::Name(name) => {
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// `a | f(b)` is `f(a, b)`.
    fn piped(&mut self) -> Parsed {
        let mut left = self.conditional()?;
        while self.take("|") {
            let name = self.name()?;
            let mut arguments = vec![left];
            arguments.extend(self.arguments(&name)?);
            let call = self.call(&name, arguments)?;
            left = self.after(call)?;
        }
        Ok(left)
    }

    fn conditional(&mut self) -> Parsed {
        let condition = self.binary(0)?;
        if !self.take("?") {
            return Ok(condition);
        }
        let yes = self.expression()?;
        self.expect(":")?;
        let no = self.expression()?;
        self.node(Kind::If(Box::new(condition), Box::new(yes), Box::new(no)))
    }

    fn operator(&self) -> Option<(Binary, u32, usize)> {
        let next = self.tokens.get(self.next + 1).map(|token| &token.word);
        if self.is("not") && next == Some(&Word::Name("in".to_owned())) {
            return Some((Binary::NotIn, 20, 2));
        }
        let found = BINARY.iter().find(|(sign, _, _)| self.is(sign))?;
        Some((found.1, found.2, 1))
    }

    fn binary(&mut self, least: u32) -> Parsed {
        let mut left = self.deeper(Self::unary)?;
        while let Some((operator, strength, words)) = self.operator() {
            if strength < least {
                break;
            }
            self.next += words;
            let right = match operator {
                Binary::Power => self.deeper(|parser| parser.binary(strength))?,
                _ => self.deeper(|parser| parser.binary(strength + 1))?,
            };
            left = self.node(Kind::Binary(operator, Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let (operator, strength) = match () {
            () if self.take("!") || self.take("not") => (Unary::Not, NOT),
            () if self.take("-") => (Unary::Minus, SIGN),
            () if self.take("+") => (Unary::Plus, SIGN),
            () => {
                let primary = self.primary()?;
                return self.after(primary);
            }
        };
        let operand = self.deeper(|parser| parser.binary(strength))?;
        self.node(Kind::Unary(operator, Box::new(operand)))
    }

    fn primary(&mut self) -> Parsed {
        let word = self.peek().clone();
        match word {
            Word::Sign("(") => {
                self.next += 1;
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Word::Sign("[") => {
                self.next += 1;
                let items = self.list("]")?;
                self.node(Kind::Array(items))
            }
            Word::Sign("{") => self.map(),
            Word::Sign("#") => {
                self.next += 1;
                self.node(Kind::Element)
            }
            // `.field` of the element.
            Word::Sign(".") => self.node(Kind::Element),
            Word::Int(value) => self.value(Value::Int(value)),
            Word::Float(value) => self.value(Value::Float(value)),
            Word::Text(text) => self.value(Value::text(text)),
            Word::Name(name) => match name.as_str() {
                "true" => self.value(Value::Bool(true)),
                "false" => self.value(Value::Bool(false)),
                "nil" | "null" => self.value(Value::Nil),
                _ => {
                    self.next += 1;
                    if !self.is("(") {
                        return self.node(Kind::Name(name.into()));
                    }
                    let arguments = self.arguments(&name)?;
                    self.call(&name, arguments)
                }
            },
            _ => Err(self.unexpected()),
        }
    }

    fn value(&mut self, value: Value) -> Parsed {
        self.next += 1;
        self.node(Kind::Value(value))
    }

    /// Members, indices and slices behind something.
    fn after(&mut self, node: Node) -> Parsed {
        let mut node = node;
        loop {
            let optional = self.is("?.");
            if optional || self.is(".") {
                self.next += 1;
                if optional && self.is("[") {
                    continue;
                }
                let name = self.name()?;
                let name = self.node(Kind::Value(Value::text(name)))?;
                node = self.node(Kind::Member(Box::new(node), Box::new(name), optional))?;
            } else if self.take("[") {
                node = self.index(node)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn index(&mut self, node: Node) -> Parsed {
        let node = Box::new(node);
        let first = if self.is(":") { None } else { Some(Box::new(self.expression()?)) };
        if !self.take(":") {
            self.expect("]")?;
            let Some(index) = first else { return Err(self.unexpected()) };
            return self.node(Kind::Member(node, index, false));
        }
        let last = if self.is("]") { None } else { Some(Box::new(self.expression()?)) };
        self.expect("]")?;
        self.node(Kind::Slice(node, first, last))
    }

    fn list(&mut self, end: &str) -> Result<Vec<Node>, String> {
        let mut items = Vec::new();
        while !self.take(end) {
            if !items.is_empty() {
                self.expect(",")?;
                if self.take(end) {
                    break;
                }
            }
            items.push(self.expression()?);
        }
        Ok(items)
    }

    fn map(&mut self) -> Parsed {
        self.expect("{")?;
        let mut pairs = Vec::new();
        while !self.take("}") {
            if !pairs.is_empty() {
                self.expect(",")?;
                if self.take("}") {
                    break;
                }
            }
            let key = match self.peek().clone() {
                Word::Name(name) => self.value(Value::text(name))?,
                Word::Text(text) => self.value(Value::text(text))?,
                Word::Int(number) => self.value(Value::text(number.to_string()))?,
                Word::Sign("(") => self.primary()?,
                _ => return Err(self.unexpected()),
            };
            self.expect(":")?;
            pairs.push((key, self.expression()?));
        }
        self.node(Kind::Map(pairs))
    }

    /// Those of a function; a predicate may stand in braces.
    fn arguments(&mut self, name: &str) -> Result<Vec<Node>, String> {
        self.expect("(")?;
        let predicate = functions::find(name).is_some_and(|function| function.predicate);
        let mut arguments = Vec::new();
        while !self.take(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            let braces = predicate && self.is("{");
            self.next += usize::from(braces);
            arguments.push(self.expression()?);
            if braces {
                self.expect("}")?;
            }
        }
        Ok(arguments)
    }

    fn call(&mut self, name: &str, arguments: Vec<Node>) -> Parsed {
        let Some(function) = functions::find(name) else {
            return Err(self.error(&format!("unknown function {name}")));
        };
        if !function.arguments.contains(&arguments.len()) {
            let text = format!("wrong number of arguments of {name}: {}", arguments.len());
            return Err(self.error(&text));
        }
        self.node(Kind::Call(function, arguments))
    }
}

fn highest(nodes: &[Node]) -> usize {
    nodes.iter().map(|node| node.height).max().unwrap_or(0)
}
