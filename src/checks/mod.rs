//! Declarative checks, and what they make of the facts. Does no I/O, reads no clock, knows no
//! transport.
#![deny(clippy::disallowed_methods)]

mod case;
mod catalog;
mod check;
mod conclusion;
mod condition;
mod config;
mod docket;
mod engine;
mod error;
mod example;
mod functions;
mod glob;
mod message;
mod message_limits;
mod meter;
mod order;
mod outlook;
mod parameter;
mod precedent;
mod profile;
mod roomy;
pub mod shipped;
mod sight;
mod types;
mod typing;
mod values;
mod verdict;
mod version;
mod vocabulary;
pub mod waiver;
mod yaml;

pub use catalog::{Catalog, Check, Source, compile};
pub use check::{
    CheckFile, CheckProbe, ConditionalSeverity, Example, ExampleHost, Expected, Parse, Scope, SeverityByRole,
    SeverityCase, SeverityRule,
};
pub use conclusion::Conclusion;
pub use condition::{Condition, ConditionError, Truth};
pub use config::Config;
pub use engine::Judge;
pub use error::{LoadError, nearest};
pub use example::{meets, run_example};
pub use functions::{FUNCTIONS, Function};
pub use glob::matches;
pub use order::lint_after;
pub use profile::{Profile, ProfileFile, Profiles};
pub use types::Type;
pub use verdict::{Found, Severity, Status, Verdict};
pub use vocabulary::Vocabulary;
pub use yaml::yaml;
