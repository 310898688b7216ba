"""A Ray cluster of several raylets on this machine, in a process of its own: `python ray_cluster.py
3` prints its address, `remove` on its standard input takes a raylet away, and its end ends it."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from tellapart.workers.ray_cluster import ray

STORE = 80 * 2**20  # bytes


def main(count: int) -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Ray prints too
    ray()
    made: Any = import_module("ray.cluster_utils")
    node = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
    cluster = made.Cluster(initialize_head=True, head_node_args=node)
    del node["include_dashboard"]
    others = [cluster.add_node(**node) for _ in range(count - 1)]
    print(cluster.address, file=out, flush=True)
    for line in sys.stdin:
        assert line == "remove\n"
        cluster.remove_node(others.pop(), allow_graceful=False)
        print("removed", file=out, flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]))
