"""Who computes the blocks: this thread, local threads, or the workers of a Dask cluster. Same function, same bytes."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlsplit

from qingshan.core.errors import QingshanError
from qingshan.zone.raster.grid import Window

from .kernel import compiled
from .plan import Plan, Totals, block_totals

__all__ = ["Engine", "engine", "threads_of"]

CONNECT = 4.0
"""Seconds that a scheduler has to answer."""
SCHEMES = ("tcp", "tls", "ws", "wss")
REUSED = {-3: 32 * 2**20, -1: 64 * 2**20}
"""M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of glibc's mallopt(3), bytes."""


class Engine(Protocol):
    """`at_once` is how many blocks one process has in memory at the same time."""

    @property
    def at_once(self) -> int: ...

    def totals(self, plan: Plan, windows: Sequence[Window]) -> Iterator[tuple[Window, Totals]]:
        """The totals of each block as they come, in any order. Few blocks are ahead of the reader."""


@contextmanager
def engine(scheduler: str, workers: int | None) -> Iterator[Engine]:
    """`scheduler`: "threads", "sync", "dask" (processes on this machine) or the address of a Dask scheduler.

    Raises `QingshanError` where the cluster cannot be reached or has no workers.
    """
    if scheduler == "sync":
        yield _Here()
    elif scheduler == "threads":
        yield _Threads(threads_of(workers))
    else:
        with _client(scheduler, workers) as client:
            yield _Dask(client)


def threads_of(workers: int | None) -> int:
    """The number asked for, else the cores this process may use."""
    if workers is not None:
        return max(1, workers)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@lru_cache(maxsize=1)
def reuse_memory() -> None:
    """Have the C library keep the memory of blocks for the next ones, up to 64 MB a thread.

    By default it gives the arrays of a block back to the system after each; to get them zeroed again costs a small run a
    tenth of its time. Does nothing where the C library is not glibc.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    for option, size in REUSED.items():
        if set_option is not None:
            set_option(option, size)


@dataclass(frozen=True)
class _Here:
    at_once: int = 1

    def totals(self, plan: Plan, windows: Sequence[Window]) -> Iterator[tuple[Window, Totals]]:
        for window in windows:
            yield window, block_totals(plan, window)


@dataclass(frozen=True)
class _Threads:
    at_once: int

    def totals(self, plan: Plan, windows: Sequence[Window]) -> Iterator[tuple[Window, Totals]]:
        compiled(plan.kernel.source)
        reuse_memory()
        queue = iter(windows)
        flying: dict[Future[Totals], Window] = {}
        with ThreadPoolExecutor(self.at_once, thread_name_prefix="block") as pool:
            try:
                while True:  # one block more waits, so that a thread need not wait for the reader
                    while len(flying) <= self.at_once and (window := next(queue, None)) is not None:
                        flying[pool.submit(block_totals, plan, window)] = window
                    if not flying:
                        return
                    ended, _ = wait(flying, return_when=FIRST_COMPLETED)
                    for future in ended:
                        yield flying.pop(future), future.result()
            finally:
                for future in flying:
                    future.cancel()


@contextmanager
def _client(scheduler: str, workers: int | None) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster  # noqa: PLC0415 - the extra cluster
    except ImportError:
        raise QingshanError(
            "Dask is not installed.", "没有安装 Dask。", where="--scheduler", fix="pip install 'qingshan[cluster]'"
        ) from None
    if scheduler == "dask":
        n = threads_of(workers)
        with (
            LocalCluster(n, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client
        return
    try:
        _knock(scheduler)
        client = Client(scheduler, set_as_default=False, timeout=CONNECT)
    except (OSError, ValueError, TimeoutError) as error:
        raise QingshanError(
            f"no Dask scheduler answers at {scheduler!r} ({type(error).__name__}).", f"{scheduler!r} 没有 Dask 调度器应答。",
            where="--scheduler", fix="threads, sync, dask, or an address such as tcp://127.0.0.1:8786 / threads、sync、dask 或调度器地址",
        ) from None  # fmt: skip
    with client:
        yield client


def _knock(address: str) -> None:
    """Raise `ValueError` for what is no address, `OSError` where no one listens: a client would go on trying, and say less."""
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme not in SCHEMES or not parts.hostname or not parts.port:
        raise ValueError(address)
    socket.create_connection((parts.hostname, parts.port), timeout=CONNECT).close()


@dataclass(frozen=True)
class _Dask:
    client: Any

    @property
    def at_once(self) -> int:
        return max(self._threads)

    @property
    def _threads(self) -> list[int]:
        threads = [int(n) for n in self.client.nthreads().values()]
        if not threads:
            raise QingshanError(
                "the Dask scheduler has no workers.", "Dask 调度器没有工作进程。", where="--scheduler",
                fix="start some: dask worker ADDRESS / 先启动：dask worker 地址",
            )  # fmt: skip
        return threads

    def totals(self, plan: Plan, windows: Sequence[Window]) -> Iterator[tuple[Window, Totals]]:
        """Two blocks per thread are asked for ahead, so that no worker waits and the scheduler keeps few results."""
        from distributed import as_completed  # noqa: PLC0415 - the extra cluster

        shared = self.client.scatter(plan, broadcast=True, hash=False)
        queue, flying = iter(windows), {}
        running = as_completed(loop=self.client.loop)

        def ask() -> None:
            if (window := next(queue, None)) is not None:
                future = self.client.submit(block_totals, shared, window, pure=False)
                flying[future] = window
                running.add(future)

        for _ in range(2 * sum(self._threads)):
            ask()
        try:
            for future in running:
                window = flying.pop(future)
                part = future.result()
                ask()
                yield window, part
        finally:
            self.client.cancel(list(flying))
