//! Expressions, as Jinja evaluates them: over minijinja's syntax tree, with Python's values and with three answers,
//! for what cannot be known must stop whatever would use it. (minijinja's own machine prints `true`, and lets an
//! undefined attribute pass for an empty text.)

use std::collections::HashMap;

use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, UnaryOpKind};
use minijinja::value::ValueKind;
use regex::Regex;
use serde_json::Value;

use super::budget::Budget;
use super::made::{ListBuilder, Text};
use super::operator::{arithmetic, concat, contains};
use super::scene::Scene;
use super::stop::{Stop, Yield};
use super::value::{Val, beyond_64_bits};
use super::{filter, method, verdict};
use crate::inventory::number;
use crate::redact;

/// How deep expressions and the variables they name may nest.
const MAX_DEPTH: usize = 200;

/// The one key of a mapping whose entries stand behind it as pairs, so that their order is kept.
pub(in crate::inventory) const IN_ORDER: &str = "__airworthy_in_order";

/// The arguments of a filter, test, function or method.
pub(super) struct Args<'v> {
    pub(super) given: Vec<Val<'v>>,
    pub(super) named: Vec<(String, Val<'v>)>,
}

impl<'v> Args<'v> {
    /// The argument at a place or of a name.
    pub(super) fn get(&self, at: usize, name: &str) -> Option<&Val<'v>> {
        let named = self.named.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        self.given.get(at).or(named)
    }

    /// Refuses what is not understood here.
    pub(super) fn only(&self, most: usize, names: &[&str]) -> Yield<()> {
        let unknown = self.named.iter().find(|(name, _)| !names.contains(&name.as_str()));
        match unknown {
            Some((name, _)) => Err(Stop::undecidable(format!("the argument `{name}` is not supported"))),
            None if self.given.len() > most => Err(Stop::undecidable("more arguments than are supported")),
            None => Ok(()),
        }
    }
}

/// The names that a template itself sets, and whose variables it sees.
pub(super) struct Frame<'v> {
    pub(super) host: usize,
    pub(super) locals: Vec<(String, Local<'v>)>,
}

/// What a name of a template's own means.
pub(super) enum Local<'v> {
    Value(Val<'v>),
    /// Jinja's `loop`: the place of the item, from 0, and how many items there are.
    Position(usize, usize),
}

/// The evaluation of one variable, and of all that it names.
pub(super) struct Evaluation<'v, 's> {
    pub(super) scene: &'s Scene<'v>,
    pub(super) budget: Budget,
    depth: usize,
    /// The variables that are being evaluated, outermost first.
    open: Vec<(usize, String)>,
    /// The regular expressions that were compiled, by their text and whether they ignore case and know lines.
    pub(super) patterns: HashMap<(String, bool, bool), Regex>,
}

impl<'v, 's> Evaluation<'v, 's> {
    pub(super) fn new(scene: &'s Scene<'v>) -> Self {
        let budget = Budget::new(scene.cost(), scene.hosts().len());
        Evaluation { scene, budget, depth: 0, open: Vec::new(), patterns: HashMap::new() }
    }

    /// Goes one level deeper, and comes back.
    pub(super) fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Yield<T>) -> Yield<T> {
        self.spend(1)?;
        if self.depth >= MAX_DEPTH {
            return Err(Stop::undecidable("the template nests too deep"));
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    /// A host's own variable, templated.
    pub(super) fn variable(&mut self, host: usize, name: &str) -> Yield<Option<Val<'v>>> {
        if let Some(reason) = self.scene.locked(host) {
            return Err(Stop::undecidable(reason));
        }
        let Some((value, layer)) = self.scene.variable(host, name) else { return Ok(None) };
        let key = (host, name.to_owned());
        if self.open.contains(&key) {
            let names: Vec<&str> = self.open.iter().map(|(_, name)| name.as_str()).collect();
            return Err(Stop::failed(format!(
                "variables name each other in a circle: {}",
                names.join(" → ")
            )));
        }
        self.open.push(key);
        let result = self.deeper(|own| own.force(Val::Raw(value, host)));
        self.open.pop();
        let from_inventory = || !self.scene.is_default(layer);
        result
            .map(Some)
            .map_err(|stop| Stop { from_inventory: stop.from_inventory || from_inventory(), ..stop })
    }

    /// Templates the outermost part of a variable's value.
    pub(super) fn force(&mut self, value: Val<'v>) -> Yield<Val<'v>> {
        let Val::Raw(raw, host) = value else { return Ok(value) };
        match raw {
            Value::String(text) => self.template(text, host),
            Value::Array(items) => {
                self.spend(items.len())?;
                self.list(items.iter().map(|item| Val::Raw(item, host)))
            }
            Value::Object(map) => {
                if let Some(text) = marked(raw, "__ansible_unsafe") {
                    return self.text(text);
                }
                if let Some(digits) = number::beyond_64_bits(raw) {
                    return self.big(digits);
                }
                if let Some(text) = marked(raw, "__ansible_vault") {
                    self.scan(text.len().saturating_mul(16))?;
                    let clear =
                        self.scene.vault().decrypt(text).map_err(|why| Stop::undecidable(why.to_string()))?;
                    let clear = std::str::from_utf8(&clear);
                    let clear = clear.map_err(|_| Stop::undecidable("an encrypted value that is no text"))?;
                    // It may come to stand in facts and findings.
                    redact::remember(clear);
                    return self.text(clear);
                }
                let mut entries = Vec::new();
                if let Some(pairs) = in_order(raw) {
                    for pair in pairs {
                        let key = self.key(pair.get(0).and_then(Value::as_str).unwrap_or_default())?;
                        entries.push((key, pair.get(1).map_or(Val::Null, |value| Val::Raw(value, host))));
                    }
                    return self.mapping(entries, true);
                }
                for (key, value) in map {
                    entries.push((self.key(key)?, Val::Raw(value, host)));
                }
                self.mapping(entries, false)
            }
            scalar => self.plain(scalar),
        }
    }

    /// Templates a value to its last part.
    pub(super) fn deep(&mut self, value: Val<'v>) -> Yield<Val<'v>> {
        let value = self.force(value)?;
        match &value {
            Val::List(items) => {
                let mut list = ListBuilder::default();
                for item in items.iter() {
                    let item = self.deeper(|own| own.deep(item.clone()))?;
                    list.push(self, item)?;
                }
                Ok(list.finish())
            }
            Val::Map(map) => {
                let mut entries = Vec::new();
                for (key, item) in map.entries() {
                    self.spend(2)?;
                    entries.push((key.clone(), self.deeper(|own| own.deep(item.clone()))?));
                }
                self.mapping(entries, map.is_ordered())
            }
            _ => Ok(value),
        }
    }

    /// The items of what can be iterated.
    pub(super) fn items(&mut self, value: &Val<'v>) -> Yield<Vec<Val<'v>>> {
        let made = match value {
            Val::List(items) => return self.copied(items),
            Val::Map(map) => {
                let keys = map.in_order()?.iter();
                self.list(keys.map(|(key, _)| Val::Text(key.clone())))?
            }
            Val::Text(text) => {
                let starts = text.char_indices();
                self.texts(starts.map(|(at, c)| &text[at..at + c.len_utf8()]))?
            }
            Val::Hostvars => self.texts(self.scene.hosts().iter().map(String::as_str))?,
            Val::Undefined(name) => return Err(Stop::undefined(name)),
            other => return Err(Stop::failed(format!("{} has no items", other.kind()))),
        };
        match &made {
            Val::List(items) => self.copied(items),
            _ => Ok(Vec::new()),
        }
    }

    pub(super) fn evaluate(&mut self, expr: &Expr<'_>, frame: &mut Frame<'v>) -> Yield<Val<'v>> {
        self.deeper(|own| own.step(expr, frame))
    }

    fn step(&mut self, expr: &Expr<'_>, frame: &mut Frame<'v>) -> Yield<Val<'v>> {
        match expr {
            Expr::Var(var) => self.name(var.id, frame),
            Expr::Const(constant) => self.literal(&constant.value),
            Expr::List(list) => {
                let mut items = ListBuilder::default();
                for item in &list.items {
                    let item = self.evaluate(item, frame)?;
                    items.push(self, item)?;
                }
                Ok(items.finish())
            }
            Expr::Map(map) => {
                let mut entries: Vec<(Text, Val<'v>)> = Vec::new();
                for (key, value) in map.keys.iter().zip(&map.values) {
                    let Val::Text(key) = self.evaluate(key, frame)? else {
                        return Err(Stop::undecidable("a mapping with keys that are no texts"));
                    };
                    let value = self.evaluate(value, frame)?;
                    self.spend(1 + entries.len() / 8)?;
                    match entries.iter_mut().find(|(known, _)| *known == key) {
                        Some(known) => known.1 = value,
                        None => entries.push((key, value)),
                    }
                }
                self.mapping(entries, true)
            }
            Expr::UnaryOp(unary) => {
                let value = self.evaluate(&unary.expr, frame)?;
                match unary.op {
                    UnaryOpKind::Not => Ok(Val::Bool(!value.is_true()?)),
                    UnaryOpKind::Neg => arithmetic(self, &BinOpKind::Sub, Val::Int(0), value),
                }
            }
            Expr::BinOp(binary) => self.binary(&binary.op, &binary.left, &binary.right, frame),
            Expr::Compare(chain) => {
                let mut left = self.evaluate(&chain.expr, frame)?;
                for next in &chain.ops {
                    let right = self.evaluate(&next.expr, frame)?;
                    if !self.compares(next.op, &left, &right)? {
                        return Ok(Val::Bool(false));
                    }
                    left = right;
                }
                Ok(Val::Bool(true))
            }
            Expr::IfExpr(choice) => {
                if self.evaluate(&choice.test_expr, frame)?.is_true()? {
                    return self.evaluate(&choice.true_expr, frame);
                }
                match &choice.false_expr {
                    Some(other) => self.evaluate(other, frame),
                    None => Err(Stop::undecidable("an `if` that is false and has no `else`")),
                }
            }
            Expr::GetAttr(get) => {
                let value = self.evaluate(&get.expr, frame)?;
                self.attribute(&value, get.name, method::is_method(&value, get.name))
            }
            Expr::GetItem(get) => {
                let value = self.evaluate(&get.expr, frame)?;
                let key = self.evaluate(&get.subscript_expr, frame)?;
                self.item(&value, &key)
            }
            Expr::Slice(slice) => {
                let value = self.evaluate(&slice.expr, frame)?;
                let mut bound = |bound: &Option<Expr<'_>>| match bound {
                    Some(bound) => self.evaluate(bound, frame).map(Some),
                    None => Ok(None),
                };
                let bounds = [bound(&slice.start)?, bound(&slice.stop)?, bound(&slice.step)?];
                self.slice(&value, &bounds)
            }
            Expr::Filter(call) => {
                let Some(input) = &call.expr else {
                    return Err(Stop::undecidable("a filter over a block"));
                };
                let input = self.evaluate(input, frame)?;
                let args = self.arguments(&call.args, frame)?;
                filter::apply(self, call.name, input, &args)
            }
            Expr::Test(call) => {
                let input = self.evaluate(&call.expr, frame)?;
                let args = self.arguments(&call.args, frame)?;
                verdict::of(self, call.name, &input, &args).map(Val::Bool)
            }
            Expr::Call(call) => {
                let args = self.arguments(&call.args, frame)?;
                match &call.expr {
                    Expr::Var(function) => self.function(function.id, &args),
                    Expr::GetAttr(get) => {
                        let value = self.evaluate(&get.expr, frame)?;
                        method::call(self, &value, get.name, &args)
                    }
                    _ => Err(Stop::undecidable("a call of an expression")),
                }
            }
        }
    }

    fn arguments(&mut self, args: &[CallArg<'_>], frame: &mut Frame<'v>) -> Yield<Args<'v>> {
        let mut found = Args { given: Vec::new(), named: Vec::new() };
        for arg in args {
            match arg {
                CallArg::Pos(expr) => found.given.push(self.evaluate(expr, frame)?),
                CallArg::Kwarg(name, expr) => {
                    found.named.push(((*name).to_owned(), self.evaluate(expr, frame)?))
                }
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                    return Err(Stop::undecidable("arguments with `*`"));
                }
            }
        }
        Ok(found)
    }

    fn binary(
        &mut self,
        op: &BinOpKind,
        left: &Expr<'_>,
        right: &Expr<'_>,
        frame: &mut Frame<'v>,
    ) -> Yield<Val<'v>> {
        let left = self.evaluate(left, frame)?;
        let compared = match op {
            BinOpKind::ScAnd if !left.is_true()? => return Ok(left),
            BinOpKind::ScOr if left.is_true()? => return Ok(left),
            BinOpKind::Eq => Some(CompareOpKind::Eq),
            BinOpKind::Ne => Some(CompareOpKind::Ne),
            BinOpKind::Lt => Some(CompareOpKind::Lt),
            BinOpKind::Lte => Some(CompareOpKind::Lte),
            BinOpKind::Gt => Some(CompareOpKind::Gt),
            BinOpKind::Gte => Some(CompareOpKind::Gte),
            BinOpKind::In => Some(CompareOpKind::In),
            _ => None,
        };
        let right = self.evaluate(right, frame)?;
        match (compared, op) {
            (Some(op), _) => self.compares(op, &left, &right).map(Val::Bool),
            (None, BinOpKind::ScAnd | BinOpKind::ScOr) => Ok(right),
            (None, BinOpKind::Concat) => concat(self, left, right),
            (None, op) => arithmetic(self, op, left, right),
        }
    }

    fn compares(&mut self, op: CompareOpKind, left: &Val<'v>, right: &Val<'v>) -> Yield<bool> {
        let (left, right) = (self.deep(left.clone())?, self.deep(right.clone())?);
        Ok(match op {
            CompareOpKind::Eq => self.equal(&left, &right)?,
            CompareOpKind::Ne => !self.equal(&left, &right)?,
            CompareOpKind::Lt => self.compare(&left, &right)?.is_lt(),
            CompareOpKind::Lte => self.compare(&left, &right)?.is_le(),
            CompareOpKind::Gt => self.compare(&left, &right)?.is_gt(),
            CompareOpKind::Gte => self.compare(&left, &right)?.is_ge(),
            CompareOpKind::In => contains(self, &right, &left)?,
            CompareOpKind::NotIn => !contains(self, &right, &left)?,
        })
    }

    fn literal(&mut self, value: &minijinja::Value) -> Yield<Val<'v>> {
        Ok(match value.kind() {
            ValueKind::None => Val::Null,
            ValueKind::Bool => Val::Bool(value.is_true()),
            ValueKind::String => self.text(value.as_str().unwrap_or_default())?,
            ValueKind::Number if value.is_integer() => Val::Int(value.as_i64().ok_or_else(beyond_64_bits)?),
            ValueKind::Number => Val::Float(f64::try_from(value.clone()).unwrap_or(f64::NAN)),
            _ => return Err(Stop::undecidable("a literal of this kind")),
        })
    }
}

/// The text of a value that is marked, as Ansible writes `!vault` and `!unsafe` into JSON.
pub(super) fn marked<'v>(value: &'v Value, mark: &str) -> Option<&'v str> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.get(mark)?.as_str()
}

/// The pairs of a mapping whose order was kept.
fn in_order(value: &Value) -> Option<&Vec<Value>> {
    value.as_object().filter(|map| map.len() == 1)?.get(IN_ORDER)?.as_array()
}
