"""The fixtures of questions, the standard ones and users': the trial, the container from inside, the machine."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from testinfra.host import Host

from sysimage_vm.trial import Trial

TRIAL: pytest.StashKey[Trial] = pytest.StashKey()
"""Where the configuration of a run of questions keeps its trial."""


@pytest.fixture(autouse=True)
def _short_name_in_results(request: pytest.FixtureRequest, record_xml_attribute: Callable[[str, object], None]) -> None:
    """Names in JUnit's XML are the same wherever the modules are."""
    record_xml_attribute("classname", request.path.stem)


@pytest.fixture(scope="session")
def trial(request: pytest.FixtureRequest) -> Trial:
    """The image and where it runs."""
    return request.config.stash[TRIAL]


@pytest.fixture(scope="session")
def inside(trial: Trial) -> Host:
    """testinfra's host in the booted container. The standard questions use this name, because some of them kill: no
    other plugin's idea of a host must ever come in its place."""
    return trial.booted().host


@pytest.fixture(scope="session")
def host(inside: Host) -> Host:
    """The same, under the name that testinfra modules of users know."""
    return inside


@pytest.fixture(scope="session")
def guest(trial: Trial) -> Host:
    """testinfra's host in the machine that the container runs on: the virtual one, or this."""
    return trial.guest()
