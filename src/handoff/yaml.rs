//! YAML that Ansible's own reader (PyYAML, YAML 1.1) takes for what is meant: every text is quoted, and mappings keep their
//! order, for the first host of a group is the one that kubespray begins with.

use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Yaml {
    /// Nothing: `null`.
    Nothing,
    /// A switch.
    Switch(bool),
    /// A whole number.
    Whole(i64),
    /// A number with a fraction.
    Fraction(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Yaml>),
    /// A mapping, in its order.
    Mapping(Vec<(String, Yaml)>),
}

impl Yaml {
    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Yaml {
        Yaml::Text(text.into())
    }

    /// A mapping of such names.
    pub(super) fn mapping<K: Into<String>>(entries: impl IntoIterator<Item = (K, Yaml)>) -> Yaml {
        Yaml::Mapping(entries.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// A value that was read.
    pub(super) fn of(value: &Value) -> Yaml {
        match value {
            Value::Null => Yaml::Nothing,
            Value::Bool(switch) => Yaml::Switch(*switch),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Yaml::Whole(whole),
                (None, Some(fraction)) => Yaml::Fraction(fraction),
                (None, None) => Yaml::Text(number.to_string()),
            },
            Value::String(text) => Yaml::Text(text.clone()),
            Value::Array(items) => Yaml::List(items.iter().map(Yaml::of).collect()),
            Value::Object(entries) => {
                Yaml::mapping(entries.iter().map(|(name, value)| (name.as_str(), Yaml::of(value))))
            }
        }
    }

    /// As a document with a newline at its end.
    ///
    /// # Errors
    /// The writer's own: a value that YAML cannot hold.
    pub(super) fn document(&self) -> Result<String, String> {
        let options = serde_saphyr::ser_options! {
            quote_all: true,
            prefer_block_scalars: false,
            compact_list_indent: false,
        };
        let text = serde_saphyr::to_string_with_options(self, options).map_err(|error| error.to_string())?;
        Ok(format!("{}\n", text.trim_end_matches('\n')))
    }
}

impl Serialize for Yaml {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Yaml::Nothing => serializer.serialize_unit(),
            Yaml::Switch(switch) => serializer.serialize_bool(*switch),
            Yaml::Whole(whole) => serializer.serialize_i64(*whole),
            Yaml::Fraction(fraction) => serializer.serialize_f64(*fraction),
            Yaml::Text(text) => serializer.serialize_str(text),
            Yaml::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Yaml::Mapping(entries) => {
                let mut mapping = serializer.serialize_map(Some(entries.len()))?;
                for (name, value) in entries {
                    mapping.serialize_entry(name, value)?;
                }
                mapping.end()
            }
        }
    }
}
