"""Clients of Triton and KServe ask a server by the Open Inference Protocol, unchanged."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

import tellapart
from conftest import draw_scene, encoded
from serving import Answered, Running, serving
from tellapart.model.classifier import Classifier

PICTURES = [encoded(draw_scene(seed=seed), kind) for seed, kind in enumerate(["PNG", "JPEG"])]


@pytest.fixture(scope="module")
def server(served: Path) -> Iterator[Running]:
    with serving(served.parent, f"heroes={served}", f"again={served}") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(server.address.removeprefix("http://")) as asking:
        yield asking


@pytest.fixture(scope="module")
def classifier(served: Path) -> Classifier:
    return tellapart.load(served)


def given(pictures: list[bytes] | np.ndarray, shape: list[int] | None = None) -> Any:
    """The input `image`, as bytes behind the JSON."""
    if isinstance(pictures, list):
        texts = np.array(pictures, np.object_).reshape(shape or [-1])
        return triton.InferInput("image", list(texts.shape), "BYTES").set_data_from_numpy(texts)
    return triton.InferInput("image", list(pictures.shape), "UINT8").set_data_from_numpy(pictures)


def check_right(
    result: triton.InferResult,
    classifier: Classifier,
    pictures: list[bytes] | np.ndarray,
) -> None:
    """The answers are those of the library, to the last bit."""
    expected = [classifier.predict(one) for one in pictures]
    rows = [[one.scores[label] for label in classifier.labels] for one in expected]
    assert result.as_numpy("scores").dtype == np.float32
    assert result.as_numpy("scores").tobytes() == np.array(rows, "f4").tobytes()
    novelty = np.array([one.novelty for one in expected], "f4")
    assert result.as_numpy("novelty").tobytes() == novelty.tobytes()
    assert result.as_numpy("unknown").tolist() == [one.unknown for one in expected]
    labels = [one if isinstance(one, str) else one.decode() for one in result.as_numpy("label")]
    assert labels == [one.label for one in expected]


@pytest.mark.parametrize("shape", [[2], [2, 1]])
def test_encoded_pictures_get_the_answers_of_the_library(
    client: triton.InferenceServerClient, classifier: Classifier, shape: list[int]
) -> None:
    result = client.infer("heroes", [given(PICTURES, shape)], request_id="42")
    check_right(result, classifier, PICTURES)
    said = result.get_response()
    assert (said["id"], said["model_name"], said["model_version"]) == ("42", "heroes", "1")
    assert [one["name"] for one in said["outputs"]] == ["scores", "label", "novelty", "unknown"]


@pytest.mark.parametrize("size", [(64, 96), (900, 1100)])  # the second is halved before it is seen
def test_pixels_get_the_answers_of_the_library(
    client: triton.InferenceServerClient, classifier: Classifier, size: tuple[int, int]
) -> None:
    pixels = np.stack([np.asarray(draw_scene(size[1], size[0], seed)) for seed in (3, 4)])
    check_right(client.infer("heroes", [given(pixels)]), classifier, pixels)


@pytest.mark.parametrize("coded", [base64.b64encode, base64.encodebytes])  # in lines, the second
def test_all_is_said_in_json_where_a_client_wants_it_so(
    client: triton.InferenceServerClient, classifier: Classifier, coded: Callable[[bytes], bytes]
) -> None:
    outputs = [
        triton.InferRequestedOutput(name, binary_data=False)
        for name in ("scores", "label", "novelty", "unknown")
    ]
    texts = np.array([coded(one).decode() for one in PICTURES], np.object_)
    tensor = triton.InferInput("image", [2], "BYTES").set_data_from_numpy(texts, binary_data=False)
    check_right(client.infer("heroes", [tensor], outputs=outputs), classifier, PICTURES)

    pixels = np.asarray(draw_scene(24, 16))[None]
    shape = list(pixels.shape)
    tensor = triton.InferInput("image", shape, "UINT8").set_data_from_numpy(pixels, False)
    check_right(client.infer("heroes", [tensor], outputs=outputs), classifier, pixels)


@pytest.mark.parametrize("nested", [True, False])
def test_json_may_be_nested_as_the_shape_is(
    server: Running, classifier: Classifier, nested: bool
) -> None:
    pixels = np.asarray(draw_scene(24, 16))[None]
    data = pixels.tolist() if nested else pixels.ravel().tolist()
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 16, 24, 3], "data": data}
    answer = server.ask("/v2/models/heroes/infer", json.dumps({"inputs": [tensor]}).encode())
    assert answer.headers["content-type"] == "application/json"
    outputs = {one["name"]: one for one in answer.json["outputs"]}
    expected = classifier.predict(pixels[0])
    assert outputs["scores"]["data"] == [expected.scores[label] for label in classifier.labels]
    assert outputs["label"] == {
        "name": "label",
        "datatype": "BYTES",
        "shape": [1],
        "data": [expected.label],
    }
    assert "id" not in answer.json


@pytest.mark.parametrize("binary", [True, False])
def test_embedding_and_evidence_come_where_they_are_named(
    client: triton.InferenceServerClient, classifier: Classifier, binary: bool
) -> None:
    outputs = [
        triton.InferRequestedOutput(name, binary_data=binary) for name in ("evidence", "embedding")
    ]
    result = client.infer("heroes", [given(PICTURES)], outputs=outputs)
    embedding, evidence = zip(
        *(classifier.run(one, ("embedding", "evidence")) for one in PICTURES), strict=True
    )
    assert result.as_numpy("embedding").tobytes() == np.stack(embedding).tobytes()
    assert result.as_numpy("evidence").tobytes() == np.stack(evidence).tobytes()
    assert result.as_numpy("scores") is None


@pytest.mark.parametrize("binary", [True, False])
def test_the_likeliest_labels_come_as_texts(
    client: triton.InferenceServerClient, classifier: Classifier, binary: bool
) -> None:
    output = triton.InferRequestedOutput("scores", binary_data=binary, class_count=2)
    (found,) = client.infer("heroes", [given(PICTURES[:1])], outputs=[output]).as_numpy("scores")
    for text, (label, score) in zip(
        found, classifier.predict(PICTURES[0]).scores.items(), strict=True
    ):
        value, place, name = (text if isinstance(text, str) else text.decode()).split(":")
        assert (np.float32(value), classifier.labels[int(place)], name) == (score, label, label)


def test_admit_is_a_parameter(client: triton.InferenceServerClient, classifier: Classifier) -> None:
    result = client.infer("heroes", [given(PICTURES)], parameters={"admit": 0.9})
    check_right(result, classifier.admitting(0.9), PICTURES)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_a_compressed_request_is_read(
    client: triton.InferenceServerClient, classifier: Classifier, algorithm: str
) -> None:
    result = client.infer(
        "heroes",
        [given(PICTURES)],
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    check_right(result, classifier, PICTURES)


def test_requests_at_the_same_time_keep_their_pictures(
    server: Running, classifier: Classifier
) -> None:
    address = server.address.removeprefix("http://")
    with triton.InferenceServerClient(address, concurrency=4) as asking:
        scenes = [encoded(draw_scene(seed=seed)) for seed in range(8)]
        under_way = [asking.async_infer("again", [given([one])]) for one in scenes]
        for one, request in zip(scenes, under_way, strict=True):
            check_right(request.get_result(), classifier, [one])


def test_what_the_server_and_its_models_are(
    client: triton.InferenceServerClient, classifier: Classifier
) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("heroes")
    assert client.is_model_ready("heroes", "1")
    assert not client.is_model_ready("heroes", "2")
    assert not client.is_model_ready("villains")
    said = client.get_server_metadata()
    assert (said["name"], said["version"]) == ("tellapart", tellapart.__version__)
    assert said["extensions"] == ["binary_tensor_data", "classification", "model_configuration"]
    assert [one["name"] for one in client.get_model_repository_index()] == ["heroes", "again"]

    of_model = client.get_model_metadata("heroes", "1")
    assert of_model == client.get_model_metadata("heroes")
    assert of_model["versions"] == ["1"]
    assert of_model["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1, 1]}]
    outputs = {one["name"]: (one["datatype"], one["shape"]) for one in of_model["outputs"]}
    assert outputs == {
        "scores": ("FP32", [-1, 2]),
        "label": ("BYTES", [-1]),
        "novelty": ("FP32", [-1]),
        "unknown": ("BOOL", [-1]),
        "embedding": ("FP32", [-1, -1]),
        "evidence": ("FP32", [-1, 2, -1, -1]),
    }
    configured = client.get_model_config("heroes")
    assert configured["max_batch_size"] == 64
    assert configured["parameters"]["digest"]["string_value"] == classifier.digest
    assert [one["name"] for one in configured["output"]] == list(outputs)


@pytest.mark.parametrize(
    ("model", "version", "said"),
    [
        ("villains", "", "There is no model villains here. There are: heroes, again."),
        ("heroes", "7", "There is no version 7 of heroes. Every model has one version, 1."),
    ],
)
def test_another_model_or_version_is_not_found(
    client: triton.InferenceServerClient, model: str, version: str, said: str
) -> None:
    with pytest.raises(InferenceServerException) as caught:
        client.infer(model, [given(PICTURES)], version)
    assert (caught.value.status(), caught.value.message()) == ("404", said)
    with pytest.raises(InferenceServerException, match=said):
        client.get_model_metadata(model, version)


def test_a_picture_that_cannot_be_read_is_named_by_its_number(
    client: triton.InferenceServerClient,
) -> None:
    with pytest.raises(InferenceServerException) as caught:
        client.infer("heroes", [given([PICTURES[0], PICTURES[1][:300]])])
    assert caught.value.status() == "422"
    assert caught.value.message().startswith("image[1]: cut short")


def prefixed(*elements: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(one)) + one for one in elements)


def asked(
    server: Running,
    tensor: Mapping[str, object] | None,
    binary: bytes = b"",
    headers: Mapping[str, str] = {},
    **more: object,
) -> Answered:
    """One request as it is written by hand: the JSON, its length, and bytes behind it."""
    said = json.dumps({"inputs": [tensor] if tensor is not None else [], **more}).encode()
    length = {"Inference-Header-Content-Length": str(len(said))} if binary else {}
    return server.ask("/v2/models/heroes/infer", said + binary, headers={**length, **headers})


def image(shape: object, datatype: object = "BYTES", **more: object) -> dict[str, object]:
    return {"name": "image", "shape": shape, "datatype": datatype, **more}


def sized(shape: object, binary: bytes, datatype: object = "BYTES", more: int = 0) -> Any:
    """(the tensor, its bytes); the size that it says may be off."""
    size = len(binary) + more
    return image(shape, datatype, parameters={"binary_data_size": size}), binary


ONE = prefixed(PICTURES[0])
TEXT = base64.b64encode(PICTURES[0]).decode()


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        ((None,), 400, "one input, which is called image"),
        (({**image([1]), "name": "picture"},), 400, "one input, which is called image"),
        ((image([1]),), 400, "neither data nor binary_data_size"),
        ((image([0], data=[]),), 400, "nothing in it"),
        (sized([0], b""), 400, "nothing in it"),
        (sized([1, 0, 0, 3], b"", "UINT8"), 400, "nothing in it"),
        ((image([1, 2], data=[TEXT, TEXT]),), 400, "BYTES [N] or [N,1]"),
        ((image([1, 2, 2], "UINT8", data=[0] * 4),), 400, "UINT8 [1, 2, 2]"),
        ((image([1, 3, 2, 2], "UINT8", data=[0] * 12),), 400, "UINT8 [N,H,W,3]"),
        ((image([1, 2, 2, 3], "FP32", data=[0.5] * 12),), 400, "image is FP32"),
        ((image([1, 2, 2, 3], "INT8", data=[0] * 12),), 400, "image is INT8"),
        ((image([-1], data=[TEXT]),), 400, "whole numbers from 0 on"),
        ((image([True], data=[TEXT]),), 400, "whole numbers from 0 on"),
        ((image("1", data=[TEXT]),), 400, "whole numbers from 0 on"),
        ((image([2], data=[TEXT]),), 400, "says 2 pictures, and its data holds 1"),
        ((image([1], data=["no base64!"]),), 400, "not base64"),
        ((image([1], data=[7]),), 400, "not base64"),
        ((image([1], data=TEXT),), 400, "data holds 0"),
        ((image([1, 1, 1, 3], "UINT8", data=[0, 0, 256]),), 400, "beyond 0 to 255"),
        ((image([1, 1, 1, 3], "UINT8", data=[0, 0, 10**30]),), 400, "beyond 0 to 255"),
        ((image([1, 1, 1, 3], "UINT8", data=[0, 0, -1]),), 400, "beyond 0 to 255"),
        ((image([1, 1, 1, 3], "UINT8", data=[[[[0, 0, None]]]]),), 400, "3 whole numbers"),
        ((image([1, 1, 1, 3], "UINT8", data=[0, [0, 0]]),), 400, "3 whole numbers"),
        ((image([1, 1, 1, 3], "UINT8", data={"a": 1}),), 400, "3 whole numbers"),
        ((image([1, 10**4000, 10**4000, 3], "UINT8", data=[1]),), 400, "none above 2,147,483,647"),
        ((image([1] * 100_000, data=[TEXT]),), 400, "at most four whole numbers"),
        ((image([1], ["BYTES"], data=[TEXT]),), 400, "image is a list [1]"),
        ((image([1], "BYTES" * 10**5, data=[TEXT]),), 400, "BYTESBYTES... [1]"),
        ((image([1], parameters={"binary_data_size": 10**4000}),), 400, "000..., but 0 bytes"),
        ((image([1, 1, 1, 3], "UINT8", data=[0, 0]),), 400, "3 whole numbers"),
        ((image([1, 1, 1, 3], "UINT8", data=[[0], [0, 0]]),), 400, "3 whole numbers"),
        ((image([1, 1, 1, 3], "UINT8", data=[0.5, 0, 0]),), 400, "3 whole numbers"),
        ((image([1, 1, 1, 3], "UINT8", data=[True] * 3),), 400, "3 whole numbers"),
        (sized([1], ONE[:-1]), 400, "cut short: its element 0"),
        (sized([1], ONE + b"\1\0"), 400, "cut short: its element 1"),
        (sized([2], ONE), 400, "says 2 pictures, and its bytes hold 1"),
        (sized([1], ONE + ONE), 400, "says 1 pictures, and its bytes hold more"),
        (sized([1], struct.pack("<I", 2**32 - 1) + b"x"), 400, "cut short"),
        (sized([1], ONE, more=5), 400, f"but {len(ONE)} bytes follow"),
        (sized([1], ONE, more=-5), 400, f"but {len(ONE)} bytes follow"),
        ((image([1], data=[TEXT]), b"more"), 400, "but 4 bytes follow"),
        (sized([1, 2, 2, 3], bytes(11), "UINT8"), 400, "which is 12 bytes, not 11"),
        (sized([65], ONE * 65), 413, "More than 64 pictures were sent"),
        (sized([1], prefixed(b"<html>")), 422, "image[0]: an HTML page"),
        (sized([1], prefixed(b"")), 422, "image[0]: an empty file"),
        ((image([1, 40_000, 1, 3], "UINT8", data=[0] * 120_000),), 422, "image[0]: too large"),
    ],
)
def test_what_is_no_tensor_of_pictures_is_refused_in_one_sentence(
    server: Running, request_: tuple[Any, ...], status: int, said: str
) -> None:
    answer = asked(server, *request_)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status, said in answer.json["error"]) == (status, True), answer.json
    assert answer.json["error"].startswith(answer.json["detail"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"outputs": [{"name": "logits"}]}, "logits is no output"),
        ({"outputs": [{"name": "scores"}, {"name": "scores"}]}, "asked for twice"),
        ({"outputs": "scores"}, "outputs is no list"),
        (
            {"outputs": [{"name": "label", "parameters": {"classification": 1}}]},
            "of label is 1",
        ),
        (
            {"outputs": [{"name": "scores", "parameters": {"classification": "a"}}]},
            "of scores is a",
        ),
        ({"parameters": {"admit": "most"}}, "admit is most, not a number"),
        ({"parameters": {"admit": 0.1}}, "cannot admit a fraction of 0.1"),
        ({"parameters": {"admit": 10**400}}, "00..., not a number such as 0.95"),
        ({"parameters": {"admit": float("nan")}}, "admit is nan, not a number"),
        ({"outputs": [{"name": "x" * 10**6}]}, "xx... is no output"),
        ({"outputs": [{"name": ["x"]}]}, "a list is no output"),
        ({"id": "x" * 1001}, "more than 1000 letters"),
    ],
)
def test_wishes_that_cannot_be_are_refused(
    server: Running, more: dict[str, Any], said: str
) -> None:
    answer = asked(server, *sized([1], ONE), **more)
    assert answer.status == 400
    assert said in answer.json["error"]


@pytest.mark.parametrize(
    "length", ["-1", "x", "1_0", "99999", "9" * 400, "0" * 18 + "9" * 5000, ""]
)
def test_a_length_that_cannot_be_is_refused(server: Running, length: str) -> None:
    header = {"Inference-Header-Content-Length": length}
    answer = asked(server, image([1], data=[TEXT]), headers=header)
    assert answer.status == 400
    assert "Inference-Header-Content-Length is" in answer.json["error"]


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"[" * 100_000, b'"image"'])
def test_a_body_that_is_no_json_object_is_refused(server: Running, body: bytes) -> None:
    answer = server.ask("/v2/models/heroes/infer", body)
    assert answer.status == 400
    assert "JSON" in answer.json["error"]


BODY = json.dumps({"inputs": [image([1], data=[TEXT])]}).encode()


@pytest.mark.parametrize(
    ("coding", "body", "status", "said"),
    [
        ("gzip", gzip.compress(bytes(100 * 2**20)), 413, "The unpacked body is larger"),
        ("gzip", gzip.compress(BODY)[:-9], 400, "cut short"),
        ("gzip", gzip.compress(BODY) + b"more", 400, "has more behind it"),
        ("gzip", BODY, 400, "not gzip"),
        ("deflate", gzip.compress(BODY), 400, "not deflate"),
        ("br", zlib.compress(BODY), 415, "compressed with br"),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_refused(
    server: Running, coding: str, body: bytes, status: int, said: str
) -> None:
    answer = server.ask("/v2/models/heroes/infer", body, headers={"Content-Encoding": coding})
    assert (answer.status, said in answer.json["error"]) == (status, True), answer.json


def test_numbers_by_the_million_are_to_be_sent_as_bytes(server: Running) -> None:
    answer = server.ask("/v2/models/heroes/infer", b"[" + b"0," * 4_000_001)
    assert answer.status == 413
    assert "more than 4,000,000 values" in answer.json["error"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"[]," * 2_000_000 + b"[]", "more than 2,000,000 lists"),
        (b"{}," * 10_000 + b"{}", "more texts and objects"),
        (b'"ab",' * 10_000 + b'"ab"', "more texts and objects"),
    ],
    ids=["lists", "objects", "texts"],
)
def test_values_that_take_much_memory_are_not_made(server: Running, data: bytes, said: str) -> None:
    tensor = b'{"name": "image", "datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [%s]}' % data
    answer = server.ask("/v2/models/heroes/infer", b'{"inputs": [%s]}' % tensor)
    assert (answer.status, said in answer.json["error"]) == (413, True), answer.json


def test_a_key_that_is_there_twice_is_refused(server: Running) -> None:
    answer = server.ask("/v2/models/heroes/infer", b'{"inputs": [], ' + BODY[1:])
    assert (answer.status, "JSON" in answer.json["error"]) == (400, True)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells how much memory was taken")
def test_a_long_text_among_numbers_takes_its_own_length(server: Running) -> None:
    """numpy would make each of them as wide as the longest: 1.2 GB."""
    answer = asked(
        server,
        image([1, 1, 1, 3], "UINT8", data=["a" * 5_000_000] + [""] * 60),
        headers={"Content-Encoding": "identity"},
    )
    assert (answer.status, "3 whole numbers" in answer.json["error"]) == (400, True)
    told = Path(f"/proc/{server.process.pid}/status").read_text()
    assert int(told.partition("VmHWM:")[2].split()[0]) < 900_000


def test_what_is_unpacked_counts_among_all_bodies(server: Running) -> None:
    """Of 16 pictures of 30 MB, packed into 30 kB, no more than 256 MB are held at once."""
    pixels = image([1, 3300, 3200, 3], "UINT8", parameters={"binary_data_size": 3300 * 3200 * 3})
    said = json.dumps({"inputs": [pixels]}).encode()
    packed = gzip.compress(said + bytes(3300 * 3200 * 3), 1)
    headers = {"Content-Encoding": "gzip", "Inference-Header-Content-Length": str(len(said))}
    with ThreadPoolExecutor(16) as threads:
        answers = threads.map(
            lambda _: server.ask("/v2/models/heroes/infer", packed, headers=headers), range(16)
        )
        told = [(one.status, one.json.get("detail")) for one in answers]
    assert (503, "Too many pictures are being sent.") in told
    assert told.count((200, None)) >= 4


def test_statistics_are_not_offered(client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException) as caught:
        client.get_inference_statistics()
    assert caught.value.message() == "Statistics are not offered. See /metrics."
