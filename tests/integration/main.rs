//! One binary, a module per topic.

mod script;
