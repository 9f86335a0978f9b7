//! What conditions can call beyond standard CEL.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cel::common::ast::{CallExpr, Expr};
use cel::parser::Macro;
use cel::{Context, Env, ExecutionError, FunctionContext};
use ipnet::IpNet;
use regex::{Regex, RegexBuilder};

use super::types::Type;
use super::{meter, version};
use crate::facts::accelerator_model::same_model;
use crate::facts::registries::base_url;

/// A function conditions can call: its name, what it takes, what it gives.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// The types of its arguments.
    pub takes: &'static [Type],
    /// The type of its value.
    pub gives: Type,
    /// What it means, for docs and diagnostics.
    pub means: &'static str,
}

/// Every function beyond standard CEL.
pub const FUNCTIONS: [Function; 9] = [
    Function {
        name: "version_at_least",
        takes: &[Type::String, Type::String],
        gives: Type::Bool,
        means: "the first version is the second or newer; `20.10.24+dfsg1` and `5.4.0-150-generic` are versions",
    },
    Function {
        name: "version_newer",
        takes: &[Type::String, Type::String],
        gives: Type::Bool,
        means: "the first version is newer than the second",
    },
    Function {
        name: "version_matches",
        takes: &[Type::String, Type::String],
        gives: Type::Bool,
        means: "the version is one of those that are asked for as pip and galaxy.yml write it: `>=2.5.0,<3`; empty is any",
    },
    Function {
        name: "quantity",
        takes: &[Type::String],
        gives: Type::Double,
        means: "a Kubernetes quantity as a number: `quantity(\"60Gi\")` is in bytes",
    },
    Function {
        name: "network_contains",
        takes: &[Type::String, Type::String],
        gives: Type::Bool,
        means: "the network (`10.0.0.0/8`) contains the address or the whole other network",
    },
    Function {
        name: "networks_overlap",
        takes: &[Type::String, Type::String],
        gives: Type::Bool,
        means: "the two networks share an address",
    },
    Function {
        name: "same_model",
        takes: &[Type::String, Type::String],
        gives: Type::Bool,
        means: "the product's name has the promised model's words, whatever the case and the punctuation",
    },
    Function {
        name: "registry_url",
        takes: &[Type::String],
        gives: Type::String,
        means: "a registry's base URL: `docker.io` is the hub, `host[:port]` speaks HTTPS",
    },
    Function {
        name: "unknown",
        takes: &[Type::String],
        gives: Type::Any,
        means: "makes the verdict unknown, with this reason",
    },
];

/// CEL's standard library. Its `text.matches(pattern)` compiles the pattern at every call, which takes a hundred times as long
/// as the search; it is read as a call of [`MATCHES`] instead.
pub(super) fn library() -> &'static Arc<Env> {
    static LIBRARY: LazyLock<Arc<Env>> = LazyLock::new(|| {
        let mut library = Env::stdlib();
        let ours = Macro::receiver("matches", 1, |helper, text, pattern| {
            let args = text.take().into_iter().chain(pattern.drain(..)).collect();
            let call = CallExpr { func_name: MATCHES.to_owned(), target: None, args };
            Ok(Some(helper.next_expr(Expr::Call(call))))
        });
        // The library has no macro of that name, which is the only way this can fail; a test counts on ours.
        let _ = library.add_macro(ours);
        meter::declare(&mut library);
        Arc::new(library)
    });
    &LIBRARY
}

/// Our `matches`.
pub(super) const MATCHES: &str = "@matches";

/// How many patterns are kept compiled: conditions have few, and patterns out of facts have no end.
const MOST_PATTERNS: usize = 64;

/// The most that a compiled pattern may take, in bytes.
const LARGEST_PATTERN: usize = 1024 * 1024;

/// Patterns that were compiled, by their text.
#[derive(Default)]
struct Patterns(Mutex<HashMap<String, Regex>>);

impl Patterns {
    fn matches(&self, text: &str, pattern: &str) -> Result<bool, ExecutionError> {
        let mut compiled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(regex) = compiled.get(pattern) {
            return Ok(regex.is_match(text));
        }
        meter::pay_pattern(pattern.len())?;
        let regex = RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).build().map_err(|error| {
            let message = format!("'{pattern}' not a valid regex:\n{error}");
            ExecutionError::function_error("matches", message)
        })?;
        let is_match = regex.is_match(text);
        if compiled.len() < MOST_PATTERNS {
            compiled.insert(pattern.to_owned(), regex);
        }
        Ok(is_match)
    }
}

/// What [`unknown`](FUNCTIONS) is called in the error it raises.
pub(super) const UNKNOWN: &str = "unknown";

/// Teaches a context the functions.
pub(super) fn register(context: &mut Context<'_, '_>) {
    // None of these names is one of CEL's own, which is the only way this can fail; a test calls each.
    let _ = context
        .add_function("version_at_least", |f: &FunctionContext<'_, '_>, a: Arc<String>, b: Arc<String>| {
            compare(f, &a, &b).map(Ordering::is_ge)
        });
    let _ = context
        .add_function("version_newer", |f: &FunctionContext<'_, '_>, a: Arc<String>, b: Arc<String>| {
            compare(f, &a, &b).map(Ordering::is_gt)
        });
    let _ = context.add_function(
        "version_matches",
        |f: &FunctionContext<'_, '_>, version: Arc<String>, wanted: Arc<String>| {
            version::matches(&version, &wanted)
                .ok_or_else(|| f.error(format!("`{version}` cannot be held against `{wanted}`")))
        },
    );
    let _ = context.add_function("quantity", |f: &FunctionContext<'_, '_>, text: Arc<String>| {
        quantity(&text).ok_or_else(|| f.error(format!("`{text}` is not a quantity such as 60Gi")))
    });
    let _ = context.add_function(
        "network_contains",
        |f: &FunctionContext<'_, '_>, net: Arc<String>, of: Arc<String>| {
            let net = network(f, &net)?;
            Ok::<bool, ExecutionError>(match of.parse::<IpAddr>() {
                Ok(address) => net.contains(&address),
                Err(_) => net.contains(&network(f, &of)?),
            })
        },
    );
    let _ = context.add_function(
        "networks_overlap",
        |f: &FunctionContext<'_, '_>, a: Arc<String>, b: Arc<String>| {
            let (a, b) = (network(f, &a)?, network(f, &b)?);
            Ok::<bool, ExecutionError>(a.contains(&b) || b.contains(&a))
        },
    );
    let _ = context
        .add_function("same_model", |name: Arc<String>, promised: Arc<String>| same_model(&name, &promised));
    let _ = context.add_function("registry_url", |f: &FunctionContext<'_, '_>, registry: Arc<String>| {
        base_url(&registry).map(cel::Value::from).map_err(|reason| f.error(reason))
    });
    let patterns = Patterns::default();
    let _ = context.add_function(MATCHES, move |text: Arc<String>, pattern: Arc<String>| {
        patterns.matches(&text, &pattern)
    });
    let _ = context.add_function(UNKNOWN, |reason: Arc<String>| -> Result<bool, ExecutionError> {
        Err(ExecutionError::function_error(UNKNOWN, reason))
    });
}

fn compare(f: &FunctionContext<'_, '_>, a: &str, b: &str) -> Result<Ordering, ExecutionError> {
    version::compare(a, b).ok_or_else(|| f.error(format!("`{a}` and `{b}` are not both versions")))
}

fn network(f: &FunctionContext<'_, '_>, text: &str) -> Result<IpNet, ExecutionError> {
    text.parse().map_err(|_| f.error(format!("`{text}` is not a network such as 10.0.0.0/8")))
}

/// A Kubernetes quantity: a decimal number and a suffix (`Ki` … `Ei`, `k` … `E`, `m`).
fn quantity(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 13] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    let text = text.trim();
    let (number, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))
        .unwrap_or((text, 1.0));
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    let plain = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    plain.then(|| number.parse::<f64>().ok()).flatten().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::same_model;

    #[test]
    fn models_are_told_apart_by_words() {
        for (name, promised, same) in [
            ("Tesla K80", "K80", true),
            ("Tesla K80", "teslak80", true),
            ("NVIDIA A100-SXM4-80GB", "A10", false),
            ("NVIDIA L40", "L4", false),
            ("Tesla V100-SXM2-32GB", "V100-32GB", true),
            ("NVIDIA GeForce GTX 1080 Ti", "GTX-1080Ti", true),
            ("Tesla K80", "", false),
        ] {
            assert_eq!(same_model(name, promised), same, "{name} {promised}");
        }
    }
}
