//! `airworthy/handoff/v1`: what was judged, what was started, and how it ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::overriding::LetThrough;
use crate::report::{Outcome, Tool};

/// The schema's name in every record.
pub const SCHEMA: &str = "airworthy/handoff/v1";

/// A whole record. It is written before the start, with `result` null, and again after the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Always `airworthy/handoff/v1`.
    pub schema: String,
    /// Who wrote it.
    pub tool: Tool,
    /// What was judged.
    pub report: ReportRow,
    /// The inventory that was judged.
    pub inventory: crate::report::InventoryRow,
    /// The files that were written, or were there with this very content; none for a kubespray inventory.
    pub written: Vec<FileRow>,
    /// The kubespray that was handed to.
    pub kubespray: Checkout,
    /// `new`, `rerun`, `scale` or `upgrade`.
    pub stage: String,
    /// `--limit`, which ansible-playbook got too.
    pub limit: Option<String>,
    /// Findings that were let through.
    pub overrides: Vec<LetThrough>,
    /// The program and its words; empty where none was made up, for a NO-GO.
    pub command: Vec<String>,
    /// Where it ran.
    pub directory: String,
    /// Whether it was started.
    pub started: bool,
    /// When it was started, RFC 3339.
    pub start: Option<String>,
    /// When it ended, RFC 3339.
    pub end: Option<String>,
    /// How it ended; null while it runs, where this program was killed meanwhile, and where it was not started.
    pub result: Option<Ending>,
}

/// The report behind a handoff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportRow {
    /// Its file.
    pub path: String,
    /// `sha256:…` over the file's bytes.
    pub digest: String,
    /// Its answer, before any override.
    pub verdict: Outcome,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileRow {
    /// Where.
    pub path: String,
    /// `sha256:…` over its bytes.
    pub digest: String,
}

/// A checkout of kubespray.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checkout {
    /// Its folder.
    pub path: String,
    /// The release, as far as it is known.
    pub release: Option<String>,
    /// The commit that is checked out; null where it is no git checkout.
    pub commit: Option<String>,
    /// Whether files that git knows were changed; null where nobody could tell.
    pub dirty: Option<bool>,
}

/// How ansible-playbook ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// It ended by itself, with this status.
    Status(i32),
    /// A signal ended it.
    Signal(i32),
    /// It could not be started, or not be waited for.
    Error(String),
}

/// The JSON Schema of `airworthy/handoff/v1`.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Record);
    schema.insert("$id".to_owned(), SCHEMA.into());
    schema.insert("title".to_owned(), "airworthy's record of a handoff".into());
    schema.to_value()
}
