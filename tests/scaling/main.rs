//! What reading costs, in instructions, of inputs that are eight times as long: nothing may be worse than n log n.
//!
//! Time would say the same on an idle machine only. valgrind's callgrind counts instead: it runs this binary's own `workload`, and
//! writes what each reading took, from [`begin`] to [`end`], into a file of its own. It is not part of a plain `cargo test`:
//! `cargo test --test scaling -- --ignored nothing`.

#![allow(clippy::print_stdout)] // the figures

#[allow(dead_code)] // each test binary uses a part of it
#[path = "../support/environment.rs"]
mod environment;
mod inputs;

use std::fs;
use std::hint::black_box;
use std::path::Path;

use inputs::{Input, inputs};

/// How long the inputs are, in lines, items or the like.
const SMALL: usize = 150;
const LARGE: usize = 8 * SMALL;

/// The most that eight times the input may cost: 8 for n, some 11 for n log n at these lengths, 64 for n squared.
const MOST: f64 = 12.0;

/// Below so many instructions, of a large input, nothing is worth a word.
const LITTLE: u64 = 2_000_000;

/// Where counting begins.
#[inline(never)]
fn begin() {
    black_box(());
}

/// Where it ends.
#[inline(never)]
fn end() {
    black_box(());
}

/// What callgrind runs: each input without length, small and large.
#[test]
#[ignore = "run by nothing_is_worse_than_n_log_n, under valgrind"]
fn workload() {
    for Input { read, .. } in inputs() {
        for length in [0, SMALL, LARGE] {
            let mut read = read(length);
            begin();
            read();
            end();
        }
    }
}

#[test]
#[ignore = "takes valgrind and two minutes; CI runs it"]
fn nothing_is_worse_than_n_log_n() {
    let folder = environment::folder();
    let valgrind = Path::new("/usr/bin/valgrind");
    assert!(valgrind.exists(), "valgrind is not installed: apt-get install valgrind");
    let output = environment::command(valgrind)
        .args(["--tool=callgrind", "--dump-before=scaling::begin", "--dump-before=scaling::end"])
        .arg(format!("--callgrind-out-file={}", folder.path().join("out").display()))
        .arg(std::env::current_exe().expect("this binary"))
        .args(["--exact", "workload", "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .expect("valgrind");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    // What came before each reading is counted too.
    let mut counts = (1..).step_by(2).map(|at| instructions(&folder.path().join(format!("out.{}", at + 1))));
    let mut worse = Vec::new();
    let mut calls = 0;
    for Input { name, .. } in inputs() {
        let [none, small, large] = [(); 3].map(|()| counts.next().flatten().expect("a count for each call"));
        let (small, large) = (small.saturating_sub(none).max(1), large.saturating_sub(none));
        let ratio = large as f64 / small as f64;
        println!("{ratio:6.1}  {large:>12}  {name}");
        if large > LITTLE && ratio >= MOST {
            worse.push(format!(
                "{name}: {small} instructions for {SMALL}, {large} for {LARGE}: {ratio:.1} times"
            ));
        }
        calls += 1;
    }
    assert!(calls >= 60, "{calls} inputs");
    assert!(worse.is_empty(), "worse than n log n:\n{}", worse.join("\n"));
}

/// What callgrind counted until a dump; nothing where there is no such dump.
fn instructions(dump: &Path) -> Option<u64> {
    let text = fs::read_to_string(dump).ok()?;
    let totals = text.lines().find_map(|line| line.strip_prefix("totals: "))?;
    totals.trim().parse().ok()
}
