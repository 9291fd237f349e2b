//! Text to tokens, as Luau reads them.
//!
//! Comments and blanks fall away; a token knows where it stands. What is no token
//! becomes [`Kind::Broken`], where the parser gives up. Linear in the text.

/// What a token is. Contextual words (`type`, `as`, `goto` …) are names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// end of the text
    Eof,
    Broken,
    Name,
    Number,
    /// a quoted or long string
    Text,
    /// `` `…` `` without expressions
    Interpolated,
    /// `` `…{ ``
    InterpolatedHead,
    /// `}…{`
    InterpolatedPart,
    /// `` }…` ``
    InterpolatedTail,
    /// one character
    Symbol(u8),
    /// `::`
    Colons,
    /// `->`
    Arrow,
    /// `...`
    Dots,
    /// `..`, `//` and comparisons of two characters
    Operator,
    /// `+=` and its kin
    Assign,
    And,
    Break,
    Do,
    Else,
    Elseif,
    End,
    False,
    For,
    Function,
    If,
    In,
    Local,
    Nil,
    Not,
    Or,
    Repeat,
    Return,
    Then,
    True,
    Until,
    While,
}

/// A piece of the text: bytes `start..end`, on `line` (from 0).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    pub kind: Kind,
    pub start: u32,
    pub end: u32,
    pub line: u32,
}

/// All tokens of `source`; the last is [`Kind::Eof`].
pub fn tokens(source: &[u8]) -> Vec<Token> {
    let mut lexer = Lexer { source, at: 0, line: 0, braces: Vec::new() };
    let mut tokens = Vec::with_capacity(source.len() / 4 + 1);
    loop {
        let token = lexer.next();
        tokens.push(token);
        if matches!(token.kind, Kind::Eof) {
            return tokens;
        }
    }
}

struct Lexer<'a> {
    source: &'a [u8],
    at: usize,
    line: u32,
    /// open braces; true: of an interpolated string
    braces: Vec<bool>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.source.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn next(&mut self) -> Token {
        self.skip_blanks();
        let (start, line) = (self.at, self.line);
        let kind = if start >= self.source.len() { Kind::Eof } else { self.token() };
        Token { kind, start: start as u32, end: self.at as u32, line }
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.peek(0) {
                b'\n' => {
                    self.line += 1;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'-' if self.peek(1) == b'-' => {
                    self.at += 2;
                    if !self.long_bracket() {
                        while self.at < self.source.len() && self.peek(0) != b'\n' {
                            self.at += 1;
                        }
                    }
                }
                _ => return,
            }
        }
    }

    /// Skips a long bracket, if one begins here. One without end goes to the end.
    fn long_bracket(&mut self) -> bool {
        let rest = &self.source[self.at.min(self.source.len())..];
        let level = rest.iter().skip(1).take_while(|byte| **byte == b'=').count();
        if rest.first() != Some(&b'[') || rest.get(level + 1) != Some(&b'[') {
            return false;
        }
        self.at += level + 2;
        while self.at < self.source.len() {
            match self.peek(0) {
                b'\n' => self.line += 1,
                b']' => {
                    let rest = &self.source[self.at + 1..];
                    let equals = rest.iter().take_while(|byte| **byte == b'=').count();
                    if equals == level && rest.get(level) == Some(&b']') {
                        self.at += level + 2;
                        return true;
                    }
                    // The next `]` may begin right after the last `=`.
                    self.at += equals;
                }
                _ => {}
            }
            self.at += 1;
        }
        true
    }

    fn token(&mut self) -> Kind {
        let byte = self.peek(0);
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => return self.name(),
            b'0'..=b'9' => return self.number(),
            b'.' if self.peek(1).is_ascii_digit() => return self.number(),
            b'"' | b'\'' => return self.quoted(byte),
            b'`' => {
                self.at += 1;
                return self.interpolated(Kind::Interpolated, Kind::InterpolatedHead);
            }
            b'[' if self.long_bracket() => return Kind::Text,
            b'{' => self.braces.push(false),
            b'}' if self.braces.pop() == Some(true) => {
                self.at += 1;
                return self.interpolated(Kind::InterpolatedTail, Kind::InterpolatedPart);
            }
            _ => {}
        }
        let (length, kind) = match (byte, self.peek(1), self.peek(2)) {
            (b':', b':', _) => (2, Kind::Colons),
            (b'-', b'>', _) => (2, Kind::Arrow),
            (b'.', b'.', b'.') => (3, Kind::Dots),
            (b'.', b'.', b'=') | (b'/', b'/', b'=') => (3, Kind::Assign),
            (b'.', b'.', _) | (b'/', b'/', _) => (2, Kind::Operator),
            (b'+' | b'-' | b'*' | b'/' | b'%' | b'^', b'=', _) => (2, Kind::Assign),
            (b'=' | b'~' | b'<' | b'>', b'=', _) => (2, Kind::Operator),
            // `a!==b` is `a! == b`; `a!=b` is what other languages write for `~=`.
            (b'!', b'=', b'=') => (1, Kind::Symbol(b'!')),
            (b'!', b'=', _) => (2, Kind::Broken),
            _ => (1, Kind::Symbol(byte)),
        };
        self.at += length;
        kind
    }

    fn name(&mut self) -> Kind {
        let start = self.at;
        while self.peek(0).is_ascii_alphanumeric() || self.peek(0) == b'_' {
            self.at += 1;
        }
        keyword(&self.source[start..self.at])
    }

    /// Everything that could belong to a number, as in Luau's lexer.
    fn number(&mut self) -> Kind {
        while self.peek(0).is_ascii_digit() || matches!(self.peek(0), b'.' | b'_') {
            self.at += 1;
        }
        if matches!(self.peek(0), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(0), b'+' | b'-') {
                self.at += 1;
            }
        }
        while self.peek(0).is_ascii_alphanumeric() || self.peek(0) == b'_' {
            self.at += 1;
        }
        Kind::Number
    }

    /// Skips what follows a backslash.
    fn escape(&mut self) {
        self.at += 1;
        match self.peek(0) {
            b'z' => {
                self.at += 1;
                while self.peek(0).is_ascii_whitespace() {
                    self.line += u32::from(self.peek(0) == b'\n');
                    self.at += 1;
                }
            }
            b'\r' if self.peek(1) == b'\n' => {
                self.line += 1;
                self.at += 2;
            }
            byte => {
                self.line += u32::from(byte == b'\n');
                self.at += 1;
            }
        }
        self.at = self.at.min(self.source.len());
    }

    fn quoted(&mut self, quote: u8) -> Kind {
        self.at += 1;
        while self.at < self.source.len() {
            match self.peek(0) {
                b'\\' => self.escape(),
                b'\n' => return Kind::Broken,
                byte => {
                    self.at += 1;
                    if byte == quote {
                        return Kind::Text;
                    }
                }
            }
        }
        Kind::Broken
    }

    /// The rest of a piece of an interpolated string.
    fn interpolated(&mut self, last: Kind, more: Kind) -> Kind {
        while self.at < self.source.len() {
            match self.peek(0) {
                b'\\' if self.peek(1) == b'u' && self.peek(2) == b'{' => self.at += 3,
                b'\\' => self.escape(),
                b'\n' => return Kind::Broken,
                b'`' => {
                    self.at += 1;
                    return last;
                }
                b'{' => {
                    self.at += 1;
                    self.braces.push(true);
                    return more;
                }
                _ => self.at += 1,
            }
        }
        Kind::Broken
    }
}

fn keyword(name: &[u8]) -> Kind {
    match name {
        b"and" => Kind::And,
        b"break" => Kind::Break,
        b"do" => Kind::Do,
        b"else" => Kind::Else,
        b"elseif" => Kind::Elseif,
        b"end" => Kind::End,
        b"false" => Kind::False,
        b"for" => Kind::For,
        b"function" => Kind::Function,
        b"if" => Kind::If,
        b"in" => Kind::In,
        b"local" => Kind::Local,
        b"nil" => Kind::Nil,
        b"not" => Kind::Not,
        b"or" => Kind::Or,
        b"repeat" => Kind::Repeat,
        b"return" => Kind::Return,
        b"then" => Kind::Then,
        b"true" => Kind::True,
        b"until" => Kind::Until,
        b"while" => Kind::While,
        _ => Kind::Name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<Kind> {
        tokens(source.as_bytes()).into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn comments_and_strings_are_skipped_as_a_whole() {
        use Kind::*;
        assert_eq!(kinds("--[==[ x ]=] ]==] a -- b\n c"), [Name, Name, Eof]);
        assert_eq!(kinds("[[a]b]] [=[]]==]=] '\\'' \"\\z \n x\""), [Text, Text, Text, Text, Eof]);
        assert_eq!(kinds("`a{ {1} }b{c}d\\{`"), {
            let open = Symbol(b'{');
            let close = Symbol(b'}');
            [InterpolatedHead, open, Number, close, InterpolatedPart, Name, InterpolatedTail, Eof]
        });
        assert_eq!(kinds("'a\nb'"), [Broken, Name, Broken, Eof]);
    }

    #[test]
    fn operators_take_as_much_as_they_can() {
        use Kind::*;
        let bang = Symbol(b'!');
        assert_eq!(kinds("a!==b"), [Name, bang, Operator, Name, Eof]);
        assert_eq!(kinds("a!~=b"), [Name, bang, Operator, Name, Eof]);
        assert_eq!(kinds("a!=b"), [Name, Broken, Name, Eof]);
        assert_eq!(kinds("...=..=.."), [Dots, Symbol(b'='), Assign, Operator, Eof]);
        assert_eq!(kinds("0xFFp1 1e-3 .5 3..2"), [Number, Number, Number, Number, Eof]);
        assert_eq!(kinds("a::b->c"), [Name, Colons, Name, Arrow, Name, Eof]);
    }

    #[test]
    fn lines_are_counted_everywhere() {
        let last = |source: &str| tokens(source.as_bytes()).last().map(|token| token.line);
        assert_eq!(last("--[[\n\n]] '\\\n' [[\n]] \"\\z\n\n\"\n"), Some(7));
    }
}
