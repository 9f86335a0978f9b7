# bring NAME: asks airworthy for the program of a probe, reads it from stdin and runs it; the question goes to fd 6.
# Whatever keeps it from running is told on stderr, with status 127.
bring() {
    p__=$dir__/airworthy-$1
    printf '#!/bin/sh\n' >"$p__"
    chmod 700 "$p__"
    "$p__" </dev/null 2>/dev/null || {
        echo "nothing may be run from ${dir__%/*}: it is mounted noexec, or a policy forbids it" >&2
        return 127
    }
    # The machine that this very shell is made for: uname speaks for the kernel alone.
    case $(od -An -tx1 -j 18 -N 2 "/proc/$$/exe" 2>/dev/null) in
    *3e*00*) machine=x86_64 ;;
    *b7*00*) machine=aarch64 ;;
    *15*00*) machine=ppc64le ;;
    *) machine=$(uname -m) ;;
    esac
    libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || libc=$(ldd --version 2>&1 </dev/null)
    printf '\n@%s need %s %.16s %.80s\n' "$mark__" "$1" "$machine" "${libc%%
*}" >&6
    exec 6>&-
    IFS=' ' read -r answer size digest || {
        echo "the connection ended before the helper came" >&2
        return 127
    }
    if [ "$answer" != bytes ]; then
        printf '%s\n' "$size $digest" >&2
        return 127
    fi
    head -c "$size" >"$p__"
    came=$(sha256sum "$p__")
    if [ "${came%% *}" != "$digest" ]; then
        echo "the helper did not arrive as it was sent, or there is no sha256sum to tell" >&2
        return 127
    fi
    (
        ulimit -f 4096
        exec "$p__" </dev/null
    ) 2>"$dir__/said"
    ended=$?
    case $ended in
    # 3 is an answer, too, of a library so old that what stands in knows more.
    0 | 3) return "$ended" ;;
    esac
    IFS= read -r said <"$dir__/said"
    printf 'the helper ended with status %s: %.400s\n' "$ended" "$said" >&2
    return 127
}

# summon NAME: the process for it. The stream that answers is nobody else's.
summon() {
    exec 5<&0
    (
        exec 0<&5 5<&- 6>&1 >>"$dir__/p_$1.o" 2>>"$dir__/p_$1.e"
        begin "$1"
        bring "$1"
        ended=$?
        close "$1" "$ended"
        if [ "$ended" = 0 ]; then finished "p_$1"; else echo "lack p_$1" >&4; fi
    ) &
    started "p_$1"
    exec 5<&-
}

