//! What evaluating a condition may cost.
//!
//! The CEL crate evaluates whatever it is given to the end. So the parsed condition is evaluated with calls of this file in it,
//! which pay before a loop begins, and before a list, a map or a text is copied. What cannot pay is an error, and then the
//! condition is unknown, whatever became of the error.

use std::cell::Cell;

use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};
use cel::common::types::{DYN_TYPE, INT_TYPE};
use cel::common::value::{BuiltinRef, CowVal, Val};
use cel::parser::Expression;
use cel::{Env, ExecutionError};

/// The steps that one evaluation may take: a step is one part of a condition, or reading [`BYTES_A_STEP`] bytes.
const MAX_STEPS: usize = 10_000_000;
/// The bytes that one evaluation may allocate for lists, maps and texts of its own.
const MAX_BYTES: usize = 64 * 1024 * 1024;
const BYTES_A_STEP: usize = 16;
/// What an item of a list or an entry of a map takes beside its content, in bytes.
const ITEM: usize = 48;
/// How many items are copied in one step.
const ITEMS_A_STEP: usize = 8;
/// What compiling a regular expression takes, in steps.
const PATTERN: usize = 20_000;

/// Loops over an iterable: `@range(iterable, steps of one turn)`.
const RANGE: &str = "@range";
/// A value that is copied into a list or a map.
const COPIED: &str = "@copied";
/// A value that is read as a whole.
const READ: &str = "@read";
/// A value that another one is looked for in.
const SEARCHED: &str = "@searched";
/// `+`.
const ADDED: &str = "@added";

#[derive(Clone, Copy)]
struct Meter {
    steps: usize,
    bytes: usize,
}

/// What the evaluation of a condition may cost.
const CONDITION: Meter = Meter { steps: MAX_STEPS, bytes: MAX_BYTES };
/// What filling in a message may cost.
const MESSAGE: Meter = Meter { steps: 1_000_000, bytes: 8 * 1024 * 1024 };

thread_local! {
    static METER: Cell<Meter> = const { Cell::new(CONDITION) };
}

/// Evaluates an instrumented condition, and says what it exceeded.
pub(super) fn metered<T>(evaluate: impl FnOnce() -> T) -> (T, Option<String>) {
    METER.set(CONDITION);
    let value = evaluate();
    let left = METER.get();
    let exceeded = match (left.steps, left.bytes) {
        (0, _) => Some(format!("the condition takes more than {} million steps", MAX_STEPS / 1_000_000)),
        (_, 0) => Some(format!("the condition makes more than {} MiB", MAX_BYTES >> 20)),
        _ => None,
    };
    (value, exceeded)
}

/// Begins to count anew, for a message.
pub(super) fn begin_message() {
    METER.set(MESSAGE);
}

/// Pays for a regular expression that is compiled, of so many bytes.
pub(super) fn pay_pattern(bytes: usize) -> Result<(), ExecutionError> {
    pay(PATTERN.saturating_add(bytes.saturating_mul(16)), 0)
}

/// Pays for a text of so many bytes that a message reads or makes.
pub(super) fn pay_text(bytes: usize) -> Result<(), ExecutionError> {
    pay(1 + bytes / BYTES_A_STEP, bytes)
}

/// What is left becomes 0 where it does not suffice, and stays 0: an error that a condition passes over is still one.
fn pay(steps: usize, bytes: usize) -> Result<(), ExecutionError> {
    let left = METER.get();
    let now = Meter { steps: left.steps.saturating_sub(steps), bytes: left.bytes.saturating_sub(bytes) };
    METER.set(now);
    match now.steps == 0 || now.bytes == 0 {
        true => Err(ExecutionError::function_error("limit", "the condition costs too much")),
        false => Ok(()),
    }
}

/// Declares the calls that an instrumented condition has.
pub(super) fn declare(env: &mut Env) {
    // None of these names is declared already, which is the only way this can fail; a test counts on each.
    let _ = env.add_overload(RANGE, "range", vec![DYN_TYPE, INT_TYPE], range);
    let _ = env.add_overload(COPIED, "copied", vec![DYN_TYPE], copied);
    let _ = env.add_overload(READ, "read", vec![DYN_TYPE], read);
    let _ = env.add_overload(SEARCHED, "searched", vec![DYN_TYPE], searched);
    let _ = env.add_overload(ADDED, "added", vec![DYN_TYPE, DYN_TYPE], added);
}

type Evaluated<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

fn missing() -> ExecutionError {
    ExecutionError::missing_argument_or_target()
}

fn range<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Evaluated<'b, 'v> {
    let mut args = args.into_iter();
    let (range, turn) = (args.next().ok_or_else(missing)?, args.next().ok_or_else(missing)?);
    let turns = match range.as_builtin() {
        BuiltinRef::List(list) => list.inner().len(),
        BuiltinRef::Map(map) => map.inner().len(),
        _ => 0,
    };
    let turn = turn.downcast_ref::<cel::common::types::CelInt>().map_or(1, |turn| *turn.inner());
    let steps = turns.saturating_mul(usize::try_from(turn).unwrap_or(1));
    // Every item is copied for its turn.
    let mut size = Size::default();
    size.add(range.as_ref())?;
    pay(steps.saturating_add(size.items / ITEMS_A_STEP).saturating_add(size.bytes / BYTES_A_STEP), 0)?;
    Ok(range)
}

fn copied<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Evaluated<'b, 'v> {
    let value = args.into_iter().next().ok_or_else(missing)?;
    let mut size = Size::default();
    size.add(value.as_ref())?;
    pay(1 + size.items / ITEMS_A_STEP, size.items.saturating_mul(ITEM).saturating_add(size.bytes))?;
    Ok(value)
}

fn read<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Evaluated<'b, 'v> {
    let value = args.into_iter().next().ok_or_else(missing)?;
    let mut size = Size::default();
    size.add(value.as_ref())?;
    pay(size.items.saturating_add(size.bytes / BYTES_A_STEP), 0)?;
    Ok(value)
}

fn searched<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Evaluated<'b, 'v> {
    match args.first().map(|value| value.as_builtin()) {
        // A map finds a key without looking at the others.
        Some(BuiltinRef::Map(_)) => {
            pay(1, 0)?;
            args.into_iter().next().ok_or_else(missing)
        }
        _ => read(args),
    }
}

fn added<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Evaluated<'b, 'v> {
    let mut args = args.into_iter();
    let (left, right) = (args.next().ok_or_else(missing)?, args.next().ok_or_else(missing)?);
    let mut size = Size::default();
    size.add(left.as_ref())?;
    size.add(right.as_ref())?;
    pay(1 + size.items / ITEMS_A_STEP, size.items.saturating_mul(ITEM).saturating_add(size.bytes))?;
    let adder = left.as_adder().ok_or_else(|| {
        let types = [left.as_ref(), right.as_ref()].map(|value| value.get_type().name().to_owned());
        ExecutionError::no_such_overload("_+_", types.to_vec())
    })?;
    Ok(CowVal::Owned(adder.add(right.as_ref())?.into_owned()))
}

/// How large a value is, with all that it holds.
#[derive(Default)]
struct Size {
    items: usize,
    bytes: usize,
}

impl Size {
    /// Adds a value; counting ends where no evaluation could pay for it.
    fn add(&mut self, value: &dyn Val) -> Result<(), ExecutionError> {
        self.items += 1;
        if self.items > MAX_STEPS {
            return pay(self.items, 0);
        }
        match value.as_builtin() {
            BuiltinRef::String(text) => self.bytes += text.inner().len(),
            BuiltinRef::Bytes(bytes) => self.bytes += bytes.inner().len(),
            BuiltinRef::List(list) => {
                for item in list.inner() {
                    self.add(item.as_ref())?;
                }
            }
            BuiltinRef::Map(map) => {
                for (key, value) in map.inner() {
                    self.add(key.inner())?;
                    self.add(value.as_ref())?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A parsed condition with the calls in it that pay for what it does.
pub(super) fn instrumented(expression: &Expression) -> Expression {
    let mut metered = expression.clone();
    instrument(&mut metered, false);
    metered
}

/// How deep loops (`all`, `exists`, `map`, `filter`) nest in a condition.
pub(super) fn depth_of_loops(expression: &Expression) -> usize {
    match &expression.expr {
        // What a loop walks over is evaluated once, before it.
        Expr::Comprehension(comprehension) => {
            let body = depth_of_loops(&comprehension.loop_step).max(depth_of_loops(&comprehension.result));
            (1 + body).max(depth_of_loops(&comprehension.iter_range))
        }
        _ => parts(expression).into_iter().map(depth_of_loops).max().unwrap_or(0),
    }
}

/// Outside of loops a part is evaluated once, and so costs no more than the facts are large, unless it copies them.
fn instrument(node: &mut Expression, in_loop: bool) {
    match &mut node.expr {
        Expr::Call(call) => {
            for part in call.target.iter_mut().map(|target| &mut **target).chain(&mut call.args) {
                instrument(part, in_loop);
            }
            instrument_call(call, in_loop);
        }
        Expr::Select(select) => instrument(&mut select.operand, in_loop),
        Expr::List(list) => {
            for element in &mut list.elements {
                instrument(element, in_loop);
                wrap(element, COPIED);
            }
        }
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    for part in [&mut entry.key, &mut entry.value] {
                        instrument(part, in_loop);
                        wrap(part, COPIED);
                    }
                }
            }
        }
        Expr::Comprehension(comprehension) => {
            let turn = count(&comprehension.loop_cond) + count(&comprehension.loop_step);
            instrument(&mut comprehension.iter_range, in_loop);
            let range = std::mem::take(&mut comprehension.iter_range);
            let turn = i64::try_from(turn).unwrap_or(i64::MAX);
            let turn = literal(LiteralValue::Int(turn.into()));
            comprehension.iter_range = call(RANGE, vec![range, turn]);
            instrument(&mut comprehension.accu_init, in_loop);
            for part in
                [&mut comprehension.loop_cond, &mut comprehension.loop_step, &mut comprehension.result]
            {
                instrument(part, true);
            }
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
}

fn instrument_call(call: &mut CallExpr, in_loop: bool) {
    match call.func_name.as_str() {
        // What a loop collects is paid for item by item; the crate knows it by its form.
        operators::ADD if !call.args.first().is_some_and(is_accumulator) => {
            call.func_name = ADDED.to_owned();
        }
        operators::IN if in_loop => {
            let names = [READ, SEARCHED];
            call.args.iter_mut().zip(names).for_each(|(operand, name)| wrap(operand, name));
        }
        operators::EQUALS
        | operators::NOT_EQUALS
        | operators::LESS
        | operators::LESS_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS
            if in_loop && !call.args.iter().any(is_literal) =>
        {
            call.args.iter_mut().for_each(|operand| wrap(operand, READ));
        }
        name if in_loop && !name.starts_with(['_', '!', '-']) && !OPERATORS.contains(&name) => {
            for argument in call.target.iter_mut().map(|target| &mut **target).chain(&mut call.args) {
                wrap(argument, READ);
            }
        }
        _ => {}
    }
}

/// Operators whose names begin as those of functions do.
const OPERATORS: [&str; 2] = [operators::NOT_STRICTLY_FALSE, operators::IN];

fn is_accumulator(node: &Expression) -> bool {
    matches!(&node.expr, Expr::Ident(name) if name.starts_with('@'))
}

fn is_literal(node: &Expression) -> bool {
    matches!(node.expr, Expr::Literal(_))
}

fn wrap(node: &mut Expression, name: &str) {
    if !is_literal(node) {
        let value = std::mem::take(node);
        *node = call(name, vec![value]);
    }
}

fn call(name: &str, args: Vec<Expression>) -> Expression {
    Expression { id: 0, expr: Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }) }
}

fn literal(value: LiteralValue) -> Expression {
    Expression { id: 0, expr: Expr::Literal(value) }
}

/// How many parts an expression has.
fn count(node: &Expression) -> usize {
    1 + parts(node).into_iter().map(count).sum::<usize>()
}

fn parts(node: &Expression) -> Vec<&Expression> {
    match &node.expr {
        Expr::Call(call) => call.target.iter().map(|target| &**target).chain(&call.args).collect(),
        Expr::Select(select) => vec![&*select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => {
            let entries = map.entries.iter().filter_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => Some([&entry.key, &entry.value]),
                EntryExpr::StructField(_) => None,
            });
            entries.flatten().collect()
        }
        Expr::Comprehension(comprehension) => vec![
            &comprehension.iter_range,
            &comprehension.accu_init,
            &comprehension.loop_cond,
            &comprehension.loop_step,
            &comprehension.result,
        ],
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => Vec::new(),
    }
}
