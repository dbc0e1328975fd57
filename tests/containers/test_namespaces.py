"""A container in namespaces is what an unprivileged one of Docker is."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sysimage.containers.container_init import KEPT_CAPABILITIES
from sysimage.containers.errors import ProgramNotStartedError
from sysimage.containers.image import open_image
from sysimage.containers.namespaces import Container, ContainerOptions, UnpackedImage
from sysimage.containers.users import is_privileged, user_map
from sysimage.errors import MachineError
from tests.support import raw_tar
from tests.support.namespaces import unpack
from tests.support.small_images import write_small

pytestmark = pytest.mark.programs

SLEEP = ["/bin/sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done"]
CONFIG = {"Entrypoint": SLEEP, "Env": ["PATH=/bin", "A=1"], "WorkingDir": "/work/here"}
PLAIN = raw_tar.archive(raw_tar.file(b"plain", b"no program"))
needs_users = pytest.mark.skipif(not is_privileged() and not user_map().several, reason="no range in /etc/subuid")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnpackedImage]:
    with unpack(write_small(tmp_path_factory.mktemp("image") / "small.tar", PLAIN, **CONFIG)) as held:
        yield held


@pytest.fixture(scope="module")
def container(files: UnpackedImage) -> Container:
    return files.start(files.image.argv(), stdin=subprocess.DEVNULL)


def out(container: Container, *argv: str, user: str | None = None) -> str:
    done = container.run(argv, user=user)
    assert done.status == 0, done.stderr
    return done.stdout.decode()


def test_output_error_and_status_of_a_command_come_back(container: Container) -> None:
    done = container.run(["sh", "-c", "cat; echo err >&2; exit 7"], stdin=b"in")
    assert (done.status, done.stdout, done.stderr) == (7, b"in", b"err\n")
    assert container.run(["sh", "-c", "kill -9 $$"]).status == 128 + 9


def test_it_has_the_environment_and_the_working_directory_of_the_image(container: Container) -> None:
    assert {"A=1", "PATH=/bin", "HOME=/root"} <= set(out(container, "env").split())
    assert out(container, "sh", "-c", "echo $PWD") == "/work/here\n"


@needs_users
@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("ann", "uid=1000(ann) gid=100(users) groups=50(staff),100(users)"),
        ("1000", "uid=1000(ann) gid=100(users) groups=50(staff),100(users)"),
        ("ann:staff", "uid=1000(ann) gid=50(staff) groups=50(staff)"),
        ("77:88", "uid=77 gid=88 groups=88"),
    ],
)
def test_a_user_is_found_in_the_images_own_files(user: str, said: str, container: Container) -> None:
    assert out(container, "id", user=user).strip() == said


def test_a_user_that_is_not_in_the_image_is_named(container: Container) -> None:
    with pytest.raises(ProgramNotStartedError, match="user bob is not in /etc/passwd"):
        container.run(["true"], user="bob")


@pytest.mark.parametrize(
    ("program", "status", "said"),
    [("/absent", 127, "No such file"), ("absent", 127, "No such file"), ("/plain", 126, "Permission denied")],
)
def test_a_program_that_cannot_be_started_is_distinguished_from_one_that_fails(
    program: str, status: int, said: str, files: UnpackedImage, container: Container
) -> None:
    for start in (lambda: container.run([program]), lambda: files.start([program])):
        with pytest.raises(ProgramNotStartedError, match=said) as caught:
            start()
        assert caught.value.exit_status == status


def test_it_sees_nothing_of_this_machine(container: Container) -> None:
    assert out(container, "cat", "/proc/sys/kernel/hostname").strip() == container.files.hostname
    assert out(container, "sh", "-c", "ls -d /proc/[0-9]* | wc -l").strip() in {"3", "4", "5", "6"}
    assert {line.split(":")[0].strip() for line in out(container, "cat", "/proc/net/dev").splitlines()[2:]} >= {"lo"}
    assert "eth" not in out(container, "cat", "/proc/net/dev")
    assert "mnt" not in out(container, "ls", "/")


def test_its_root_cannot_change_settings_of_the_machine(container: Container) -> None:
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/uevent_seqnum"):
        assert container.run(["sh", "-c", f"echo x > {path}"]).status != 0
    bounds = next(line for line in out(container, "cat", "/proc/self/status").splitlines() if "CapBnd" in line)
    assert int(bounds.split()[1], 16) == sum(1 << number for number in KEPT_CAPABILITIES)
    for path in ("/proc/kcore", "/proc/timer_list", "/proc/keys"):  # of those that this kernel has
        assert out(container, "sh", "-c", f"! [ -e {path} ] || cat {path}") == ""


def test_it_stops_by_the_images_signal_and_starts_again_with_what_it_wrote(tmp_path: Path) -> None:
    path = write_small(tmp_path / "x.tar", **CONFIG, StopSignal="SIGTERM")
    with unpack(path) as files:
        first = files.start(files.image.argv(), stdin=subprocess.DEVNULL)
        first.run(["touch", "/written"])
        assert first.stop() == 5
        second = files.start(files.image.argv(), stdin=subprocess.DEVNULL)
        assert second.run(["cat", "/written"]).status == 0
        assert second.stop() == 5


def test_what_does_not_listen_is_killed_in_the_end(files: UnpackedImage) -> None:
    deaf = files.start(["/bin/sleep", "100"], ContainerOptions(upper="deaf"), stdin=subprocess.DEVNULL)
    assert deaf.stop(timeout=0.1) == 128 + 9


def test_two_containers_beside_each_other_do_not_meet(files: UnpackedImage) -> None:
    one, two = (files.start(SLEEP, ContainerOptions(upper=name), stdin=subprocess.DEVNULL) for name in ("one", "two"))
    one.run(["touch", "/only-here"])
    assert two.run(["ls", "/only-here"]).status != 0
    assert one.stop() == two.stop() == 5


@pytest.mark.parametrize(("name", "number"), [("SIGTERM", 15), ("INT", 2), ("9", 9), ("SIGRTMIN+3", 37), ("RTMIN", 34)])
def test_stop_signals_are_read_as_images_write_them(name: str, number: int, tmp_path: Path) -> None:
    with open_image(write_small(tmp_path / "x.tar", StopSignal=name)) as image:
        assert image.stop_signal == number


def test_an_image_for_another_machine_is_refused(tmp_path: Path) -> None:
    from tests.support.raw_image import write_archive
    from tests.support.small_images import small_image

    image = small_image(Entrypoint=["/bin/true"])
    image.config["architecture"] = "riscv64"
    path = write_archive(image.docker_archive(), tmp_path / "x.tar")
    with pytest.raises(MachineError, match="it is for linux/riscv64, and this machine is linux/"), open_image(path):
        pass
