//! Walks a parsed condition and finds names that do not exist and values that cannot be compared,
//! before any host is visited.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators};
use cel::parser::Expression;

use super::error::nearest;
use super::functions::{self, FUNCTIONS};
use super::types::Type;
use super::vocabulary::Vocabulary;

/// A mistake in a condition: at which node, what, and advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The node's id in the parsed expression.
    pub node: u64,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// A variable of a macro and its type, innermost last.
type Locals<'e> = Vec<(&'e str, Type)>;

/// Finds the type of a condition.
///
/// # Errors
/// The first mistake.
pub(super) fn infer(expression: &Expression, vocabulary: &Vocabulary) -> Result<Type, Mistake> {
    Walk { vocabulary }.expression(expression, &mut Vec::new())
}

struct Walk<'v> {
    vocabulary: &'v Vocabulary,
}

fn mistake(node: u64, message: impl Into<String>) -> Mistake {
    Mistake { node, message: message.into(), help: None }
}

fn unknown_name<'n>(
    node: u64,
    what: &str,
    wrong: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Mistake {
    let help = match nearest(wrong, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", names.collect::<Vec<_>>().join(", ")),
    };
    Mistake { node, message: format!("{what} `{wrong}` does not exist"), help: Some(help) }
}

impl<'v> Walk<'v> {
    fn expression<'e>(&self, expression: &'e Expression, locals: &mut Locals<'e>) -> Result<Type, Mistake> {
        let node = expression.id;
        match &expression.expr {
            Expr::Literal(literal) => Ok(match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::Double(_) => Type::Double,
                LiteralValue::Int(_) => Type::Int,
                LiteralValue::UInt(_) => {
                    return Err(Mistake {
                        node,
                        message: "facts are never unsigned, so this would equal none".to_owned(),
                        help: Some("leave the `u` away".to_owned()),
                    });
                }
                LiteralValue::Null => Type::Null,
                LiteralValue::String(_) => Type::String,
                LiteralValue::Bytes(_) => Type::Any,
            }),
            Expr::Ident(name) => {
                if let Some((_, of)) = locals.iter().rev().find(|(local, _)| local == name) {
                    return Ok(of.clone());
                }
                match self.vocabulary.get(name) {
                    Some(of) => Ok(of.clone()),
                    None => {
                        let names: Vec<&str> = self.vocabulary.names().collect();
                        Err(unknown_name(node, "the subject", name, names.into_iter()))
                    }
                }
            }
            Expr::Select(select) if select.test => Err(Mistake {
                node,
                message: "`has()` would turn what is unknown into false".to_owned(),
                help: Some(
                    "compare with null instead: an absent fact is null, an unknown one stays unknown"
                        .to_owned(),
                ),
            }),
            Expr::Select(select) => match self.expression(&select.operand, locals)? {
                Type::Any => Ok(Type::Any),
                Type::Map(of) => Ok(*of),
                Type::Object(fields) => match fields.get(&select.field) {
                    Some(of) => Ok(of.clone()),
                    None => {
                        let what = match &select.operand.expr {
                            Expr::Ident(root) if root == "params" => "the profile's parameter",
                            _ => "the fact",
                        };
                        Err(unknown_name(node, what, &select.field, fields.keys().map(String::as_str)))
                    }
                },
                other => Err(mistake(node, format!("`.{}` of a {}", select.field, other.name()))),
            },
            Expr::List(list) => {
                let mut of = None;
                for element in &list.elements {
                    let next = self.expression(element, locals)?;
                    of = Some(match of {
                        Some(ref first) if *first != next => Type::Any,
                        Some(first) => first,
                        None => next,
                    });
                }
                Ok(Type::List(Box::new(of.unwrap_or(Type::Any))))
            }
            Expr::Map(_) => Ok(Type::Map(Box::new(Type::Any))),
            Expr::Struct(_) => Err(mistake(node, "messages cannot be built in a condition")),
            Expr::Comprehension(comprehension) => self.comprehension(node, comprehension, locals),
            Expr::Call(call) => self.call(node, call, locals),
            Expr::Unspecified => Err(mistake(node, "an expression is missing")),
        }
    }

    fn comprehension<'e>(
        &self,
        node: u64,
        comprehension: &'e ComprehensionExpr,
        locals: &mut Locals<'e>,
    ) -> Result<Type, Mistake> {
        let element = match self.expression(&comprehension.iter_range, locals)? {
            Type::List(of) => *of,
            Type::Any => Type::Any,
            Type::Map(_) | Type::Object(_) => Type::String, // a map is walked by its keys
            other => return Err(mistake(node, format!("a {} cannot be walked", other.name()))),
        };
        let accumulated = match self.expression(&comprehension.accu_init, locals)? {
            Type::List(_) => Type::List(Box::new(Type::Any)),
            other => other,
        };
        let depth = locals.len();
        locals.push((&comprehension.iter_var, element));
        if let Some(second) = &comprehension.iter_var2 {
            locals.push((second, Type::Any));
        }
        locals.push((&comprehension.accu_var, accumulated));
        let walked = self
            .expression(&comprehension.loop_cond, locals)
            .and_then(|_| self.expression(&comprehension.loop_step, locals))
            .and_then(|_| self.expression(&comprehension.result, locals));
        locals.truncate(depth);
        walked
    }

    fn call<'e>(&self, node: u64, call: &'e CallExpr, locals: &mut Locals<'e>) -> Result<Type, Mistake> {
        let mut given = Vec::new();
        for argument in call.target.iter().map(|target| &**target).chain(&call.args) {
            given.push(self.expression(argument, locals)?);
        }
        let wrong = |wanted: &str| {
            let given: Vec<String> = given.iter().map(Type::name).collect();
            let name = call.func_name.trim_matches(['_', '@']).trim_matches('_').to_owned();
            Err(mistake(node, format!("`{name}` wants {wanted}, not {}", given.join(" and "))))
        };
        let bools = || given.iter().all(|of| of.meets(&Type::Bool) && *of != Type::Null);
        let name = call.func_name.as_str();
        match (name, given.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [_, _]) | (operators::LOGICAL_NOT, [_]) => {
                if bools() {
                    Ok(Type::Bool)
                } else {
                    wrong("true or false on each side")
                }
            }
            (operators::NOT_STRICTLY_FALSE, [_]) => Ok(Type::Bool),
            (operators::EQUALS | operators::NOT_EQUALS, [a, b]) => {
                if a.meets(b) {
                    Ok(Type::Bool)
                } else {
                    wrong("the same type on each side")
                }
            }
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                [a, b],
            ) => {
                let text = *a == Type::String && b.meets(&Type::String);
                if (a.is_number() && b.is_number()) || text {
                    Ok(Type::Bool)
                } else {
                    wrong("two numbers or two strings")
                }
            }
            (operators::ADD, [a, b]) if !a.is_number() || !b.is_number() => {
                if a.meets(b) && matches!(a, Type::String | Type::List(_) | Type::Any) {
                    Ok(a.clone())
                } else {
                    wrong("two numbers, two strings or two lists")
                }
            }
            (
                operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO,
                [a, b],
            ) => match (a, b) {
                (Type::Any, other) | (other, Type::Any) if other.is_number() => Ok(other.clone()),
                (a, b) if a == b && a.is_number() => Ok(a.clone()),
                _ => wrong("two numbers of one type (int() and double() convert)"),
            },
            (operators::NEGATE, [a]) if a.is_number() => Ok(a.clone()),
            (operators::CONDITIONAL, [condition, a, b]) => {
                if !condition.meets(&Type::Bool) {
                    return wrong("true or false before `?`");
                }
                Ok(match (a, b) {
                    (Type::Any, other) | (other, Type::Any) => other.clone(),
                    (a, b) if a == b => a.clone(),
                    _ => Type::Any,
                })
            }
            (operators::IN, [a, Type::List(of)]) => {
                if a.meets(of) {
                    Ok(Type::Bool)
                } else {
                    wrong("an element and a list of such")
                }
            }
            (operators::IN, [_, Type::Map(_) | Type::Object(_) | Type::Any]) => Ok(Type::Bool),
            (operators::INDEX, [Type::List(of), index]) if index.is_number() => Ok((**of).clone()),
            (operators::INDEX, [Type::Map(of), Type::String | Type::Any]) => Ok((**of).clone()),
            (operators::INDEX, [Type::Any | Type::Object(_), _]) => Ok(Type::Any),
            ("size", [Type::List(_) | Type::Map(_) | Type::Object(_) | Type::String | Type::Any]) => {
                Ok(Type::Int)
            }
            ("contains" | "startsWith" | "endsWith" | "matches" | functions::MATCHES, [a, b])
                if a.meets(&Type::String) && b.meets(&Type::String) =>
            {
                Ok(Type::Bool)
            }
            ("double", [_]) => Ok(Type::Double),
            ("int", [_]) => Ok(Type::Int),
            ("string", [_]) => Ok(Type::String),
            ("min" | "max", [first, ..]) => Ok(match first {
                Type::List(of) => (**of).clone(),
                other => other.clone(),
            }),
            _ => match FUNCTIONS.iter().find(|function| function.name == name) {
                Some(function) => {
                    let fits = function.takes.len() == given.len()
                        && function.takes.iter().zip(&given).all(|(wanted, given)| given.meets(wanted));
                    if fits {
                        return Ok(function.gives.clone());
                    }
                    let wanted: Vec<String> = function.takes.iter().map(Type::name).collect();
                    wrong(&wanted.join(" and "))
                }
                None if is_known(name) => wrong("other types"),
                None => Err(unknown_name(node, "the function", name, function_names())),
            },
        }
    }
}

const STANDARD: [&str; 10] =
    ["size", "contains", "startsWith", "endsWith", "matches", "double", "int", "string", "min", "max"];

fn is_known(name: &str) -> bool {
    STANDARD.contains(&name) || name.starts_with(['_', '@', '!', '-'])
}

fn function_names() -> impl Iterator<Item = &'static str> + Clone {
    STANDARD
        .into_iter()
        .chain(FUNCTIONS.iter().map(|function| function.name))
        .chain(["all", "exists", "filter", "map"])
}
