"""A server that speaks S3, in the tests' process, which the environment names and lets us into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tellapart.files import addresses

SETTINGS = {
    "AWS_ACCESS_KEY_ID": "anybody",
    "AWS_SECRET_ACCESS_KEY": "anything",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def s3_server() -> Iterator[str]:
    """Its address."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": address}.items():
            patch.setenv(name, value)
        forget_servers()
        yield address
    forget_servers()
    server.stop()


def new_bucket(name: str) -> None:
    import fsspec

    forget_servers()
    fsspec.filesystem("s3").mkdir(name)


def forget_servers() -> None:
    """Connections are kept for the whole process, and each server of the tests is another one."""
    import fsspec

    fsspec.get_filesystem_class("s3").clear_instance_cache()
    addresses._opened.clear()
