//! The names conditions may use, and their types: the facts' own schema, the host, the parameters.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use super::types::Type;
use crate::facts::{Deployment, Fleet, HostFacts, Subject};

/// The names in one condition's scope.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    names: BTreeMap<String, Type>,
}

impl Vocabulary {
    /// Names a host check may use.
    pub fn host(params: &BTreeMap<String, Value>) -> Self {
        let mut names = subjects().clone();
        names.extend(deployment().clone());
        names.insert("host".to_owned(), subject().clone());
        names.insert("params".to_owned(), parameters(params));
        Vocabulary { names }
    }

    /// Names a fleet check may use.
    pub fn fleet(params: &BTreeMap<String, Value>) -> Self {
        let mut one = subjects().clone();
        if let Type::Object(fields) = subject() {
            one.extend(fields.clone());
        }
        let mut names = deployment().clone();
        names.insert("hosts".to_owned(), Type::List(Box::new(Type::Object(one))));
        names.insert("fleet".to_owned(), fleet().clone());
        names.insert("params".to_owned(), parameters(params));
        Vocabulary { names }
    }

    /// The same names, and `probe`.
    #[must_use]
    pub fn with_probe(mut self, of: Type) -> Self {
        self.names.insert("probe".to_owned(), of);
        self
    }

    /// The type of a name.
    pub fn get(&self, name: &str) -> Option<&Type> {
        self.names.get(name)
    }

    /// Every name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }
}

fn parameters(params: &BTreeMap<String, Value>) -> Type {
    Type::Object(params.iter().map(|(key, value)| (key.clone(), Type::of_value(value))).collect())
}

/// Subjects of one host, by name.
pub(super) fn subjects() -> &'static BTreeMap<String, Type> {
    static TYPES: OnceLock<BTreeMap<String, Type>> = OnceLock::new();
    TYPES.get_or_init(|| {
        let mut subjects = object::<HostFacts>();
        subjects.remove("probes"); // a check sees its own as `probe`
        subjects
    })
}

/// Subjects of the deployment, by name.
pub(super) fn deployment() -> &'static BTreeMap<String, Type> {
    static TYPES: OnceLock<BTreeMap<String, Type>> = OnceLock::new();
    TYPES.get_or_init(object::<Deployment>)
}

/// The fleet's facts.
pub(super) fn fleet() -> &'static Type {
    static TYPE: OnceLock<Type> = OnceLock::new();
    TYPE.get_or_init(|| Type::Object(object::<Fleet>()))
}

fn subject() -> &'static Type {
    static TYPE: OnceLock<Type> = OnceLock::new();
    TYPE.get_or_init(|| Type::Object(object::<Subject>()))
}

fn object<T: schemars::JsonSchema>() -> BTreeMap<String, Type> {
    let schema = schemars::schema_for!(T).to_value();
    match Type::of_schema(&schema, &schema) {
        Type::Object(fields) => fields,
        _ => BTreeMap::new(),
    }
}
