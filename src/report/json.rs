//! `--format json`: the report itself, and the schema that it promises.

use std::io::{self, Write};

use rayon::prelude::*;
use schemars::schema_for;
use serde_json::{Value, json};

use super::document::{Report, SCHEMA};
use super::layout::{self, Layouts};

/// How many verdicts are laid out in one piece: some hundred kilobytes.
const PIECE: usize = 256;

/// Writes the whole report as JSON, with a newline at its end: piece by piece, for a report of a thousand hosts is
/// tens of megabytes. All cores lay pieces out while those before them are written.
///
/// # Errors
/// The writer's own.
pub fn write(report: &Report, mut into: impl Write) -> io::Result<()> {
    let frame = serde_json::to_string_pretty(&without_results(report))?;
    // A line end within JSON is never part of a value, and this deep only the report's own keys stand.
    let Some((before, after)) = frame.split_once(NO_RESULTS).filter(|_| !report.results.is_empty()) else {
        return into.write_all(render(report).as_bytes());
    };
    into.write_all(before.as_bytes())?;
    into.write_all(layout::BEFORE.as_bytes())?;
    let layouts = Layouts::default();
    let mut ready: Vec<io::Result<Vec<u8>>> = Vec::new();
    let mut is_first = true;
    let rounds = report.results.chunks(PIECE * 2 * rayon::current_num_threads());
    for round in rounds.map(Some).chain([None]) {
        let mut next = Vec::new();
        rayon::in_place_scope(|scope| {
            if let Some(round) = round {
                scope.spawn(|_| next = round.par_chunks(PIECE).map(|piece| layouts.lay_out(piece)).collect());
            }
            ready.drain(..).try_for_each(|piece| {
                if !std::mem::take(&mut is_first) {
                    into.write_all(b",")?;
                }
                into.write_all(&piece?)
            })
        })?;
        ready = next;
    }
    into.write_all(layout::BEHIND.as_bytes())?;
    into.write_all(after.as_bytes())?;
    into.write_all(b"\n")?;
    into.flush()
}

const NO_RESULTS: &str = "\n  \"results\": []";

fn without_results(report: &Report) -> Report {
    Report {
        schema: report.schema.clone(),
        tool: report.tool.clone(),
        mode: report.mode,
        verdict: report.verdict,
        fail_on: report.fail_on,
        scope: report.scope.clone(),
        started_at: report.started_at.clone(),
        duration_ms: report.duration_ms,
        profile: report.profile.clone(),
        profile_source: report.profile_source,
        parameters: report.parameters.clone(),
        inventory: report.inventory.clone(),
        kubespray: report.kubespray.clone(),
        summary: report.summary.clone(),
        hosts: report.hosts.clone(),
        results: Vec::new(),
        fixes: report.fixes.clone(),
    }
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
    use std::sync::Arc;

    use super::*;
    use crate::checks::Verdict;
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
    fn what_is_written_in_pieces_is_what_is_rendered_whole() {
        let mut samples = sample::all();
        let mut large = sample::findings();
        let more = large.results.iter().cycle().take(PIECE * 2 * rayon::current_num_threads() + 1);
        large.results = more.cloned().collect();
        let mut empty = sample::healthy();
        empty.results.clear();
        samples.extend([large, empty]);
        for report in samples {
            let mut written = Vec::new();
            write(&report, &mut written).expect("memory takes it");
            assert!(written == render(&report).as_bytes(), "{} results", report.results.len());
        }
    }

    #[test]
    fn hosts_that_share_a_conclusion_keep_their_own_names() {
        let mut report = sample::healthy();
        let shared = Arc::clone(report.results[0].conclusion());
        let hosts = [Some("a"), Some("\"b\",\n      \"host\": null,"), None, Some("a")];
        report.results = hosts.map(|host| Verdict::new(host.map(Into::into), Arc::clone(&shared))).to_vec();
        let mut written = Vec::new();
        write(&report, &mut written).expect("memory takes it");
        assert_eq!(String::from_utf8(written).expect("text"), render(&report));
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
