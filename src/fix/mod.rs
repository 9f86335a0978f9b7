//! `check --fix`: from facts and bytes to a plan, which is pure, and the plan's way back to the host. Nothing is applied that
//! was not planned and shown.
#![deny(clippy::disallowed_methods)]

pub mod apply;
pub mod catalog;
pub mod daemon_json;
mod diff;
mod json_tree;
mod layout;
pub mod look;
pub mod plan;
