# airworthy's apply script: puts one file in place of another and has Docker take it. POSIX sh; runs under dash, bash and
# busybox. At every moment the file is the old one or the new one, whole; all but KILL is let pass on the way.
# asked, file, old, new, text, backup, spent, want, validate and restart are set above this line.
umask 077
trap '' HUP INT QUIT TERM PIPE
dir=${file%/*} base=${file##*/}
tmp= made= pid= mute= held=

# Whoever listened may be gone.
say() { printf '%s\n' "$*" 2>/dev/null || :; }

# state: the digest of what is at the path now, or a word.
state() {
    if [ -L "$file" ]; then echo link; return; fi
    if [ ! -e "$file" ]; then echo absent; return; fi
    if [ ! -f "$file" ]; then echo other; return; fi
    sum=$(sha256sum <"$file") || sum=unreadable
    echo "${sum%% *}"
}

# end OUTCOME REASON: the last words.
end() {
    case $(state) in
    "$new") say 'file new' ;;
    "$old") say 'file old' ;;
    *) say 'file other' ;;
    esac
    if answers; then say "default ${said%%|*}"; else say 'silent'; fi
    say "reason $(printf '%s' "$2" | tr '\n\r' '  ')"
    # While it is held, so that nobody locks what is gone.
    [ -z "$held" ] || rmdir "$lock" 2>/dev/null
    say "outcome $1"
    exit 0
}

# reap PID: it and all it started; stopped first, so that it starts nothing new meanwhile.
reap() {
    kill -STOP "$1"
    for child in $(cat "/proc/$1"/task/*/children); do
        reap "$child"
    done
    kill -KILL "$1"
}

# attempt SECONDS COMMAND...: what it says is in $said, without its errors where $mute is set; past the deadline it is killed, with all it started.
attempt() {
    limit=$1
    shift
    said=$(
        exec 9<&-
        if [ -n "$mute" ]; then "$@" </dev/null 2>/dev/null & else "$@" </dev/null 2>&1 & fi
        child=$!
        (
            exec >/dev/null 2>&1
            nap=
            trap '[ -z "$nap" ] || kill -KILL "$nap"; exit 0' USR1
            sleep "$limit" &
            nap=$!
            wait "$nap"
            reap "$child"
        ) &
        watch=$!
        wait "$child"
        status=$?
        kill -USR1 "$watch" 2>/dev/null
        exit "$status"
    )
    status=$?
    [ "$status" != 137 ] || said="no end within $limit s"
    return "$status"
}

# answers: whether Docker does; its default runtime and all it knows are in $said then.
answers() {
    mute=1
    attempt 5 docker info --format '{{.DefaultRuntime}}|{{range $name, $runtime := .Runtimes}}|{{$name}}|{{end}}'
    status=$? mute=
    [ "$status" = 0 ] || return 1
    case $said in
    [!\|]*'||'*) ;;
    *) return 1 ;;
    esac
}

# took: whether Docker has what is wanted; without a wish, whether its default is one it knows.
took() {
    answers || return 1
    default=${said%%|*}
    [ -z "$want" ] || [ "$default" = "$want" ] || return 1
    case $said in *"||$default||"* | *"||$default|") return 0 ;; esac
    return 1
}

# patiently TRIES COMMAND: until it succeeds.
patiently() {
    tries=$1
    while ! "$2"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 1
    done
}

# refuse REASON: nothing was begun.
refuse() { end refused "$1"; }

# abandon REASON: what was begun goes; the file was never touched.
abandon() {
    [ -z "$tmp" ] || rm -f "$tmp"
    # Only while what it holds is under its own name as well.
    if [ "$made" = 1 ] && [ "$(state)" = "$old" ]; then
        sum=$(sha256sum <"$backup")
        if [ "$old" = absent ] || [ "${sum%% *}" = "$old" ]; then rm -f "$backup"; fi
    fi
    end failed "$1"
}

# put_back REASON: the old file again, and Docker with it.
put_back() {
    why=$1
    if [ "$old" = "$new" ]; then
        wake
        end failed "$why"
    fi
    say 'step put-back'
    if [ "$(state)" != "$new" ]; then
        wake
        end stuck "$why; and since then somebody else has changed the file, which is left to them"
    fi
    if [ "$old" = absent ]; then
        complaint=$(rm -f "$file" 2>&1)
    else
        complaint=$(mv -f "$backup" "$file" </dev/null 2>&1)
    fi
    now=$(state)
    if [ "$now" = "$new" ] || { [ "$now" = absent ] && [ "$old" != absent ]; }; then
        wake
        end stuck "$why; and the old file could not be put back: $complaint"
    fi
    [ "$old" != absent ] || rm -f "$backup"
    sync "$dir" 2>/dev/null
    attempt 30 systemctl reload docker.service
    wake
    end restored "$why"
}

# wake: Docker is started if it does not run; nothing that runs is stopped.
wake() {
    patiently 5 answers && return
    attempt 20 systemctl reset-failed docker.service
    attempt 90 systemctl start docker.service
    patiently 15 answers
}

# its_process: dockerd's, which systemd started.
its_process() {
    attempt 10 systemctl show -p MainPID docker.service || return 1
    pid=${said#MainPID=}
    case $pid in '' | 0 | *[!0-9]*) return 1 ;; esac
}

# loose PATH...: whether others than root may change one of them, which they could do at any moment; it is in `loose__` then.
# Where a path ends with a slash it is enough that what root makes there stays root's.
loose() {
    look_up "$@"
    for at in "$@"; do
        case $at in
        */) takes_files "${at%/}" || return 0 ;;
        *) is_alone "$at" || return 0 ;;
        esac
    done
    return 1
}

# accepted FILE: dockerd itself tries it, with its own flags beside.
accepted() {
    program=$(readlink "/proc/$pid/exe") || program=
    program=${program%' (deleted)'}
    [ -x "$program" ] || program=$(command -v dockerd) || return 1
    if loose "$(readlink -f "$program")"; then
        said="it is not asked: others than root may change $loose__"
        return 1
    fi
    trial=$1 skip=1
    set --
    while IFS= read -r word; do
        if [ -n "$skip" ]; then skip=; continue; fi
        case $word in
        --config-file) skip=1 ;;
        --config-file=*) ;;
        *) set -- "$@" "$word" ;;
        esac
    done <<WORDS
$(tr '\0\n' '\n ' <"/proc/$pid/cmdline")
WORDS
    attempt 30 "$program" "$@" --validate --config-file="$trial"
}

# labelled: whether files have security labels here.
labelled() { [ -e /sys/fs/selinux/enforce ]; }

# likeness FILE: owner, mode and security label.
likeness() {
    stat -c '%u %g %a' "$1" || return 1
    ! labelled || stat -c %C "$1"
}

# prepare: the new file beside the old one, on disk and whole.
prepare() {
    say 'step write'
    tmp=$(mktemp "$dir/.$base.airworthy-XXXXXXXXXX" 2>&1) || { why=$tmp tmp=; abandon "no temporary file could be made: $why"; }
    if [ "$old" = absent ]; then
        chmod 0644 "$tmp" || abandon 'the temporary file could not be given its mode'
    else
        complaint=$(cp -p "$file" "$tmp" </dev/null 2>&1) || abandon "owner and mode could not be copied: $complaint"
        if labelled; then
            complaint=$(chcon --reference="$file" "$tmp" 2>&1) || abandon "the security label could not be copied: $complaint"
        fi
        [ "$(likeness "$tmp")" = "$(likeness "$file")" ] || abandon 'owner, mode or security label could not be copied'
    fi
    { printf '%s' "$text" >"$tmp"; } 2>/dev/null || abandon 'the new file could not be written: is the disk full?'
    sum=$(sha256sum <"$tmp") || abandon 'the new file could not be read again'
    [ "${sum%% *}" = "$new" ] || abandon 'the new file is not on disk as it was sent: is the disk full?'
    complaint=$(sync "$tmp" 2>&1) || abandon "the new file could not be flushed to disk: $complaint"
    [ "$validate" != 1 ] || {
        say 'step validate'
        accepted "$tmp" || abandon "dockerd refuses the new file: $said"
    }
}

# keep: the old file under its backup's name, which nothing has yet.
keep() {
    say 'step backup'
    if [ -e "$backup" ] || [ -L "$backup" ]; then abandon "there is a $backup already"; fi
    made=1
    if [ "$old" = absent ]; then
        (set -C; : >"$backup") 2>/dev/null || abandon "no backup could be made at $backup"
    else
        complaint=$(ln "$file" "$backup" 2>&1) || abandon "no backup could be made: $complaint"
    fi
}

# replace: the one moment.
replace() {
    [ "$(state)" = "$old" ] || abandon 'the file was changed meanwhile'
    say 'step rename'
    if [ "$new" = absent ]; then
        complaint=$(rm -f "$file" 2>&1)
    else
        complaint=$(mv -f "$tmp" "$file" </dev/null 2>&1)
    fi
    [ "$(state)" = "$new" ] || abandon "the file could not be replaced: $complaint"
    tmp=
    if [ "$old" != absent ]; then
        sum=$(sha256sum <"$backup")
        [ "${sum%% *}" = "$old" ] || put_back 'the file was changed in the very moment'
    fi
    complaint=$(sync "$dir" 2>&1) || put_back "the folder could not be flushed to disk: $complaint"
}

# idle: whether a restart costs nobody a container.
idle() {
    mute=1
    attempt 10 docker info --format '{{.ContainersRunning}} {{.LiveRestoreEnabled}}'
    mute=
    case $said in '0 '* | [0-9]*' true') return 0 ;; esac
    return 1
}

# restart REASON: the last resort, where it was allowed and costs nobody a container.
restart() {
    [ "$restart" = 1 ] || put_back "$1, and --allow-restart was not given"
    idle || put_back "$1, and is not restarted: ${said%% *} containers run and live-restore is off"
    say 'step restart'
    attempt 120 systemctl restart docker.service || put_back "Docker could not be restarted: $said"
    patiently 30 took || put_back "$1, nor when it was restarted"
}

[ "$(id -u)" = 0 ] || refuse 'root was not to be had'
for tool in sha256sum flock mktemp sync ln mv cp rm readlink stat chmod systemctl docker; do
    command -v "$tool" >/dev/null 2>&1 || refuse "the host has no \`$tool\`"
done
if [ ! -d "$dir" ]; then
    [ "$old" = absent ] || refuse "there is no folder $dir"
    at=$dir
    while [ ! -d "$at" ]; do at=${at%/*}; [ -n "$at" ] || at=/; done
    ! loose "$at" || refuse "others than root may change $loose__"
    complaint=$(mkdir -m 0755 "$dir" 2>&1) || refuse "the folder $dir could not be made: $complaint"
fi
lock_of "$file"
set -- "$dir" "${asked%/*}"
for at in "$file" "$spent"; do
    [ -L "$at" ] || [ ! -e "$at" ] || set -- "$@" "$at"
done
! loose "$@" "${lock%/*}/" || refuse "others than root may change $loose__"
# Whoever ends takes it along.
for at in 1 2 3 4 5; do
    mkdir -m 0700 "$lock" 2>/dev/null
    if [ ! -L "$lock" ] && [ -O "$lock" ] && command exec 9<"$lock"; then break; fi 2>/dev/null
    [ "$at" != 5 ] || refuse "the lock $lock cannot be opened"
done
# The kernel lets go of it when this process ends, however it ends.
flock -n 9 && [ "$lock" -ef /proc/self/fd/9 ] || refuse "another run is at work on this host: it holds the lock $lock"
held=1
for left in "$dir/.$base".airworthy-??????????; do
    if [ -f "$left" ] && [ ! -L "$left" ]; then rm -f "$left"; fi
done
[ "$(readlink -f "$asked")" = "$file" ] || refuse "$asked does not lead to $file any more"
[ "$(state)" = "$old" ] || refuse 'the file is not the one that was planned from'
while read -r word word word word point rest; do
    [ "$point" != "$file" ] || refuse 'the file is a mount point of its own'
done </proc/self/mountinfo
its_process || refuse 'dockerd does not run as docker.service'
answers || refuse "Docker does not answer: $said"

if [ "$old" = "$new" ]; then
    if [ "$validate" = 1 ]; then
        say 'step validate'
        accepted "$file" || refuse "dockerd refuses the file: $said"
    fi
else
    [ "$new" = absent ] || prepare
    keep
    replace
fi
say 'step reload'
attempt 30 systemctl reload docker.service || put_back "Docker could not be reloaded: $said"
# SIGHUP is answered in its own time.
sleep 1
say 'step verify'
if ! patiently 15 took; then
    restart 'Docker did not take it on a reload'
elif [ -z "$want" ] && [ "$restart" = 1 ] && idle; then
    # A default that was taken back may stay in Docker's memory.
    restart 'Docker does not work with the old file'
fi
if [ -n "$spent" ]; then
    rm -f "$spent" "$backup"
    sync "$dir" 2>/dev/null
fi
end fixed ''
