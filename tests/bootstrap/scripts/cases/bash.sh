# What scripts use of bash alone. Cases are divided by empty lines.

echo -e 'a\tb\n\\'; echo -ne 'x\n'; echo -en 'y\n'; echo -n -e 'z\t'; echo -e -n q; echo 'a - -n'

function f() { echo f $1; }; f a; function g { echo g; }; g; declare x=1; typeset y=2; echo $x $y

x=abcabc; echo ${x/b/X} ${x//b/X} ${x/b} ${x:1} ${x:1:2} ${x:0:1} ${x//[bc]/-} ${x/q/r}; echo a &> out
cat out

[[ a == a ]]; echo $?; [[ -f a ]]; echo $?; [[ -n '' ]]; echo $?; [[ 3 -gt 2 ]]; echo $?

type -t absent; x=1; export x; readonly z=2; echo $z; echo lib=read > lib; source ./lib; echo $lib; shopt -s nullglob
ulimit -c 0

set -- a; shift 5; echo $? $1; x=hello; echo ${x:1:-1} ${x: -3} ${x/l*/} ${x//l/L} ${x/#he/HE} ${x/#l/no} ${x/%lo/LO} ${x/%l/no}
