//! What NVML tells of this machine, as one JSON document on standard output. airworthy brings this program to hosts with
//! an NVIDIA device, and removes it again.
//!
//! Ends with 0 once a document is printed, whatever it tells (also that NVML could not be loaded); with 3 where it is printed
//! and the library is so old that `nvidia-smi` knows more; with 1 where it could not be written.

use std::io::Write as _;
use std::process::ExitCode;

use airworthy::nvml::{CALL, TOTAL, read};

fn main() -> ExitCode {
    let document = read(CALL, TOTAL);
    let written = serde_json::to_vec(&document).map_err(std::io::Error::from).and_then(|mut text| {
        text.push(b'\n');
        let mut out = std::io::stdout().lock();
        out.write_all(&text)?;
        out.flush()
    });
    // Threads that hang in the library end with this one.
    match written {
        Ok(()) if document.is_too_old() => ExitCode::from(3),
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
