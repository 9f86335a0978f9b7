# airworthy's probe script: reads, never changes. POSIX sh; runs under dash, bash and busybox.
# Names that end in __ are the frame's own; probes leave them alone.
# $1 says how we got here: root, nopasswd, password, user. $2 is what sudo said when it said no.
umask 077
how__=${1:-user} refusal__=$2
printf '\n@%s airworthy 1 %s %s\n' "$mark__" "$(date +%s.%N)" "$how__"

dir__= timer__= pause__= sender__=
finish() {
    # Whoever has ended and was waited for is not among them: the number may be another's by now.
    [ -z "$timer__$pause__$sender__" ] || kill $timer__ $pause__ $sender__ 2>/dev/null
    [ -z "$dir__" ] || rm -rf "$dir__"
}
trap finish EXIT
trap 'exit 1' HUP INT QUIT TERM PIPE ALRM USR1 USR2 XCPU
# Files may not grow any more (ulimit -f): then nothing can be written, which is seen where it is tried.
trap : XFSZ
# The pause begins.
# A here-document is a pipe in dash, in busybox and in bash since 5.1: one that costs no process, if it can be opened again.
events__=
{
    command exec 4<<END
event
END
} 2>/dev/null
if [ -p /proc/self/fd/4 ] && command exec 4<>/proc/self/fd/4; then events__=open; fi 2>/dev/null
why__=
for t in "${TMPDIR:-/tmp}" /tmp /var/tmp /dev/shm /run; do
    loose__=
    [ "$who__" != 0 ] || { real_folder "$t" && takes_files "$at" && t=$at; } || {
        [ -z "$loose__" ] || why__=": others than root may change $loose__"
        continue
    }
    if dir__=$(mktemp -d "$t/airworthy.XXXXXXXXXX" 2>/dev/null); then
        printf '\n@%s out sudo\n%s\n%s\n@%s exit sudo 0\n' "$mark__" "$how__" "$refusal__" "$mark__" >"$dir__/frame.o"
        if [ -s "$dir__/frame.o" ]; then
            [ -z "$events__" ] || break
            if mkfifo "$dir__/events"; then exec 4<>"$dir__/events"; break; fi
        fi
    fi 2>/dev/null
    [ -z "$dir__" ] || rm -rf "$dir__"
    dir__=
done
cd /
if [ -z "$dir__" ]; then
    printf '\n@%s refused no private directory that takes files could be made in /tmp, /var/tmp, /dev/shm or /run%s\n' "$mark__" "$why__"
    exit 1
fi
trap 'exit 1' XFSZ
# What programs put down goes with it.
TMPDIR=$dir__
export TMPDIR

# any PROGRAM...: whether one of them is there.
any() {
    for t in "$@"; do
        if command -v "$t" >/dev/null 2>&1; then return; fi
    done
    return 1
}

# path_of PROGRAM: sets `path` as `command -v` would tell it, which takes a process to hear; empty where there is none.
path_of() {
    path=$1 rest__=$PATH:
    case $1 in */*) rest__= ;; esac
    while [ -n "$rest__" ]; do
        path=${rest__%%:*}/$1 rest__=${rest__#*:}
        if [ -f "$path" ] && [ -x "$path" ]; then return; fi
    done
    if [ -f "$path" ] && [ -x "$path" ]; then return; fi
    path=
}

# Each process writes what its probes say into two files of its own, NAME.o and NAME.e.

# writes NAME: from here on. A file that grows past the limit kills its writer.
writes() {
    ulimit -f 4096
    exec </dev/null >>"$dir__/$1.o" 2>>"$dir__/$1.e"
}

# begin PROBE: what follows is its answer.
begin() {
    printf '\n@%s out %s\n' "$mark__" "$1"
    printf '\n@%s err %s\n' "$mark__" "$1" >&2
}

# close PROBE STATUS: how it ended.
close() {
    printf '\n@%s exit %s %s\n' "$mark__" "$1" "$2"
}

# ask PROBE FUNCTION
ask() {
    begin "$1"
    "$2"
    close "$1" $?
}

# decline PROBE [REASON]: one that is not asked.
decline() {
    {
        begin "$1"
        [ -z "$2" ] || printf '%s\n' "$2" >&2
        close "$1" 127
    } >>"$dir__/frame.o" 2>>"$dir__/frame.e"
}

# finished NAME: the last word of a process, and how long its answer is; one whose length is not known is a long one.
finished() {
    out__= err__=
    read -r rest__ out__ </proc/self/fdinfo/1
    read -r rest__ err__ </proc/self/fdinfo/2
    echo "done $1 $((${out__:-65536} + ${err__:-65536}))" >&4
}

# started NAME: a process by that name, the last one of the background.
started() {
    eval "pid_$1=\$!; open_$1=1"
    left=$((left + 1))
}

# over NAME: its answer is whole, if it is still waited for.
over() {
    eval "still=\$open_$1; open_$1=0"
    [ "$still" != 1 ] || left=$((left - 1))
}

# reap PID: it and all it started; stopped first, so that it starts nothing new meanwhile.
reap() {
    kill -STOP "$1" 2>/dev/null
    # Every thread's children: Go forks from any of its threads.
    for child in $(cat "/proc/$1"/task/*/children 2>/dev/null); do
        reap "$child"
    done
    kill -KILL "$1" 2>/dev/null
    if read -r stat <"/proc/$1/stat" 2>/dev/null; then
        case ${stat##*) } in D*) stuck="$stuck $1:${stat%%)*}" ;; esac
    fi
}

# expire NAME MILLISECONDS PROBE...: past its deadline, where it is still open. Of a probe's ends the reader takes the first.
expire() {
    eval "still=\$open_$1; pid=\$pid_$1"
    [ "$still" = 1 ] || return 0
    n__=$1 ms__=$2
    shift 2
    stuck=
    # A pid that is no child of ours any more is somebody else's.
    case $(cat "/proc/$pid/stat" 2>/dev/null) in
    *") "?" $$ "*) reap "$pid" 2>/dev/null ;;
    esac
    for t in "$@"; do
        printf '\n@%s timeout %s %s%s\n' "$mark__" "$t" "$ms__" "$stuck"
    done >>"$dir__/$n__.o"
    eval "open_$n__=0"
    left=$((left - 1))
}

# watch NAME SECONDS: a clock of its own for a process that starts late.
watch() {
    (
        trap 'kill $s 2>/dev/null; exit 0' TERM
        sleep "$2" & s=$!; wait $s; echo "late $1" >&4
    ) </dev/null >/dev/null 2>&1 &
    timer__="$timer__ $!"
}

left=0 clock__= length__=0

# What this host is asked about.
