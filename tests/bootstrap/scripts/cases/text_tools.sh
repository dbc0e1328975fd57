# What tools print of texts. Cases are divided by empty lines.

cat a b
cat - < short
cat short /dev/null
echo p | cat a - empty

cat absent

cat absent a

echo x | cat /dev/stdin

echo
echo -n a
echo a  b 'c  d'
echo 'a\tb\\c\101'
echo 'x\0101y'

printf

printf -- '%s\n' a b
printf 'a\n' b c
printf '%s-%s;' a b c
printf '%%%s' x

printf '%d:%i:%03d:%5s|%-5s|%.2s\n' 1 -2 3 abc abc abc
printf '%c%c' word x
printf '%b' 'a\nb\t' 

printf '%d' ''
printf 'no end %s' one
printf '%s'
printf '\101\n'

grep one a

grep absent a

grep one absent

grep -s one absent

grep -q one a

grep -q none a

grep -c one a

grep -n one a

grep -v one a

grep -x one a

grep -i THREE a

grep -l one a b

grep one a b

grep -h one a d/in

grep one a d/in

grep -c one a b

grep -n one a d/in

grep -o 'o[a-z]' a

grep -w foo t

grep -w bar t
grep -w tab t

grep -F '(a|b)+' t
grep -F . a

grep -E '(one|Th)' a
egrep 'o+' a
fgrep -x one a
grep 'a\|b' b

grep -e one -e Three a

grep 'x
y' b

grep -qx one < a && grep -v -c one < a

grep -r one d/sub

grep -rh one d | sort

grep -lr one d/sub

grep -vx 'one\|Three' a

grep --quiet one a
grep --regexp=one a

grep one a absent

grep none a absent

grep -q one a absent
grep -q none absent a

grep -H one a

grep -m1 one a
grep -m 2 o a

grep -r one d/in

grep -on one a
grep -o x* b

grep -c one a absent
grep -l one absent

sed s/one/two/ a

sed -n /one/p a
sed -n 2p a
sed '$d' a

sed -e 1d -e s/e/E/g a

sed s/x/y/ absent

sed s/o/0/ short

sed -E 's/(o)(n)/\2\1/' a
sed 's/\(o\)\(n\)/\2\1/;2q' a

sed '/^$/d;/=/s/=.*/=7/' a

sed -n '/Th/,/=/p' a
sed '/Th/,$d' a
sed '2,3!d' a
sed '/one/!d' a

sed 's,/,\,,;s/x/a\/b/' b

sed '1i\
top' b
sed '1a\
after' b
sed '2c\
other' b
sed '1i top' b

sed 's/[/]//;s/[]x]/Y/' b

sed 's/ONE/x/I;s/o/<&>/;s/</\&/' a

sed -n '1{p}' b
sed '/x/{s/x/q/;s/z/v/}' b

sed ':a;s/^\(x*\):/\1x/;ta' b
sed -n 's/x/X/p' b

sed '/one/Id' a
sed '\,x,d' b

sed -i s/one/1/ a
cat a
sed -i s/x/y/ absent

sed --in-place -e s/x/X/ b d/in
sed -n '$p' b d/in

sed 's/\t/T/;s/[\t ]/_/' t
sed 's/o/\n/' a
sed 's/\./\t/' a

sed '0,/one/d' a
sed '1,/one/d' a
sed 1,2p b

sed '# nothing
 s/x/y/ ; ; p' b
sed '/x/b;s/^/+/' b
sed 'bend;s/^/-/;:end' b

sed '' b
sed -n '' b

sed -n '/x/{/y/{s/y/Y/;p};s/z/Z/;p}' b
sed '/:/!{s/s/S/;d}' b
sed '/x/,/s/{/x/d;s/$/./}' b
sed '{s/x/1/;}' b

sed -e '/x/a appended' -e s/x/y/ b
sed '/:/c changed' b
sed '/x/{
s/x/d/
}' b

sed 's/$/ end/;s/^/: /' b

cut -d: -f2 b
cut -d: -f1,3 b
cut -d: -f2- b
cut -d: -f-2 b
cut -s -d: -f1 b

cut -c1-3 a
cut -b2 a
cut -c 2- b

cut -f2 t
cut -d ' ' -f 1 a
cut --delimiter=: --fields=1 b
cut -d: -f1 absent

cut -d: -f2,4 b
cut -d: -f1-2 b

tr a-z A-Z < a
tr -d 'aeiou\n' < a
tr -s e < a
tr '[:lower:]' '[:upper:]' < a

tr -cd 'a-z\n' < t
tr -c 'a-z' _ < b

tr abc xy < t
tr ':\n' '; ' < b
tr -s '\n' ' ' < a
tr -d '[:space:]' < t
echo aabb | tr -s ab

tr -d ':' < b

echo aaxbb | tr -s a-b x
echo a-b | tr -- - _
tr '[:digit:]' 0 < n

echo ab12 | tr -d '[:alpha:]'
echo 'a!' | tr -cd '[:alnum:]'

head -n1 a
head -2 a
head -n -3 a
head -c 4 a
head --lines=1 a
head n
seq 12 | head

head -n0 a
head absent

tail -n1 a
tail -2 a
tail -n +4 a
tail --lines=2 a
tail n
seq 12 | tail
tail -n0 a

tail absent
tail short
head -c9 short

head -q -n1 a b
tail -q -n1 a b

head -n1 a b
tail -n 1 a b
head -n1 a empty

head --bytes=3 a
head -n 9 short
tail -n +1 b

fold -w 3 a
fold -w3 short
fold -w 80 a
fold -bw2 b
fold --width=5 a
fold absent
seq 99 | tr -d '\n' | fold

base64 a
base64 -w 4 short
base64 -w0 b
base64 --wrap=7 t
base64 empty
base64 absent
seq 40 | base64

dd if=a bs=2 count=3 2>/dev/null
dd if=b 2>/dev/null
dd bs=1 count=4 < a 2>/dev/null
dd if=absent 2>/dev/null

seq 400 | dd count=1 2>/dev/null | wc -c
dd if=a status=none bs=3 count=1 iflag=fullblock

sort a
sort -r a
sort -u n
sort -n n
sort -rn n
sort a b
sort -ru n
sort short

sort absent

sort n | uniq
sort n | uniq -c
sort n | uniq -d
sort n | uniq -u
uniq n

printf '2 b\n10 a\n2 a\n' | sort -n

wc -l a
wc -l < a
wc -w t
wc -c < b
wc -c a
wc -l < short
wc -w < empty

wc -l absent
uniq absent

basename /a/b.c .c
basename a/
basename /
basename a.c a.c
basename -- /x
basename //
basename x/y.c/ .c

dirname /a/b a /
dirname a/b/
dirname -- /x
dirname //
dirname a/
dirname /a/
dirname a//b

seq 3
seq 2 4
seq 1 2 6
seq 0
seq 5 -2 1

seq 3 -1 0
seq 3 1

expr 3 + 4
expr 3 - 3
expr 2 '*' 5
expr 7 / 2
expr 7 % 4
expr -7 / 2
expr -7 % 4

expr abc : 'a\(.\)'
expr abc : 'x\(.\)'
expr abc : ab
expr abc : x
expr match abc a

expr abc : x
expr abc : 'a\(x*\)'

expr 2 '<' 10
expr 10 '<' 2
expr 2 '<=' 2
expr 2 '>=' 3
expr 3 '>' 3
expr 2 = 02
expr a = a
expr a = b

expr a != b
expr a != a
expr 1 != 1
expr 2 '>' 1
expr 3 '>=' 3
expr 2 '<' 2
expr 3 '<=' 2
expr 1 = 2

expr 1 = 2

awk '{print $1}' a
awk '{ print $NF }' a
awk -F: '{print $2}' b
awk '/one/{print $1}' a
awk '{print $0}' b

awk -F'[:.]' '{print $2;}' a b
awk '/fo.r/ { print $9 }' a
awk -F ' ' '{print $2}' a
awk '{print $1}' absent
awk -F. '{print $1}' a

md5sum a
sha256sum < a
sha1sum b empty
sha512sum absent
md5sum -b a | cut -c1-32

echo a b | xargs echo x
echo a | xargs
printf 'a\0b c\0' | xargs -0 printf '<%s>'
: | xargs -r echo never

: | xargs echo once
printf '' | xargs --no-run-if-empty echo never
printf 'x\0' | xargs --null -r echo
echo a | xargs false

env -i A=b echo run
env - echo run
nice echo run
env false

sh -c 'echo in; exit 3'
bash -c 'echo bash'
sh -c 'exit'
printf '#!/bin/sh
echo script
' > s
sh s
sh -e s

echo "aa!!bb  cc" | tr -cs a-z _
echo "aa!!bb  cc" | tr -cs a-z
echo "aa  bb" | tr -ds a " "
echo "a--b" | tr -s -- - _

grep -r one a d/sub
grep -c -r one a d/sub
dd if=a count=1 2>/dev/null
dd if=a bs=5 2>/dev/null
sort -rn short n
printf 'b 2\na 2\n1\n' | sort -n
printf 'x 1' | uniq -c
printf '\f\r\nb\r\n' | head -n1 | wc -c
printf 'a\rb\nc\n' | grep -c .
printf 'a\014b\n' | cut -c1

printf '%s\n' a b ab aab abb 'a*b' '*a' 'a^b' 'a$b' 'a{2}' 'a+' 'a|b' '(a)' 'a b' a.b a_b 'x a-y' '\' ']' '[' 'a\b' aa 'ba ' ab1 '^' '$' > strings
while read -r p; do echo "$p = $(grep -c -e "$p" strings) $(grep -o -e "$p" strings | tr '\n' ,) $(sed -n "s/$p/<&>/gp" strings | tr '\n' ,)"; done <<'E'
a*b
*a
a\*
^a
a^b
a$
a$b
\(^a\)b
b\|^a
\(b\|^a\)
a\{2\}
a{2}
a+
a\+
ba\?
[^ab]
[]a]
[a-]
[^]]b
[[:alpha:]]b
[[:digit:][:space:]]
[^[:alnum:]]
\<a
a\>
a\.b
a.b
a\w
a\W
a\s
\(a\)\1
[*]
[.^]
a$\|b$
\(a$\)
^$
(a)
a|b
[\]
\\
\[
E
while read -r p; do echo "$p = $(grep -cE -e "$p" strings) $(grep -oE -e "$p" strings | tr '\n' ,) $(sed -En "s/$p/<&>/gp" strings | tr '\n' ,)"; done <<'E'
a*b
a+b
ab?b
a{2}
(^a|b)b
\(a\)
(a)\1
a\+
^(a|b)+$
[+]
a\*
a$|^b$
a\$b
a\^b
\.
x.a
E

for s in a b ab aab 'a*b' '[a]' a-b -a '!a' 'a]b' '\' '\a' ' ' '?' '' A 1 '^'; do
    while read -r p; do case $s in $p) printf '%s ' "$p";; esac; done <<'E'
a*
*b
?
[ab]
[!a]*
[a-c]b
[]-]*
a[]]b
[!]]
\*
a\*b
[*]
[?]
\\*
[[:upper:]]
[[:digit:][:space:]]
[![:alpha:]]
[a
[a]b]
a[*]b
[-a]*
*[-b]
?*
E
    echo "$s"
done

printf 'a|b\na,b\na.b\naxb\na+b\nab\n[a]\na/b\n' > s
sed 's|a\|b|X|' s
sed 's,a\,b,X,' s
sed 's.a\.b.X.' s
sed 's+a\+b+X+' s
sed -E 's+a\+b+X+' s
sed 's|/|\||' s
sed 's&a&<\&>&' s
sed 's/a/\//;s/b/[&\&]/' s
sed '2 p' s
sed -n '1,2 !p' s
sed '1! d' s
sed -n '/x/ p ; /,/p' s
sed -n '$ !{ /a/ { p } }' s
sed '2,2d;4,1d;6,/x/d' s
sed -n '/a/,/a/p' s
sed -n '2,/a/p;0,/a/p' s
sed '1q;p' s
sed -n 's/a/A/p;s/b/B/p' s
sed 's/a/X/;t;s/b/Y/' s
sed '/x/b end;s/^/-/;: end' s
sed 's/x/\
/' s
sed 's/[/,.]/_/g;s/[]]/_/;s/[^]a]/_/' s
sed 'a\  indented' s
sed '$a end' s
sed '1i\
one\
two' s
sed -e 'i\' -e top s
sed 's/\(a\)\(.\)*/\2\1/' s
sed '/^a/s/$/$/;/b$/I!s/^/^/' s
sed '#n' s
sed -n '/A/Ip;\,/,p;\|+|p' s
sed 's/A/i/I;s/B/j/gi' s
sed 'a x\ty\qz\\w' s
sed 'a\
  pre\
  two
p' s
sed 'a\text' s
sed 'c one\ntwo' s
