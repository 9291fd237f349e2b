//! Sets of templates (MODULES 21): the language is Jinja, as `minijinja` has it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use luavisor_core::template::{TemplateFault, TemplateOptions};
use luavisor_core::{Error, Value, Values};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};

use crate::codec::jinja;
use crate::ffi::view::View;

/// Steps of a render.
const FUEL: u64 = 10_000_000;
/// Steps that are taken at once: about a millisecond.
const FUEL_AT_ONCE: u64 = 20_000;
/// Templates within templates and macros.
const DEEPEST: usize = 64;
/// Bytes that a render may give.
const LONGEST: usize = 32 << 20;

/// Templates that know each other by name.
pub struct TemplateSet {
    options: TemplateOptions,
    sources: BTreeMap<String, Arc<str>>,
    /// with all steps
    environment: Environment<'static>,
    /// the same with few of them
    brief: Environment<'static>,
}

impl TemplateSet {
    /// A set of these templates, by name.
    ///
    /// # Errors
    /// The name of the first template that cannot be read, and what is wrong with it; an
    /// empty name if the options are.
    pub fn new(
        options: TemplateOptions,
        sources: BTreeMap<String, Arc<str>>,
    ) -> Result<TemplateSet, (String, TemplateFault)> {
        let environment = environment(&options, &sources)?;
        let brief = brief(&environment);
        Ok(TemplateSet { options, sources, environment, brief })
    }

    /// Whether there is a template of this name.
    pub fn has(&self, name: &str) -> bool {
        self.sources.contains_key(name)
    }

    /// Renders a template with the first of these values, away from any program.
    ///
    /// # Errors
    /// Internal `failed to render template: <cause>`.
    pub fn render_with(&self, name: &str, data: &Values) -> Result<Values, Error> {
        let (data, _) =
            jinja::value(View::of(data, data.first())).map_err(|fault| failed(&fault))?;
        self.render(name, &data)
    }

    /// Renders a template, however many steps it takes.
    pub(crate) fn render(&self, name: &str, data: &minijinja::Value) -> Result<Values, Error> {
        let rendered = match self.options.development {
            true => render(&self.read_again()?, name, data),
            false => render(&self.environment, name, data),
        };
        rendered.map_err(|error| failed(&told(&error)))
    }

    /// The same, but `None` if it takes more steps than may be taken at once.
    pub(crate) fn render_briefly(
        &self,
        name: &str,
        data: &minijinja::Value,
    ) -> Option<Result<Values, Error>> {
        let rendered = match self.options.development {
            true => match self.read_again() {
                Ok(environment) => render(&brief(&environment), name, data),
                Err(error) => return Some(Err(error)),
            },
            false => render(&self.brief, name, data),
        };
        match rendered {
            Err(error) if ran_dry(&error) => None,
            rendered => Some(rendered.map_err(|error| failed(&told(&error)))),
        }
    }

    fn read_again(&self) -> Result<Environment<'static>, Error> {
        environment(&self.options, &self.sources).map_err(|(_, fault)| failed(&fault.message))
    }
}

fn render(
    environment: &Environment<'static>,
    name: &str,
    data: &minijinja::Value,
) -> Result<Values, minijinja::Error> {
    let mut out = Bounded(Vec::new());
    environment.get_template(name)?.render_captured_to(data.clone(), &mut out)?;
    Ok(Values::one(Value::String(out.0.into())))
}

/// The same environment with few steps.
fn brief(environment: &Environment<'static>) -> Environment<'static> {
    let mut brief = environment.clone();
    brief.set_fuel(Some(FUEL_AT_ONCE));
    brief
}

/// What is wrong with a template that stands alone, if anything.
///
/// # Errors
/// That.
pub fn check_template(
    options: &TemplateOptions,
    name: &str,
    source: &str,
) -> Result<(), TemplateFault> {
    let sources = BTreeMap::from([(name.to_owned(), source.into())]);
    environment(options, &sources).map(drop).map_err(|(_, error)| error)
}

fn environment(
    options: &TemplateOptions,
    sources: &BTreeMap<String, Arc<str>>,
) -> Result<Environment<'static>, (String, TemplateFault)> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_recursion_limit(DEEPEST);
    environment.set_fuel(Some(FUEL));
    let wrong =
        |message: String| (String::new(), TemplateFault { line: None, column: None, message });
    let (left, right) = options.delimiters.clone();
    let syntax = SyntaxConfig::builder().variable_delimiters(left, right).build();
    environment.set_syntax(syntax.map_err(|error| wrong(error.to_string()))?);
    let escape = options.escape;
    environment.set_auto_escape_callback(move |name| {
        match escape.unwrap_or_else(|| name.ends_with(".html")) {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        }
    });
    if let Value::Table(_) = options.globals.first() {
        let globals = View::of(&options.globals, options.globals.first());
        let (globals, _) = jinja::value(globals).map_err(|fault| wrong(fault.to_string()))?;
        for key in globals.try_iter().into_iter().flatten() {
            let value = globals.get_item(&key).unwrap_or_default();
            environment.add_global(key.to_string(), value);
        }
    }
    for (name, source) in sources {
        environment
            .add_template_owned(name.clone(), source.to_string())
            .map_err(|error| (name.clone(), place(&error, source)))?;
    }
    Ok(environment)
}

/// Where an error is in its source, and what it says.
fn place(error: &minijinja::Error, source: &str) -> TemplateFault {
    let line = error.line().and_then(|line| u32::try_from(line).ok());
    let column = error.range().and_then(|range| source.get(..range.start)).map(|before| {
        let line = before.rsplit('\n').next().unwrap_or_default();
        line.chars().count() as u32 + 1
    });
    let message = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    TemplateFault { line, column, message }
}

/// What is wrong at the bottom: of templates within templates only the innermost matters.
fn told(error: &minijinja::Error) -> String {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn ran_dry(error: &minijinja::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        let known = error.downcast_ref::<minijinja::Error>();
        if known.is_some_and(|error| error.kind() == ErrorKind::OutOfFuel) {
            return true;
        }
        next = error.source();
    }
    false
}

fn failed(cause: &str) -> Error {
    Error::internal(format!("failed to render template: {cause}")).retryable(false)
}

/// Takes what is rendered, up to [`LONGEST`].
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST {
            return Err(io::Error::other(format!("more than {LONGEST} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
