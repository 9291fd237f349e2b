//! What the result of a terminal program means for the shell.
//!
//! | result | code | printed |
//! |---|---|---|
//! | error | 1 | its text, on stderr |
//! | nil, table, true | 0 | – |
//! | string | 0 | the string and a newline |
//! | false | 1 | – |
//! | number | truncated to an integer; outside 0–255, NaN, infinities: 1 | – |

use luavisor::{Error, Exit, Output, Value};

/// Exit code and text of an exit.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub code: u8,
    pub text: Option<(Output, Vec<u8>)>,
}

/// The table above. With `frames` an error shows where it was made.
pub fn of(exit: &Exit, frames: bool) -> Outcome {
    if let Some(error) = &exit.error {
        let text = (Output::Stderr, error_text(error, frames).into_bytes());
        return Outcome { code: 1, text: Some(text) };
    }
    let (code, text) = match exit.value.first() {
        Value::Boolean(false) => (1, None),
        Value::Number(number) => (code(*number), None),
        Value::String(bytes) => {
            let mut line = bytes.to_vec();
            line.push(b'\n');
            (0, Some((Output::Stdout, line)))
        }
        _ => (0, None),
    };
    Outcome { code, text }
}

fn code(number: f64) -> u8 {
    let whole = number.trunc();
    // NaN is in no range.
    if (0.0..=255.0).contains(&whole) { whole as u8 } else { 1 }
}

fn error_text(error: &Error, frames: bool) -> String {
    // The contexts of `errors.wrap` are for the program, not for its user (SPEC 8).
    let mut text = format!("Error: {}\n", error.message);
    for frame in error.frames.iter().filter(|_| frames) {
        text.push_str(&format!("    at {}:{} {}", frame.source, frame.line, frame.name));
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use luavisor::{Reason, Values};

    fn code_of(value: impl Into<Value>) -> u8 {
        of(&Exit::normal(Values::one(value)), false).code
    }

    #[test]
    fn the_table() {
        assert_eq!(of(&Exit::normal(Values::none()), false), Outcome { code: 0, text: None });
        assert_eq!(code_of(true), 0);
        assert_eq!(code_of(false), 1);
        let said = of(&Exit::normal(Values::one("hi")), false);
        assert_eq!(said, Outcome { code: 0, text: Some((Output::Stdout, b"hi\n".to_vec())) });
        let failed = of(&Exit::failure(Reason::Error, Error::internal("boom")), false);
        let text = b"Error: boom\n".to_vec();
        assert_eq!(failed, Outcome { code: 1, text: Some((Output::Stderr, text)) });
    }

    #[test]
    fn numbers() {
        let table = [
            (0.0, 0),
            (3.9, 3),
            (255.0, 255),
            (255.9, 255),
            (256.0, 1),
            (-0.5, 0),
            (-1.0, 1),
            (f64::NAN, 1),
            (f64::INFINITY, 1),
            (f64::NEG_INFINITY, 1),
        ];
        for (number, code) in table {
            assert_eq!(code_of(number), code, "{number}");
        }
    }
}
