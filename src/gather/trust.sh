# What root runs, reads and believes nobody else may have put there: it is root's own, nobody else may write to it, and the same
# holds for every folder on its way. A folder there may be like /tmp, where all may write and each only take away what is its
# own (the sticky bit). Whoever is not root keeps its own PATH, home and temporary folder.
set +x
unset ENV BASH_ENV CDPATH IFS GREP_OPTIONS GREP_COLORS LD_PRELOAD LD_AUDIT HOSTALIASES LOCALDOMAIN OPENSSL_CONF SSLKEYLOGFILE \
    PERL5LIB PERL5OPT PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONUSERBASE DBUS_SYSTEM_BUS_ADDRESS \
    DOCKER_HOST DOCKER_CONFIG DOCKER_TLS DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_API_VERSION
# This machine's Docker, whatever context the user likes best; and no module of a user's own.
LC_ALL=C LANG=C DOCKER_CONTEXT=default PYTHONNOUSERSITE=1 WGETRC=/dev/null
export LC_ALL LANG DOCKER_CONTEXT PYTHONNOUSERSITE WGETRC
nl='
'

# Whose process this is: of the four numbers the second counts.
who__=
{
    while read -r t0__ t1__ who__ t2__; do
        if [ "$t0__" = Uid: ]; then break; fi
        who__=
    done </proc/$$/status
} 2>/dev/null
who__=${who__:-0}

# look_up PATH...: asks one process for owner and mode of these and of all folders on their ways; links are followed.
look_up() {
    alone__=: sticky__=: seen__=:
    for t0__ in "$@"; do
        shift
        case $t0__ in /*) ;; *) continue ;; esac
        case $t0__ in *:* | *"$nl"*) continue ;; esac
        while :; do
            case $seen__ in *":${t0__:-/}:"*) break ;; esac
            seen__=$seen__${t0__:-/}:
            set -- "$@" "${t0__:-/}"
            t0__=${t0__%/*}
        done
    done
    set -f; IFS=$nl
    for t0__ in $(stat -L -c '%u %a %n' "$@" 2>/dev/null); do
        t1__=${t0__#* }; t2__=${t1__%% *}
        case ${t0__%% *} in 0 | "$who__") ;; *) continue ;; esac
        case $t2__ in
        *[2367] | *[2367]?) case $t2__ in [1357]???) sticky__=$sticky__${t1__#* }: ;; esac ;;
        *) alone__=$alone__${t1__#* }: ;;
        esac
    done
    set +f; unset IFS
}

# way_is_safe PATH: whether all folders on its way are, by the last look_up; the first that is not is in `loose__`.
way_is_safe() {
    t0__=$1
    while t0__=${t0__%/*}; do
        case $alone__$sticky__ in *":${t0__:-/}:"*) ;; *) loose__=${t0__:-/}; return 1 ;; esac
        [ -n "$t0__" ] || return 0
    done
}

# is_alone PATH: whether nobody but root can change it or put another in its place, by the last look_up.
is_alone() {
    loose__=$1
    case $alone__ in *":$1:"*) way_is_safe "$1" ;; *) return 1 ;; esac
}

# takes_files FOLDER: whether what root makes there stays root's.
takes_files() {
    loose__=$1
    case $alone__$sticky__ in *":$1:"*) way_is_safe "$1" ;; *) return 1 ;; esac
}

# is_roots_process NUMBER: whether it is root's, and nobody else's who may have started it with what root may do.
is_roots_process() {
    t0__=
    {
        while read -r t0__ t1__; do
            if [ "$t0__" = Uid: ]; then break; fi
        done <"/proc/$1/status"
    } 2>/dev/null
    [ "$t0__" = Uid: ] || return 1
    case $t1__ in *[!0[:space:]]*) return 1 ;; esac
}

# real_folder PATH: sets `at` to the folder's path without links.
real_folder() {
    case $1 in /*) ;; *) return 1 ;; esac
    cd -P "$1" 2>/dev/null && at=$PWD
}

# sift FOLDERS [OTHERS]: sets `list__` to those of a PATH that are root's alone, without links, each once and none of the others.
sift() {
    list__=
    set -f; IFS=:
    for t1__ in $1; do
        real_folder "$t1__" && is_alone "$at" || continue
        case ":$2:$list__:" in *":$at:"*) ;; *) list__=$list__${list__:+:}$at ;; esac
    done
    set +f; unset IFS
}

# settle: the folders of a root's environment.
settle() {
    PATH=/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin
    set --
    set -f; IFS=:
    for t0__ in $path__ $system__ $LD_LIBRARY_PATH "$home__" "$TMPDIR" /tmp /var/tmp /dev/shm /run; do
        ! real_folder "$t0__" || set -- "$@" "$at"
    done
    look_up "$@"
    sift "$LD_LIBRARY_PATH"
    LD_LIBRARY_PATH=$list__
    [ -n "$list__" ] || unset LD_LIBRARY_PATH
    real_folder "$home__" && is_alone "$at" || at=/
    HOME=$at
    real_folder "$TMPDIR" && takes_files "$at" || unset TMPDIR
    unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR
    sift "$path__"
    path__=$list__
    sift "$system__" "$path__"
    # Where there is none, these are no worse than anything else.
    [ -n "$path__$list__" ] || list__=$PATH
    system__=$list__
}

# The login's PATH comes first, which the command that brought this text has put aside; then, where it has not root's, the
# system's programs are found all the same. A folder with the file .airworthy-alone stands for all of these: tests have one.
path__=${path__:-$PATH} home__=~root
system__=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin:/opt/bin:/opt/rocm/bin:/run/current-system/sw/bin
[ "$who__" != 0 ] || settle
set -f; IFS=:
for t0__ in $path__; do
    [ ! -e "$t0__/.airworthy-alone" ] || system__=
done
set +f; unset IFS
PATH=$path__${path__:+${system__:+:}}$system__
export PATH HOME
cd /
