//! The transport against SSH servers inside the test process.

mod agent;
mod faults;
mod fleet;
mod gather;
mod handler;
mod host_keys;
mod jumps;
mod keys;
mod local;
mod login;
mod openssh;
mod proxies;
mod run;
mod server;
mod talk;
