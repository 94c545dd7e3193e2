"""A schema that lives beside the compiled one: classes and calls made from descriptors, in a pool of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from nascore.testing.schema.frozen import read

Serve = Callable[[Message, grpc.ServicerContext], Message]


@dataclass(frozen=True, slots=True)
class Schema:
    """The files of one version of a protocol.

    Attributes:
        files: Their descriptors by name.
        pool: Holds their classes; two schemas never share one.
    """

    files: Mapping[str, FileDescriptorProto]
    pool: DescriptorPool

    @classmethod
    def of(cls, files: Iterable[FileDescriptorProto]) -> Schema:
        """Return a schema with files in any order; what they import must be among them."""
        by_name = {file.name: file for file in files}
        pool = DescriptorPool()
        added: set[str] = set()

        def add(file: FileDescriptorProto) -> None:
            if file.name not in added:
                added.add(file.name)
                for name in file.dependency:
                    add(by_name[name])
                pool.AddSerializedFile(_with_optional_oneofs(file).SerializeToString())

        for file in by_name.values():
            add(file)
        return cls(by_name, pool)

    @classmethod
    def frozen(cls, folder: Path, *, package: str) -> Schema:
        """Return the schema frozen in a folder: one text a file.

        Args:
            folder: Holds ``tuner.txt`` for ``tuner.proto``.
            package: Folder of the .proto files among imports (``nascore/v1``).
        """
        return cls.of(
            read(f"{package}/{path.stem}.proto", path.read_text(encoding="utf-8")).file
            for path in sorted(folder.glob("*.txt"))
        )

    @classmethod
    def compiled(cls, files: Iterable[FileDescriptor]) -> Schema:
        """Return the schema of compiled files, as a copy."""
        copies = []
        for file in files:
            copy = FileDescriptorProto()
            file.CopyToProto(copy)
            copies.append(copy)
        return cls.of(copies)

    def message(self, name: str) -> type[Message]:
        """Return the class of a message by its full name."""
        found: type[Message] = GetMessageClass(self.pool.FindMessageTypeByName(name))
        return found

    def call(self, channel: grpc.Channel, path: str) -> Callable[..., Message]:
        """Return a call of a client that knows this schema only.

        Args:
            channel: To the server.
            path: Service and call (``nascore.v1.TunerService/Ask``); not a stream.
        """
        service, _, name = path.partition("/")
        method = self.pool.FindServiceByName(service).methods_by_name[name]
        stub: Callable[..., Message] = channel.unary_unary(  # type: ignore[no-untyped-call]  # grpc is not annotated
            f"/{path}",
            request_serializer=GetMessageClass(method.input_type).SerializeToString,
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return stub

    def handler(self, service: str, served: Mapping[str, Serve]) -> grpc.GenericRpcHandler:
        """Return what a server that knows this schema only adds to itself.

        Args:
            service: Full name of the service.
            served: A function for each call that it answers.
        """
        methods = self.pool.FindServiceByName(service).methods_by_name
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(  # type: ignore[no-untyped-call]  # grpc is not annotated
                function,
                request_deserializer=GetMessageClass(methods[name].input_type).FromString,
                response_serializer=GetMessageClass(methods[name].output_type).SerializeToString,
            )
            for name, function in served.items()
        }
        found: grpc.GenericRpcHandler = grpc.method_handlers_generic_handler(  # type: ignore[no-untyped-call]  # as above
            service, handlers
        )
        return found


def _with_optional_oneofs(file: FileDescriptorProto) -> FileDescriptorProto:
    """Give each optional field the oneof of its own that a compiler gives it, after all written ones."""
    copy = FileDescriptorProto()
    copy.CopyFrom(file)
    for message in copy.message_type:
        _add_optional_oneofs(message)
    return copy


def _add_optional_oneofs(message: DescriptorProto) -> None:
    for each in message.field:
        if each.proto3_optional and not each.HasField("oneof_index"):
            each.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{each.name}")
