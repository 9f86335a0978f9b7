//! One binary, a module per topic.

mod checks;
mod script;
