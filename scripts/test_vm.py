"""Run tests in a virtual machine: on Debian's kernels, with control groups of version 2 alone.

    scripts/test_vm.py [--kernel uml|qemu] [--suite bookworm] [--user] [pytest arguments]

Builds a root once (as root, with mmdebstrap), into ~/.cache/lambdad-vm; what runs in there is this
checkout as it is, from a tar file. `--user`: as an ordinary user in a group that is delegated.
Ends with pytest's status.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lambdad-vm"
PLACES = ["tests/conformance/sandbox", "tests/security/sandbox", "tests/system/runtime"]
PYTEST = shlex.split(".venv/bin/python -m pytest -q --color=no -p no:cacheprovider")
SETUP_READS = ["pyproject.toml", "constraints.txt", "scripts/setup"]
PACKAGES = "ca-certificates,e2fsprogs,iproute2,kmod,python3,python3-venv,util-linux"
IMAGE_SIZE = "6G"
MEMORY = "4G"
UML_MODULES = "/usr/lib/uml/modules"
INIT = 'init=/bin/sh -- -c "tar -xf $0 -C / && exec sh /lambdad/scripts/vm_init.sh $1"'
UML_LACKS = (
    "hardened", "as_an_ordinary_user",  # Landlock: Debian builds it without
    "-stem", "test_stems",  # /proc/*/syscall, by which a stem is seen to wait
    "egress",  # connections between two of its networks hang
    "other_tables", "32_bit",  # int 0x80 is a fault there
)  # fmt: skip
VERDICT = rb"lambdad-vm: status (\d+)"
"""What vm_init.sh says last."""
NEEDED = {
    "linux": "user-mode-linux",
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
}
TRUST = "/etc/ssl/certs/ca-certificates.crt"


def main() -> int:
    """Build what is missing, boot, show the console."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--kernel", choices=["uml", "qemu"], help="default: uml where installed")
    parser.add_argument("--suite", default="bookworm", help="Debian's release (bookworm)")
    parser.add_argument("--accel", default="tcg", help="QEMU's accelerator (tcg; kvm)")
    parser.add_argument("--user", action="store_true", help="as an ordinary user")
    options, chosen = parser.parse_known_args()
    kernel = options.kernel or ("uml" if shutil.which("linux") else "qemu")
    require("linux" if kernel == "uml" else "qemu-system-x86_64", "mmdebstrap", "mke2fs")
    image = build(kernel, options.suite)
    with tempfile.TemporaryDirectory(prefix="lambdad-vm-") as name:
        job = Path(name) / "job.tar"
        able = ["-k", f"not ({' or '.join(UML_LACKS)})"] if kernel == "uml" else []
        named = any((ROOT / word.partition("::")[0]).exists() for word in chosen)
        tests = chosen if named else [*chosen, *PLACES]
        pack(job, "user" if options.user else "root", [*PYTEST, *able, *tests])
        command = uml(image, job) if kernel == "uml" else qemu(image, job, options.accel)
        return boot(command)


def require(*tools: str) -> None:
    """End with what to install, if one is missing."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [NEEDED[tool] for tool in tools if shutil.which(tool) is None]
    if missing:
        sys.exit(f"A virtual machine needs more: apt-get install {' '.join(missing)}")


def build(kernel: str, suite: str) -> Path:
    """The root's image, with the tests' Python packages; made anew when these change."""
    inputs = [(ROOT / name).read_bytes() for name in SETUP_READS]
    mark = zlib.crc32(b"".join([PACKAGES.encode(), *inputs]))
    image = CACHE / f"{suite}-{kernel}-{mark:08x}.ext4"
    if image.exists():
        return image
    if os.geteuid() != 0:
        sys.exit(f"Only root can build {image}: run this as root once.")
    print(f"building {image} (some minutes, once) ...", flush=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    for old in CACHE.glob(f"{suite}-{kernel}-*"):
        shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink()
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        root = Path(name) / "root"
        packages = PACKAGES + (",linux-image-amd64,initramfs-tools" if kernel == "qemu" else "")
        run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", suite, str(root))
        for file in checkout():
            (root / "lambdad" / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, root / "lambdad" / file)
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        if Path(TRUST).exists():  # networks with an authority of their own
            shutil.copy(TRUST, root / TRUST.lstrip("/"))
        run("chroot", str(root), "/lambdad/scripts/setup")
        for file in ("vmlinuz", "initrd.img") if kernel == "qemu" else ():
            shutil.copy((root / file).resolve(), f"{image}.{file}")
        draft = Path(name) / "image"
        run("mke2fs", "-q", "-t", "ext4", "-d", str(root), str(draft), IMAGE_SIZE)
        draft.rename(image)
    return image


def checkout() -> list[str]:
    """The files that are the project's."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in names.split("\0") if name and (ROOT / name).exists()]


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def pack(job: Path, user: str, command: list[str]) -> None:
    """The checkout, and what is to be run, as the second disk."""
    with tarfile.open(job, "w") as tar:
        for file in checkout():
            tar.add(ROOT / file, f"lambdad/{file}")
        text = f"user={user}\nset -- {shlex.join(command)}\n".encode()
        entry = tarfile.TarInfo("lambdad/.vm-job")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))


def uml(image: Path, job: Path) -> list[str]:
    """Debian's user-mode-linux; what is written goes to a file beside the job."""
    return [
        "linux", f"mem={MEMORY}", f"uml_dir={job.parent}",
        f"ubd0={job.parent}/cow,{image}", f"ubd1r={job}",
        "root=/dev/ubda", "rw", "con=null", "con0=null,fd:1", "quiet",
        f"{INIT} /dev/ubdb {UML_MODULES}",
    ]  # fmt: skip


def qemu(image: Path, job: Path, accel: str) -> list[str]:
    """By emulation the guest's clock goes by instructions: nothing runs into its time limit only
    because it is slow."""
    slow = ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=on"]
    return [
        "qemu-system-x86_64", "-m", MEMORY, "-nographic", "-no-reboot", "-net", "none",
        *(slow if accel == "tcg" else ["-accel", accel, "-cpu", "host"]),
        "-drive", f"file={image},format=raw,if=virtio,snapshot=on",
        "-drive", f"file={job},format=raw,if=virtio,readonly=on",
        "-kernel", f"{image}.vmlinuz", "-initrd", f"{image}.initrd.img",
        "-append", f"root=/dev/vda rw console=ttyS0 panic=-1 quiet {INIT} /dev/vdb",
    ]  # fmt: skip


def boot(command: list[str]) -> int:
    """Run the machine to its end; the tests' status."""
    tail = b""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0
    ) as machine:
        assert machine.stdout is not None
        while chunk := machine.stdout.read(65_536):
            sys.stdout.buffer.write(chunk)
            sys.stdout.flush()
            tail = (tail + chunk)[-1000:]
    said = re.search(VERDICT, tail)
    return int(said[1]) if said else 3


if __name__ == "__main__":
    sys.exit(main())
