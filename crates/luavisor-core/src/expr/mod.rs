//! Expressions: the public language *expr* (MODULES 18), without its typed environments.
//!
//! Pure, and bounded: a source has at most a mebibyte, its tree at most [`DEPTH`] levels,
//! an evaluation takes at most [`STEPS`] steps, where what is made counts too. Written
//! anew because the maintained implementation has no such limits (`1..1000000000`).
//!
//! | file | holds |
//! |---|---|
//! | `lex` | words |
//! | `parse` | the tree |
//! | `eval` | its value |
//! | `functions` | the functions of the language |
//! | [`values`] | values of Lua |

mod eval;
mod functions;
mod lex;
mod parse;
pub mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use parse::Program;

/// Levels of a tree.
pub const DEPTH: usize = 200;
/// Steps of an evaluation.
pub const STEPS: u64 = 1_000_000;
/// Bytes of a source.
pub const LONGEST: usize = 1 << 20;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// nothing
    Nil,
    /// true or false
    Bool(bool),
    /// a whole number
    Int(i64),
    /// any other number
    Float(f64),
    /// a text
    Text(Arc<str>),
    /// values by place, from 0
    Array(Arc<Vec<Value>>),
    /// values by name
    Map(Arc<BTreeMap<Arc<str>, Value>>),
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Text(text.into())
    }

    /// An array.
    pub fn array(values: Vec<Value>) -> Value {
        Value::Array(Arc::new(values))
    }

    fn sort(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Text(_) => "string",
            Value::Array(_) => "array",
            Value::Map(_) => "map",
        }
    }

    /// As a number, if it is one.
    fn number(&self) -> Option<f64> {
        match self {
            Value::Int(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }
}

/// Reads an expression.
///
/// # Errors
/// What is wrong with it, and where.
pub fn compile(source: &str) -> Result<Program, String> {
    if source.len() > LONGEST {
        return Err("expression longer than 1 MiB".to_owned());
    }
    parse::program(source)
}

/// Evaluates an expression with these variables at this time, unix seconds.
///
/// # Errors
/// What cannot be done, or that it takes too long.
pub fn run(program: &Program, variables: &Value, now: f64) -> Result<Value, String> {
    run_within(program, variables, now, STEPS).unwrap_or_else(|| Err("too many steps".to_owned()))
}

/// The same within so many steps; `None`: they are not enough.
pub fn run_within(
    program: &Program,
    variables: &Value,
    now: f64,
    steps: u64,
) -> Option<Result<Value, String>> {
    eval::run(program, variables, now, steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Value {
        let map = |pairs: Vec<(&str, Value)>| {
            let pairs = pairs.into_iter().map(|(key, value)| (Arc::from(key), value));
            Value::Map(Arc::new(pairs.collect()))
        };
        let user =
            |name: &str, age| map(vec![("name", Value::text(name)), ("age", Value::Int(age))]);
        let users = vec![user("ann", 30), user("bob", 17), user("cid", 45)];
        map(vec![
            ("x", Value::Int(5)),
            ("pi", Value::Float(3.5)),
            ("name", Value::text("Bob")),
            ("list", Value::array(vec![Value::Int(3), Value::Int(1), Value::Int(2)])),
            ("users", Value::array(users)),
            ("none", Value::array(Vec::new())),
        ])
    }

    fn value(source: &str) -> Result<Value, String> {
        run(&compile(source)?, &variables(), 1000.0)
    }

    #[track_caller]
    fn same(source: &str, expected: &str) {
        assert_eq!(value(source), value(expected), "{source}");
    }

    #[test]
    fn operators_bind_as_they_should() {
        for (source, expected) in [
            ("1 + 2 * 3", "7"),
            ("(1 + 2) * 3", "9"),
            ("2 ** 3 ** 2", "512.0"),
            ("2 ^ 2", "4.0"),
            ("-2 ** 2", "-4.0"),
            ("7 % 4", "3"),
            ("7 / 2", "3.5"),
            ("6 / 2", "3.0"),
            ("1 - 2 - 3", "-4"),
            ("0x10 + 1_000", "1016"),
            ("'a' + \"b\"", "'ab'"),
            ("1 == 1.0 and 'a' != 'b'", "true"),
            ("not false && !false", "true"),
            ("true || 1 / nil", "true"),
            ("1 < 2 == true", "true"),
            ("3 in list", "true"),
            ("9 not in list", "true"),
            ("'name' in users[0]", "true"),
            ("'foobar' contains 'oba'", "true"),
            ("name startsWith 'B' and name endsWith 'ob'", "true"),
            ("name matches '^[A-Z]'", "true"),
            ("x > 3 ? 'more' : x > 1 ? 'some' : 'few'", "'more'"),
            ("missing ?? 7", "7"),
            ("missing?.deep?.deeper ?? 'no'", "'no'"),
            ("users[-1].name", "'cid'"),
            ("users[0]['age']", "30"),
            ("list[1:]", "[1, 2]"),
            ("list[:-1]", "[3, 1]"),
            ("'hello'[1:3]", "'el'"),
            ("1..4", "[1, 2, 3, 4]"),
            ("{a: 1, 'b c': [2]}['b c'][0]", "2"),
            ("let y = x + 1; let z = y * 2; z - y", "6"),
            ("list | sort() | first()", "1"),
            ("none.anything ?? 'empty'", "'empty'"),
            ("1e3 + .5", "1000.5"),
            ("// a comment\n1 /* and */ + 1", "2"),
        ] {
            same(source, expected);
        }
    }

    #[test]
    fn functions_do_what_they_say() {
        for (source, expected) in [
            ("filter(users, .age > 18) | map(.name)", "['ann', 'cid']"),
            ("map(1..3, # * 2)", "[2, 4, 6]"),
            ("map(1..3, {# * 2})", "[2, 4, 6]"),
            (
                "all(list, # > 0) and any(list, # == 2) and none(list, # > 9) and one(list, # == 1)",
                "true",
            ),
            ("count(users, .age > 18)", "2"),
            ("find(users, .age < 18).name", "'bob'"),
            ("find(users, .age > 99)", "nil"),
            ("sum(list) + min(list) + max(list, 9)", "16"),
            ("mean([1, 2])", "1.5"),
            ("len('äb') + len(list) + len({a: 1})", "6"),
            ("upper('a') + lower('B') + trim('  c ')", "'Abc'"),
            ("join(split('a,b', ','), '-')", "'a-b'"),
            ("replace('aXbX', 'X', 'y')", "'ayby'"),
            ("hasPrefix('abc', 'ab') && hasSuffix('abc', 'bc')", "true"),
            ("sort([3, 1, 2], 'desc')", "[3, 2, 1]"),
            ("reverse(list)", "[2, 1, 3]"),
            ("take(list, 2)", "[3, 1]"),
            ("last(list) + first(list)", "5"),
            ("keys({b: 1, a: 2})", "['a', 'b']"),
            ("values({b: 1, a: 2})", "[2, 1]"),
            ("int('12') + int(3.9) + abs(-4)", "19"),
            ("float('1.5') + ceil(1.2) + floor(1.8) + round(2.5)", "7.5"),
            ("string(1) + string(true) + string(1.5)", "'1true1.5'"),
            ("now()", "1000.0"),
            ("map(users, len(filter(users, .age > 18)))", "[2, 2, 2]"),
        ] {
            same(source, expected);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (source, part) in [
            ("", "unexpected end"),
            ("1 +", "unexpected end"),
            ("(1", "expected )"),
            ("1 2", "unexpected 2"),
            ("'open", "string is not closed"),
            ("f(1)", "unknown function f"),
            ("a b", "unexpected b"),
            ("1 ~ 2", "unexpected character ~"),
            ("x +", "1:4"),
        ] {
            let error = compile(source).expect_err(source);
            assert!(error.contains(part), "{source}: {error}");
        }
        for (source, part) in [
            ("x + y", "int + nil"),
            ("nil * 2", "nil * int"),
            ("1 + 'a'", "int + string"),
            ("missing.deep", "cannot fetch deep from nil"),
            ("list[9]", "index 9 out of range"),
            ("1 % 0", "division by zero"),
            ("'a' < 1", "string < int"),
            ("x ? 1 : 2", "expected bool, found int"),
            ("name matches '('", "regular expression"),
            ("sum(['a'])", "sum"),
            ("len(1)", "len"),
            ("filter(1, true)", "filter"),
        ] {
            let error = value(source).expect_err(source);
            assert!(error.contains(part), "{source}: {error}");
        }
    }

    #[test]
    fn nothing_takes_for_ever_or_all_memory() {
        for source in [
            "1..1000000000",
            "sum(map(1..100000, sum(1..100000)))",
            "map(1..2000, map(1..2000, map(1..2000, #)))",
            "let a = 'aaaaaaaaaa'; let b = a+a+a+a+a+a+a+a+a+a; let c = b+b+b+b+b+b+b+b+b+b; \
             let d = c+c+c+c+c+c+c+c+c+c; let e = d+d+d+d+d+d+d+d+d+d; let f = e+e+e+e+e+e+e+e+e+e; \
             let g = f+f+f+f+f+f+f+f+f+f; let h = g+g+g+g+g+g+g+g+g+g; let i = h+h+h+h+h+h; len(i)",
            "join(map(1..900000, 'long text that is long'), 'and more')",
        ] {
            let error = value(source).expect_err(source);
            assert!(error.contains("too many steps"), "{source}: {error}");
        }
        // Small to write, large to compare and to give back.
        let double = |last: &str| {
            let lines = (0..40).map(|n| format!("let a{} = [a{n}, a{n}]; ", n + 1));
            format!("let a0 = [1]; {}{last}", lines.collect::<String>())
        };
        assert!(value(&double("a39 == a40[0]")).unwrap_err().contains("too many steps"));
        assert!(value(&double("a39 in a40")).unwrap_err().contains("too many steps"));
        let shared = value(&double("a40")).unwrap();
        let lists = values::to(&shared);
        assert_eq!(lists.tables.len(), 41);
        assert_eq!(values::to(&values::from(&lists)).tables.len(), 41);
        for deep in ["(", "[", "-", "!", "1+(", "f(", "{a:", "x?1:", "let a=", "a[", "not "] {
            assert!(compile(&deep.repeat(100_000)).is_err());
        }
        let chain = format!("1{}", "+1".repeat(100_000));
        assert!(compile(&chain).unwrap_err().contains("nested too deeply"));
        let mut rng = fastrand::Rng::with_seed(7);
        let seeds = [
            "filter(users, .age > 18) | map(.name)",
            "let y = x + 1; y > 3 ? [1, 2][0] : {a: 'b'}.a",
        ];
        for _ in 0..20_000 {
            let mut text: Vec<char> = seeds[rng.usize(0..2)].chars().collect();
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(0..text.len());
                match rng.u8(0..3) {
                    0 => drop(text.remove(at)),
                    1 => text.insert(
                        at,
                        rng.choice(*b"()[]{}.,:;?|#+-*/'\"x1 ").map_or(' ', char::from),
                    ),
                    _ => text.swap(at, 0),
                }
            }
            let _ = value(&text.into_iter().collect::<String>());
        }
    }
}
