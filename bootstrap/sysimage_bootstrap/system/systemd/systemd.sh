# Checks what systemd needs of its container, lets the container's output have what the journal gets, and becomes
# systemd. It is called systemd, because Podman recognises a container with systemd by that name.
set -u
searched=${PATH-}
PATH=$coreutils:/usr/bin:/usr/sbin
refuse() {
    echo "cannot start systemd: $1" >&2
    exit 1
}

# The image asks to be stopped with SIGRTMIN+3, and the kernel drops a signal to a container's first process when nobody
# handles it. What runs this script has blocked it: it waits until systemd reads its signals, so that stopping a container
# that has just been started works.
trap 'exit 0' TERM INT

[ $$ -eq 1 ] || refuse "it must be the first process of the container; leave --init out"
[ "$(id -u)" -eq 0 ] || refuse "the container's user is not root; leave --user out"
root=
while IFS= read -r line; do
    case $line in 0::*) root=${line#0::} ;; esac
done </proc/self/cgroup
[ "$root" != / ] || root=
options="Docker needs --cgroupns host --volume /sys/fs/cgroup:/sys/fs/cgroup, Podman a machine with cgroups of version 2"
[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] ||
    refuse "/sys/fs/cgroup is no cgroup file system of version 2; $options"
[ -w "/sys/fs/cgroup$root/cgroup.procs" ] ||
    refuse "it may not write to its cgroup, /sys/fs/cgroup$root; $options"
if [ "$(stat -c %d /run)" = "$(stat -c %d /)" ]; then
    mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /run 2>/dev/null ||
        refuse "/run is no file system of its own; add --tmpfs /run"
fi

ln -sfn "$system" /run/current-system
# Services get the variables that the container was started with; the first process' own are not theirs.
names=
for name in $(env | while IFS='=' read -r name value; do echo "$name"; done); do
    case $name in
    *[!A-Za-z0-9_]* | [0-9]* | HOME | USER | LOGNAME | SHELL | TERM | PWD | OLDPWD | SHLVL | _) ;;
    container | container_* | NOTIFY_SOCKET | LISTEN_* | INVOCATION_ID | JOURNAL_STREAM | MAINPID) ;;
    *) names="$names $name" ;;
    esac
done
mkdir -p /run/systemd/system/service.d
printf '[Service]\nPassEnvironment=%s\n' "$names" >/run/systemd/system/service.d/10-container.conf

began=$(date +%s)
(
    trap - TERM INT
    tries=0
    journal=
    until [ -n "$journal" ]; do
        tries=$((tries + 1))
        [ $tries -lt 1200 ] || exit 0
        sleep 0.05
        for place in /run/log/journal /var/log/journal; do
            for file in $place/system.journal $place/*/system.journal; do
                [ ! -e "$file" ] || journal=$place
            done
        done
    done
    # By its directory, because it is not named after a machine ID where /etc is read-only.
    exec journalctl --directory="$journal" --quiet --no-pager --follow --lines=all --since="@$began" \
        --output=short --no-hostname
) </dev/null &
exec env PATH="$searched" /usr/lib/systemd/systemd
