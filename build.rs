//! Embeds every file of `checks/` and `profiles/`: a check is there by lying in its folder.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut code = String::new();
    for (folder, list) in [("checks", "CHECKS"), ("profiles", "PROFILES")] {
        println!("cargo::rerun-if-changed={folder}");
        let _ = writeln!(code, "/// Id and text of every file of `{folder}/`.");
        let _ = writeln!(code, "pub static {list}: &[(&str, &str)] = &[");
        for file in files(&root.join(folder))? {
            println!("cargo::rerun-if-changed={}", file.display());
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let _ = writeln!(code, "    ({stem:?}, include_str!({:?})),", file.display().to_string());
        }
        code.push_str("];\n");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("shipped.rs"), code)
}

/// The YAML files of a folder, sorted; anything else there but its README is a mistake.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml") => files.push(path),
            Some("md") => {}
            _ => return Err(io::Error::other(format!("{} is not a .yaml file", path.display()))),
        }
    }
    files.sort();
    Ok(files)
}
