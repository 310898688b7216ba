"""What docs/scale.md names is there, and its cluster is one that Ray accepts."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
import yaml

PROJECT = Path(__file__).parents[1]


def test_the_cluster_in_the_docs_is_one_that_ray_accepts() -> None:
    found = find_spec("ray")
    if found is None or not found.submodule_search_locations:
        pytest.skip("Ray is not installed")
    schema = Path(found.submodule_search_locations[0]) / "autoscaler" / "ray-schema.json"
    cluster = yaml.safe_load((PROJECT / "docs/scale/cluster.yaml").read_text("utf-8"))
    jsonschema.validate(cluster, json.loads(schema.read_text("utf-8")))
    assert "tellapart-ray" in cluster["docker"]["image"]
    assert "docker/Dockerfile.ray" in (PROJECT / "docs/scale.md").read_text("utf-8")


def test_the_image_for_a_cluster_copies_what_there_is() -> None:
    lines = (PROJECT / "docker/Dockerfile.ray").read_text("utf-8").splitlines()
    copied = [line.split()[2:-1] for line in lines if line.startswith("COPY")]
    assert copied
    assert all((PROJECT / name).exists() for names in copied for name in names)
