# Makes the system found at /run/current-system, on which everything below /usr rests, then hands over to it.
# Nothing outside the store is used, because /run may be an empty file system.
# usage: boot-program SYSTEM
set -eu
trap 'exit 0' HUP INT TERM
if [ $# -ne 1 ] || [ ! -e "$1/boot" ]; then
    echo "usage: $0 SYSTEM, where SYSTEM is a system of the store" >&2
    exit 2
fi
link=/run/current-system
if [ "$("$coreutils/readlink" "$link" || :)" != "$1" ]; then
    "$coreutils/rm" -f "$link.new" && "$coreutils/ln" -s "$1" "$link.new" && "$coreutils/mv" -T "$link.new" "$link" || {
        echo "$0: cannot make $link: run the container as root, or without a file system mounted on /run" >&2
        exit 1
    }
fi
GUIX_NEW_SYSTEM=$1
export GUIX_NEW_SYSTEM
# The kernel drops a signal to a container's first process when nobody handles it. Blocked ones wait until the Shepherd
# asks for its signals, so that stopping a container that has just been started works.
exec "$coreutils/env" --block-signal=HUP,INT,TERM "$guile" --no-auto-compile "$1/boot"
