# What the shell makes of its own language: nothing but POSIX. Cases are divided by empty lines.

x=a; x="$x b"; echo $x "$x"

for i in 1 2 3; do [ $i = 2 ] && continue; echo "$i"; done

case "$1" in configure|upgrade) echo yes;; *) echo no;; esac

if [ -n "$2" ]; then echo old; elif [ "$#" = 2 ]; then echo "new $#"; else echo none; fi

f() { local v=in; echo $1 $v; return 3; }; v=out; f a || echo $? $v

echo "${UNSET:-default}" ${x:+set} ${y-none}; y=abc.tar.gz; echo ${y%.*} ${y%%.*} ${y#*.} ${y##*.} ${#y}

p="/a b/c*d.gz"
echo "${p##*/}" "${p%/*}" "<${p#*" "}>" "${p%%.*}" "${p#"/a b/c*"}" "${p#/?}" "${p%'*d.gz'}"

printf '%s-%s\n' a b c; printf '%03d|%5s|%%\n' 7 x

cat <<EOF
$((1 + 2 * 3)) \$x `echo sub`
EOF
cat <<'EOF'
$x
EOF
cat <<-EOF
	indented
	EOF

echo a b c | while read x y; do echo $y-$x; done

printf 'b\na\nb\n' | sort -u | tr a-z A-Z | head -n1

printf 'one=1\ntwo=2\n' | sed -n 's/^t.*=\(.*\)$/\1/p'

echo a.b.c | cut -d. -f2,3; echo /a/b/c.d | sed 's,.*/,,'

set -- a 'b c' d; shift; for x; do echo "<$x>"; done; echo $# "$@"

i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i; until [ $i = 0 ]; do i=$((i-1)); done; echo $i

(cd /; x=sub; echo $x); echo [${x:-}]; { echo a; echo b; } | wc -l | tr -d ' '

echo $(basename /a/b.conf .conf) $(dirname /a/b/c) `expr 3 + 4` $(expr abc : '\(.\)')

false || a=$?; echo $a; ! true; echo $?; true && false || echo both

grep -c a <<EOF
a
b
a
EOF
echo abc | grep -q ^ab && echo found; echo 'a b' | awk '{print $2}'

while getopts ab:c o -b val -a rest; do echo $o ${OPTARG:-}; done; echo $OPTIND

[ \( a = a -o b = c \) -a ! x = y ] && echo grouped; test -z '' && [ 2 -gt 1 ] && echo more

printf 'a 1\nb 2\nb 3\n' | sed -ne 's/^b *\(.\)$/<\1>/p
t end
d
:end
q'

x='a  b'; IFS=:; y=1:2::3; for i in $y; do echo "[$i]"; done

echo a#b 'single $x' "double 'q'" \$esc # comment

x=$(case a in a) echo in;; esac); echo $x; eval 'z=1; echo $z'

alias strip="sed -e 's/^ *//'"
printf '  a\n' | strip | tr a b; echo ~ ~/x ~nobody-is-this '~'

printf 'a\t= html\n' | sed -E 's/[ \t]+/ /g; s/m\tl/x/'; printf 'a\tb\natb\n' | grep 'a[\t]b'

printf abcdefg | head -c 4; printf 'abcdefg\n\nhi\n' | fold -w 3
printf abcdefg | dd bs=2 count=2 2>/dev/null

f() { [ $1 = 0 ] && return; echo $1; f $(($1 - 1)); echo back $1; }; f 2; echo $?
g() ( echo sub; exit 4 ); g; echo $?

for i in 1 2; do for j in a b; do [ $j = b ] && continue 2; echo $i$j; done; echo never; done
for i in x y; do for j in 1; do break 2; done; echo no; done; echo $i

while true; do while :; do break 2; done; echo no; done; until false; do break; done; echo $?
while false; do :; done; echo $?; for i in; do :; done; echo $?

case x in y) echo y;; esac; echo $?; case abc in (a*) echo a;; *) echo other;; esac
case 'a b' in 'a b'|c) echo both;; esac; case '*' in \*) echo star;; esac

case a-z in [!a]*) echo no;; a[-_]?) echo dash;; esac; x='[a]'; case '[a]' in "$x") echo quoted;; esac
case a in $x) echo pattern;; esac; case ] in []]) echo in;; esac

x=1; (x=2; echo $x); echo $x; { x=3; }; echo $x; y=$(x=4; echo $x); echo $x $y
echo a | { read x; echo $x; }; echo $x; cd /; (cd /usr); umask 77; (umask 22); umask

a=; echo ${a:-empty} ${a-set} ${b-unset} "${b:+x}" ${a+x} "${a:+y}" ${c:=new} $c ${d=one} ${d=two}
echo ${#c} ${#}; e=abab; echo ${e%b*} ${e%%b*} ${e#*a} ${e##*a} ${e%x} ${e#x}

set -- one 'two three' four; echo $# $1 "$2" ${3}; for a in "$@"; do echo "<$a>"; done
for a in $@; do echo "<$a>"; done; echo "$*"; shift 2; echo $1; shift; echo $#

set -- a b; f() { echo $# "$@"; set -- x; echo $1; }; f 1 2 3; echo $1; set --; echo $#; set - q; echo $1
echo "[$@]" x"$@"y; set -- 1 2; echo x"$@"y

v=out; f() { local v; v=in; g; }; g() { echo $v; }; f; echo $v; h() { local v=1 w; v=2; w=3; }; h
echo $v ${w-unset}; k() { local new=1; }; k; echo ${new-gone}; unset v; echo ${v-none}

x=a; y=b x=c f=1; echo $x $y $f; x=temp true; echo $x; f() { echo $x; }; x=given f; export E=1 x; echo $E
readonly R=r; echo $R; unset E y; echo ${E-no} ${y-no}

false; echo $?; true && echo a || echo b; false && echo a || echo b; false || false; echo $?
! false && echo not; ! { false; true; }; echo $?; false | true; echo $?; true | false; echo $?

if false; then echo a; elif false; then echo b; fi; echo $?
if false; then :; elif true; then echo c; else echo d; fi; if ! true; then :; else echo e; fi
if (exit 3); then :; else echo $?; fi

printf 'a b  c\nd\n\ne:f\n' | { read x y; echo "$x|$y"; read x y; echo "$x|$y"; read x; echo "[$x]"; IFS=: read x y; echo $x-$y; read x; echo "$? [$x]"; }

printf 'a\\b c\n' | { read x; echo "$x"; }; printf 'a\\b c\n' | { read -r x; printf '%s\n' "$x"; }
printf '  pad  x \n' | while read -r a b; do echo "<$a><$b>"; done

printf '1:2:3\n:x\n' | while IFS=: read a b c; do echo "$a,$b,$c"; done
printf '  keep \n' | { IFS= read -r x; echo "<$x>"; }; printf 'no end' | { read x || echo $?; echo $x; }

cat <<A; cat <<B
one $((1+1))
A
two `echo x` \`
B
cat <<"C" | tr a b
a $x
C
if true; then cat <<-D
		in
	D
fi; x=v; cat <<E
"$x" ${y:-"q"} \\ \$x \a
E

echo $((1 + 2 * 3 - 4)) $((7 / 2)) $((-7 / 2)) $((7 % 3)) $((-7 % 3)) $(((1 + 2) * 3)) $((010 + 0)) $((0x10)) $((00)) $((10 / -3)) $((10 % -3))
x=5; echo $((x * 2)) $(($x - 1)) $((-x)) $((y + 1)) $((- -3))

x='a*b'; echo "$x" '$x' \* "\$x" "a\b" "\\" 'a\b'; echo a\
b; echo "c\
d"; echo $'' 2>/dev/null >&2; echo "`echo \"q\"`" `echo \\\\x`; echo $ $% a$

echo $(echo a; echo b) "$(echo c; echo; echo)" "$(printf 'd\n\ne')" $(echo $(echo nested)) `echo \`echo deep\``
x=$(false); echo $?; x=$(exit 3) y=1; echo $?; echo "$(case a in a) echo ')';; esac)"

echo a; # comment ; echo no
echo b#c; echo '#'; echo \# d; x=#; echo $x; echo e && # more
echo f |
cat; true ||
echo no; { echo g; }; (echo h); ( echo i; echo j ) | cat; echo k & wait; echo l; :;

getopts ab: o -a -b x; echo $o $OPTIND; getopts ab: o -a -b x; echo $o $OPTARG $OPTIND
getopts ab: o -a -b x || echo end $OPTIND; set -- -q; OPTIND=1; getopts a o 2>/dev/null; echo $o

while getopts xy:z o -xz -yval -y val2 -- -x rest; do echo $o ${OPTARG-}; done; echo $o $OPTIND; OPTIND=1
while getopts a o -aa b; do echo $o; done; echo $OPTIND

eval 'echo $((1+1))' and more; eval x=3 echo; x=5; eval "y=\$x"; echo $y; eval; echo $?
eval 'f() { echo made; }'; f; command echo c; command -v cd >/dev/null && echo known
command -v absent-program || echo no

type echo >/dev/null; f() { :; }; command -v f; command -p echo p; command
hash absent-program 2>/dev/null || echo none; exec 3>/dev/null; alias a=b; trap 'x' EXIT; trap - EXIT

set -e; false || echo handled; if false; then :; fi; ! true; echo on; (false; echo no) || echo sub; set +e
false; echo off; set -o errexit; set +o errexit; false; echo $?; set -eu; set +eu

f() { false; echo goes on; }; set -e; f || true; f && true; if f; then echo yes; fi
while false; do :; done; x=$(false) || echo caught; false | true; { false; } || true; echo end

echo out >&2; echo x 2>&1 >/dev/null; { echo a; echo b >&2; } 2>/dev/null; echo c 2>/dev/null 1>&2
echo d >&- 2>/dev/null; echo e 1>&1; cat </dev/null; cat 0</dev/null; : > /dev/null; echo f > /dev/null

IFS=,; x=a,b,,c; for i in $x; do echo "[$i]"; done; for i in ,d,; do echo "[$i]"; done; IFS=', '
x='a , b,c'; for i in $x; do echo "<$i>"; done; IFS=; x='a b'; for i in $x; do echo "($i)"; done

x=' lead trail '; for i in $x; do echo "<$i>"; done; for i in a$x'b'; do echo "<$i>"; done
for i in "" $none "$none"; do echo "<$i>"; done
for i in ${x:-a b} ${none:-c d} "${none:-e f}"; do echo "<$i>"; done

for i in ${none:+x} ${none+y} z ${HOME:+'a b' c}; do echo "<$i>"; done; x=1
echo ${x:+"$x"} "${x:+a "b" $x}" ${none:-$(echo sub)} ${none:-`echo back`} "${none:-}}" ${none:-\}}

x=a.b/c.d; echo ${x%%.*}-${x##*/}-${x%"/c.d"}-${x#'a.'}-${x%[/.]*}-${x#*[!a-z]}; y='*'
echo "${x#$y}" "${x##$y}" "${x#"$y"}"; z=.d; echo ${x%$z} ${x%"$z"}; echo "${x%/*}/${x##*.}"

echo "$1" "$2" $# "${3-none}" $0 | cut -d' ' -f1; f() { return; }; false; f; echo $?
g() { return 7; echo no; }; g; echo $?; (exit); echo $?; false; (exit); echo $?; false
case x in x) echo $?;; esac; false; for i in 1; do echo $?; done; false; for i in; do :; done; echo $?
x=$(echo a; exit 2); echo $? $x

printf 'any carnal pleas' | base64; seq 30 | base64; echo x | base64 -w0; printf ab | fold -w1

printf 'x\nx\ny\n' | uniq -c; printf 'k: v\n' | sed -e '/^k/!d' -e 's/.*: //' -e 's/v/&&/'

break; echo a; continue 2; echo b; f() { break; echo f; }; for i in 1 2; do f; echo $i; done
for i in 1 2; do for j in 1; do continue 9; done; echo no; done; for i in 1 2; do break 5; done; echo $i

set -- a b; shift; echo $?; shift 0; echo $?; export q=1; echo $?; unset q; echo $?; alias q=b; echo $?; cd /; echo $?
cd /no-directory-of-this-name || echo $?; pwd; umask 22; echo $?; umask >/dev/null; echo $?; read x </dev/null; echo $?
readonly z=1; echo $?; f() { local y=1; echo $?; }; f; set -e; set +e; echo $?; : ; echo $?; wait; echo $?; trap - 0; echo $?

set -e -- a b; echo $1; set +e c; echo $1; set +x; set -o >/dev/null; echo $1; (exec echo in; echo no); echo out; (exec true; echo no)

false; eval ''; echo $?; false; x=$( ); echo $?; x=a$(exit 3); echo $?; q=1 true; echo ${q-none}; g() { q=2; }; q=1 g; echo ${q-none}
q=$(exit 2)$(exit 0); echo $?; false; { :; }; echo $?; false; if false; then :; fi; echo $?; false; f() { :; }; echo $?

set --; for i in "$@" x"$@" "$@"y; do echo "<$i>"; done; f() { echo $#; }; f "$@"; f "$@" "$@"; f ""; f "$@" a
set -- "" b; f "$@"; f "$*"; f $@; f x$@; f ${1:+"$@"}; f ${2:+"$@"}; f ${none:-"a b" c}; f '' "" $none

f() { echo "$# $1 $2"; }; x='*'; y='/[e]tc'; f $x$none | cut -c1-3 >/dev/null; f "$y" $y; f '/e'tc "/e"[t]c; f \/[e]tc /et\c; f [
for i in "a b"c d"e f"; do echo "<$i>"; done; for i in "$none"a b$none"" $none; do echo "<$i>"; done; x='1 2'; f "$x"3; f $x"3 4"

x=abc; case $x in "a"*) echo 1;; esac; case "a*" in "a*") echo 2;; esac; case abc in "a*") echo no;; a?c) echo 3;; esac
case a.b in *.b) echo 4;; esac; case axb in a.b) echo no;; *) echo 5;; esac; case '' in '') echo 6;; esac; case x in [[:alpha:]]) echo 7;; esac
case - in [a-]) echo 8;; esac; case b in [!a-]) echo 9;; esac; case ']' in [!]]) echo no;; *) echo 10;; esac; case '[' in [) echo 11;; esac
case '\' in '\') echo 12;; esac; case 5 in [0-46-9]) echo no;; [[:digit:]x]) echo 15;; esac

echo a > f.$$; cat f.$$; rm f.$$; set -e; case $- in *e*) echo e;; esac; set +e; exec 3>/dev/null; echo $?; set -- a b; echo $* "$*" $@ ${#} ${*}
! false | true; echo $?; ! true | false; echo $?; i=3; while [ $i -gt 0 ]; do i=$((i - 1)); (exit $i); done; echo $?

if
    true
then
    echo a
elif :
then :
fi
case a
in
    b) echo b ;;
    (a|c) echo ac
esac
for i
in a b
do
    echo $i
done
f()
{
    echo f
} && f
while false
do
    :
done ||
    echo no &&
    echo yes
echo a | # comment
    cat
until :; do :; done; (
    echo sub
); {
    echo group
}
x=1 \
    y=2
echo $x$y
