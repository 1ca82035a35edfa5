"""The resources of a run: the request of each worker, and a check that the cluster can meet it."""

from __future__ import annotations

import math
import os
import pathlib
import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sensitivity.study import own_trainables
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from sensitivity.study.study import Study

WORD = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
"""Pattern of the value of a node's label, and of the last part of its name, as in Kubernetes."""
NODE_ID = "ray.io/node-id"
UNITS = {"CPU": ("CPU", "CPUs"), "GPU": ("GPU", "GPUs")}


@dataclass(frozen=True)
class Place:
    """A Ray cluster or a local Ray, and the resources of each worker.

    Args:
        address: address of a cluster; None starts a local Ray.
        workers: maximal number of cohorts trained at once; if None, as many as the cluster has room for.
        gpus_per_worker: share of a GPU for each worker.
        resources: amounts of the cluster's custom resources for each worker, by name.
        trial_timeout: seconds that a worker may be silent; no limit if None.
        storage: folder of checkpoints, shared by all nodes, or a URL.
        cpus_per_worker: CPUs of each worker.
        labels: labels of the nodes that train, such as ``{"ray.io/accelerator-type": "A100"}``; empty for any
            node.

    Raises: InputError for an impossible request, before anything is started.
    """

    address: str | None = None
    workers: int | None = None
    gpus_per_worker: float = 0.0
    resources: Mapping[str, float] = field(default_factory=dict)
    trial_timeout: float | None = None
    storage: str | pathlib.Path | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    cpus_per_worker: float = 1.0

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise InputError(f"workers must be at least 1, got {self.workers}")
        if not 0 <= self.gpus_per_worker < math.inf:
            raise InputError(f"gpus_per_worker must be at least 0, got {self.gpus_per_worker}")
        if self.gpus_per_worker > 1 and self.gpus_per_worker != int(self.gpus_per_worker):
            raise InputError(f"gpus_per_worker above 1 must be a whole number, got {self.gpus_per_worker}")
        if not 0 < self.cpus_per_worker < math.inf:
            raise InputError(f"cpus_per_worker must be above 0, got {self.cpus_per_worker}")
        if self.trial_timeout is not None and not 0 < self.trial_timeout < math.inf:
            raise InputError(f"trial_timeout must be a number of seconds above 0, got {self.trial_timeout}")
        for name, amount in self.resources.items():
            if name.upper() in UNITS or not 0 < amount < math.inf:
                instead = (
                    "; a worker takes one CPU, and gpus_per_worker of a GPU"
                    if name.upper() in UNITS
                    else ", an amount above 0"
                )
                raise InputError(f"resource {name}={amount:g} must be one of the cluster's own{instead}")
        if self.resources and self.address is None:
            raise InputError(f"resource {next(iter(self.resources))!r} is a cluster's; give its address")
        for name, value in self.labels.items():
            if not re.fullmatch(rf"([A-Za-z0-9.-]+/)?{WORD}", name) or not re.fullmatch(WORD, value):
                raise InputError(
                    "label must be NAME=VALUE of letters, digits and _.- such as zone=eu-1; got "
                    f"'{name}={value}'"
                )
        if self.labels and self.address is None:
            raise InputError(f"label {next(iter(self.labels))!r} is of a cluster's nodes; give its address")

    @property
    def request(self) -> dict[str, float]:
        """The resources of each worker, by their names in Ray."""
        return {
            "CPU": self.cpus_per_worker,
            **({"GPU": self.gpus_per_worker} if self.gpus_per_worker else {}),
            **self.resources,
        }

    @property
    def selector(self) -> dict[str, Any]:
        """The labels of the nodes that train, as an argument of a placement group."""
        return {"bundle_label_selector": [dict(self.labels)]} if self.labels else {}

    def amounts(self, nodes: Iterable[Mapping[str, Any]]) -> dict[str, float]:
        """Return the total resources of the nodes that have the labels, by name.

        Args:
            nodes: the list of ``ray.nodes()``.

        >>> node = {"Alive": True, "Resources": {"CPU": 2.0}}
        >>> nodes = [{**node, "Labels": {"zone": zone}} for zone in ("eu", "us", "us")]
        >>> Place(address="auto", labels={"zone": "us"}).amounts(nodes)
        {'CPU': 4.0}
        """
        total: dict[str, float] = {}
        for node in nodes:
            if node["Alive"] and self.labels.items() <= node["Labels"].items():
                for name, amount in node["Resources"].items():
                    total[name] = total.get(name, 0.0) + amount
        return total

    def reach(self) -> None:
        """Check that the cluster answers; Ray itself would wait a minute."""
        if self.storage is not None:
            from pyarrow import ArrowException, fs

            try:
                fs.FileSystem.from_uri(str(self.storage))
            except (ArrowException, OSError, ValueError) as error:
                allowed = "give an absolute folder that every node has, or a file, s3, gs, abfs or hdfs URL"
                raise InputError(
                    f"storage {str(self.storage)!r} cannot be used ({' '.join(str(error).split())}); "
                    f"{allowed}"
                ) from None
        if self.address is not None and self.address.startswith("ray://"):
            raise InputError(
                f"address {self.address!r} is a Ray Client's, through which Ray Tune cannot keep results as "
                "they arrive; run this on a node of the cluster with --address auto, give the head's "
                "HOST:PORT, or use `sensitivity submit`"
            )
        host, separator, port = (self.address or "").rpartition(":")
        if separator and port.isdecimal():
            try:
                socket.create_connection((host, int(port)), timeout=5).close()
            except (OSError, OverflowError) as error:
                raise InputError(f"no Ray cluster at address {self.address!r}: {error}") from None
        if self.gpus_per_worker > 0 and self.address is None:
            import torch

            if not torch.cuda.is_available():
                have = "but this machine has no CUDA device; leave it at 0 or give the address of a cluster"
                raise InputError(f"gpus_per_worker is {self.gpus_per_worker}, {have}")

    def check_nodes(self, nodes: Sequence[Mapping[str, Any]], growth: Mapping[str, float] | None) -> None:
        """Refuse a study that the cluster could never hold, even after autoscaling.

        Args:
            nodes: the list of ``ray.nodes()``.
            growth: amounts that an autoscaler may reach, by name; None if there is no autoscaler.
        """
        if growth is None:
            self.check_labels(nodes)
        self.check({**(growth or {}), **self.amounts(nodes)})

    def check_labels(self, nodes: Sequence[Mapping[str, Any]]) -> None:
        """Refuse labels that no node has.

        Args:
            nodes: the list of ``ray.nodes()``.
        """
        there = [dict(node["Labels"]) for node in nodes if node["Alive"]]
        for name, value in self.labels.items():
            if not any(name in labels for labels in there):
                raise unknown(
                    "label", name, sorted({label for labels in there for label in labels if label != NODE_ID})
                )
            if not any(labels.get(name) == value for labels in there):
                raise unknown(
                    f"value of label {name!r}:",
                    value,
                    sorted({labels[name] for labels in there if name in labels}),
                )
        if self.labels and not any(self.labels.items() <= labels.items() for labels in there):
            raise InputError(f"no node has all of the labels {self._labels}")

    def check(self, cluster: Mapping[str, float]) -> None:
        """Refuse a study whose workers the cluster could never hold.

        Args:
            cluster: amounts that the cluster has, or can grow to, by name.
        """
        if self.gpus_per_worker and not cluster.get("GPU"):
            raise InputError(
                f"gpus_per_worker is {self.gpus_per_worker}, but the cluster has {in_words(cluster)} and no "
                "GPU"
            )
        for name, amount in self.resources.items():
            if name not in cluster:
                raise unknown("resource", name, own_resources(cluster))
            if cluster[name] < amount:
                raise InputError(
                    f"resource {name}={amount:g} is more than the cluster has: {cluster[name]:g}"
                )

    def room(self, cluster: Mapping[str, float]) -> int:
        """Return the number of workers that train at once.

        It is the requested number, or as many as fit, at least one.
        """
        if self.workers is not None:
            return self.workers
        if self.address is None:
            return max(1, int((os.cpu_count() or 1) / self.cpus_per_worker))
        return max(1, min(int(cluster.get(name, 0) / amount) for name, amount in self.request.items()))

    def lacking(self, workers: int, cluster: Mapping[str, float]) -> str | None:
        """Return a message about the resources that the workers wait for; None if nothing is missing.

        >>> Place(address="auto").lacking(4, {"CPU": 2.0})
        'waiting for 4 CPUs; the cluster has 2'
        >>> Place(address="auto", labels={"zone": "eu"}).lacking(4, {"CPU": 2.0})
        'waiting for 4 CPUs; the nodes with zone=eu have 2'
        """
        have = f"the nodes with {self._labels} have" if self.labels else "the cluster has"
        for name, amount in self.request.items():
            wanted, there = workers * amount, cluster.get(name, 0.0)
            if wanted > there:
                return f"waiting for {_amount(name, wanted)}; {have} {there:g}"
        return None

    @property
    def _labels(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.labels.items())


def own_resources(cluster: Mapping[str, float]) -> list[str]:
    """Return the names of a cluster's custom resources."""
    rays = (*UNITS, "memory", "object_store_memory")
    return [
        name for name in cluster if name not in rays and not name.startswith(("node:", "accelerator_type:"))
    ]


def in_words(cluster: Mapping[str, float]) -> str:
    """Return the resources of a cluster as text.

    >>> in_words({"CPU": 2.0, "node:10.0.0.1": 1.0, "memory": 1e9, "fast": 1.0})
    '2 CPUs, 1 fast'
    """
    named = [name for name in ("CPU", "GPU") if cluster.get(name)] + own_resources(cluster)
    return ", ".join(_amount(name, cluster[name]) for name in named) or "no CPU"


def parse_resources(texts: list[str]) -> dict[str, float]:
    """Parse amounts of the form ``NAME=AMOUNT``.

    Raises: InputError for any other form.

    >>> parse_resources(["fast=0.5"])
    {'fast': 0.5}
    """
    amounts = {}
    for text in texts:
        name, _, amount = text.partition("=")
        try:
            amounts[name] = float(amount)
        except ValueError:
            raise InputError(f"resource must be NAME=AMOUNT, such as fast=1; got {text!r}") from None
    return amounts


def parse_labels(texts: list[str]) -> dict[str, str]:
    """Parse labels of the form ``NAME=VALUE``.

    Raises: InputError for any other form.

    >>> parse_labels(["zone=eu-1"])
    {'zone': 'eu-1'}
    """
    labels: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator:
            raise InputError(f"label must be NAME=VALUE, such as zone=eu-1; got {text!r}")
        if labels.setdefault(name, value) != value:
            raise InputError(f"label {name!r} cannot be both {labels[name]!r} and {value!r}")
    return labels


def _amount(name: str, amount: float) -> str:
    singular, plural = UNITS.get(name, (name, name))
    return f"{amount:g} {singular if amount == 1 else plural}"


def check_place(study: Study, place: Place) -> None:
    """Refuse resources or labels beside a trainable that declares its own.

    Raises: InputError.
    """
    arguments = {
        "gpus_per_worker": place.gpus_per_worker,
        "resources": dict(place.resources),
        "labels": dict(place.labels),
    }
    for argument, value in arguments.items():
        if value and own_trainables.asks_for_resources(study.resolved.trainable()):
            raise InputError(
                f"{argument} {value} cannot be given to trainable {study.trainable!r}, which asks for its "
                "own; give it there, in tune.with_resources or default_resource_request"
            )
