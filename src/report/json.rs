//! `--format json`: the report itself, and the schema that it promises.

use std::io::{self, BufWriter, Write};

use schemars::schema_for;
use serde_json::{Value, json};

use super::document::{Report, SCHEMA};

/// Writes the whole report as JSON, with a newline at its end: piece by piece, for a report of a thousand hosts is
/// tens of megabytes.
///
/// # Errors
/// The writer's own.
pub fn write(report: &Report, into: impl Write) -> io::Result<()> {
    // The serializer writes a few bytes at a time: into memory that it knows, not through whatever `into` is.
    let mut into = BufWriter::with_capacity(256 * 1024, into);
    serde_json::to_writer_pretty(&mut into, report)?;
    into.write_all(b"\n")?;
    into.flush()
}

/// The whole report as JSON for a person's or a program's eyes, with a newline at its end.
///
/// Nothing is shortened here, and JSON escapes control characters itself.
pub fn render(report: &Report) -> String {
    // A `Report` holds only strings, numbers and maps with string keys, which always serialise;
    // should that ever change, an object that no reader takes for a report is the honest answer.
    let mut text = serde_json::to_string_pretty(report)
        .unwrap_or_else(|error| json!({"schema": SCHEMA, "error": error.to_string()}).to_string());
    text.push('\n');
    text
}

/// The JSON Schema of `airworthy/report/v1`.
pub fn schema() -> Value {
    let mut schema = schema_for!(Report);
    schema.insert("$id".to_owned(), SCHEMA.into());
    schema.insert("title".to_owned(), "airworthy's report".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_sample_obeys_the_schema() {
        let schema = schema();
        assert_eq!(schema["$id"], SCHEMA);
        let validator = jsonschema::validator_for(&schema).expect("the schema is one");
        for report in sample::all() {
            let text = render(&report);
            assert!(text.ends_with("}\n"));
            let value: Value = serde_json::from_str(&text).expect("it is JSON");
            let faults: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
            assert!(faults.is_empty(), "{faults:?}");
            let back: Report = serde_json::from_value(value).expect("it reads back");
            assert_eq!(back, report);
        }
    }

    #[test]
    fn the_schema_refuses_what_is_no_report() {
        let validator = jsonschema::validator_for(&schema()).expect("the schema is one");
        let mut value = serde_json::to_value(sample::healthy()).expect("it serialises");
        value["verdict"] = json!("maybe");
        assert!(!validator.is_valid(&value));
    }

    #[test]
    fn words_are_the_contract() {
        let text = render(&sample::findings());
        for word in ["\"verdict\": \"no-go\"", "\"status\": \"not-applicable\"", "\"severity\": \"error\""] {
            assert!(text.contains(word), "{word} is not in\n{text}");
        }
    }
}
