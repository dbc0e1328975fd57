# Hands over to Guile, which activates the system and becomes its init. Nothing outside the store is used: a file system
# may be mounted over anything else.
# usage: boot-program SYSTEM
set -eu
trap 'exit 0' HUP INT TERM
if [ $# -ne 1 ] || [ ! -e "$1/boot" ]; then
    echo "usage: $0 SYSTEM, where SYSTEM is a system of the store" >&2
    exit 2
fi
GUIX_NEW_SYSTEM=$1
export GUIX_NEW_SYSTEM
# The kernel drops a signal to a container's first process when nobody handles it. Blocked ones wait until the Shepherd
# asks for its signals, so that stopping a container that has just been started works.
exec "$coreutils/env" --block-signal=HUP,INT,TERM "$guile" --no-auto-compile "$1/boot"
