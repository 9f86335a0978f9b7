//! A condition in CEL: compiled once, evaluated on many hosts, with unknown as a state of its own.
//!
//! CEL has no unknown. So a known fact is its value, an absent one is null, and an unknown one is left
//! out of the context: the error that its use causes makes the verdict unknown, with that fact's
//! reason. Any other error makes it unknown too, never a pass or a failure.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr, LiteralValue, operators};
use cel::parser::Expression;
use cel::{Context, ExecutionError, Program, Value};

use super::functions;
use super::meter::{depth_of_loops, instrumented, metered};
use super::roomy::roomy;
use super::types::Type;
use super::typing::{self, Mistake};
use super::vocabulary::Vocabulary;

/// The longest condition, in bytes.
const LONGEST: usize = 4096;
/// The deepest nesting of brackets.
const DEEPEST: usize = 24;
/// The deepest nesting of `all`, `exists`, `map` and `filter`.
const DEEPEST_LOOPS: usize = 4;
/// The longest error of CEL's that is shown, in characters: it quotes values.
const LONGEST_ERROR: usize = 500;
/// The most operators: the parser recurses over a chain of them.
const MOST_OPERATORS: usize = 256;

/// A compiled condition.
#[derive(Debug)]
pub struct Condition {
    /// As it was written.
    pub source: Arc<str>,
    program: Program,
    /// The program's expression with the calls in it that keep it within limits.
    metered: Expression,
    /// The facts it looks at, as paths from the root: `["docker", "config", "default-runtime"]`.
    pub paths: Vec<Vec<String>>,
    /// Variables that it takes as a whole.
    pub(super) wholes: Vec<String>,
    /// The paths that findings show, and their names there: `docker.config` is not shown beside `docker.config.runtimes`.
    pub(super) shown: Vec<(Vec<String>, Arc<str>)>,
    /// `applies when …`: what is said of a host for which it is false.
    pub(super) applies: Arc<str>,
}

/// What a condition came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It could not be told; the reason, where the condition itself gave one.
    Unknown(String),
}

/// A mistake in a condition, placed within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// Line within the condition, from 1.
    pub line: usize,
    /// Column within that line, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Condition {
    /// Compiles and checks a condition.
    ///
    /// # Errors
    /// The first mistake: too long or too deep, not CEL, a name that does not exist, a wrong type.
    pub fn compile(source: &str, vocabulary: &Vocabulary) -> Result<Condition, ConditionError> {
        let source = source.trim_end();
        bounds(source)?;
        // The parser recurses once for each nesting; a panic in it must not cost the other conditions.
        let compile = || catch_unwind(AssertUnwindSafe(|| parse(source, vocabulary)));
        match roomy(compile) {
            Some(Ok(result)) => result,
            _ => Err(ConditionError {
                line: 1,
                column: 1,
                message: "it could not be compiled".to_owned(),
                help: Some("write it simpler".to_owned()),
            }),
        }
    }

    /// Whether it names this variable.
    pub fn names(&self, variable: &str) -> bool {
        self.program.references().has_variable(variable)
    }

    /// Evaluates the condition.
    pub fn evaluate(&self, context: &Context<'_, '_>) -> Truth {
        let (value, exceeded) = metered(|| Value::resolve(&self.metered, context));
        if let Some(reason) = exceeded {
            return Truth::Unknown(reason);
        }
        match value {
            Ok(Value::Bool(true)) => Truth::True,
            Ok(Value::Bool(false)) => Truth::False,
            Ok(other) => {
                Truth::Unknown(format!("the condition is {} and not true or false", other.type_of()))
            }
            Err(ExecutionError::FunctionError { function, message }) if function == functions::UNKNOWN => {
                Truth::Unknown(message)
            }
            Err(_) => Truth::Unknown(String::new()),
        }
    }

    /// Why it could not be evaluated, in CEL's own words: for a condition that no unknown fact explains.
    pub fn error(&self, context: &Context<'_, '_>) -> Option<String> {
        let (value, exceeded) = metered(|| Value::resolve(&self.metered, context));
        exceeded.or_else(|| value.err().map(|error| shortened(error.to_string())))
    }
}

fn parse(source: &str, vocabulary: &Vocabulary) -> Result<Condition, ConditionError> {
    let program = functions::library().compile(source).map_err(|errors| {
        let first = errors.errors.first();
        let (line, column) = first.map_or((1, 1), |error| error.pos);
        ConditionError {
            line: usize::try_from(line).unwrap_or(1).max(1),
            column: usize::try_from(column).unwrap_or(1).max(1),
            ..syntax(first.map_or("", |error| error.msg.as_str()))
        }
    })?;
    let loops = depth_of_loops(program.expression());
    if loops > DEEPEST_LOOPS {
        return Err(ConditionError {
            line: 1,
            column: 1,
            message: format!("loops are nested {loops} deep, and {DEEPEST_LOOPS} is the most"),
            help: Some("split it into several checks".to_owned()),
        });
    }
    match typing::infer(program.expression(), vocabulary) {
        Err(mistake) => return Err(placed(&program, source, mistake)),
        Ok(Type::Bool | Type::Any) => {}
        Ok(other) => {
            let message = format!("a condition is true or false, and this is {}", other.name());
            return Err(ConditionError { line: 1, column: 1, message, help: None });
        }
    }
    let mut named = Names::default();
    collect(program.expression(), &mut Vec::new(), &mut named);
    let Names { mut paths, wholes } = named;
    paths.dedup();
    let is_shown = |path: &&Vec<String>| !paths.iter().any(|p| p.len() > path.len() && p.starts_with(path));
    let shown = paths.iter().filter(is_shown);
    let shown = shown.map(|path| (path.clone(), path.join(".").into())).collect();
    let one_line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    let applies = format!("applies when {one_line}").into();
    Ok(Condition {
        source: Arc::from(source),
        paths,
        wholes,
        shown,
        applies,
        metered: instrumented(program.expression()),
        program,
    })
}

fn shortened(error: String) -> String {
    match error.char_indices().nth(LONGEST_ERROR) {
        Some((end, _)) => format!("{} … ({} bytes)", &error[..end], error.len()),
        None => error,
    }
}

/// Refuses what could exhaust the parser.
fn bounds(source: &str) -> Result<(), ConditionError> {
    let refuse = |message: String| {
        Err(ConditionError {
            line: 1,
            column: 1,
            message,
            help: Some("split it into several checks".to_owned()),
        })
    };
    if source.trim().is_empty() {
        return Err(ConditionError {
            line: 1,
            column: 1,
            message: "the condition is empty".to_owned(),
            help: Some("write what must hold; a check without a condition would pass everything".to_owned()),
        });
    }
    if source.len() > LONGEST {
        return refuse(format!("the condition is longer than {LONGEST} bytes"));
    }
    let (mut depth, mut deepest, mut operators) = (0usize, 0, 0);
    for c in source.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '!' | '-' | '?' | '+' | '*' | '/' | '%' | '&' | '|' | '<' | '>' | '=' | '.' => operators += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest > DEEPEST {
        return refuse(format!("the condition is nested deeper than {DEEPEST}"));
    }
    if operators > MOST_OPERATORS {
        return refuse(format!("the condition has more than {MOST_OPERATORS} operators"));
    }
    Ok(())
}

/// The parser's words in ours.
fn syntax(said: &str) -> ConditionError {
    let said = said.strip_prefix("Syntax error: ").unwrap_or(said).trim();
    let quoted = said.split('\'').nth(1).unwrap_or_default().trim();
    let (message, help) = if said.contains("'<EOF>'") {
        ("the condition ends too early".to_owned(), Some("something is missing behind this"))
    } else if said.starts_with("token recognition error") {
        let help = match quoted {
            "=" => Some("CEL compares with `==`"),
            "&" => Some("and is `&&`"),
            "|" => Some("or is `||`"),
            _ => None,
        };
        (format!("`{quoted}` is not CEL"), help)
    } else if said.contains("mismatched input") || said.contains("extraneous input") {
        (
            format!("`{quoted}` is not expected here"),
            Some("an operator such as `&&` or `==` may be missing before it"),
        )
    } else if said.is_empty() {
        ("it is not CEL".to_owned(), None)
    } else {
        (said.split(" expecting {").next().unwrap_or_default().to_owned(), None)
    };
    ConditionError { line: 1, column: 1, message, help: help.map(str::to_owned) }
}

fn placed(program: &Program, source: &str, mistake: Mistake) -> ConditionError {
    let offset = program.source_info().offset_for(mistake.node).map_or(0, |(start, _)| start as usize);
    let characters: Vec<char> = source.chars().collect();
    let blank = |at: usize| characters.get(at).is_some_and(|c| c.is_whitespace());
    let mut offset = offset.min(characters.len());
    match characters.get(offset) {
        // A selection stands at its dot: the field is meant.
        Some('.') => {
            offset += 1;
            while blank(offset) {
                offset += 1;
            }
        }
        // A call stands at its bracket: its name is meant.
        Some('(') => {
            while offset > 0 && blank(offset - 1) {
                offset -= 1;
            }
            let named = |c: &char| c.is_alphanumeric() || *c == '_';
            offset -= characters[..offset].iter().rev().take_while(|c| named(c)).count();
        }
        _ => {}
    }
    let before: String = characters[..offset].iter().collect();
    ConditionError {
        line: before.matches('\n').count() + 1,
        column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
        message: mistake.message,
        help: mistake.help,
    }
}

/// The names of the vocabulary that an expression uses.
#[derive(Default)]
struct Names {
    /// The longest chains of selections and constant indexes that begin at such a name.
    paths: Vec<Vec<String>>,
    /// Those that stand by themselves.
    wholes: Vec<String>,
}

fn collect(expression: &Expression, bound: &mut Vec<String>, names: &mut Names) {
    if let Some(path) = path(expression) {
        match path.as_slice() {
            [root, ..] if bound.contains(root) => {}
            [root] if root != "probe" => {
                if !names.wholes.contains(root) {
                    names.wholes.push(root.clone());
                }
            }
            _ if names.paths.contains(&path) => {}
            _ => names.paths.push(path),
        }
        return;
    }
    match &expression.expr {
        Expr::Select(select) => collect(&select.operand, bound, names),
        Expr::Call(call) => {
            for argument in call.target.iter().map(|target| &**target).chain(&call.args) {
                collect(argument, bound, names);
            }
        }
        Expr::List(list) => list.elements.iter().for_each(|element| collect(element, bound, names)),
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    collect(&entry.key, bound, names);
                    collect(&entry.value, bound, names);
                }
            }
        }
        Expr::Comprehension(comprehension) => {
            collect(&comprehension.iter_range, bound, names);
            let depth = bound.len();
            bound.push(comprehension.iter_var.clone());
            bound.extend(comprehension.iter_var2.clone());
            bound.push(comprehension.accu_var.clone());
            for part in [&comprehension.loop_cond, &comprehension.loop_step, &comprehension.result] {
                collect(part, bound, names);
            }
            bound.truncate(depth);
        }
        _ => {}
    }
}

fn path(expression: &Expression) -> Option<Vec<String>> {
    match &expression.expr {
        Expr::Ident(name) => Some(vec![name.clone()]),
        Expr::Select(select) if !select.test => {
            let mut path = path(&select.operand)?;
            path.push(select.field.clone());
            Some(path)
        }
        Expr::Call(call) if call.func_name == operators::INDEX && call.args.len() == 2 => {
            let Expr::Literal(LiteralValue::String(key)) = &call.args[1].expr else { return None };
            let mut path = path(&call.args[0])?;
            path.push(key.inner().to_owned());
            Some(path)
        }
        _ => None,
    }
}

/// What conditions come to, so that nobody has to trust the CEL crate's word for it.
#[cfg(test)]
mod tests;
