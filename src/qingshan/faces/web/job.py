"""Work that may take longer than a page should wait: done once, in the background, asked after by the page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from qingshan.core.errors import QingshanError

__all__ = ["PATIENCE", "Job"]

T = TypeVar("T")
PATIENCE = 1.2
"""Seconds a page waits before it says that the work goes on."""


class Job(Generic[T]):
    """One piece of work. `result` waits for it and raises the `QingshanError` it ended with."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._lock = make, threading.Lock()
        self._thread: threading.Thread | None = None
        self._began = 0.0
        self._made: list[T] = []
        self._error: QingshanError | None = None

    def done(self, patience: float = PATIENCE) -> bool:
        """Start the work if need be and wait a little; whether it is finished, well or not."""
        with self._lock:
            if self._thread is None:
                self._began = time.monotonic()
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        self._thread.join(patience)
        return not self._thread.is_alive()

    @property
    def seconds(self) -> float:
        """How long it has been at work."""
        return time.monotonic() - self._began if self._began else 0.0

    @property
    def result(self) -> T:
        while not self.done(60.0):
            pass
        if self._error is not None:
            raise self._error
        return self._made[0]

    def _run(self) -> None:
        try:
            self._made.append(self._make())
        except QingshanError as error:
            self._error = error
        except Exception as error:
            self._error = QingshanError(
                f"the computation failed: {type(error).__name__}: {error}.",
                f"计算失败：{type(error).__name__}：{error}。",
            )
