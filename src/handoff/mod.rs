//! From a GO to kubespray: the inventory that OpenPAI's files stand for, the command that will be run, what lets a report
//! count, and the record of it all. Values in, values out: `run` writes the files and starts the process.
#![deny(clippy::disallowed_methods)]

pub mod acceptance;
pub mod arguments;
pub mod inventory_writer;
mod openpai_variables;
pub mod overriding;
pub mod plan;
pub mod playbook_words;
pub mod record;
mod yaml;
