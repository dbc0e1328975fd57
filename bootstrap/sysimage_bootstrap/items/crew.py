"""The processes that share the work of a build."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

_Result = TypeVar("_Result")


class Crew:
    """Processes that share the work, started when there is some; with one worker, the work is done right here."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def submit(self, work: Callable[..., _Result], *arguments: object) -> Future[_Result]:
        if self._workers > 1:
            if self._executor is None:
                # Not fork: whoever watches the progress may do so in a thread of this process.
                context = multiprocessing.get_context("forkserver")
                context.set_forkserver_preload([work.__module__])
                self._executor = ProcessPoolExecutor(self._workers, mp_context=context)
            return self._executor.submit(work, *arguments)
        future: Future[_Result] = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:  # as an executor does
            future.set_exception(error)
        return future
