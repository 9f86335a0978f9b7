//! Compiles `nvml_stub.c`, the NVML library that plays.

use std::path::{Path, PathBuf};

/// Puts `libnvidia-ml.so.1` into a folder; `old` is the library of driver 418.
pub(crate) fn compile(folder: &Path, old: bool) -> PathBuf {
    let library = folder.join("libnvidia-ml.so.1");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/nvml_stub.c");
    let mut cc = crate::environment::cc();
    cc.args(["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source);
    if old {
        cc.arg("-DOLD");
    }
    let done = cc.arg("-ldl").output().expect("cc starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    library
}
