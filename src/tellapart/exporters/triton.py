"""A model repository for the Triton Inference Server: it runs the model file as it is.

No server runs here. The model file is proved with onnxruntime, which is what Triton runs it with,
and the configuration is read back with protobuf's own reader and held against the model.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backbones.runtime import open_session
from ..errors import ModelError
from ..files.workspaces import temporary_folder
from ..model.folder import LABELS_FILE, MODEL_FILE
from .proof import example_answers
from .target import Export, write_program

if TYPE_CHECKING:
    from ..backbones.runtime import Session

NAME = "tellapart"  # the model's, in the repository and in addresses
CONFIG = Path("repository", NAME, "config.pbtxt")
_MODEL = Path("repository", NAME, "1", MODEL_FILE)
_TYPES: Mapping[str, str] = {"tensor(uint8)": "TYPE_UINT8", "tensor(float)": "TYPE_FP32"}


def write(export: Export) -> None:
    """The repository, and a program that asks a running server."""
    (export.folder / _MODEL).parent.mkdir(parents=True)
    (export.folder / _MODEL).write_bytes(export.classifier.content)
    shutil.copyfile(export.folder / LABELS_FILE, (export.folder / CONFIG).with_name(LABELS_FILE))
    session = open_session(export.classifier.content)
    (export.folder / CONFIG).write_text(configuration(session), "utf-8")
    write_program(export.folder, "triton.py")


def answers(folder: Path, pictures: Sequence[Path]) -> list[Mapping[str, float]]:
    """Check the configuration, then run the repository's model with onnxruntime.

    Raises:
        ModelError: the configuration does not fit the model, or the model does not answer.
    """
    content = (folder / _MODEL).read_bytes()
    check_configuration((folder / CONFIG).read_text("utf-8"), open_session(content))
    with temporary_folder() as place:
        Path(place, MODEL_FILE).write_bytes(content)
        shutil.copyfile(folder / LABELS_FILE, Path(place, LABELS_FILE))
        write_program(Path(place), "onnx.py")
        return example_answers(Path(place), pictures)


def configuration(session: Session) -> str:
    """config.pbtxt: pictures differ in size, so the axis of batches is an axis like the others."""
    rows = [f'name: "{NAME}"', 'backend: "onnxruntime"', "max_batch_size: 0"]
    for kind, name, data_type, sides in _described(session):
        label_file = f'\n  label_filename: "{LABELS_FILE}"' if name == "scores" else ""
        rows.append(
            f'{kind} {{\n  name: "{name}"\n  data_type: {data_type}\n'
            f"  dims: [ {', '.join(map(str, sides))} ]{label_file}\n}}"
        )
    return "\n".join(rows) + "\n"


def check_configuration(text: str, session: Session) -> None:
    """Hold a config.pbtxt against the model it is for.

    Raises:
        ModelError: it cannot be read, or says something else than the model.
    """
    from google.protobuf import text_format

    try:
        config = text_format.Parse(text, _configuration_message()())
    except text_format.ParseError as error:
        raise ModelError(f"{CONFIG.name} cannot be read: {error}.") from error
    types = config.DESCRIPTOR.file.enum_types_by_name["DataType"].values_by_number
    said = [
        (kind, row.name, types[row.data_type].name, list(row.dims))
        for kind in ("input", "output")
        for row in getattr(config, kind)
    ]
    wrong = [row for row in _described(session) if row not in said]
    if wrong or len(said) != len(_described(session)) or config.max_batch_size != 0:
        raise ModelError(f"{CONFIG.name} does not fit the model: {(wrong or said)[0]}.")


def _described(session: Session) -> list[tuple[str, str, str, list[int]]]:
    """(kind, name, type, sides) of each input and output; a side that varies is -1."""
    return [
        (
            kind,
            value.name,
            _TYPES[value.type],
            [side if isinstance(side, int) else -1 for side in value.shape],
        )
        for kind, values in (("input", session.get_inputs()), ("output", session.get_outputs()))
        for value in values
    ]


@cache
def _configuration_message() -> Any:
    """The part of Triton's model_config.proto that is used here, as a message class."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="model_config.proto", package="inference")
    data_type = file.enum_type.add(name="DataType")
    for number, name in ((0, "TYPE_INVALID"), (2, "TYPE_UINT8"), (11, "TYPE_FP32")):
        data_type.value.add(name=name, number=number)
    tensor = file.message_type.add(name="Tensor")
    tensor.field.add(name="name", number=1, type=kinds.TYPE_STRING, label=1)
    tensor.field.add(
        name="data_type", number=2, type=kinds.TYPE_ENUM, type_name="DataType", label=1
    )
    tensor.field.add(name="dims", number=3, type=kinds.TYPE_INT64, label=3)
    tensor.field.add(name="label_filename", number=4, type=kinds.TYPE_STRING, label=1)
    config = file.message_type.add(name="ModelConfig")
    config.field.add(name="name", number=1, type=kinds.TYPE_STRING, label=1)
    config.field.add(name="max_batch_size", number=4, type=kinds.TYPE_INT32, label=1)
    for number, name in ((5, "input"), (6, "output")):
        config.field.add(
            name=name, number=number, type=kinds.TYPE_MESSAGE, type_name="Tensor", label=3
        )
    config.field.add(name="backend", number=17, type=kinds.TYPE_STRING, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelConfig"))
