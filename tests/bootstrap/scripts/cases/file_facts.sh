# What tools say of files. Cases are divided by empty lines.

readlink to-a nowhere a absent
readlink -f to-a to-d/x nowhere no/where
readlink -e nowhere a
readlink -m to-d

readlink a

readlink to-a

realpath to-d/../a .
realpath absent
realpath no/where
realpath -e absent

realpath a
readlink --canonicalize d/up

readlink -f no/where a

readlink -e nowhere

readlink -f loop >/dev/null
readlink loop

readlink absent to-a

stat -c %a:%n:%F a d to-a run
stat -c %a -L to-d
stat --format='%% %F' to-a empty
stat -c %a absent

stat -L -c '%F' nowhere
stat -c %a a

ls
ls d
ls -a void | wc -l
ls -A d
ls a b
ls -d d
ls absent

ls -1 d
ls -d to-d a
ls to-a

ls absent a

ls a absent

ls -ld d | cut -c1-10
ls -l run | cut -c1-10
ls -ld void/ | cut -d' ' -f1

ls -L d
ls to-d
ls void

cmp a same
cmp -s a b
cmp a absent 2>/dev/null
diff a same
diff -q a b >/dev/null
cmp empty /dev/null

cmp -s a b

cmp -s a absent

diff a same
cmp /dev/null empty
cmp -s /dev/null a

diff -q a b >/dev/null

cmp -s absent a
diff /dev/null empty

find . | sort
find d -type f | sort
find d to-d -type l | sort
find absent a

find d -name '*y' -o -name x | sort
find d ! -type d | sort

find . -maxdepth 1 -type f | sort
find . -mindepth 2 | sort
find d -mindepth 1 -maxdepth 1 | sort
find d/ | sort

find . -type d,l | sort

find . -empty | sort
find . -empty -type d
find . -perm 755 -type f
find . -perm -700 | sort
find . -perm /111 -type f

find d -maxdepth 0

find d -type f -exec echo got {} ';' | sort
find d -type f -exec cat {} + | sort
find d -name x -delete
find d | sort

find . -name .hidden -print

find d -printf '%f %p %P %h %%\n' | sort
find d -type f -print0 | tr '\0' '\n' | sort

find d -path '*/sub/*'

find d \( -name x -o -name y \) -print | sort
find d -type f -a -not -name x | sort
find d -regex '.*/[xy]' | sort

find -name a
find | sort

find d -iname 'X' -print
find d -wholename 'd/x'
find d -depth -name sub
find d -xdev -type l
find ! -type d -name 'a*'

find a d/x absent

find d -name sub -exec false ';' -o -name x -print
find d -exec test -d {} ';' -print | sort
find d -type f -exec rm {} ';'
find d | sort

find -L d -name up -type f
find d -follow -type f | sort
find -P to-d
find -H a
find d -name x -print -delete -o -name y -print | sort

find .//d -name x

find d -printf '%p\t%f\n' -quit 2>/dev/null | head -n1
find d -mindepth 2 -type f
find d -type f -and -name y
find . -regex '\./\(a\|b\)' | sort

find . -perm 644 -name 'a*'
find . -perm -4000
find . -perm /22 | sort
chmod 664 a
find . -perm -020 -type f
find . -perm /6000
find . -perm 0664

test -e a && test -f a && test -s a && test -r a && test -w b && ! test -d a && ! test -x a && echo yes

[ -d d ] && [ -d to-d ] && ! [ -f d ] && echo d

for f in a d run to-a to-d nowhere empty absent void loop ''; do for o in b c d e f g h k L p r s S u w x n z; do [ -$o "$f" ] && printf %s $o; done; echo; done

[ -x run ] && [ -h to-a ] && [ -L nowhere ] && [ ! -e nowhere ] && [ ! -L a ] && echo links
[ -t 0 ]

chmod 7000 run
[ -u run ] && [ -g run ] && [ -k run ]

chmod 2755 run
[ -u run ]
[ -g run ]
[ -k run ]
[ a -ef to-a ]
[ a -ef b ]

[ -d d -a -f a ]
[ ]

[ 1 -eq 01 ]
[ 1 -ne 1 ]
[ 2 -lt 10 ]
[ 2 -le 2 ]
[ 3 -gt 3 ]
[ 3 -ge 3 ]
[ 2 -lt 2 ]

[ 2 -ne 1 ]
[ 2 -eq 1 ]
[ 3 -le 2 ]
[ 3 -gt 2 ]
[ 1 -ge 3 ]

[ a '<' b ]
[ a '>' b ]
[ a '<' a ]

[ a = a -a b = c ]
[ a = b -o c = c ]
[ ! a = b ]
[ ! -e a ]
[ ! ]
[ '(' a ')' ]
[ '(' = '(' ]

[ -n a -a ! -e x -o x = y ]
[ '(' a = b -o b = b ')' -a '' ]
test
test ''
test x
[ a != a ]

[ -n '' -o -z '' ]

[ a = b -a c = c -o d = d ]
[ a = a -o b = b -a c = d ]
[ -f a -a -f b -a -f absent ]
[ -n ]
[ -f ]

[ a -o '' ]

[ '' -o '' ]

[ ! '' -a a ]
[ ! '(' a = a ')' ]
[ a = a

[ -e /dev/null -o x ]
[ ! -e a -o ! -e b ]
[ ! -e a -o ! -e absent ]

pwd >/dev/null
cd d
cat x
cd sub && cat y
cd ../..
cat a
cd absent
cd -P d 2>/dev/null
(cd void; touch in)
ls

cd to-d
cat ../a
cd ./sub/..
ls

for f in *; do echo $f; done
echo d/*
echo */x
echo [ab]
echo ?
echo d/.*d*
echo no*
echo 'a'*
echo "*"
echo d/[!x]*
echo ./*d
echo *o*/

echo to-d/x* *'a' [!a-r]*

cat < a > c
echo after

echo 1 > f
echo 2 >> f
cat < f
echo 3 >| f
cat f
echo err >&2
echo x > /dev/null
{ echo a; echo b; } > g
cat g
: > a

chmod 600 a
echo new > a
echo more >> run
echo x > to-a
echo y > nowhere
cat to-a
(echo s; echo t) >> b
if true; then echo c; fi > if
for i in 1 2; do echo $i; done > for

mkdir p p-q
touch p/z p-q/z
echo p*/z p*/
find nowhere
find d -name x -delete -print
find d -print -name x -print | sort

x=1 > f
cat f
x=1 >> b
cat b
[ a '>' a ]
[ ! -e a -o x ]
[ ! -e a -a x ]

mkdir s
cd s
pwd
cd ..
pwd
cd nothing

readlink d/up d a
