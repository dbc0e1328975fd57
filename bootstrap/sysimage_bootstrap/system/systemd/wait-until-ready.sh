# Ends when a service is ready, and fails when it is not in time, or has ended.
# usage: wait-until-ready SECONDS tcp ADDRESS PORT | file PATH | command PROGRAM [ARGUMENT]...
seconds=$1 kind=$2
shift 2
case $kind in
tcp) what="$1 port $2 to accept a connection" ;;
file) what="$1 to appear" ;;
*) what="\`$*\` to succeed" ;;
esac
is_ready() {
    case $kind in
    tcp) (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null ;;
    file) [ -e "$1" ] ;;
    *) "$@" </dev/null >/dev/null 2>&1 ;;
    esac
}
until is_ready "$@"; do
    if [ -n "${MAINPID:-}" ] && [ ! -e "/proc/$MAINPID" ]; then
        echo "its process $MAINPID has ended before it was ready"
        exit 1
    fi
    if [ "$SECONDS" -ge "${seconds%.*}" ]; then
        echo "not ready after $seconds s: waited for $what; its process ${MAINPID:-} runs"
        exit 1
    fi
    sleep 0.1
done
