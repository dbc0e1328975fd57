"""The store inside: whole, registered, protected, and left alone by the programs that run from it."""

from __future__ import annotations

import pytest
from testinfra.host import Host

from sysimage_vm.trial import Trial

_RUN_SCRIPTS = r"""
for program in /usr/bin/* /usr/sbin/*; do
  case "$(head -c 80 "$program" 2>/dev/null | head -n 1)" in
    '#!'*python*|'#!'*perl*) timeout 60 "$program" --help </dev/null >/dev/null 2>&1 || : ;;
  esac
done
python3 -c 'import ssl, json, http.server, sqlite3, email.message' 2>/dev/null || :
perl -MPOSIX -MFile::Temp -e 1 2>/dev/null || :
"""


@pytest.fixture(autouse=True)
def _only_with_a_database(trial: Trial) -> None:
    if not (trial.declared().get("store") or {}).get("database"):
        pytest.skip("this image has no store database")


def _paths(trial: Trial) -> tuple[str, str]:
    """The store directory and its owner's state directory, from the declared kind."""
    store = trial.declared()["store"]
    nix = store["kind"] == "nix"
    return store.get("directory") or ("/nix/store" if nix else "/gnu/store"), "/nix/var/nix" if nix else "/var/guix"


def test_the_store_is_as_registered_after_scripts_have_run_as_root(trial: Trial, inside: Host) -> None:
    inside.run(_RUN_SCRIPTS.replace("%", "%%"))
    store, state = _paths(trial)
    report = trial.booted().check_store(store, f"{state}/db/db.sqlite")
    assert {key: report[key] for key in ("changed", "missing", "stray", "database")} == {
        "changed": [],
        "missing": [],
        "stray": [],
        "database": [],
    }
    assert report["items"] > 0


def test_gc_roots_protect_the_running_system(trial: Trial, inside: Host) -> None:
    store, state = _paths(trial)
    system = inside.run_expect([0], "readlink -f /run/current-system").stdout.strip()
    assert system.startswith(f"{store}/")
    roots = inside.run_expect(
        [0], "find %s/gcroots/ %s/profiles/ -type l -exec readlink -f {} ';'", state, state
    ).stdout
    assert system in roots.split()


def test_generations_are_linked_as_their_owner_links_them(trial: Trial, inside: Host) -> None:
    _, state = _paths(trial)
    system = inside.run_expect([0], "readlink -f /run/current-system").stdout.strip()
    assert inside.run_expect([0], "readlink %s/profiles/system", state).stdout.strip() == "system-1-link"
    assert inside.run_expect([0], "readlink -f %s/profiles/system", state).stdout.strip() == system
