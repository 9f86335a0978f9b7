//! Core dumps: this program's memory holds passwords, and no file is to.

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// Keeps the kernel from writing this process's memory to a file or to a crash handler. Programs that this one starts, such as
/// ssh and ansible-playbook, become dumpable again with their own memory, and keep the user's limit.
pub fn forbid() {
    if set_dumpable_behavior(DumpableBehavior::NotDumpable).is_err() {
        // The next best: the limit is inherited by the programs that this one starts, and a crash handler may ignore it.
        let _ = setrlimit(
            Resource::Core,
            Rlimit { current: Some(0), maximum: getrlimit(Resource::Core).maximum },
        );
    }
}
