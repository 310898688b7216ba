"""The types of what is answered -> JSON Schema, as OpenAPI 3.1 has it."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from typing import (
    Annotated,
    Any,
    Literal,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

Schema: TypeAlias = "dict[str, Any]"

_PLAIN: Mapping[object, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
}


class Schemas:
    """Collects the schemas of types: what has a name is written once, and referred to."""

    def __init__(self) -> None:
        self.named: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        """The schema of a type: of a TypedDict, of lists, mappings, unions and literals of such, of
        a plain value, or of anything, which is `object`; one that is annotated has its words.

        Raises:
            TypeError: of any other.
        """
        if kind is object:
            return {}
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        if is_typeddict(kind):
            name = kind.__name__
            if name not in self.named:
                self.named[name] = {}  # it may contain itself
                self.named[name] = self._object(kind)
            return {"$ref": f"#/components/schemas/{name}"}
        origin, inside = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return {**self.of(inside[0]), "description": inside[1]}
        if origin is list:
            return {"type": "array", "items": self.of(inside[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(inside[1])}
        if origin is Literal:
            return {"enum": list(inside)}
        if origin in (Union, types.UnionType):
            return _union([self.of(one) for one in inside])
        raise TypeError(f"no schema for {kind}")

    def _object(self, kind: Any) -> Schema:
        fields = {
            name: self.of(one) for name, one in get_type_hints(kind, include_extras=True).items()
        }
        return {
            "type": "object",
            "description": inspect.cleandoc(kind.__doc__ or "").replace("\n", " "),
            "properties": fields,
            "required": sorted(kind.__required_keys__, key=list(fields).index),
        }


def _union(schemas: list[Schema]) -> Schema:
    if all(set(one) == {"type"} for one in schemas):
        return {"type": [one["type"] for one in schemas]}
    return {"anyOf": schemas}
