//! Asks this machine what Ansible would run with, while the hosts are visited.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use crate::facts::control_node::ControlNode;
use crate::kubespray::control_node::{Question, ask};

/// An answer that is on its way.
pub(super) struct Inquiry {
    thread: Mutex<Option<JoinHandle<ControlNode>>>,
    answer: OnceLock<ControlNode>,
}

impl Inquiry {
    /// Starts to ask.
    pub(super) fn start(question: Question) -> Inquiry {
        let thread = thread::Builder::new().spawn(move || ask(&question));
        Inquiry { thread: Mutex::new(thread.ok()), answer: OnceLock::new() }
    }

    /// The answer, which is waited for: what is asked has deadlines of its own.
    pub(super) fn answer(&self) -> &ControlNode {
        self.answer.get_or_init(|| {
            let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            thread.and_then(|thread| thread.join().ok()).unwrap_or_default()
        })
    }
}
