//! What several subjects look for, found by one process ahead of all probes: a process costs a host more than its work does.

use super::probe::Probe;

/// Accelerators of NVIDIA (10de), AMD's graphics (1002) and Enflame (1e36), for the NVML helper's question too; kubelet's
/// processes; TCP sockets that listen; and write locks by fcntl, which package managers hold: of a flock they take no notice.
/// Of a table of sockets the header is taken along: it tells that the table was read. `looked` says whether grep came to its
/// end: 2 is its word for a file that is gone, as a process may be by then.
pub(super) const PROBES: &[Probe] = &[Probe::ahead(
    "first-look",
    // There is no tcp6 where IPv6 is off. The shell itself takes twice as long a file.
    r#"ACCELERATORS= KUBELETS= LISTENING= WRITE_LOCKS= TABLES=/proc/net/tcp TABLES_READ=
[ ! -e /proc/net/tcp6 ] || TABLES="$TABLES /proc/net/tcp6"
nl='
'
found=$(grep -sxHE '0x(10de|1002|1e36)|kubelet|hyperkube| *sl .*| *[0-9]+: [0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:0000 0A .*|[0-9]+: (POSIX|OFDLCK) +[A-Z]+ +WRITE .*' \
    $TABLES /proc/locks /sys/bus/pci/devices/*/vendor /proc/[0-9]*/comm)
LOOKED=$?
looked() { [ "$LOOKED" -le 2 ] || { echo "grep was cut short: status $LOOKED" >&2; return 2; }; }
set -f; IFS=$nl
for f in $found; do
    case $f in
    /proc/net/*:*sl*) TABLES_READ="$TABLES_READ${TABLES_READ:+ }${f%%:*}" ;;
    /proc/net/*) LISTENING=$LISTENING${f#*:}$nl ;;
    /proc/locks:*) WRITE_LOCKS=$WRITE_LOCKS${f#*:}$nl ;;
    /proc/*:kubelet | /proc/*:hyperkube) KUBELETS="$KUBELETS ${f%%:*}" ;;
    /proc/*) ;;
    *) ACCELERATORS="$ACCELERATORS ${f%:*}" ;;
    esac
done
set +f; unset IFS"#,
)];
