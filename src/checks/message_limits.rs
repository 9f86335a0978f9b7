//! What filling in a message may cost.
//!
//! minijinja counts the instructions that it executes, and its output goes into a bounded buffer. Filters are wrapped: they pay
//! for what they read and make before they do. What its operators make is bounded by the template's form, which is looked at
//! when the check is loaded: a template's own name may not be made of itself again and again, and no text is made in a loop only
//! to compare it.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::LazyLock;

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};
use minijinja::machinery::{WhitespaceConfig, parse};
use minijinja::value::{Rest, Value as Jinja, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior};

use super::meter;

/// The instructions that one template may take.
pub(super) const MOST_INSTRUCTIONS: u64 = 200_000;
/// The bytes that a template may write: far more than is shown.
const LONGEST: usize = 256 * 1024;
/// The bytes that one value may be written as.
const LONGEST_VALUE: usize = 1024 * 1024;

/// Text that ends with an error where it becomes too long.
pub(super) struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl Bounded {
    /// For the text of a whole template.
    pub(super) fn template() -> Bounded {
        Bounded { bytes: Vec::new(), limit: LONGEST }
    }

    /// For one value of it.
    pub(super) fn value() -> Bounded {
        Bounded { bytes: Vec::new(), limit: LONGEST_VALUE }
    }

    pub(super) fn into_text(self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(bytes.len()) > self.limit {
            return Err(io::Error::other("the text is too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Filters that read all of their input, and make no more than that.
const READING: [&str; 26] = [
    "escape",
    "e",
    "lower",
    "upper",
    "title",
    "length",
    "count",
    "dictsort",
    "items",
    "reverse",
    "trim",
    "split",
    "lines",
    "first",
    "last",
    "min",
    "max",
    "sum",
    "sort",
    "list",
    "unique",
    "zip",
    "chain",
    "pprint",
    "capitalize",
    "string",
];

/// minijinja's own filters.
static PLAIN: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment
});

/// Bounds what templates of an environment may cost.
pub(super) fn bound(environment: &mut Environment<'static>) {
    environment.set_fuel(Some(MOST_INSTRUCTIONS));
    // It keeps values from one turn of a loop to the next.
    environment.remove_global("namespace");
    for name in ["batch", "slice", "indent"] {
        environment.remove_filter(name);
    }
    for name in READING {
        environment.add_filter(name, move |args: Rest<Jinja>| {
            args.iter().try_for_each(pay_for)?;
            PLAIN.empty_state().apply_filter(name, &args)
        });
    }
    environment.add_filter("replace", |text: String, old: String, new: String| {
        let count = text.matches(old.as_str()).count();
        pay(text.len().saturating_add(count.saturating_mul(new.len())))?;
        Ok::<_, Error>(text.replace(&old, &new))
    });
    environment.add_filter("format", |state: &State<'_, '_>, format: Jinja, args: Rest<Jinja>| {
        let text = format.as_str().unwrap_or_default();
        let width = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
        if width > 3 || text.contains('*') {
            return Err(too_much());
        }
        pay(text.len().saturating_mul(1000))?;
        for arg in args.iter() {
            pay(arg.as_str().map_or(0, str::len).saturating_mul(text.len()))?;
        }
        minijinja::filters::format(state, &format, args)
    });
}

/// Pays for a text of so many bytes.
pub(super) fn pay(bytes: usize) -> Result<(), Error> {
    meter::pay_text(bytes).map_err(|_| too_much())
}

/// Pays for reading all of a value.
fn pay_for(value: &Jinja) -> Result<(), Error> {
    match value.kind() {
        ValueKind::String => pay(value.as_str().map_or(0, str::len)),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
            pay(value.len().unwrap_or(0).saturating_mul(16))?;
            for item in value.try_iter()? {
                pay(16)?;
                pay_for(&item)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn too_much() -> Error {
    Error::new(ErrorKind::InvalidOperation, "the message costs too much")
}

/// Looks at a template's form. `is_number` says whether a path, such as `cpu.threads`, is that of a number.
///
/// # Errors
/// What must not be in it, and what to write instead.
pub(super) fn lint(template: &str, is_number: &dyn Fn(&str) -> bool) -> Result<(), (String, String)> {
    let Ok(Stmt::Template(parsed)) =
        parse(template, "message", Default::default(), WhitespaceConfig::default())
    else {
        return Ok(()); // what is wrong with it is said elsewhere
    };
    let mut form = Form { names: HashMap::new(), in_loop: false, is_number };
    form.statements(&parsed.children)
}

/// The most facts that a name of a template's own may be made of.
const HEAVIEST: usize = 256;

struct Form<'f> {
    /// The names that the template gives, and how many facts the largest of their values is made of.
    names: HashMap<String, usize>,
    in_loop: bool,
    is_number: &'f dyn Fn(&str) -> bool,
}

/// Where an expression is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It is written out, and ends where the message becomes too long.
    Written,
    /// It is compared or tested.
    Tested,
    /// It gets a name.
    Named,
}

type Checked = Result<(), (String, String)>;

fn refuse(message: &str, help: &str) -> Checked {
    Err((message.to_owned(), help.to_owned()))
}

impl Form<'_> {
    fn statements(&mut self, statements: &[Stmt<'_>]) -> Checked {
        statements.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &Stmt<'_>) -> Checked {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitRaw(_) => Ok(()),
            Stmt::EmitExpr(emit) => self.expression(&emit.expr, Use::Written),
            Stmt::IfCond(choice) => {
                self.expression(&choice.expr, Use::Tested)?;
                self.statements(&choice.true_body)?;
                self.statements(&choice.false_body)
            }
            Stmt::Set(set) => {
                self.expression(&set.expr, Use::Named)?;
                self.name(&set.target, self.weight(&set.expr));
                Ok(())
            }
            Stmt::ForLoop(turn) if !turn.recursive => {
                self.expression(&turn.iter, Use::Named)?;
                let outside = self.in_loop;
                self.in_loop = true;
                self.name(&turn.target, self.weight(&turn.iter));
                turn.filter_expr.iter().try_for_each(|filter| self.expression(filter, Use::Tested))?;
                self.statements(&turn.body)?;
                self.in_loop = outside;
                self.statements(&turn.else_body)
            }
            _ => refuse("a message has no such statement", "it has `{% if %}`, `{% for %}` and `{% set %}`"),
        }
    }

    fn name(&mut self, target: &Expr<'_>, weight: usize) {
        match target {
            Expr::Var(var) => {
                let known = self.names.entry(var.id.to_owned()).or_default();
                *known = weight.max(*known);
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.name(item, weight)),
            _ => {}
        }
    }

    fn expression(&self, expr: &Expr<'_>, used: Use) -> Checked {
        if used == Use::Named && self.weight(expr) > HEAVIEST {
            return refuse(
                "a name of the message stands for too much: it is made of itself again and again",
                "write the parts out where they are to stand, piece by piece",
            );
        }
        if used == Use::Tested && self.in_loop && self.grows(expr) {
            return refuse(
                "a message makes no longer text in a loop only to compare it",
                "compare the parts by themselves",
            );
        }
        let inside = if used == Use::Written { Use::Written } else { used };
        match expr {
            Expr::BinOp(binary) => {
                if matches!(binary.op, BinOpKind::Mul) && !self.is_number(expr) {
                    return refuse("`*` in a message is for numbers", "write `(a | int) * (b | int)`");
                }
                self.expression(&binary.left, inside)?;
                self.expression(&binary.right, inside)
            }
            Expr::Compare(chain) => {
                self.expression(&chain.expr, Use::Tested)?;
                chain.ops.iter().try_for_each(|next| self.expression(&next.expr, Use::Tested))
            }
            Expr::Test(test) => {
                self.expression(&test.expr, Use::Tested)?;
                self.arguments(&test.args, Use::Tested)
            }
            Expr::IfExpr(choice) => {
                self.expression(&choice.test_expr, Use::Tested)?;
                self.expression(&choice.true_expr, inside)?;
                choice.false_expr.iter().try_for_each(|other| self.expression(other, inside))
            }
            Expr::UnaryOp(unary) => self.expression(&unary.expr, inside),
            Expr::Filter(filter) => {
                filter.expr.iter().try_for_each(|input| self.expression(input, inside))?;
                self.arguments(&filter.args, inside)
            }
            Expr::GetAttr(get) => self.expression(&get.expr, inside),
            Expr::GetItem(get) => {
                self.expression(&get.expr, inside)?;
                self.expression(&get.subscript_expr, inside)
            }
            Expr::Call(call) => self.arguments(&call.args, inside),
            Expr::List(list) => list.items.iter().try_for_each(|item| self.expression(item, inside)),
            Expr::Map(map) => {
                map.keys.iter().chain(&map.values).try_for_each(|item| self.expression(item, inside))
            }
            Expr::Var(_) | Expr::Const(_) | Expr::Slice(_) => Ok(()),
        }
    }

    fn arguments(&self, args: &[CallArg<'_>], used: Use) -> Checked {
        args.iter().try_for_each(|arg| match arg {
            CallArg::Pos(expr)
            | CallArg::Kwarg(_, expr)
            | CallArg::PosSplat(expr)
            | CallArg::KwargSplat(expr) => self.expression(expr, used),
        })
    }

    /// Whether an expression itself makes a longer text or list.
    fn grows(&self, expr: &Expr<'_>) -> bool {
        let Expr::BinOp(binary) = expr else { return false };
        match binary.op {
            BinOpKind::Concat => true,
            BinOpKind::Add => !self.is_number(&binary.left) && !self.is_number(&binary.right),
            _ => false,
        }
    }

    /// How many facts a value is made of, at most.
    fn weight(&self, expr: &Expr<'_>) -> usize {
        let sum = |parts: &[&Expr<'_>]| {
            parts.iter().map(|part| self.weight(part)).fold(0, usize::saturating_add).max(1)
        };
        let args = |args: &[CallArg<'_>]| {
            let weights = args.iter().map(|arg| match arg {
                CallArg::Pos(expr)
                | CallArg::Kwarg(_, expr)
                | CallArg::PosSplat(expr)
                | CallArg::KwargSplat(expr) => self.weight(expr),
            });
            weights.fold(0, usize::saturating_add)
        };
        match expr {
            Expr::Var(var) => self.names.get(var.id).copied().unwrap_or(1),
            Expr::Const(_) | Expr::Compare(_) | Expr::Test(_) => 1,
            Expr::UnaryOp(unary) => self.weight(&unary.expr),
            Expr::BinOp(binary) => match binary.op {
                BinOpKind::ScOr | BinOpKind::ScAnd => {
                    self.weight(&binary.left).max(self.weight(&binary.right))
                }
                _ => sum(&[&binary.left, &binary.right]),
            },
            Expr::IfExpr(choice) => {
                let other = choice.false_expr.as_ref().map_or(1, |other| self.weight(other));
                self.weight(&choice.true_expr).max(other)
            }
            Expr::Filter(filter) => {
                filter.expr.as_ref().map_or(1, |input| self.weight(input)).saturating_add(args(&filter.args))
            }
            Expr::GetAttr(get) => self.weight(&get.expr),
            Expr::GetItem(get) => self.weight(&get.expr),
            Expr::Slice(slice) => self.weight(&slice.expr),
            Expr::Call(call) => args(&call.args).max(1),
            Expr::List(list) => sum(&list.items.iter().collect::<Vec<_>>()),
            Expr::Map(map) => sum(&map.keys.iter().chain(&map.values).collect::<Vec<_>>()),
        }
    }

    /// Whether an expression is surely a number.
    fn is_number(&self, expr: &Expr<'_>) -> bool {
        const NUMBERS: [&str; 6] = ["int", "float", "round", "length", "count", "abs"];
        match expr {
            Expr::Const(constant) => constant.value.kind() == ValueKind::Number,
            Expr::UnaryOp(unary) => self.is_number(&unary.expr),
            Expr::BinOp(binary) => match binary.op {
                BinOpKind::Add
                | BinOpKind::Sub
                | BinOpKind::Mul
                | BinOpKind::Div
                | BinOpKind::FloorDiv
                | BinOpKind::Rem
                | BinOpKind::ScOr
                | BinOpKind::ScAnd => self.is_number(&binary.left) && self.is_number(&binary.right),
                _ => false,
            },
            Expr::IfExpr(choice) => {
                self.is_number(&choice.true_expr)
                    && choice.false_expr.as_ref().is_none_or(|other| self.is_number(other))
            }
            Expr::Filter(filter) => NUMBERS.contains(&filter.name),
            Expr::GetAttr(_) => {
                path(expr).is_some_and(|path| path.starts_with("loop.") || (self.is_number)(&path))
            }
            _ => false,
        }
    }
}

/// `a.b.c`.
fn path(expr: &Expr<'_>) -> Option<String> {
    match expr {
        Expr::Var(var) => Some(var.id.to_owned()),
        Expr::GetAttr(get) => Some(format!("{}.{}", path(&get.expr)?, get.name)),
        _ => None,
    }
}
