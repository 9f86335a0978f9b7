//! Declarative checks, and what they make of the facts. Does no I/O, reads no clock, knows no
//! transport.

mod check;
mod condition;
mod error;
mod functions;
mod types;
mod typing;
mod verdict;
mod version;
mod vocabulary;

pub use check::{CheckFile, CheckProbe, Example, ExampleHost, Expected, Parse, Scope, SeverityByRole};
pub use condition::{Condition, ConditionError, Truth};
pub use error::{LoadError, nearest};
pub use functions::{FUNCTIONS, Function};
pub use types::Type;
pub use verdict::{Found, Severity, Status, Verdict};
pub use vocabulary::Vocabulary;
