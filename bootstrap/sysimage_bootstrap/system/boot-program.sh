# Hands over to Guile, which activates the system and becomes its init. Nothing outside the store is used: a file system
# may be mounted over anything else.
# usage: boot-program SYSTEM
#
# The kernel drops a signal to a container's first process when nobody handles it. What runs this script has blocked those
# that end a container: they wait until the Shepherd asks for its signals, so that stopping a container that has just been
# started works.
set -eu
if [ $# -ne 1 ] || [ ! -e "$1/boot" ]; then
    echo "usage: $0 SYSTEM, where SYSTEM is a system of the store" >&2
    exit 2
fi
GUIX_NEW_SYSTEM=$1
export GUIX_NEW_SYSTEM
# For the init alone, which takes them from the environment again: it forks, so it has no threads that mark garbage; it
# rather collects more often than it grows; and it makes no machine code, which takes memory and on arm64 breaks its
# fibers.
own=
for variable in GC_MARKERS=1 GC_FREE_SPACE_DIVISOR=12 GUILE_JIT_THRESHOLD=-1; do
    name=${variable%%=*}
    if eval "[ -z \"\${$name+set}\" ]"; then
        export "$variable"
        own="$own $name"
    fi
done
# shellcheck disable=SC2086
exec "$guile" --no-auto-compile "$1/boot" $own
