//! Folders with inventories in them, and the built binary there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use airworthy::inventory::{Inventory, load};
use serde_json::Value;

use crate::environment;

/// Writes files and gives their folder.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = environment::folder();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

pub(crate) fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// An inventory in which `node1` has these variables.
pub(crate) fn with(variables: &Value) -> Inventory {
    let text = variables.to_string();
    let folder = folder(&[
        ("hosts.ini", "[kube_control_plane]\nnode1\n[kube_node]\nnode1\nnode2 ip=10.0.0.2\n"),
        ("host_vars/node1.json", &text),
    ]);
    load(&[folder.path().join("hosts.ini")]).unwrap()
}

/// What `ansible-inventory` printed.
pub(crate) fn printed(bytes: &[u8]) -> Value {
    without_profile(serde_json::from_slice(bytes).unwrap())
}

/// Without what only ansible-core since 2.19 prints.
pub(crate) fn without_profile(mut listed: Value) -> Value {
    listed["_meta"].as_object_mut().unwrap().remove("profile");
    listed
}

/// Runs the binary in a folder, with an environment of its own.
pub(crate) fn airworthy(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = environment::command(env!("CARGO_BIN_EXE_airworthy"))
        .env("PATH", folder.join("bin"))
        .env("COLUMNS", "120")
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}
