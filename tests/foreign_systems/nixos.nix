# A machine as NixOS makes one for a container (boot.isContainer in nixos/modules), without nixpkgs: its programs are items
# that were made of Debian's packages, and everything else is built here.
#
# usage: nix-build --argstr items FILE nixos.nix, where FILE is JSON, package → store path
{ items }:
let
  debian = builtins.mapAttrs
    (name: path: builtins.appendContext path { ${path} = { path = true; }; })
    (builtins.fromJSON (builtins.readFile items));

  run = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "${debian.bash}/bin/bash";
    args = [ "-euc" script ];
    PATH = "${debian.coreutils}/bin";
  };

  executable = name: text: run name ''
    cat > $out <<'END'
    #!${debian.bash}/bin/bash
    ${text}
    END
    chmod +x $out
  '';

  # What pkgs.buildEnv makes: directories, and links in them. No two of Debian's packages have the same file.
  path = run "system-path" ''
    mkdir $out
    for item in ${toString (builtins.attrValues debian)}; do
      cp -rs --no-preserve=mode --update=none $item/. $out
    done
  '';

  greeter = builtins.toFile "greeter.service" ''
    [Unit]
    Description=Greets whoever reads the log.

    [Service]
    User=alice
    ExecStart=${debian.bash}/bin/bash -c 'echo hello from $(${debian.coreutils}/bin/id -un); exec ${debian.coreutils}/bin/sleep infinity'
  '';

  etc = run "etc" ''
    mkdir -p $out/systemd/system/multi-user.target.wants
    ln -s ${debian.systemd}/lib/systemd/system/multi-user.target $out/systemd/system/
    ln -s multi-user.target $out/systemd/system/default.target
    ln -s /dev/null $out/systemd/system/ldconfig.service # Debian's
    ln -s /dev/null $out/systemd/system/systemd-firstboot.service
    ln -s ${greeter} $out/systemd/system/greeter.service
    ln -s ../greeter.service $out/systemd/system/multi-user.target.wants/
    ln -s ${builtins.toFile "os-release" "ID=nixos\nNAME=NixOS\n"} $out/os-release
    ln -s ${builtins.toFile "hostname" "machine\n"} $out/hostname
  '';

  # nixos/modules/system/activation: what is not declared, such as /etc/machine-id, is left as it is.
  activate = executable "activate" ''
    PATH=${debian.coreutils}/bin
    systemConfig=$(readlink -f "$0")
    systemConfig=''${systemConfig%/activate}
    mkdir -m 0755 -p /bin /etc /home /run /usr/bin /var 2> /dev/null
    ln -sfn "$systemConfig" /run/current-system
    ln -sfn ${debian.bash}/bin/bash /bin/sh
    ln -sfn "$systemConfig/etc" /etc/static
    for file in "$systemConfig"/etc/*; do
      ln -sfn "/etc/static/''${file##*/}" "/etc/''${file##*/}" || echo "cannot make /etc/''${file##*/}"
    done
    printf '%s\n' root:x:0:0:System administrator:/root:/bin/sh alice:x:1000:100::/home/alice:/bin/sh \
      nobody:x:65534:65534::/var/empty:/bin/sh > /etc/passwd
    printf '%s\n' root:x:0: users:x:100: systemd-journal:x:62: tty:x:3: utmp:x:29: nogroup:x:65534: > /etc/group
    mkdir -m 0700 -p /home/alice
    chown 1000:100 /home/alice
  '';

  # nixos/modules/system/boot/stage-2-init.sh, of which a container needs this.
  init = executable "init" ''
    PATH=${debian.coreutils}/bin
    systemConfig=$(readlink -f "$0")
    systemConfig=''${systemConfig%/init}
    echo "<<< NixOS Stage 2 >>>"
    mkdir -m 1777 -p /tmp
    "$systemConfig/activate"
    ln -sfn "$systemConfig" /run/booted-system
    echo "starting systemd..."
    exec /run/current-system/systemd/lib/systemd/systemd "$@"
  '';
in
run "nixos-system-machine-25.05" ''
  mkdir $out
  cp ${init} $out/init
  cp ${activate} $out/activate
  ln -s ${etc} $out/etc
  ln -s ${path} $out/sw
  ln -s ${debian.systemd} $out/systemd
  printf 25.05 > $out/nixos-version
''
