# Images of what Nix builds: a system or items in, a spec or an image out.
#
# `spec` is a system.json as a Nix value; what it names in the store may be derivations. The closure is that of
# closureInfo, a directory with a file `registration` as nixpkgs makes it; without it, Nix' own references graph.
{ shell ? "/bin/sh", system ? builtins.currentSystem }:
let
  run = name: script: attributes: derivation ({
    inherit name system;
    builder = shell; # whose builtins are enough
    args = [ "-euc" script ];
  } // attributes);

  rootsOf = spec:
    let from = spec.from-store; in
    (if from ? system then [ from.system ] else [ ])
    ++ (from.paths or [ ])
    ++ map (content: if content ? path then content.path else content) (from.contents or [ ]);

  graphOf = spec:
    let roots = run "${spec.name}-roots" ''printf '%s\n' "$roots" > "$out"'' { roots = rootsOf spec; }; in
    run "${spec.name}-closure" ''while read -r line; do printf '%s\n' "$line"; done < graph > "$out"''
      { exportReferencesGraph = [ "graph" roots ]; };
in
rec {
  # A file for `sysimage build result`, outside of Nix: no image is kept in the store, layers come from the cache, and
  # --push, --continue and --output are at hand.
  spec = { spec, closureInfo ? null }: run "${spec.name}.json" ''printf '%s\n' "$json" > "$out"'' {
    json = builtins.toJSON (spec // {
      store = { kind = "nix"; } // (spec.store or { });
      from-store = {
        source = if closureInfo == null then graphOf spec else "${closureInfo}/registration";
      } // spec.from-store;
    });
  };

  # The image itself, an archive that `docker load` reads. `program` is sysimage, as a path in the store.
  image = { program, ... }@arguments:
    let file = spec (removeAttrs arguments [ "program" ]); in
    run "${arguments.spec.name}.tar"
      ''HOME=$PWD exec ${program} build --quiet --cache-dir "$PWD/cache" --output "$out" "$file"'' { inherit file; };
}
