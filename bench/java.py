"""Cold starts of Java, with and without archives of classes, of a small and a large function.

Three functions of the same code, one round after the other, each started anew by a change of its
description: one that declines archives (`-Xshare:auto`), one that has that of the runtime client
only (a wrapper: those are not trained), one that has an archive of its own. The baseline is the
same Java with the client's archive as a bare subprocess, as in `bench/runtimes.py`. Processor time
is that of the Java process, in clock ticks of 10 ms.
"""

from __future__ import annotations

import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.load import sequential
from bench.runtimes import bare_start
from bench.servers import ROLE, Server, lambdad
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.runtime.catalog.packs import PackCatalog
from lambdad.sandbox.driver import RuntimePack
from lambdad.server.config import Surroundings
from lambdad.server.packs import pack_catalog

RUNTIMES = ("java17", "java25")
ROUNDS = 10
PAUSE_S = 0.2
EVENT = b'{"key": 1}'
_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
_VARIANTS: Mapping[str, Mapping[str, str]] = {
    "none": {"JAVA_TOOL_OPTIONS": "-Xshare:auto"},
    "client": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/plain"},
    "function": {},
}
_HANDLER = """
public class Small implements com.amazonaws.services.lambda.runtime.RequestHandler<Object, Object> {
  public Object handleRequest(Object event, com.amazonaws.services.lambda.runtime.Context context) {
    return event;
  }
}
"""
_LARGE = """
import com.fasterxml.jackson.databind.ObjectMapper;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
public class Large implements com.amazonaws.services.lambda.runtime.RequestHandler<Object, Object> {
  private final ObjectMapper mapper = new ObjectMapper();
  private final S3Client s3 = S3Client.builder().region(Region.US_EAST_1)
      .httpClient(UrlConnectionHttpClient.create()).build();
  public Large() throws Exception {
    mapper.writeValueAsString(mapper.readTree("{\\"a\\": [1, {\\"b\\": null}]}"));
  }
  public Object handleRequest(Object event, com.amazonaws.services.lambda.runtime.Context context) {
    return event;
  }
}
"""
_DEPENDENCIES = (
    ("com.fasterxml.jackson.core", "jackson-databind", "2.17.2"),
    ("software.amazon.awssdk", "s3", "2.25.60"),
    ("software.amazon.awssdk", "url-connection-client", "2.25.60"),
)


@dataclass(frozen=True)
class Start:
    wall_ms: float
    cpu_ms: float


def build(folder: Path, name: str, source: str, library: Path, *, large: bool) -> bytes:
    """Compile a handler; its package. Large: with the jars that it needs, out of Maven Central."""
    folder.mkdir()
    jars = folder / "lib"
    jars.mkdir()
    if large:
        wanted = "".join(
            f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
            f"<version>{version}</version></dependency>"
            for group, artifact, version in _DEPENDENCIES
        )
        (folder / "pom.xml").write_text(
            "<project><modelVersion>4.0.0</modelVersion><groupId>b</groupId><artifactId>b"
            f"</artifactId><version>1</version><dependencies>{wanted}</dependencies></project>"
        )
        goal = (
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={jars}",
        )
        subprocess.run(["mvn", "-q", "-B", *goal], cwd=folder, check=True)
        (folder / "pom.xml").unlink()
    (folder / f"{name}.java").write_text(source)
    command = ["javac", "--release", "17", "-cp", f"{library}/*:{jars}/*", f"{name}.java"]
    subprocess.run(command, cwd=folder, check=True)
    (folder / "plain").write_text('#!/bin/sh\nexec "$@"\n')
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)))
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def javas() -> dict[int, float]:
    """Milliseconds of processor time that every Java process has used."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, fields = path.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if name == "java":
            ticks = fields.split()[11:13]
            found[int(path.parent.name)] = sum(map(int, ticks)) * _TICK_MS
    return found


def cold_start(server: Server, name: str, number: int) -> Start:
    """Change the function, which ends what runs of it, and invoke it."""
    server.client.update_function_configuration(FunctionName=name, Description=str(number))
    wait(server, name)
    time.sleep(PAUSE_S)
    before = javas().keys()
    [took_s] = sequential(server, [server.invoke_bytes(name, EVENT)])
    cpu_ms = max((cpu for pid, cpu in javas().items() if pid not in before), default=0.0)
    return Start(took_s * 1e3, cpu_ms)


def wait(server: Server, name: str) -> None:
    while True:
        got = server.client.get_function_configuration(FunctionName=name)
        if got["State"] == "Active" and got["LastUpdateStatus"] == "Successful":
            return
        time.sleep(0.01)


def bare(pack: RuntimePack, folder: Path, handler: str) -> Start:
    before = os.times()
    took_s = bare_start(pack.host_argv, folder, handler, 512)
    after = os.times()
    spent_s = after.children_user + after.children_system
    spent_s -= before.children_user + before.children_system
    return Start(took_s * 1e3, spent_s * 1e3)


def measure(server: Server, pack: RuntimePack, folder: Path, handler: str, package: bytes) -> None:
    """Create the functions, wait for the archive, and start each of them in turn."""
    archives = server.folder / "archives"
    made_before = len(list(archives.iterdir()))
    names = {variant: f"{pack.runtime}-{handler}-{variant}" for variant in _VARIANTS}
    for variant, name in names.items():
        server.client.create_function(
            FunctionName=name,
            Runtime=pack.runtime,
            Role=f"arn:aws:iam::000000000000:role/{ROLE}",
            Handler=handler,
            Code={"ZipFile": package},
            MemorySize=512,
            Timeout=60,
            Environment={"Variables": dict(_VARIANTS[variant])},
        )
        wait(server, name)
    # The wrapped function has none made, and the other takes none.
    deadline = time.monotonic() + DEFAULT_LIMITS.class_archive_timeout_s
    while len(list(archives.glob("[!.]*"))) < made_before + 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    starts: dict[str, list[Start]] = {variant: [] for variant in ("bare", *_VARIANTS)}
    for number in range(ROUNDS):
        starts["bare"].append(bare(pack, folder, handler))
        for variant, name in names.items():
            starts[variant].append(cold_start(server, name, number))
    for variant, values in starts.items():
        wall, cpu = [one.wall_ms for one in values], [one.cpu_ms for one in values]
        print(
            f"{pack.runtime} {handler:<5} {variant:<8}"
            f" wall min {min(wall):5.0f} p50 {statistics.median(wall):5.0f} ms,"
            f" cpu min {min(cpu):5.0f} p50 {statistics.median(cpu):5.0f} ms ({len(values)})",
            flush=True,
        )


def main() -> None:
    """Print what SPECIFICATION.md quotes."""
    if any(shutil.which(tool) is None for tool in ("javac", "mvn")):
        sys.exit("needs javac and mvn to build the functions")
    with (
        tempfile.TemporaryDirectory(prefix="lambdad-bench-") as name,
        lambdad("--limit", "class_archive_delay_s=0") as server,
    ):
        binary = str(Path(sys.executable).parent / "lambdad")
        for runtime in RUNTIMES:
            install = [binary, "runtimes", "--data-dir", str(server.folder), "install", runtime]
            subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
        packs: PackCatalog = pack_catalog(server.folder, Surroundings({"HOME": str(Path.home())}))
        for runtime in RUNTIMES:
            pack = packs.find(runtime)
            assert isinstance(pack, RuntimePack)
            library = server.folder / "packs" / runtime / "lib"
            for handler, source in (("Small", _HANDLER), ("Large", _LARGE)):
                folder = Path(name, f"{runtime}-{handler}")
                package = build(folder, handler, source, library, large=source is _LARGE)
                measure(server, pack, folder, handler, package)
