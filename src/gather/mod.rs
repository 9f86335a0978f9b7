//! Builds the one script from all probes, runs it on a host, and frames the answer into a
//! transcript. Never judges.

pub mod bootstrap;
mod boundary;
mod elf;
mod error;
mod frame;
mod helpers;
mod need;
mod pause;
mod process;
mod quote;
mod script;
mod supply;
mod visit;

pub use boundary::random as random_boundary;
pub use error::FrameError;
pub use frame::{Answered, Clock, boundary_of, take_apart};
pub use helpers::Helpers;
pub use quote::shell_quote;
pub(crate) use script::pare;
pub use script::{Errand, OwnProbe, Script, total_deadline};
pub use supply::Supply;
pub use visit::{Gathered, Heard, SudoPassword, conversation_limit, converse, hear, visit};
