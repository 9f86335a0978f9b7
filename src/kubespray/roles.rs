//! The defaults of a checkout's roles.

use std::path::{Path, PathBuf};

use super::checkout::Checkout;
use super::demands::CheckoutError;
use crate::inventory::RoleVars;

/// Reads the defaults of all roles. Those of the role that all plays load count most, above them its vars.
pub(super) fn defaults(checkout: &Checkout) -> Result<RoleVars, CheckoutError> {
    let mut files: Vec<(u8, String)> = Vec::new();
    for path in checkout.files("roles")? {
        if let Some(rank) = rank(&path) {
            files.push((rank, path));
        }
    }
    files.sort();
    let mut texts = Vec::with_capacity(files.len());
    for (_, path) in files {
        if let Some(text) = checkout.text(&path)? {
            texts.push((PathBuf::from(path), text));
        }
    }
    let files = texts.iter().map(|(path, text)| (path.as_path(), text.as_str()));
    RoleVars::of(files).map_err(|complaint| CheckoutError {
        path: checkout.folder.join(&complaint.file),
        reason: format!("line {}: {}; {}", complaint.line, complaint.message, complaint.help),
    })
}

/// The place of a file of variables among all: later ones count before earlier ones. `None` for any other file.
fn rank(path: &str) -> Option<u8> {
    let file = Path::new(path);
    if file.extension()? != "yml" && file.extension()? != "yaml" {
        return None;
    }
    // `defaults/main.yml`, or `defaults/main/*.yml` since 2.22.
    let folder = file.parent()?;
    let whole = file.file_stem()? == "main" && (folder.ends_with("defaults") || folder.ends_with("vars"));
    let part = folder.ends_with("defaults/main") || folder.ends_with("vars/main");
    if !whole && !part {
        return None;
    }
    let of_all =
        path.starts_with("roles/kubespray-defaults/") || path.starts_with("roles/kubespray_defaults/");
    let are_vars = folder.ends_with("vars") || folder.ends_with("vars/main");
    match (of_all, are_vars) {
        (true, true) => Some(3),
        (true, false) => Some(2),
        (false, false) if path.starts_with("roles/download/") => Some(0),
        (false, false) => Some(1),
        // Vars of one role are seen by that role alone.
        (false, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn defaults_of_all_releases_are_found_in_their_order() {
        let rank_of = |path| rank(path).unwrap_or_else(|| panic!("{path} is left out"));
        let order = [
            "roles/download/defaults/main.yml",
            "roles/container-engine/docker/defaults/main.yml",
            "roles/kubespray-defaults/defaults/main.yaml",
        ];
        assert!(rank_of(order[0]) < rank_of(order[1]) && rank_of(order[1]) < rank_of(order[2]));
        assert!(rank_of(order[1]) < rank_of("roles/kubespray-defaults/defaults/main/download.yml"));
        assert!(
            rank_of("roles/kubespray_defaults/defaults/main/main.yml")
                < rank_of("roles/kubespray_defaults/vars/main/checksums.yml")
        );
        for other in [
            "roles/container-engine/docker/vars/amazon.yml",
            "roles/x/vars/main.yml",
            "roles/x/tasks/main.yml",
        ] {
            assert_eq!(rank(other), None, "{other}");
        }
    }
}
