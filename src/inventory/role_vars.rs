//! Variables of a playbook's own roles, apart from any inventory: what they are where nobody sets them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::ansible_core::CoreLookup;
use super::cluster::{Groups, Layers};
use super::diagnostic::Diagnostic;
use super::source::{Mark, Place, Source};
use super::template::{Context, IN_ORDER, Scene, Unresolved, render, resolve};
use super::variables::Layer;
use super::yaml::{self, Node};

/// The host that stands for all in templates.
const NOBODY: &str = "any host";

/// Variables of a playbook's own roles. What their templates ask of hosts, groups and facts is not known.
#[derive(Clone, Debug, Default)]
pub struct RoleVars {
    layers: Layers,
    groups: Groups,
    context: Context,
}

impl RoleVars {
    /// Those of these files, each with its text; a later one counts before an earlier one.
    ///
    /// # Errors
    /// Where a file is not YAML, or no mapping.
    pub fn of<'f>(files: impl IntoIterator<Item = (&'f Path, &'f str)>) -> Result<RoleVars, Diagnostic> {
        let mut layers = Layers::default();
        let mut numbers = Vec::new();
        for (path, text) in files {
            let source = Arc::new(Source::new(path, text));
            let Some(root) = yaml::parse(&source, &CoreLookup::default(), &mut Vec::new())? else { continue };
            let Some(entries) = root.entries() else {
                let message = format!("{} instead of variables", root.kind());
                return Err(source.complain(root.mark, message, "is this the file as kubespray has it?"));
            };
            let place = |mark: Mark| Place { source: Arc::clone(&source), mark };
            let places: HashMap<String, Place> =
                entries.iter().map(|(key, _)| (key.as_key(), place(key.mark))).collect();
            let variables = entries.iter().map(|(key, value)| (key.as_key(), in_order(value))).collect();
            let layer = Layer { places, ..Layer::new(path.display().to_string(), variables) };
            numbers.push(layers.add(layer));
        }
        layers.assign(NOBODY, numbers);
        let context = Context { apart: true, ..Context::default() };
        Ok(RoleVars { layers, groups: Groups::default(), context })
    }

    /// The same, with these before all others: what Ansible would gather of a certain host.
    #[must_use]
    pub fn given(&self, variables: Map<String, Value>) -> RoleVars {
        let mut layers = Layers::default();
        let mut numbers: Vec<usize> = self.layers().map(|layer| layers.add(layer.clone())).collect();
        numbers.push(layers.add(Layer::new("given".to_owned(), variables)));
        layers.assign(NOBODY, numbers);
        RoleVars { layers, ..self.clone() }
    }

    /// The names of all of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.layers().flat_map(|layer| layer.variables.keys().map(String::as_str))
    }

    /// The names of those that are written as booleans.
    pub fn booleans(&self) -> impl Iterator<Item = &str> {
        let entries = self.layers().flat_map(|layer| layer.variables.iter());
        entries.filter(|(_, value)| value.is_boolean()).map(|(name, _)| name.as_str())
    }

    /// Where a variable's value stands: `file:line`.
    pub fn place_of(&self, name: &str) -> Option<String> {
        let layers: Vec<&Layer> = self.layers().collect();
        layers.iter().rev().find(|layer| layer.variables.contains_key(name)).map(|layer| layer.place_of(name))
    }

    /// The keys of a variable that is a mapping, or of a mapping within, in the order of the file; `path` begins with the
    /// variable's name.
    pub fn keys_of(&self, path: &[&str]) -> Option<Vec<&str>> {
        let (name, path) = path.split_first()?;
        let layers: Vec<&Layer> = self.layers().collect();
        let mut value = layers.iter().rev().find_map(|layer| layer.variables.get(*name))?;
        for key in path {
            value = pairs(value)?.iter().find(|pair| pair.get(0).is_some_and(|it| it == key))?.get(1)?;
        }
        Some(pairs(value)?.iter().filter_map(|pair| pair.get(0)?.as_str()).collect())
    }

    /// A variable where nobody sets it, templated; `None` where there is none of that name.
    ///
    /// # Errors
    /// Where its template depends on what is not known.
    pub fn value_of(&self, name: &str) -> Result<Option<Value>, Unresolved> {
        resolve(&self.scene(), NOBODY, name)
    }

    /// A text, templated.
    ///
    /// # Errors
    /// Where it depends on what is not known: in words for people.
    pub fn render(&self, text: &str) -> Result<Value, String> {
        render(&self.scene(), NOBODY, text).map_err(|stopped| stopped.reason)
    }

    fn scene(&self) -> Scene<'_> {
        Scene::new(&self.layers, &self.groups, &self.context)
    }

    /// Where they stand, a later one before an earlier one.
    pub(super) fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.layers.of(NOBODY, super::cluster::View::Runtime).into_iter().flatten()
    }
}

/// A YAML file's value, as JSON.
///
/// # Errors
/// Where it is not YAML.
pub fn read_yaml(path: &Path, text: &str) -> Result<Value, Diagnostic> {
    let source = Source::new(path, text);
    let root = yaml::parse(&source, &CoreLookup::default(), &mut Vec::new())?;
    Ok(root.map_or(Value::Null, |root| root.to_json()))
}

/// A value as JSON that keeps the order of mappings.
fn in_order(node: &Node) -> Value {
    match (node.entries(), node.items()) {
        (Some(entries), _) => {
            let pairs =
                entries.iter().map(|(key, value)| Value::Array(vec![key.as_key().into(), in_order(value)]));
            Value::Object(Map::from_iter([(IN_ORDER.to_owned(), Value::Array(pairs.collect()))]))
        }
        (_, Some(items)) => Value::Array(items.iter().map(|item| in_order(item)).collect()),
        _ => node.to_json(),
    }
}

fn pairs(value: &Value) -> Option<&Vec<Value>> {
    value.get(IN_ORDER)?.as_array()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Map, json};

    use super::RoleVars;

    fn vars(text: &str) -> RoleVars {
        RoleVars::of([(Path::new("defaults/main.yml"), text)]).expect("variables")
    }

    #[test]
    fn the_first_of_a_mapping_is_the_first_of_the_file() {
        let vars = vars(
            "sums: {amd64: {1.10.0: a, 1.9.0: b, 1.2.0: c}}\n\
             newest: \"{{ (sums['amd64'] | dict2items)[0].key }}\"\n\
             oldest: \"{{ (sums['amd64'] | dict2items)[-1].key }}\"\n",
        );
        assert_eq!(vars.value_of("newest"), Ok(Some(json!("1.10.0"))));
        assert_eq!(vars.value_of("oldest"), Ok(Some(json!("1.2.0"))));
        assert_eq!(
            vars.value_of("sums"),
            Ok(Some(json!({"amd64": {"1.10.0": "a", "1.9.0": "b", "1.2.0": "c"}})))
        );
        assert_eq!(vars.keys_of(&["sums", "amd64"]), Some(vec!["1.10.0", "1.9.0", "1.2.0"]));
        assert_eq!(vars.place_of("newest").as_deref(), Some("defaults/main.yml:2"));
        assert_eq!(vars.value_of("nothing"), Ok(None));
    }

    #[test]
    fn what_hosts_groups_and_facts_decide_is_not_known() {
        let vars = vars(
            "a: \"{{ 'rr' in groups }}\"\nb: \"{{ group_names | length }}\"\nc: \"{{ ansible_os_family }}\"\n\
             d: \"{{ inventory_hostname }}\"\ne: \"{{ lookup('env', 'HOME') }}\"\nf: \"{{ hostvars | length }}\"\n\
             g: \"{{ a | default(1) }}\"\n",
        );
        for name in ["a", "b", "c", "d", "e", "f", "g"] {
            assert!(vars.value_of(name).is_err(), "{name}: {:?}", vars.value_of(name));
        }
        let of_one = vars.given(Map::from_iter([("ansible_os_family".to_owned(), json!("Debian"))]));
        assert_eq!(of_one.value_of("c"), Ok(Some(json!("Debian"))));
    }

    #[test]
    fn files_that_are_no_variables_are_named() {
        for text in ["- a\n", "a: [\n"] {
            let error = RoleVars::of([(Path::new("x.yml"), text)]).expect_err("no variables");
            assert_eq!(error.file, Path::new("x.yml"), "{text}");
        }
    }
}
