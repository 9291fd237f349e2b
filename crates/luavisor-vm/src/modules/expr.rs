//! `expr`: expressions of the language of that name (MODULES 18).
//!
//! Short evaluations happen at once; one that takes longer begins again away from the
//! workers, where it may take all its steps.

use std::sync::Arc;

use luavisor_core::Error;
use luavisor_core::expr::{self, Program, STEPS, Value};

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

/// Steps that are taken at once: about a millisecond.
const AT_ONCE: u64 = 10_000;

fn failed(what: &str, cause: &str) -> Error {
    Error::internal(format!("{what}: {cause}")).retryable(false)
}

/// The variables at `index`: a table, or none.
fn variables(call: &Call, index: i32) -> Result<Value, Raise> {
    if call.is_nil(index) {
        return Ok(Value::Nil);
    }
    if !call.is_table(index) {
        return Err(call.wrong(index, "table"));
    }
    let values = call.value_at(index, "env").map_err(|error| error.retryable(false))?;
    Ok(expr::values::from(&values))
}

/// The program of the source at 1.
fn program(call: &mut Call) -> Result<Result<Program, Error>, Raise> {
    let source = call.string(1)?;
    if source.trim().is_empty() {
        return Ok(Err(Error::invalid("expression cannot be empty").retryable(false)));
    }
    Ok(expr::compile(&source).map_err(|cause| failed("compile", &cause)))
}

fn evaluate(call: &mut Call, program: Arc<Program>, variables: Value) -> Outcome {
    let (seconds, nanoseconds) = call.kernel().wall();
    let now = seconds as f64 + f64::from(nanoseconds) / 1e9;
    let given = |result: Result<Value, String>| {
        result.map(|value| expr::values::to(&value)).map_err(|cause| failed("evaluate", &cause))
    };
    match expr::run_within(&program, &variables, now, AT_ONCE) {
        None => {
            let work = move || {
                let result = expr::run_within(&program, &variables, now, STEPS);
                given(result.unwrap_or_else(|| Err("too many steps".to_owned())))
            };
            call.compute(usize::MAX, work)
        }
        Some(result) => match given(result) {
            Ok(values) => {
                let count = call.push_values(&values);
                call.results(count)
            }
            Err(error) => call.fail(error),
        },
    }
}

/// `expr.eval(source, env?)`
fn eval(call: &mut Call) -> Outcome {
    let program = match program(call)? {
        Ok(program) => program,
        Err(error) => return call.fail(error),
    };
    let variables = variables(call, 2)?;
    evaluate(call, Arc::new(program), variables)
}

/// `expr.compile(source)`
fn compile(call: &mut Call) -> Outcome {
    match program(call)? {
        Ok(program) => {
            call.push_data(tags::PROGRAM, Arc::new(program));
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

fn of(call: &Call) -> Result<Arc<Program>, Raise> {
    let program = call.object::<Arc<Program>>(1, tags::PROGRAM).cloned();
    program.ok_or_else(|| call.wrong(1, "Program"))
}

/// `program:run(env?)`
fn run(call: &mut Call) -> Outcome {
    let program = of(call)?;
    let variables = variables(call, 2)?;
    evaluate(call, program, variables)
}

fn to_string(call: &mut Call) -> Outcome {
    of(call)?;
    call.push_str("expr.Program{}");
    call.results(1)
}

static METHODS: &[Function] =
    &[Function { name: c"run", run }, Function { name: c"__tostring", run: to_string }];

static FUNCTIONS: &[Function] =
    &[Function { name: c"eval", run: eval }, Function { name: c"compile", run: compile }];

/// Installs the module and its class.
pub fn install(setup: &mut Setup) {
    setup.class::<Arc<Program>>(tags::PROGRAM, "expr.Program", METHODS);
    setup.module("expr", FUNCTIONS, |_| {});
}
