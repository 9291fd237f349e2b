//! Error objects: what `nil, err` returns and what an exit carries.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::value::Values;

/// What sort of error it is; a string in Lua. The empty kind is "unknown".
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Kind(pub Cow<'static, str>);

macro_rules! kinds {
    ($($name:ident = $text:literal, $doc:literal;)*) => {
        impl Kind {
            $(#[doc = $doc] pub const $name: Kind = Kind(Cow::Borrowed($text));)*
        }
    };
}

kinds! {
    NOT_FOUND = "NotFound", "There is no such thing.";
    ALREADY_EXISTS = "AlreadyExists", "The name is taken.";
    INVALID = "Invalid", "The request itself is wrong.";
    PERMISSION_DENIED = "PermissionDenied", "A security policy refused it.";
    UNAVAILABLE = "Unavailable", "Not now; a retry may help.";
    INTERNAL = "Internal", "Something broke.";
    CANCELED = "Canceled", "It was called off.";
    CONFLICT = "Conflict", "Somebody else was faster.";
    TIMEOUT = "Timeout", "It took too long.";
    RATE_LIMITED = "RateLimited", "Too many requests.";
    UNKNOWN = "", "Not known.";
    INVALID_STATE = "InvalidState", "Made by the runtime only.";
    LIMIT_EXCEEDED = "LimitExceeded", "A limit was passed. Made by the runtime only.";
    LINK_DOWN = "LinkDown", "A linked process failed. Made by the runtime only.";
}

impl Kind {
    /// The kind's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who made an error object. Services treat only the program's own
/// `errors.new{retryable=false}` as final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// The runtime or one of its modules.
    Runtime,
    /// Lua code through `errors.new`.
    Program,
}

/// An immutable error object.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// its kind
    pub kind: Kind,
    /// the message, without context
    pub message: Arc<str>,
    /// whether trying again may help; `None` when nobody said
    pub retryable: Option<bool>,
    /// one table, if there are details
    pub details: Option<Arc<Values>>,
    /// who made it
    pub maker: Maker,
    /// contexts added by `errors.wrap`, innermost first
    pub context: Vec<Arc<str>>,
    /// where it was made, innermost frame first
    pub frames: Arc<[Frame]>,
}

/// One frame of a Lua call stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// entry id of the code, or `[C]`
    pub source: String,
    /// line, or 0 when unknown
    pub line: u32,
    /// name of the function, empty when unknown
    pub name: String,
}

impl Error {
    /// An error of the runtime with `retryable` unset.
    pub fn new(kind: Kind, message: impl Into<Arc<str>>) -> Error {
        Error {
            kind,
            message: message.into(),
            retryable: None,
            details: None,
            maker: Maker::Runtime,
            context: Vec::new(),
            frames: Arc::new([]),
        }
    }

    /// Invalid, `retryable` unset.
    pub fn invalid(message: impl Into<Arc<str>>) -> Error {
        Error::new(Kind::INVALID, message)
    }

    /// NotFound, `retryable` unset.
    pub fn not_found(message: impl Into<Arc<str>>) -> Error {
        Error::new(Kind::NOT_FOUND, message)
    }

    /// Internal, `retryable` unset.
    pub fn internal(message: impl Into<Arc<str>>) -> Error {
        Error::new(Kind::INTERNAL, message)
    }

    /// The same error with `retryable` set.
    pub fn retryable(mut self, retryable: bool) -> Error {
        self.retryable = Some(retryable);
        self
    }

    /// The same error with details, a list whose first value is a table.
    pub fn details(mut self, details: Values) -> Error {
        self.details = Some(Arc::new(details));
        self
    }

    /// NotFound `process not found`.
    pub fn process_not_found() -> Error {
        Error::not_found("process not found")
    }

    /// PermissionDenied `not allowed: <resource>`.
    pub fn not_allowed(resource: &str) -> Error {
        Error::new(Kind::PERMISSION_DENIED, format!("not allowed: {resource}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
