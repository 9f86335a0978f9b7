//! This machine: the same conversation with a child process, without SSH.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::account::login_name;
use super::child::{end, reap};
use super::deadline::VisitEnd;
use super::pipes::{Pipes, failed};
use super::{Conversation, Login, Stage, Transport, TransportError, Visit};
use crate::inventory::Host;

/// Runs the command on this machine, as the user who runs this.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    limit: Duration,
}

impl Local {
    /// Conversations may take as long as `limit`.
    pub fn new(limit: Duration) -> Self {
        Local { limit }
    }
}

impl Transport for Local {
    fn run(&self, _host: &Host, conversation: &mut dyn Conversation) -> Result<Visit, TransportError> {
        let mut deadline = VisitEnd::within(Duration::MAX).stage(Stage::Run, self.limit);
        let asked_at = SystemTime::now();
        let beginning = conversation.begin();
        let mut command = Command::new("sh");
        command.arg("-c").arg(beginning.command);
        // A group of its own, so that the deadline ends what the command started too.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|why| failed("cannot start sh", &why))?;
        let result = Pipes::of(&mut child, beginning.opening)
            .map_err(|why| failed("cannot set up the pipes to sh", &why))
            .and_then(|mut pipes| pipes.carry(&mut deadline, conversation));
        match result {
            Ok(()) => reap(child),
            Err(_) => end(child),
        }
        result?;
        Ok(Visit { user: login_name(), login: Login::Local, host_key: None, asked_at })
    }
}
