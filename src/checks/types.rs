//! The types of facts, read off their own schema, and of expressions over them.

use std::collections::BTreeMap;

use serde_json::Value;

/// The type of a fact or an expression. Every fact may also be null: absent.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Not told.
    Any,
    /// Null alone.
    Null,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// Any other number.
    Double,
    /// Text.
    String,
    /// A list.
    List(Box<Type>),
    /// A map with keys of the host's own making.
    Map(Box<Type>),
    /// An object with these fields.
    Object(BTreeMap<String, Type>),
}

impl Type {
    /// The word in diagnostics.
    pub fn name(&self) -> String {
        match self {
            Type::Any => "anything".to_owned(),
            Type::Null => "null".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Int => "int".to_owned(),
            Type::Double => "double".to_owned(),
            Type::String => "string".to_owned(),
            Type::List(of) => format!("list of {}", of.name()),
            Type::Map(of) => format!("map of {}", of.name()),
            Type::Object(_) => "object".to_owned(),
        }
    }

    /// Whether values of both types can be equal.
    pub fn meets(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Any | Type::Null, _) | (_, Type::Any | Type::Null) => true,
            (Type::Int | Type::Double, Type::Int | Type::Double) => true,
            (Type::List(a), Type::List(b)) => a.meets(b),
            (Type::Map(_) | Type::Object(_), Type::Map(_) | Type::Object(_)) => true,
            (a, b) => a == b,
        }
    }

    /// Int or double, or not told.
    pub fn is_number(&self) -> bool {
        matches!(self, Type::Any | Type::Int | Type::Double)
    }

    /// The type of a parameter's or an example's value.
    pub fn of_value(value: &Value) -> Type {
        match value {
            Value::Null => Type::Any,
            Value::Bool(_) => Type::Bool,
            Value::Number(number) if number.is_f64() => Type::Double,
            Value::Number(_) => Type::Int,
            Value::String(_) => Type::String,
            Value::Array(items) => Type::List(Box::new(match items.split_first() {
                Some((first, rest)) => {
                    let first = Type::of_value(first);
                    if rest.iter().all(|item| Type::of_value(item) == first) { first } else { Type::Any }
                }
                None => Type::Any,
            })),
            Value::Object(_) => Type::Map(Box::new(Type::Any)),
        }
    }

    /// The type that a JSON Schema describes; a fact's is the type of what is known.
    pub fn of_schema(schema: &Value, root: &Value) -> Type {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            return target.map_or(Type::Any, |target| Type::of_schema(target, root));
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        if let Some(known) = properties.and_then(|properties| properties.get("known")) {
            return Type::of_schema(known, root);
        }
        if let Some(choices) = schema.get("anyOf").or(schema.get("oneOf")).and_then(Value::as_array) {
            let mut types =
                choices.iter().map(|choice| Type::of_schema(choice, root)).filter(|t| *t != Type::Null);
            return match (types.next(), types.next()) {
                (Some(first), None) => first,
                (Some(first), Some(second)) if first == second => first,
                _ => Type::Any,
            };
        }
        if schema.get("enum").is_some() {
            return Type::String;
        }
        let word = match schema.get("type") {
            Some(Value::String(word)) => Some(word.as_str()),
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).find(|word| *word != "null"),
            _ => schema.get("const").and_then(Value::as_str).map(|_| "string"),
        };
        match word {
            Some("boolean") => Type::Bool,
            Some("integer") => Type::Int,
            Some("number") => Type::Double,
            Some("string") => Type::String,
            Some("null") => Type::Null,
            Some("array") => Type::List(Box::new(
                schema.get("items").map_or(Type::Any, |items| Type::of_schema(items, root)),
            )),
            Some("object") => match properties {
                Some(properties) => Type::Object(
                    properties
                        .iter()
                        .map(|(key, field)| (key.clone(), Type::of_schema(field, root)))
                        .collect(),
                ),
                None => Type::Map(Box::new(match schema.get("additionalProperties") {
                    Some(of @ Value::Object(_)) => Type::of_schema(of, root),
                    _ => Type::Any,
                })),
            },
            _ => Type::Any,
        }
    }
}
