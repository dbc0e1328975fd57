"""Disks that come and go while a machine runs: files of this machine, which its guest reads and never writes."""

from __future__ import annotations

from pathlib import Path

from sysimage.errors import BootTestError
from sysimage_vm import qemu
from sysimage_vm.channel import Channel
from sysimage_vm.qmp import Qmp, QmpError
from sysimage_vm.waiting import USUAL, Ask, NotYet, Patience


class Disks:
    """What is plugged into one machine. Waiting is ``ask``'s, the machine's own."""

    def __init__(self, qmp: Qmp, channel: Channel, ask: Ask) -> None:
        self._qmp, self._channel, self._ask = qmp, channel, ask
        self._plugged: dict[int, str] = {}
        """Slot -> the disk's serial number."""

    def plug(self, image: Path, patience: Patience = USUAL) -> str:
        """Plug a file in as a read-only disk and return the guest's device for it (``/dev/disk/...`` is not needed).

        The file is padded to a multiple of 512 bytes as far as the guest sees it; the caller knows its length.
        """
        slot = next((slot for slot in range(qemu.IMAGE_SLOTS) if slot not in self._plugged), None)
        if slot is None:
            raise BootTestError(f"cannot plug in {image}: all {qemu.IMAGE_SLOTS} slots are taken")
        serial = f"image{slot}"
        file = {"driver": "file", "node-name": f"{serial}-file", "filename": str(image.resolve()), "read-only": True}
        node = {"driver": "raw", "node-name": serial, "file": f"{serial}-file", "read-only": True}
        device = {"driver": "virtio-blk-pci", "id": serial, "drive": serial, "serial": serial, "bus": f"slot{slot}"}
        self._qmp.execute("blockdev-add", file)
        self._qmp.execute("blockdev-add", node)
        self._qmp.execute("device_add", device)
        self._plugged[slot] = serial
        script = (
            f'cd /sys/block; for d in vd*; do [ "$(cat $d/serial 2>/dev/null)" = {serial} ] && echo /dev/$d; done; :'
        )

        def found() -> str | NotYet:
            return self._channel.run(["/bin/sh", "-c", script]).text.strip() or NotYet("no such disk")

        return self._ask(f"the guest to find {image} as a new disk", found, patience, pause=0.2)

    def unplug(self, device: str) -> None:
        """Take out a disk that `plug` gave ``device`` for."""
        name = device.rpartition("/")[2]
        serial = self._channel.run(["cat", f"/sys/block/{name}/serial"]).text.strip()
        slot = next(slot for slot, there in self._plugged.items() if there == serial)
        self._qmp.execute("device_del", {"id": serial})

        def unplugged() -> bool | NotYet:
            # The device no longer has a name some time before it has let go of the file.
            try:
                self._qmp.execute("blockdev-del", {"node-name": serial})
            except QmpError as error:
                return NotYet(error.message)
            return True

        self._ask(f"disk {serial} to leave", unplugged, pause=0.2)
        self._qmp.execute("blockdev-del", {"node-name": f"{serial}-file"})
        del self._plugged[slot]
