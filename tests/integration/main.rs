//! One binary, a module per topic.

mod architecture;
mod checks;
mod coverage;
mod recorded;
mod script;
