//! What a set says about its templates, and what may be wrong with one (MODULES 21).

use crate::value::Values;

/// What holds for all templates of a set.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateOptions {
    /// templates are read again for each render
    pub development: bool,
    /// left and right of an expression
    pub delimiters: (String, String),
    /// whether results are escaped for HTML; `None`: those of names that end in `.html`
    pub escape: Option<bool>,
    /// variables of all templates: one table, or nothing
    pub globals: Values,
}

impl Default for TemplateOptions {
    fn default() -> TemplateOptions {
        TemplateOptions {
            development: false,
            delimiters: ("{{".to_owned(), "}}".to_owned()),
            escape: None,
            globals: Values::none(),
        }
    }
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFault {
    /// line, from 1, if it is known
    pub line: Option<u32>,
    /// column in characters, from 1, if it is known
    pub column: Option<u32>,
    /// what, without a position
    pub message: String,
}
