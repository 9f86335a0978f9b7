//! The kubespray that will deploy: what its checkout demands, and how an inventory fares by that. Reads the user's
//! checkout; the rest is pure.

mod asserts;
mod checkout;
pub mod control_node;
mod demands;
mod distributions;
mod docker_unit;
mod git;
mod gone;
mod names;
mod reading;
mod requirements;
mod roles;
mod survey;
mod table;
mod tailored;

pub use demands::{CheckoutError, Demands, Gone};
pub use names::Names;
pub use survey::{Survey, survey, survey_hosts};
pub use tailored::tailored;
