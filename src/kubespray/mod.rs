//! The kubespray that will deploy: what its checkout demands, and how an inventory fares by that. Reads the user's
//! checkout; the rest is pure.

mod ansible_facts;
mod asserts;
mod candidates;
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

pub use ansible_facts::ansible_facts;
pub use candidates::{CandidateSurvey, lenient, survey_candidates};
pub use demands::{CheckoutError, Demands, Gone};
pub use names::Names;
pub use survey::{Survey, survey, survey_hosts, survey_inventory};
pub use tailored::tailored;
