//! Who runs this.

use std::env;
use std::path::Path;

use crate::input;

/// The login name of the user who runs this, as OpenSSH would take it.
pub(super) fn login_name() -> String {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let passwd = input::read_text(Path::new("/etc/passwd"), input::MIB).unwrap_or_default();
    let listed = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    // A user of LDAP is not in the file; one of a container has no variables.
    listed.or_else(|| env::var("LOGNAME").ok()).or_else(|| env::var("USER").ok()).unwrap_or(uid)
}
