//! The command line that starts the script: all that `ps` and sudo's log ever show.
//!
//! It must be one line that any login shell takes as it is (so: single quotes without a quote or a
//! line end inside), and it must get to root without the password ever reaching a shell: under
//! NOPASSWD sudo would not read the password and the shell would run it as a command. Hence:
//!
//! - without a password the script is sent at once;
//! - with one, the host is sent the boundary, and says whether it wants the password (`password`) or
//!   not (`ready`). No command line and no environment ever holds the boundary: others can read those.
//!
//! sudo's own stdin is a fifo that holds the one line, so that a wrong password costs one attempt
//! and never reads the script as the next one; the script then comes through another. sudo's first try
//! has no stdin at all: with `use_pty` sudo would read ahead of the command it runs.
//!
//! What waits for us ends after [`PATIENCE`] seconds, for a client may stop and its connection stay.
//!
//! sudo is only ever asked for `/bin/sh`, and root's shell takes no program from the login user's PATH, which sudo leaves where
//! it has no `secure_path`: the script decides which folders of it count. Where the login itself is root, even `id` is one that root owns.

/// How long the host waits for what it is sent, in seconds.
const PATIENCE: u32 = 30;

/// Sets `u` to the user's number.
const WHO: &str = "IFS=:; for i in $PATH /bin /usr/bin; do i=$i/id; \
     [ -O \"$i\" ] && [ -O \"${i%/*}\" ] && [ -x \"$i\" ] && break; done; unset IFS; u=$(\"$i\" -u 2>/dev/null); ";

/// Sets `q` to what root's shell begins with. See `trust.sh`, which reads `path__`.
const ROOTS_PATH: &str =
    "q=\"path__=\\$PATH; PATH=/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin; \"; ";

/// Sets `f` to functions: `g` is a clock in the background, `k`, which runs `o` in the end. It leaves no `sleep` behind.
fn clock() -> String {
    format!(
        "f=\"z() {{ [ \\\"\\$!\\\" = \\\"\\$j\\\" ] || kill -9 \\$!; exit; }}; \
         g() {{ j=\\$!; (trap z TERM; sleep {PATIENCE} & wait \\$!; o) </dev/null >/dev/null 2>&1 & k=\\$!; }}; \"; "
    )
}

/// Sets `w` to what reads `length` bytes of script and runs them. Of a script that was cut nothing is run.
fn reader(length: usize) -> String {
    format!(
        "w=\"x__=\\$(exec 7<&0; head -c {length} <&7 & h=\\$!; o() {{ kill \\$h; }}; g; wait \\$h && kill \\$k); \
         eval \\\"\\$x__\\\"\"; "
    )
}

/// Command line for a script of `length` bytes when no password is at hand.
pub fn plain(length: usize) -> String {
    let (clock, reader) = (clock(), reader(length));
    format!(
        "/bin/sh -c 'LC_ALL=C; export LC_ALL; {WHO}{ROOTS_PATH}{clock}{reader}\
         if [ \"$u\" = 0 ]; then exec /bin/sh -c \"$q$f$w\" sh root; fi; \
         e=$(sudo -kn /bin/sh -c : 2>&1 </dev/null) && exec sudo -kn /bin/sh -c \"$q$f$w\" sh nopasswd; \
         exec /bin/sh -c \"$f$w\" sh user \"$e\"'"
    )
}

/// Command line for a script of `length` bytes when a password may be needed. The boundary, which marks what it says, is
/// the first line that it reads.
pub fn with_password(length: usize) -> String {
    let (clock, reader) = (clock(), reader(length));
    // Of a fifo that is not the login user's own root reads nothing: its folder may be one where others write. The password is
    // waited for also where sudo did not: what comes behind it is the script.
    format!(
        "/bin/sh -c 'LC_ALL=C; export LC_ALL; umask 077; {WHO}{ROOTS_PATH}{clock}{reader}\
         eval \"$f\"; o() {{ kill -9 $$; }}; g; IFS= read -r b || {{ kill $k; exit; }}; kill $k; \
         r() {{ printf \"\\n@%s ready\\n\" \"$b\"; }}; \
         if [ \"$u\" = 0 ]; then r; exec /bin/sh -c \"$q$f$w\" sh root; fi; \
         if e=$(sudo -kn /bin/sh -c : 2>&1 </dev/null); then r; exec sudo -kn /bin/sh -c \"$q$f$w\" sh nopasswd; fi; \
         if d=$(mktemp -d) && mkfifo \"$d/p\" \"$d/w\"; then \
         y() {{ rm -rf \"$d\"; exit; }}; trap y HUP INT TERM PIPE; exec 3<&0; \
         ({{ printf \"%s\\n\" \"$b\"; exec cat; }} <&3 >\"$d/p\") & c=$!; (exec head -n 1 <&3 >\"$d/w\") & h=$!; \
         o() {{ [ ! -d \"$d\" ] || {{ rm -rf \"$d\"; kill -9 $h $c $$; }}; }}; g; \
         printf \"\\n@%s password\\n\" \"$b\"; \
         sudo -kS -p \"\" /bin/sh -c \"$q exec <\\\"\\$1\\\"; \
         [ -z \\\"\\$SUDO_UID\\\" ] || [ \\\"\\$(stat -L -c %u:%a /proc/self/fd/0)\\\" = \\\"\\$SUDO_UID:600\\\" ] || exit; \
         rm -r \\\"\\${{1%/p}}\\\"; IFS= read -r b; printf \\\"\\n@%s ready\\n\\\" \\\"\\$b\\\"; \
         set -- password; $f$w\" sh \"$d/p\" <\"$d/w\" 2>\"$d/e\"; \
         wait $h; kill $c $k 2>/dev/null; [ -d \"$d\" ] || exit 0; e=$(cat \"$d/e\"); exec <&3; fi; \
         [ -z \"$d\" ] || rm -rf \"$d\"; trap - HUP INT TERM PIPE; r; exec /bin/sh -c \"$f$w\" sh refused \"$e\"'"
    )
}
