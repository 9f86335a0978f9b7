//! Expressions, as Jinja evaluates them: over minijinja's syntax tree, with Python's values and with three answers,
//! for what cannot be known must stop whatever would use it. (minijinja's own machine prints `true`, and lets an
//! undefined attribute pass for an empty text.)

use std::collections::HashSet;
use std::rc::Rc;

use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, UnaryOpKind};
use minijinja::value::ValueKind;
use serde_json::Value;

use super::operator::{arithmetic, concat, contains};
use super::scene::Scene;
use super::stop::{Stop, Yield};
use super::value::{Val, compare, equal};
use super::{filter, method, verdict};

/// Steps and characters one value may cost.
const FUEL: usize = 2_000_000;
/// How deep expressions and the variables they name may nest.
const MAX_DEPTH: usize = 200;

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
    pub(super) locals: Vec<(String, Val<'v>)>,
}

/// The evaluation of one variable, and of all that it names.
pub(super) struct Evaluation<'v, 's> {
    pub(super) scene: &'s Scene<'v>,
    fuel: usize,
    depth: usize,
    /// The variables that are being evaluated, outermost first.
    open: Vec<(usize, String)>,
}

impl<'v, 's> Evaluation<'v, 's> {
    pub(super) fn new(scene: &'s Scene<'v>) -> Self {
        Evaluation { scene, fuel: FUEL, depth: 0, open: Vec::new() }
    }

    /// Accounts for work, so that no template runs for ever.
    pub(super) fn spend(&mut self, steps: usize) -> Yield<()> {
        self.fuel = self
            .fuel
            .checked_sub(steps)
            .ok_or_else(|| Stop::undecidable("the template costs more than any inventory's should"))?;
        Ok(())
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
        let Some((value, _)) = self.scene.variable(host, name) else { return Ok(None) };
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
        result.map(Some)
    }

    /// Templates the outermost part of a variable's value.
    pub(super) fn force(&mut self, value: Val<'v>) -> Yield<Val<'v>> {
        let Val::Raw(raw, host) = value else { return Ok(value) };
        match raw {
            Value::String(text) => self.template(text, host),
            Value::Array(items) => {
                self.spend(items.len())?;
                Ok(Val::list(items.iter().map(|item| Val::Raw(item, host)).collect()))
            }
            Value::Object(map) => {
                if let Some(text) = marked(raw, "__ansible_unsafe") {
                    return Ok(Val::text(text));
                }
                if let Some(text) = marked(raw, "__ansible_vault") {
                    let clear =
                        self.scene.vault().decrypt(text).map_err(|why| Stop::undecidable(why.to_string()))?;
                    let clear = std::str::from_utf8(&clear);
                    return clear
                        .map(Val::text)
                        .map_err(|_| Stop::undecidable("an encrypted value that is no text"));
                }
                self.spend(map.len())?;
                let entries = map.iter().map(|(key, value)| (key.as_str().into(), Val::Raw(value, host)));
                let mapping = super::value::Mapping { entries: entries.collect(), ordered: false };
                Ok(Val::Map(Rc::new(mapping)))
            }
            scalar => Ok(Val::from_json(scalar)),
        }
    }

    /// Templates a value to its last part.
    pub(super) fn deep(&mut self, value: Val<'v>) -> Yield<Val<'v>> {
        let value = self.force(value)?;
        match &value {
            Val::List(items) => {
                let items = items.iter().map(|item| self.deeper(|own| own.deep(item.clone())));
                Ok(Val::list(items.collect::<Yield<_>>()?))
            }
            Val::Map(map) => {
                let mut entries = Vec::with_capacity(map.entries.len());
                for (key, item) in &map.entries {
                    entries.push((Rc::clone(key), self.deeper(|own| own.deep(item.clone()))?));
                }
                Ok(Val::Map(Rc::new(super::value::Mapping { entries, ordered: map.ordered })))
            }
            _ => Ok(value),
        }
    }

    /// The items of what can be iterated.
    pub(super) fn items(&mut self, value: &Val<'v>) -> Yield<Vec<Val<'v>>> {
        let items: Vec<Val<'v>> = match value {
            Val::List(items) => items.to_vec(),
            Val::Map(map) => map.in_order()?.iter().map(|(key, _)| Val::Text(Rc::clone(key))).collect(),
            Val::Text(text) => text.chars().map(|c| Val::text(c.to_string())).collect(),
            Val::Hostvars => self.scene.hosts().iter().map(|name| Val::text(name.as_str())).collect(),
            Val::Undefined(name) => return Err(Stop::undefined(name)),
            other => return Err(Stop::failed(format!("{} has no items", other.kind()))),
        };
        self.spend(items.len())?;
        Ok(items)
    }

    /// A name as a template sees it.
    pub(super) fn name(&mut self, name: &str, frame: &Frame<'v>) -> Yield<Val<'v>> {
        if let Some((_, value)) = frame.locals.iter().rev().find(|(own, _)| own == name) {
            return self.force(value.clone());
        }
        match name {
            "hostvars" => Ok(Val::Hostvars),
            "omit" => Ok(Val::Omit),
            "groups" => Ok(Val::Groups),
            _ => self.of_host(frame.host, name, true),
        }
    }

    /// What a host's variables say of a name. Some of them only its own templates see.
    fn of_host(&mut self, host: usize, name: &str, own: bool) -> Yield<Val<'v>> {
        let hostname = self.scene.hosts().get(host).map(String::as_str).unwrap_or_default();
        match name {
            "inventory_hostname" => return Ok(Val::text(hostname)),
            "inventory_hostname_short" => {
                return Ok(Val::text(hostname.split('.').next().unwrap_or_default()));
            }
            "group_names" => {
                let names = self.scene.groups_of(host).iter().map(|name| Val::text(*name));
                return Ok(Val::list(names.collect()));
            }
            "inventory_dir" => {
                let folder = self.scene.folder(host).and_then(|folder| folder.to_str());
                return folder.map(Val::text).ok_or_else(|| Stop::undecidable("`inventory_dir`"));
            }
            "groups" | "hostvars" | "omit" => {
                return Err(Stop::undecidable(format!("`{name}` of another host")));
            }
            _ => {}
        }
        if is_given_by_ansible(name) {
            return Err(Stop::undecidable(format!("`{name}`, which Ansible sets when it runs")));
        }
        if let Some(value) = self.variable(host, name)? {
            return Ok(value);
        }
        match name {
            "ansible_host" if own => Ok(Val::text(hostname)),
            "ansible_port" => Ok(Val::Undefined(name.into())),
            _ if name.starts_with("ansible_") => {
                Err(Stop::undecidable(format!("`{name}`, which Ansible gathers or is told when it runs")))
            }
            _ => Ok(Val::Undefined(name.into())),
        }
    }

    pub(super) fn evaluate(&mut self, expr: &Expr<'_>, frame: &mut Frame<'v>) -> Yield<Val<'v>> {
        self.deeper(|own| own.step(expr, frame))
    }

    fn step(&mut self, expr: &Expr<'_>, frame: &mut Frame<'v>) -> Yield<Val<'v>> {
        match expr {
            Expr::Var(var) => self.name(var.id, frame),
            Expr::Const(constant) => literal(&constant.value),
            Expr::List(list) => {
                let items = list.items.iter().map(|item| self.evaluate(item, frame));
                Ok(Val::list(items.collect::<Yield<_>>()?))
            }
            Expr::Map(map) => {
                let mut entries: Vec<(Rc<str>, Val<'v>)> = Vec::with_capacity(map.keys.len());
                for (key, value) in map.keys.iter().zip(&map.values) {
                    let Val::Text(key) = self.evaluate(key, frame)? else {
                        return Err(Stop::undecidable("a mapping with keys that are no texts"));
                    };
                    let value = self.evaluate(value, frame)?;
                    match entries.iter_mut().find(|(known, _)| *known == key) {
                        Some(known) => known.1 = value,
                        None => entries.push((key, value)),
                    }
                }
                Ok(Val::map(entries))
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
            CompareOpKind::Eq => equal(&left, &right)?,
            CompareOpKind::Ne => !equal(&left, &right)?,
            CompareOpKind::Lt => compare(&left, &right)?.is_lt(),
            CompareOpKind::Lte => compare(&left, &right)?.is_le(),
            CompareOpKind::Gt => compare(&left, &right)?.is_gt(),
            CompareOpKind::Gte => compare(&left, &right)?.is_ge(),
            CompareOpKind::In => contains(self, &right, &left)?,
            CompareOpKind::NotIn => !contains(self, &right, &left)?,
        })
    }

    /// `value.name`; a method that is not called is no value.
    pub(super) fn attribute(&mut self, value: &Val<'v>, name: &str, is_method: bool) -> Yield<Val<'v>> {
        match value {
            _ if is_method => Err(Stop::undecidable(format!("the method `{name}` without a call"))),
            Val::Undefined(of) => Ok(Val::Undefined(format!("{of}.{name}").into())),
            Val::Map(map) => match map.get(name) {
                Some(found) => self.force(found.clone()),
                None => Ok(Val::Undefined(name.into())),
            },
            Val::Hostvars => Ok(self
                .scene
                .host(name)
                .map_or_else(|| Val::Undefined(format!("hostvars['{name}']").into()), Val::Host)),
            Val::Groups => Ok(match self.scene.members(name) {
                Some(members) => Val::List(members),
                None => Val::Undefined(format!("groups['{name}']").into()),
            }),
            Val::Host(host) => {
                let found = self.of_host(*host, name, false)?;
                Ok(match found {
                    Val::Undefined(_) => {
                        let host = self.scene.hosts().get(*host).map(String::as_str).unwrap_or_default();
                        Val::Undefined(format!("hostvars['{host}'].{name}").into())
                    }
                    found => found,
                })
            }
            _ => Ok(Val::Undefined(name.into())),
        }
    }

    /// `value[key]`.
    pub(super) fn item(&mut self, value: &Val<'v>, key: &Val<'v>) -> Yield<Val<'v>> {
        match (value, key) {
            (_, Val::Undefined(name)) => Err(Stop::undefined(name)),
            (Val::Undefined(of), key) => {
                let key = super::python::str_of(key)?;
                Ok(Val::Undefined(format!("{of}[{key}]").into()))
            }
            (Val::Map(map), Val::Text(key)) => {
                let is_method = map.get(key).is_none() && method::is_method(value, key);
                self.attribute(value, key, is_method)
            }
            (Val::Map(_), _) => Err(Stop::undecidable("a mapping's key that is no text")),
            (Val::Hostvars | Val::Groups | Val::Host(_), Val::Text(key)) => self.attribute(value, key, false),
            (Val::List(_) | Val::Text(_), key) if key.whole().is_some() => {
                let items = match value {
                    Val::List(items) => Rc::clone(items),
                    other => Rc::new(self.items(other)?),
                };
                let at = key.whole().unwrap_or_default();
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let from_start = if at < 0 { at.saturating_add(length) } else { at };
                match usize::try_from(from_start).ok().and_then(|at| items.get(at)) {
                    Some(found) => self.force(found.clone()),
                    None => Ok(Val::Undefined(format!("item {at} of a list").into())),
                }
            }
            (_, Val::Text(name)) => self.attribute(value, name, method::is_method(value, name)),
            (other, _) => Err(Stop::failed(format!("{} has no items", other.kind()))),
        }
    }

    fn slice(&mut self, value: &Val<'v>, bounds: &[Option<Val<'v>>; 3]) -> Yield<Val<'v>> {
        let items = match value {
            Val::List(_) | Val::Text(_) => self.items(value)?,
            other => return Err(Stop::failed(format!("{} cannot be sliced", other.kind()))),
        };
        let number = |bound: &Option<Val<'v>>| match bound {
            None | Some(Val::Null) => Ok(None),
            Some(value) => {
                value.whole().map(Some).ok_or_else(|| Stop::failed("a slice's bound is no number"))
            }
        };
        let (start, stop, step) =
            (number(&bounds[0])?, number(&bounds[1])?, number(&bounds[2])?.unwrap_or(1));
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let clamp = |at: i64, low: i64, high: i64| {
            (if at < 0 { at.saturating_add(length) } else { at }).clamp(low, high)
        };
        let mut chosen = Vec::new();
        if step > 0 {
            let (mut at, end) =
                (start.map_or(0, |at| clamp(at, 0, length)), stop.map_or(length, |at| clamp(at, 0, length)));
            while at < end {
                chosen.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
                at = at.saturating_add(step);
            }
        } else if step < 0 {
            let mut at = start.map_or(length - 1, |at| clamp(at, -1, length - 1));
            let end = stop.map_or(-1, |at| clamp(at, -1, length - 1));
            while at > end {
                chosen.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
                at = at.saturating_add(step);
            }
        } else {
            return Err(Stop::failed("a slice with step 0"));
        }
        match value {
            Val::Text(_) => {
                let mut text = String::new();
                for item in &chosen {
                    text.push_str(&super::python::str_of(item)?);
                }
                Ok(Val::text(text))
            }
            _ => Ok(Val::list(chosen)),
        }
    }

    fn function(&mut self, name: &str, args: &Args<'v>) -> Yield<Val<'v>> {
        match name {
            "range" => {
                args.only(3, &[])?;
                let numbers: Vec<i64> = args
                    .given
                    .iter()
                    .map(|value| value.whole().ok_or_else(|| Stop::failed("`range` of what is no number")))
                    .collect::<Yield<_>>()?;
                let (start, stop, step) = match numbers[..] {
                    [stop] => (0, stop, 1),
                    [start, stop] => (start, stop, 1),
                    [start, stop, step] if step != 0 => (start, stop, step),
                    _ => return Err(Stop::failed("`range` without its numbers")),
                };
                let mut found = Vec::new();
                let mut at = start;
                while if step > 0 { at < stop } else { at > stop } {
                    self.spend(1)?;
                    found.push(Val::Int(at));
                    at = at.saturating_add(step);
                }
                Ok(Val::list(found))
            }
            "dict" if args.given.is_empty() => Ok(Val::map(
                args.named.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect(),
            )),
            "lookup" | "query" | "q" => {
                let plugin = match args.given.first() {
                    Some(Val::Text(plugin)) => plugin.to_string(),
                    _ => "…".to_owned(),
                };
                Err(Stop::undecidable(format!("`{name}('{plugin}')`, a lookup")))
            }
            _ => Err(Stop::undecidable(format!("`{name}()`"))),
        }
    }

    /// Of several items, each value once; as Ansible compares sets.
    pub(super) fn distinct(&mut self, items: Vec<Val<'v>>) -> Yield<Vec<Val<'v>>> {
        let mut texts: HashSet<Rc<str>> = HashSet::new();
        let mut kept: Vec<Val<'v>> = Vec::new();
        for item in items {
            let item = self.deep(item)?;
            if let Val::Text(text) = &item {
                if texts.insert(Rc::clone(text)) {
                    kept.push(item);
                }
                continue;
            }
            self.spend(kept.len())?;
            let mut known = false;
            for other in &kept {
                known = known || equal(other, &item)?;
            }
            if !known {
                kept.push(item);
            }
        }
        Ok(kept)
    }
}

/// The text of a value that is marked, as Ansible writes `!vault` and `!unsafe` into JSON.
pub(super) fn marked<'v>(value: &'v Value, mark: &str) -> Option<&'v str> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.get(mark)?.as_str()
}

/// Names that Ansible itself sets in a run, and no inventory can.
fn is_given_by_ansible(name: &str) -> bool {
    const NAMES: [&str; 22] = [
        "ansible_check_mode",
        "ansible_config_file",
        "ansible_diff_mode",
        "ansible_facts",
        "ansible_forks",
        "ansible_inventory_sources",
        "ansible_limit",
        "ansible_play_batch",
        "ansible_play_hosts",
        "ansible_play_hosts_all",
        "ansible_play_name",
        "ansible_playbook_python",
        "ansible_run_tags",
        "ansible_skip_tags",
        "ansible_verbosity",
        "ansible_version",
        "environment",
        "inventory_file",
        "play_hosts",
        "playbook_dir",
        "role_path",
        "vars",
    ];
    NAMES.contains(&name)
}

fn literal<'v>(value: &minijinja::Value) -> Yield<Val<'v>> {
    Ok(match value.kind() {
        ValueKind::None => Val::Null,
        ValueKind::Bool => Val::Bool(value.is_true()),
        ValueKind::String => Val::text(value.as_str().unwrap_or_default()),
        ValueKind::Number if value.is_integer() => {
            Val::Int(value.as_i64().ok_or_else(|| Stop::undecidable("a number beyond 64 bits"))?)
        }
        ValueKind::Number => Val::Float(f64::try_from(value.clone()).unwrap_or(f64::NAN)),
        _ => return Err(Stop::undecidable("a literal of this kind")),
    })
}
