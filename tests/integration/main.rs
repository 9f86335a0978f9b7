//! One binary, a module per topic.

mod architecture;
mod check_files;
mod checkouts;
mod checks;
mod command_line;
mod control_node;
mod coverage;
mod deletions;
#[allow(dead_code)] // each test binary uses a part of it
#[path = "../support/environment.rs"]
mod environment;
mod first_contact;
mod ground;
mod harness;
mod impostors;
mod interruption;
mod kubespray_host;
mod kubespray_profile;
mod limits;
mod output_files;
mod probe_text;
mod recorded;
mod releases;
mod reliability;
mod remedies;
mod robustness;
mod saved_facts;
mod script;
mod secrets;
mod selection;
mod terminal_safety;
mod trust;
#[path = "../support/vault.rs"]
mod vault;
mod waivers;
mod written;
