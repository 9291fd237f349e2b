//! The names that a policy is about: its `actions` or its `resources`.

/// One element of such a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// `*`: all
    All,
    /// `doc.*`: `doc` and what begins with `doc.`; holds `doc`
    Family(Box<str>),
    /// `doc:*`: what begins with `doc:`; holds `doc:`
    Prefix(Box<str>),
    /// this one
    Exactly(Box<str>),
}

impl Names {
    /// As it is written. A `*` anywhere but at the end stands for itself.
    pub fn parse(text: &str) -> Names {
        if text == "*" {
            Names::All
        } else if let Some(family) = text.strip_suffix(".*") {
            Names::Family(family.into())
        } else if let Some(prefix) = text.strip_suffix('*') {
            Names::Prefix(prefix.into())
        } else {
            Names::Exactly(text.into())
        }
    }

    /// Whether `name` is one of them.
    pub fn hold(&self, name: &str) -> bool {
        match self {
            Names::All => true,
            Names::Family(family) => match name.strip_prefix(&**family) {
                Some(rest) => rest.is_empty() || rest.starts_with('.'),
                None => false,
            },
            Names::Prefix(prefix) => name.starts_with(&**prefix),
            Names::Exactly(exactly) => name == &**exactly,
        }
    }
}
