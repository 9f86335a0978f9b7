//! The command line that starts the script: all that `ps` and sudo's log ever show.
//!
//! It must be one line that any login shell takes as it is (so: single quotes without a quote or a
//! line end inside), and it must get to root without the password ever reaching a shell: under
//! NOPASSWD sudo would not read the password and the shell would run it as a command. Hence:
//!
//! - without a password the script is sent at once;
//! - with one, the host first says whether it wants it (`password`) or not (`ready`).
//!
//! sudo's own stdin is a pipe that holds the one line, so that a wrong password costs one attempt
//! and never reads the script as the next one; the script then comes through a fifo. `sudo -kn true`
//! has no stdin at all: with `use_pty` sudo would read ahead of the command it runs.

/// Command line for a script of `length` bytes when no password is at hand.
pub fn plain(length: usize) -> String {
    format!(
        "sh -c 'LC_ALL=C; export LC_ALL; w=\"eval \\\"\\$(head -c $1)\\\"\"; \
         if [ \"$(id -u)\" = 0 ]; then exec sh -c \"$w\" sh root; fi; \
         e=$(sudo -kn true 2>&1 </dev/null) && exec sudo -kn sh -c \"$w\" sh nopasswd; \
         exec sh -c \"$w\" sh user \"$e\"' sh {length}"
    )
}

/// Command line for a script of `length` bytes when a password may be needed; `boundary` marks what
/// it says.
pub fn with_password(length: usize, boundary: &str) -> String {
    format!(
        "sh -c 'LC_ALL=C; export LC_ALL; umask 077; w=\"eval \\\"\\$(head -c $1)\\\"\"; \
         r() {{ printf \"\\n@%s ready\\n\" \"$1\"; }}; \
         if [ \"$(id -u)\" = 0 ]; then r \"$2\"; exec sh -c \"$w\" sh root; fi; \
         if e=$(sudo -kn true 2>&1 </dev/null); then r \"$2\"; exec sudo -kn sh -c \"$w\" sh nopasswd; fi; \
         if d=$(mktemp -d) && mkfifo \"$d/p\"; then exec 3<&0; (exec cat <&3 >\"$d/p\") & c=$!; \
         printf \"\\n@%s password\\n\" \"$2\"; \
         head -n 1 <&3 | sudo -kS -p \"\" sh -c \"exec <\\\"\\$1\\\"; rm -r \\\"\\${{1%/p}}\\\"; \
         printf \\\"\\n@%s ready\\n\\\" \\\"\\$2\\\"; set -- password; $w\" sh \"$d/p\" \"$2\" 2>\"$d/e\"; \
         kill $c 2>/dev/null; [ -d \"$d\" ] || exit 0; e=$(cat \"$d/e\"); rm -rf \"$d\"; exec <&3; fi; \
         r \"$2\"; exec sh -c \"$w\" sh refused \"$e\"' sh {length} {boundary}"
    )
}
