//! `goto` to a label at the end of an enclosing loop.
//!
//! In the loop that the label ends, the jump is `continue`. From a loop inside of
//! it, a flag is set, the inner loops are left one after the other, and the last
//! of them is followed by `continue`. The flag is a local before the outermost
//! loop that is left, new for every turn.

use std::collections::HashMap;

use crate::lexer::{Kind, Token};

use super::{Parser, Read};

/// A loop of the function that is being read.
struct Loop {
    parent: Option<usize>,
    /// its first token
    first: Token,
    /// where its text ends, once it is read
    end: u32,
    /// flags that are checked after it, with what they do there
    checks: Vec<(usize, &'static str)>,
}

/// A jump whose label was not met yet.
struct Jump<'a> {
    name: &'a [u8],
    first: Token,
    /// end of the statement
    end: u32,
    /// the innermost loop around it
    around: Option<usize>,
    /// whether it is the last statement of its block
    is_last: bool,
}

#[derive(Default)]
pub struct Jumps<'a> {
    loops: Vec<Loop>,
    current: Option<usize>,
    waiting: Vec<Jump<'a>>,
    /// the number of a flag, by the loop that is left and its target
    flags: HashMap<(usize, usize), usize>,
    /// what the names of flags begin with, once one was needed
    prefix: Option<String>,
}

/// A place to come back to, at the start of a loop or function.
pub struct Mark {
    current: Option<usize>,
    waiting: usize,
}

impl<'a> Parser<'a> {
    /// Begins a loop at its first token.
    pub fn enter_loop(&mut self, first: Token) -> Mark {
        let jumps = &mut self.jumps;
        let mark = Mark { current: jumps.current, waiting: jumps.waiting.len() };
        jumps.loops.push(Loop { parent: jumps.current, first, end: 0, checks: Vec::new() });
        jumps.current = Some(jumps.loops.len() - 1);
        mark
    }

    /// The body of the loop was read and ended with these labels.
    pub fn end_of_body(&mut self, mark: &Mark, labels: &[Token]) {
        let Some(target) = self.jumps.current else { return };
        if labels.is_empty() {
            return;
        }
        let labels: Vec<&[u8]> = labels.iter().map(|label| self.bytes(*label)).collect();
        for jump in self.jumps.waiting.split_off(mark.waiting) {
            if labels.contains(&jump.name) {
                self.resolve(jump, target);
            } else {
                self.jumps.waiting.push(jump);
            }
        }
    }

    /// The loop was read to its end.
    pub fn leave_loop(&mut self, mark: Mark) {
        let end = self.previous().end;
        if let Some(current) = self.jumps.current {
            self.jumps.loops[current].end = end;
        }
        self.jumps.current = mark.current;
    }

    /// Begins a function: jumps do not leave it.
    pub fn enter_function(&mut self) -> Mark {
        let mark = Mark { current: self.jumps.current, waiting: self.jumps.waiting.len() };
        self.jumps.current = None;
        mark
    }

    pub fn leave_function(&mut self, mark: Mark) -> Read {
        self.unresolved_jumps(mark.waiting)?;
        self.jumps.current = mark.current;
        Ok(())
    }

    /// `goto name`; both tokens are next.
    pub fn goto(&mut self) {
        let first = self.next();
        let name = self.next();
        let is_last =
            matches!(self.kind(), Kind::End | Kind::Else | Kind::Elseif | Kind::Until | Kind::Eof);
        let (name, end) = (self.bytes(name), name.end);
        let around = self.jumps.current;
        self.jumps.waiting.push(Jump { name, first, end, around, is_last });
    }

    /// Jumps that found no label.
    pub fn unresolved_jumps(&mut self, from: usize) -> Read {
        let Some(jump) = self.jumps.waiting.get(from) else { return Ok(()) };
        let name = String::from_utf8_lossy(jump.name);
        let message = format!("no label '{name}' at the end of a loop around this goto");
        Err(self.error(jump.first, message))
    }

    fn resolve(&mut self, jump: Jump<'a>, target: usize) {
        let mut path = Vec::new();
        let mut around = jump.around;
        while let Some(id) = around
            && id != target
        {
            path.push(id);
            around = self.jumps.loops[id].parent;
        }
        let Some(outermost) = path.last().copied() else {
            let text = if jump.is_last { "continue" } else { "do continue end" };
            return self.edits.replace(jump.first.start, jump.end, text);
        };
        let next = self.jumps.flags.len() + 1;
        let flag = *self.jumps.flags.entry((outermost, target)).or_insert(next);
        let variable = format!("{}{flag}", self.prefix());
        if flag == next {
            let start = self.jumps.loops[outermost].first.start;
            self.edits.insert(start, format!("local {variable} "));
        }
        for id in &path {
            let what = if *id == outermost { "continue" } else { "break" };
            let left = &mut self.jumps.loops[*id];
            if !left.checks.contains(&(flag, what)) {
                left.checks.push((flag, what));
                self.edits.insert(left.end, format!(" if {variable} then {what} end"));
            }
        }
        let text = format!("do {variable}=true break end");
        self.edits.replace(jump.first.start, jump.end, text);
    }

    /// A beginning of names that the text does not contain.
    fn prefix(&mut self) -> &str {
        let source = self.source;
        self.jumps.prefix.get_or_insert_with(|| {
            let mut prefix = "_goto".to_owned();
            while source.windows(prefix.len()).any(|piece| piece == prefix.as_bytes()) {
                prefix.insert(0, '_');
            }
            prefix
        })
    }
}
