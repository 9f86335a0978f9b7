//! Facts on disk: one document a host, whole in itself, so that a cluster can be judged again without
//! being visited.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::deployment::Deployment;
use super::host::{HostFacts, HostRecord, Outcome, Subject};
use crate::redact;

/// The schema's name in every document.
pub const SCHEMA: &str = "airworthy/facts/v1";

/// Why a fact is unknown that was not saved: judged again it is no pass.
const NOT_SAVED: &str =
    "not saved: it holds a value that the inventory encrypts, or a password; check the hosts themselves";

/// One host, as saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SavedHost {
    /// Always `airworthy/facts/v1`.
    pub schema: String,
    /// The inventory it stood in.
    pub inventory: SavedInventory,
    /// What the inventory said of it.
    pub host: Subject,
    /// When its facts were read, RFC 3339.
    pub gathered_at: Option<String>,
    /// How long the visit took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// What was read; null where it was not reached.
    pub facts: Option<HostFacts>,
    /// Why it was not reached; null where it was.
    pub unreachable: Option<SavedFailure>,
}

/// The inventory a saved host stood in: the same in every document of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SavedInventory {
    /// `openpai`, `kubespray`, or `none` for a machine by itself.
    pub kind: String,
    /// The files, as given.
    pub sources: Vec<String>,
    /// `sha256:…` over their contents.
    pub digest: String,
    /// Parameters that the inventory's own configuration sets (OpenPAI's config.yaml).
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
    /// What the deployment is to be, as far as the run knew.
    #[serde(default)]
    pub deployment: Deployment,
    /// The host's place among the hosts of its run, from 0.
    pub position: usize,
    /// How many hosts that run had; 0 where a document does not say.
    #[serde(default)]
    pub hosts: usize,
    /// `--limit` of that run.
    #[serde(default)]
    pub limit: Option<String>,
}

/// Why a host was not reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SavedFailure {
    /// How far the visit got.
    pub stage: String,
    /// What happened.
    pub reason: String,
}

impl SavedHost {
    /// A host's document.
    pub fn new(record: &HostRecord, inventory: SavedInventory) -> SavedHost {
        let (facts, unreachable) = match &record.outcome {
            Outcome::Gathered(facts) => (Some((**facts).clone()), None),
            Outcome::Unreachable { stage, reason } => {
                (None, Some(SavedFailure { stage: stage.clone(), reason: reason.clone() }))
            }
        };
        SavedHost {
            schema: SCHEMA.to_owned(),
            inventory,
            host: record.subject.clone(),
            gathered_at: record.gathered_at.clone(),
            duration_ms: record.duration_ms,
            facts,
            unreachable,
        }
    }

    /// The document as JSON text. A fact that holds a remembered secret is unknown in it: with stars in its place a condition
    /// would be judged of something else. daemon.json keeps its keys.
    ///
    /// # Errors
    /// Never, as long as it holds nothing but text, numbers and maps.
    pub fn to_json(&self, pretty: bool) -> serde_json::Result<String> {
        fn text(document: &impl Serialize, pretty: bool) -> serde_json::Result<String> {
            if pretty { serde_json::to_string_pretty(document) } else { serde_json::to_string(document) }
        }
        let whole = text(self, pretty)?;
        if !redact::holds_known(&whole) && !whole.contains(redact::ENCRYPTED) {
            return Ok(whole);
        }
        let mut value = serde_json::to_value(self)?;
        forget_secrets(&mut value, &mut Vec::new());
        text(&value, pretty)
    }

    /// Reads a document.
    ///
    /// # Errors
    /// Where it is not one, is of another version, or says both or neither of facts and failure.
    pub fn parse(text: &str) -> Result<SavedHost, String> {
        let saved: SavedHost = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if saved.schema != SCHEMA {
            return Err(format!("its schema is `{}`, expected `{SCHEMA}`: gather again", saved.schema));
        }
        match (&saved.facts, &saved.unreachable) {
            (Some(_), None) | (None, Some(_)) => Ok(saved),
            _ => Err("it must have either `facts` or `unreachable`".to_owned()),
        }
    }

    /// The host as a run knows it.
    pub fn record(self) -> HostRecord {
        let outcome = match (self.facts, self.unreachable) {
            (Some(facts), _) => Outcome::Gathered(Box::new(facts)),
            (None, Some(failure)) => Outcome::Unreachable { stage: failure.stage, reason: failure.reason },
            (None, None) => {
                Outcome::Unreachable { stage: "facts".to_owned(), reason: "no facts were saved".to_owned() }
            }
        };
        HostRecord {
            subject: self.host,
            gathered_at: self.gathered_at,
            duration_ms: self.duration_ms,
            outcome,
        }
    }
}

/// Takes remembered secrets out of a document.
fn forget_secrets(value: &mut Value, path: &mut Vec<String>) {
    match value {
        Value::String(text) => *text = redact::shown(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| forget_secrets(item, path)),
        Value::Object(fields) => {
            let is_fact = fields.contains_key("source") && fields.contains_key("known");
            let keeps_shape = path.ends_with(&["docker".to_owned(), "config".to_owned()]);
            let is_encrypted =
                fields.get("source").and_then(Value::as_str).is_some_and(|it| it.contains(redact::ENCRYPTED));
            if is_fact && !keeps_shape && (is_encrypted || holds_secret(&fields["known"])) {
                fields.remove("known");
                fields.remove("omitted");
                fields.insert("unknown".to_owned(), NOT_SAVED.into());
            }
            for (key, value) in fields {
                path.push(key.clone());
                forget_secrets(value, path);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn holds_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => redact::holds_known(text),
        Value::Array(items) => items.iter().any(holds_secret),
        Value::Object(fields) => fields.values().any(holds_secret),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{NOT_SAVED, forget_secrets};
    use crate::redact;

    #[test]
    fn a_fact_with_a_secret_is_unknown_and_daemon_json_keeps_its_keys() {
        redact::remember("zqSavedSecret1");
        let config = json!({"known": {"labels": ["a=zqSavedSecret1"], "debug": true}, "source": "/x"});
        let mut document = json!({
            "host": {"address": "zqSavedSecret1"},
            "facts": {
                "variables": {"kube_network_plugin": {"known": "zqSavedSecret1", "source": "a.yml:1"}},
                "network": {"mtus": {"known": [1, "x zqSavedSecret1 y"], "omitted": 3, "source": "ip"}},
                "os": {"id": {"known": "ubuntu", "source": "zqSavedSecret1"}},
                "docker": {"config": config},
            }
        });
        forget_secrets(&mut document, &mut Vec::new());
        let unknown = |source: &str| json!({"unknown": NOT_SAVED, "source": source});
        let expected: Value = json!({
            "host": {"address": redact::STARS},
            "facts": {
                "variables": {"kube_network_plugin": unknown("a.yml:1")},
                "network": {"mtus": unknown("ip")},
                "os": {"id": {"known": "ubuntu", "source": redact::STARS}},
                "docker": {"config": {"known": {"labels": [format!("a={}", redact::STARS)], "debug": true}, "source": "/x"}},
            }
        });
        assert_eq!(document, expected);
    }
}
