"""The mail server that benchmarks send to: postfix's ``smtp-sink``, which takes everything and keeps nothing.

One in Python would hide what sending costs. It comes from the Debian package, which need not be installed: it is
fetched and unpacked into a cache folder once. Where its answers are to come late, a small proxy holds them back.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STARTED_WITHIN = 10.0
_PROXY = "from benchmarks import post_sink; post_sink.hold_back()"


class NoSink(RuntimeError):
    """``smtp-sink`` is not to be had here."""


@contextmanager
def sink() -> Iterator[int]:
    """A sink on a port of its own.

    Raises:
        NoSink: it is not installed and cannot be fetched.
    """
    program, environment = _program()
    port = free_port()
    command = [str(program), *_as_whom(), "-h", "sink.example", f"inet:127.0.0.1:{port}", "1024"]
    with _running(command, environment, port):
        yield port


@contextmanager
def late(port: int, *, seconds: float) -> Iterator[int]:
    """A port whose every answer comes so many seconds later than that of ``port``; what is sent is not held back."""
    own = free_port()
    environment = os.environ | {"LATE": f"{own} {port} {seconds}"}
    with _running([sys.executable, "-c", _PROXY], environment, own):
        yield own


def hold_back() -> None:
    """The body of the proxy's process."""
    own, to, seconds = os.environ["LATE"].split()
    asyncio.run(_serve(int(own), int(to), float(seconds)))


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _program() -> tuple[Path, dict[str, str]]:
    """Where it is, and the environment that it needs."""
    installed = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin")
    if installed:
        return Path(installed), dict(os.environ)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vestibule-postfix"
    program = cache / "usr/sbin/smtp-sink"
    if not program.exists():
        _fetch(cache)
    return program, os.environ | {"LD_LIBRARY_PATH": str(cache / "usr/lib/postfix")}


def _fetch(cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            ["apt-get", "download", "postfix"], cwd=cache, check=True, capture_output=True
        )
        (package,) = cache.glob("postfix_*.deb")
        subprocess.run(["dpkg", "-x", str(package), str(cache)], check=True, capture_output=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise NoSink(
            "postfix's smtp-sink is needed: install Debian's package postfix, or let `apt-get download postfix` work"
        ) from error


def _as_whom() -> list[str]:
    return ["-u", "root"] if os.geteuid() == 0 else []


@contextmanager
def _running(command: list[str], environment: dict[str, str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        _wait_for(port, process)
        yield
    finally:
        process.kill()
        process.communicate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _STARTED_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            _, told = process.communicate()
            raise NoSink(f"{process.args!r} ended: {told.decode()}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise NoSink("it does not listen")


async def _serve(own: int, to: int, seconds: float) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, forward = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(_pass_on(reader, forward, 0.0), _pass_on(answers, writer, seconds))

    server = await asyncio.start_server(converse, "127.0.0.1", own, backlog=256)
    async with server:
        await server.serve_forever()


async def _pass_on(source: asyncio.StreamReader, to: asyncio.StreamWriter, seconds: float) -> None:
    try:
        while piece := await source.read(65_536):
            if seconds:
                await asyncio.sleep(seconds)
            to.write(piece)
            await to.drain()
    except OSError:
        pass
    finally:
        to.close()
