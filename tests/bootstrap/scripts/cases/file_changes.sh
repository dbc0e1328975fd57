# What tools do to files. Cases are divided by empty lines.

mkdir new
mkdir a
mkdir void
mkdir no/where
mkdir -p p/q/r
mkdir -p d
mkdir -m 700 m
mkdir -m 1777 s/
mkdir d/n k/

umask 027
mkdir u
mkdir -p v/w
touch f
echo > g
mkdir --mode=755 --parents x/y
cp -r d e
cp run r

mkdir void new

umask
umask 77
umask
umask 022
mkdir a new

mkdir to-d to-a
mkdir -p to-d/new

mkdir -m u=rwx,go=rx -v m >/dev/null

rmdir void
rmdir d
rmdir a
rmdir absent
rmdir --ignore-fail-on-non-empty d
mkdir -p p/q
rmdir -p p/q

rmdir to-d void

mkdir -p p/q
touch p/f
rmdir --parents p/q

rmdir void/
rmdir d void

mkdir -p p/q
rmdir -p --ignore-fail-on-non-empty p/q

rm a
rm absent
rm -f absent b
rm d

rm -r d
rm -rf to-d
rm to-a
rm nowhere
unlink b

rm -r d/sub a
rm -f d

rm -f absent a d

rm absent a

rm --recursive --force d
rm -R void
rm -v b >/dev/null

rm -rf void/
rm -f to-d

unlink absent

touch new
touch a
touch -c none
touch no/where
touch --no-create none
touch -r a like
touch nowhere

touch no/where after

ln -s a l
ln -s a b
ln -sf a b
ln -s absent dangling
ln -s ../a d
ln -s a d/l

ln -s a no/where

ln a hard
cat hard

ln absent h

ln -s d l
ln -sn d l
ln -sfn a l

ln -sf a to-d

ln -sfn a to-d

ln -sfT a to-d

ln -T -s a to-d

ln -s d/x

ln -sr d/x l
ln -sr a d/l
ln --symbolic --relative d/sub/y d/z

ln -s a b d
ln -s a b void/

ln -s x y no

ln -s absent to-d

ln --force --symbolic --no-dereference b to-d
ln -s --no-target-directory a t

ln -v a h >/dev/null
ln a b

ln -f a b
ln to-a c

cp a c
cp a b
cp a d
cp a b d
cp absent c
cp a no/where

cp d e

cp -r d e
cp -R d e

cp -r d void

cp -a d e

cp a b c

cp run r
chmod 4755 run
cp run s
cp -p run t
cp --preserve run u
cp run a

cp to-a c
cp -d to-a l
cp -P to-d m
cp -a to-a n

cp -n a b
cp -n a c
cp -u same new

cp a to-a
cp a nowhere

cp b to-a
cp b to-d
cp -T a c

cp a c/
cp a d/

cp -r to-d e

cp --remove-destination b to-a

cp -f a b
cp --force b same
cp --archive d e

cp --no-clobber a b
cp --recursive d e

cp -rT d void

cp d void

cp -r d/. void

cp -rL d e

cp a absent/x b
cp absent a

cp absent a d

cp -dp to-a c
cp -Rp d e
cp -v a z >/dev/null

mv a c
mv b d
mv d e
mv absent x

mv a b
mv to-d l
mv run d/sub/y

mv a b d

mv a b c

mv -f a b
mv -n run same
mv -T b c

mv a no/where

mv d void
mv void/d/sub e

chmod 600 a
mv a b
mv nowhere still

mv d/x d/sub d/up void

mv d to-d

mv to-a d

install a c
install -m 640 a d
install -d x/y
install -d -m 700 z void
install -D a p/q/r
install absent c

install a b d

install a b c

install -t d a b
install --mode=600 b a
install /dev/null n
install -m 644 /dev/null b

install -d --mode 750 d
install a no/where

install -p a z

install -m u=rw,g=r a c
install --directory k
install --target-directory=d b

install a nowhere
install to-a c

install -D -t p/q a

install a to-d

chmod 600 a
chmod 4755 run d
chmod u+x,go-r b
chmod +x same
chmod a=r empty

chmod 600 absent

chmod -R 700 d

chmod -R go-rwx,u+X d
chmod --recursive a+X void
chmod u+s,g+s run
chmod +t void
chmod -R u=rwX,g=rX,o= d

chmod -x run
chmod 600 to-a

chmod g+s d
chmod 755 d
chmod 00755 void
chmod o+w,o-r b
chmod ug=rw a
chmod -f 600 absent

chmod --reference=run a
chmod --reference=d b

chmod 2755 d
chmod u-s,g-s d
chmod a-x,u=rx run
chmod -c 640 a >/dev/null
chmod u=rws,o=x run

chmod 6755 d
chmod u=rwx,g=rx d
chmod 6755 run
chmod u=rwx,g=rx run
chmod -R 644 absent d/x
chmod 1644 b
chmod =r same

chmod +X run a d
chmod go=,u=rw+x a
chmod 7 b
chmod 0 same
chmod -v -R 750 void >/dev/null
chmod -R o+s d
chmod 600 loop

chmod -w a

chmod 755 a absent b

chmod --reference=absent b
chmod --reference=absent --recursive d
mkdir -p d/sub/. q/
touch to-d/new d/sub/../made
rm -r to-d/sub
rmdir d/absent to-d

cp -a to-d l
cp -d nowhere n
cp -rp d o
mv o p
mv p/x p/y
mv -n p/y b
ln -sf ../b p/l
cp p/l q
ln -sfn void to-d
cp --dereference to-a r
