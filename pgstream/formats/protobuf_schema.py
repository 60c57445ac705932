"""Protobuf schemas: descriptor sets as they are, and `.proto` texts by protoc; and the SQL types of fields."""

import tempfile
from pathlib import Path
from typing import Any

from pgstream.errors import FeatureNotSupported, InvalidTableDefinition, UndefinedObject


def protobuf() -> Any:
    """The package google.protobuf. Raises FeatureNotSupported where it is not installed."""
    try:
        import google.protobuf.descriptor_pb2
        import google.protobuf.descriptor_pool
        import google.protobuf.json_format
        import google.protobuf.message
        import google.protobuf.message_factory
    except ImportError:
        raise FeatureNotSupported(
            "Protobuf needs the package protobuf", hint="Install it with: pip install 'pgstream[protobuf]'"
        ) from None
    return google.protobuf


def message_class(content: bytes, name: str | None) -> Any:
    """The class of the messages of a schema; `name` may be left out where the schema has one message.

    `content` is a FileDescriptorSet or the text of a `.proto` file.
    """
    package = protobuf()
    pool = package.descriptor_pool.DescriptorPool()
    files = _descriptors(content)
    try:
        for file in files:
            pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
        names = [name] if name is not None else _only(files)
        return package.message_factory.GetMessageClass(pool.FindMessageTypeByName(names[0]))
    except KeyError:
        raise UndefinedObject(f'message "{name}" is not in the Protobuf schema') from None
    except TypeError as error:
        raise InvalidTableDefinition(f"invalid Protobuf schema: {error}") from None


def of_descriptor(descriptor: Any) -> Any:
    """The class of a message that another one holds."""
    return protobuf().message_factory.GetMessageClass(descriptor)


def _only(files: Any) -> list[str]:
    """The name of the one message that the last file has at its top."""
    last = files[-1]
    names = [f"{last.package}.{message.name}" if last.package else message.name for message in last.message_type]
    if len(names) != 1:
        raise InvalidTableDefinition('option "message" is required', detail=f"The schema has {', '.join(names)}.")
    return names


def _descriptors(content: bytes) -> Any:
    """The files of a schema, those that are imported first."""
    package = protobuf()
    try:
        found = package.descriptor_pb2.FileDescriptorSet.FromString(content).file
        if found and all(file.name for file in found):
            return found
    except package.message.DecodeError:
        pass
    return package.descriptor_pb2.FileDescriptorSet.FromString(_compiled(content)).file


def _compiled(text: bytes) -> bytes:
    """The descriptor set of a `.proto` text."""
    try:
        import grpc_tools
        from grpc_tools import protoc
    except ImportError:
        raise FeatureNotSupported(
            "a .proto text needs the package grpcio-tools", hint="Give a descriptor set: protoc --descriptor_set_out."
        ) from None
    known = Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "schema.proto", Path(folder) / "out"
        source.write_bytes(text)
        command = [
            "protoc",
            f"-I{folder}",
            f"-I{known}",
            "--include_imports",
            f"--descriptor_set_out={out}",
            str(source),
        ]
        if protoc.main(command) != 0:
            raise InvalidTableDefinition("invalid Protobuf schema: protoc cannot compile it")
        return out.read_bytes()
