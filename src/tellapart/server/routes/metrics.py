"""`GET /metrics`: figures for Prometheus.

The values of their labels come from fixed sets, never from what a client sends: templates of
routes, status codes, names of models that are served.

Where several processes serve, `PROMETHEUS_MULTIPROC_DIR` names a folder before this is imported:
each keeps its figures in a file there, and whichever is asked adds all of them up.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from ..doors import FIGURES
from ..records.account import Account
from ..records.figures import FOLDER

_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ALL = ("process_start_time_seconds", "process_max_fds")  # of which a sum would say nothing


class Metrics:
    """The figures of a server, in a registry of their own."""

    def __init__(self, names: Iterable[str], held: Callable[[], int]) -> None:
        """Of the models of these `names`, before which so many pictures are `held`."""
        # Or each counter would have a twin, with the moment it began.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        registry = CollectorRegistry()
        self._held_now = held
        self._requests = Counter(
            "tellapart_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "tellapart_request_seconds",
            "Seconds from a request to its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._waited = Histogram(
            "tellapart_queue_seconds",
            "Seconds that a picture waited for its turn.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._under_way = Gauge(
            "tellapart_requests_in_progress",
            "Requests that are being answered.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._held = Gauge(
            "tellapart_queue_pictures",
            "Pictures that wait or are worked on.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._shed = Counter(
            "tellapart_shed",
            "Requests that were refused because there was too much to do.",
            registry=registry,
        )
        self._received = Counter(
            "tellapart_received_bytes", "Bytes of bodies that were read.", registry=registry
        )
        self._sent = Counter(
            "tellapart_sent_bytes", "Bytes of bodies that were sent.", registry=registry
        )
        self._pictures = Counter(
            "tellapart_pictures", "Pictures that were looked at.", ("model",), registry=registry
        )
        self._unreadable = Counter(
            "tellapart_pictures_unreadable",
            "Pictures that could not be read.",
            ("model",),
            registry=registry,
        )
        self._unknown = Counter(
            "tellapart_pictures_unknown",
            "Pictures that are none of the model's labels.",
            ("model",),
            registry=registry,
        )
        self._reloads = Counter(
            "tellapart_model_reloads",
            "Models whose files were replaced, and whether what came could be loaded.",
            ("model", "outcome"),
            registry=registry,
        )
        self._stale = Gauge(
            "tellapart_model_stale",
            "1 while a model's files are gone or damaged, so that the model of before answers.",
            ("model",),
            multiprocess_mode="livemax",
            registry=registry,
        )
        for name in names:  # so that each is there, as 0, from the beginning
            for one in (self._pictures, self._unreadable, self._unknown, self._stale):
                one.labels(name)
            for outcome in ("loaded", "failed"):
                self._reloads.labels(name, outcome)
        self._registry = registry

    def came(self) -> None:
        """A request came."""
        self._under_way.inc()

    def told(self, account: Account) -> None:
        """It was answered."""
        self._under_way.dec()
        self._held.set(self._held_now())
        self._requests.labels(account.method, account.route, str(account.status)).inc()
        self._seconds.labels(account.route).observe(account.seconds)
        self._received.inc(account.read)
        self._sent.inc(account.sent)
        if account.shed:
            self._shed.inc()
        for outcome in account.outcomes:
            self._waited.observe(outcome.waited)
            self._pictures.labels(account.model).inc()
            self._unreadable.labels(account.model).inc(outcome.unreadable)
            self._unknown.labels(account.model).inc(outcome.unknown)

    def replaced(self, name: str, loaded: bool) -> None:
        """The files of a model were replaced."""
        self._reloads.labels(name, "loaded" if loaded else "failed").inc()
        self._stale.labels(name).set(not loaded)

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        self._held.set(self._held_now())
        if not (folder := os.environ.get(FOLDER)):
            return generate_latest(self._registry) + generate_latest(_of_processes(["self"]))
        together = CollectorRegistry()
        MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call]
        return generate_latest(together) + generate_latest(_of_processes(_processes(folder)))

    async def answer(self, request: Request) -> Response:
        return Response(self.text(), media_type=FIGURES)


def _processes(folder: str) -> list[str]:
    """Those that keep their figures in a folder, as far as they live."""
    found = {re.sub(r".*_(\d+)\.db$", r"\1", path.name) for path in Path(folder).glob("*.db")}
    return sorted(one for one in found if Path("/proc", one).is_dir())


class _Processes(Collector):
    """Memory, time and files of processes, added up."""

    def __init__(self, processes: Iterable[str]) -> None:
        self._each = [ProcessCollector(pid=partial(str, one), registry=None) for one in processes]

    def collect(self) -> Iterator[Metric]:
        sums: dict[str, Metric] = {}
        for one in self._each:
            for metric in one.collect():
                if metric.name not in sums:
                    sums[metric.name] = metric
                    continue
                sample, more = sums[metric.name].samples[0], metric.samples[0].value
                value = min(sample.value, more) if metric.name in _ALL else sample.value + more
                sums[metric.name].samples[0] = sample._replace(value=value)
        yield from sums.values()


def _of_processes(processes: Iterable[str]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Processes(processes))
    return registry
