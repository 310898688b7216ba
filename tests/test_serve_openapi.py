"""What `/openapi.json` says of a server is so, and nothing that it allows breaks one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from starlette.routing import Route

from conftest import draw_scene, encoded
from serving import Running, serving
from tellapart.server.app import application
from tellapart.server.config import Config
from tellapart.server.doors import DOORS, Door
from tellapart.server.models import Models
from tellapart.server.routes.openapi import document
from tellapart.to_json import shapes

# Most bytes are no picture, though the schema cannot say so: those are refused, as they should be.
PICTURES = [schemathesis.checks.positive_data_acceptance]
REJECTED = schemathesis.checks.negative_data_rejection
POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
QUICK = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


def asked() -> Iterator[Any]:
    """Each door with what it allows, and with what it does not, if one can ask it wrongly."""
    for door in DOORS:
        for mode in (POSITIVE, NEGATIVE):
            if mode is POSITIVE or door.body or "{" in door.path:
                yield pytest.param(door, mode, id=f"{door.method} {door.path} {mode}")


@pytest.fixture(scope="module")
def server(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("openapi"), served) as running:
        yield running


@pytest.fixture(scope="module")
def described(server: Running) -> dict[str, Any]:
    found: dict[str, Any] = server.ask("/openapi.json").json
    return found


@pytest.fixture(scope="module")
def api(server: Running) -> Any:
    return schemathesis.openapi.from_url(f"{server.address}/openapi.json")


@pytest.mark.slow
@pytest.mark.parametrize(("door", "mode"), list(asked()))
@pytest.mark.parametrize("examples", [3, pytest.param(200, marks=pytest.mark.slow)])
def test_every_door_keeps_what_is_said_of_it(
    api: Any, door: Door, mode: schemathesis.GenerationMode, examples: int
) -> None:
    cases = api[door.path][door.method].as_strategy(generation_mode=mode)

    @given(case=cases)
    @settings(QUICK, max_examples=examples)
    def keeps(case: Any) -> None:
        answer = case.call()
        too_much = answer.status_code == 413  # what is too large is not looked into
        case.validate_response(answer, excluded_checks=PICTURES + [REJECTED] * too_much)

    keeps()


def test_the_description_is_openapi(api: Any, described: Mapping[str, Any]) -> None:
    api.validate()
    assert described["openapi"].startswith("3.1.")
    for schema in described["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_key_of_an_answer_has_its_words(described: Mapping[str, Any]) -> None:
    described_here = described["components"]["schemas"]
    assert {"Guess", "Served"} <= described_here.keys()
    for name in described_here.keys() & vars(shapes).keys():
        for key, schema in described_here[name]["properties"].items():
            assert schema.get("description"), f"{name}.{key}"


def test_every_route_is_described(served: Path, described: Mapping[str, Any]) -> None:
    app = application(Models({"heroes": served}), Config(), lambda _: None, lambda: False)
    routes = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, Route) and route.include_in_schema
        for method in (route.methods or set()) - {"HEAD"}
    }
    told = {
        (method.upper(), path)
        for path, operations in described["paths"].items()
        for method in operations
    }
    assert told == routes


PICTURE = encoded(draw_scene())


def tensors(*outputs: str) -> bytes:
    """A request of the Open Inference Protocol, for these outputs or for those that always come."""
    data = [base64.b64encode(PICTURE).decode()]
    image = {"name": "image", "datatype": "BYTES", "shape": [1], "data": data}
    asked = {"id": "7", "inputs": [image], "outputs": [{"name": name} for name in outputs]}
    return json.dumps(asked).encode()


HALF = PICTURE[: len(PICTURE) // 2]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/guess", PICTURE, 200),
        ("POST", "/v1/guess?top=1&evidence=true", PICTURE, 200),
        ("POST", "/v1/guess", HALF, 422),
        ("POST", "/v1/guess", b"no picture", 415),
        ("POST", "/v1/guess?top=0", PICTURE, 400),
        ("POST", "/v1/models/{name}/guess", PICTURE, 200),
        ("POST", "/v1/models/{name}/guess", PICTURE, 404),
        ("GET", "/v1/models", None, 200),
        ("GET", "/v1/models/{name}", None, 200),
        ("GET", "/v1/models/{name}", None, 404),
        ("GET", "/healthz", None, 200),
        ("GET", "/readyz", None, 200),
        ("GET", "/", None, 200),
        ("GET", "/v2", None, 200),
        ("GET", "/v2/health/live", None, 200),
        ("GET", "/v2/health/ready", None, 200),
        ("POST", "/v2/repository/index", None, 200),
        ("GET", "/v2/models/{name}", None, 200),
        ("GET", "/v2/models/{name}", None, 404),
        ("GET", "/v2/models/{name}/ready", None, 200),
        ("GET", "/v2/models/{name}/config", None, 200),
        ("POST", "/v2/models/{name}/infer", tensors(), 200),
        ("POST", "/v2/models/{name}/infer", tensors("scores", "evidence", "embedding"), 200),
        ("POST", "/v2/models/{name}/infer", b"[]", 400),
    ],
)
def test_answers_have_the_keys_that_are_promised_and_no_others(
    server: Running,
    described: Mapping[str, Any],
    method: str,
    path: str,
    body: bytes | None,
    status: int,
) -> None:
    name = "nobody" if status == 404 else "heroes"
    answer = server.ask(path.replace("{name}", name), body, method=method)
    assert answer.status == status
    operation = described["paths"][path.partition("?")[0]][method.lower()]
    content = operation["responses"][str(status)]["content"][answer.headers["content-type"]]
    schema = {**content["schema"], "components": closed(described["components"])}
    jsonschema.Draft202012Validator(schema).validate(answer.json)


def closed(schema: Any) -> Any:
    """A schema in which an object has no more keys than are named; a problem may have more."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inside = {key: one if key == "Problem" else closed(one) for key, one in schema.items()}
    return {"additionalProperties": False, **inside} if "properties" in schema else inside


@pytest.mark.parametrize("token", ["", "a-token-of-some-letters"])
def test_whether_a_token_is_needed_is_described(token: str) -> None:
    said = document(["cats", "dogs"], token=bool(token), largest=2**20, most=3)
    assert ("security" in said) == bool(token)
    assert token not in json.dumps(said) or not token
    (name,) = said["paths"]["/v1/models/{name}"]["get"]["parameters"]
    assert name["schema"]["enum"] == ["cats", "dogs"]
