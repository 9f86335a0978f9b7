# lock_of FILE: sets `lock` to the folder that whoever changes that file locks. Only root can open it: whatever else is there
# others may lock as well, and so keep everybody out.
lock_of() {
    lock=/run/airworthy
    [ "$who__" = 0 ] || lock=/tmp/airworthy.$who__
    set -f; IFS=/
    set -- $1
    IFS=-
    lock=$lock$*
    set +f; unset IFS
}
