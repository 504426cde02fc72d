"""Checkpoints by somebody who means harm: what each asks for, and what it should be told.

Each function writes one into a folder. :func:`main` loads one in a process of its own, and prints
how much memory and time that took; `test_hostile.py` reads it.
"""

import gc
import json
import pickle
import struct
import sys
import time
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.interop import small

MB = 1 << 20
Write = Callable[[Path], None]


def safetensors(head: bytes, data: bytes = b"", length: int | None = None) -> Write:
    def write(folder: Path) -> None:
        said = len(head) if length is None else length
        content = struct.pack("<Q", said) + head + data
        (folder / "model.safetensors").write_bytes(content)

    return write


def table(**entries: Any) -> bytes:
    return json.dumps(entries).encode()


def entry(shape: Any, begin: Any, end: Any, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


SAFETENSORS: dict[str, tuple[Write, str]] = {
    "empty": (lambda f: (f / "model.safetensors").write_bytes(b"") and None, "header's length"),
    "an endless header": (safetensors(b"{}", length=1 << 62), "header's length should be at most"),
    "a header of all bits": (safetensors(b"{}", length=(1 << 64) - 1), "header's length"),
    "a long header": (safetensors(b"[" * 100 * MB), "header's length should be at most 8388608"),
    "lists in lists": (safetensors(b"[" * 7 * MB), "nests too deep"),
    "millions of lists": (
        safetensors(b'{"a":[' + b"[]," * (2 * MB) + b"[]]}"), "should have dtype, shape and data_of"
    ),
    "millions of keys": (
        safetensors(b"{" + b",".join(b'"%x":0' % i for i in range(600_000)) + b"}"), "should have d"
    ),
    "millions of one key": (
        safetensors(b"{" + b",".join([b'"a":0'] * 800_000) + b"}"), "stands there twice"
    ),
    "a number without end": (safetensors(b'{"a":' + b"9" * 7 * MB + b"}"), "should hold a JSON ob"),
    "no JSON": (safetensors(b"\xff\xfe{}"), "should hold a JSON object"),
    "no object": (safetensors(b"[1, 2]"), "should hold a JSON object, got list"),
    "half a character": (safetensors(b'{"\\ud800": 1}'), "should have dtype, shape"),
    "NaN": (safetensors(b'{"a": NaN}'), "NaN is no JSON number"),
    "Infinity": (safetensors(b'{"a": -Infinity}'), "-Infinity is no JSON number"),
    "a number too large": (safetensors(b'{"a": 1e999}'), "1e999 is no finite number"),
    "a shape that wraps": (
        safetensors(table(a=entry([2**32, 2**32], 0, 0))), "data_offsets should span 737869762948"
    ),
    "an endless shape": (safetensors(table(a=entry([2**70], 0, 0))), "shape should be a list of a"),
    "a shape of many axes": (safetensors(table(a=entry([1] * 10**5, 0, 4)), bytes(4)), "shape sho"),
    "a negative axis": (safetensors(table(a=entry([-1, -1], 0, 4)), bytes(4)), "shape should be a"),
    "a fraction": (safetensors(table(a=entry([1.5], 0, 4)), bytes(4)), "shape should be a list"),
    "true for one": (safetensors(table(a=entry([True], 0, 4)), bytes(4)), "shape should be a list"),
    "offsets that overlap": (
        safetensors(table(a=entry([2], 0, 8), b=entry([2], 4, 12)), bytes(12)), "should begin at 8"
    ),
    "a hole": (
        safetensors(table(a=entry([1], 0, 4), b=entry([1], 8, 12)), bytes(12)), "should begin at 4"
    ),
    "offsets backwards": (safetensors(table(a=entry([1], 4, 0)), bytes(4)), "should span 4 bytes"),
    "offsets out of the file": (safetensors(table(a=entry([1], 0, 4))), "should hold 4 bytes of n"),
    "bytes left over": (safetensors(table(a=entry([1], 0, 4)), bytes(9)), "should hold 4 bytes"),
    "an unknown dtype": (safetensors(table(a=entry([1], 0, 4, "F12")), bytes(4)), "dtype should b"),
    "a list for a dtype": (safetensors(table(a=entry([1], 0, 4, [])), bytes(4)), "dtype should be"),
    "a field more": (
        safetensors(table(a={**entry([1], 0, 4), "run": "me"}), bytes(4)), "should have dtype, shap"
    ),
}  # fmt: skip


# ------------------------------------------------------------------ pickles


class Runs:
    """What a foreign pickle may hold: a call of anything."""

    def __init__(self, name: str, *arguments: Any) -> None:
        self.name, self.arguments = name, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        module, _, name = self.name.rpartition(".")
        return getattr(__import__(module, fromlist=[name]), name), self.arguments


def zipped(program: bytes, storages: dict[str, bytes] | None = None, pack: int = 0) -> Write:
    def write(folder: Path) -> None:
        with zipfile.ZipFile(folder / "pytorch_model.bin", "w", pack) as archive:
            archive.writestr("archive/data.pkl", program)
            archive.writestr("archive/byteorder", "little")
            for key, content in (storages or {}).items():
                archive.writestr(f"archive/data/{key}", content)
            archive.writestr("archive/version", "3\n")

    return write


def program(*parts: bytes) -> bytes:
    """A pickle of protocol 2 from its operations."""
    return b"\x80\x02" + b"".join(parts) + b"."


def word(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def whole(value: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", value)


def storage(numel: int, key: str = "0", kind: str = "FloatStorage") -> bytes:
    return b"(" + word("storage") + f"ctorch\n{kind}\n".encode() + word(key) + word("cpu") + (
        whole(numel) + b"tQ"
    )  # fmt: skip


def rebuilt(numel: int, offset: int, shape: list[int], stride: list[int], key: str = "0") -> bytes:
    """A tensor, as torch.save writes one."""
    sizes = [b"(" + b"".join(map(whole, numbers)) + b"t" for numbers in (shape, stride)]
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(numel, key) + whole(offset)
        + sizes[0] + sizes[1] + b"\x89ccollections\nOrderedDict\n)RtR"
    )  # fmt: skip


def named(*pairs: tuple[str, bytes]) -> bytes:
    return program(b"}(" + b"".join(word(name) + value for name, value in pairs) + b"u")


def older(*pickles: Any, rest: bytes = b"") -> Write:
    """The layout before version 1.6; bytes are pickles already."""

    def write(folder: Path) -> None:
        content = b"".join(
            p if isinstance(p, bytes) else pickle.dumps(p, protocol=2) for p in pickles
        )
        (folder / "pytorch_model.bin").write_bytes(content + rest)

    return write


ONE, ENDLESS = rebuilt(1, 0, [1], [1]), rebuilt(1 << 50, 0, [1], [1])
MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
MARK = "ran.txt"  # what an executed program would leave in the working directory
TWICE = b"\x85" + b"".join(b"q%ch%c\x86" % (i % 256, i % 256) for i in range(60))


def lies_about_its_sizes(folder: Path) -> None:
    """A central directory that names 64-bit sizes the archive does not have."""
    zipped(named(("a", rebuilt(1, 0, [1], [1]))), {"0": bytes(4)})(folder)
    path = folder / "pytorch_model.bin"
    content = bytearray(path.read_bytes())
    at = content.rfind(b"PK\5\6")
    content[at + 12 : at + 16] = struct.pack("<I", 1 << 30)
    path.write_bytes(content)


def two_of_one_name(folder: Path) -> None:
    """Which of them counts, two readers may see differently."""
    zipped(named(("a", ONE)), {"0": bytes(4)})(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(folder / "pytorch_model.bin", "a") as archive:
            archive.writestr(
                "archive/data.pkl", pickle.dumps(Runs("os.system", f"touch {MARK}"), 2)
            )


PICKLES: dict[str, tuple[Write, str]] = {
    "two programs of one name": (two_of_one_name, "two entries have one name"),
    "a call": (zipped(pickle.dumps({"a": Runs("os.system", f"touch {MARK}")}, 2)), "not allowed"),
    "a call, older": (
        older(MAGIC, 1001, SYSTEM, {"a": Runs("os.system", f"touch {MARK}")}), "not allowed"
    ),
    "a call in the first pickle": (older(Runs("os.system", f"touch {MARK}")), "should hold a dict"),
    "eval": (zipped(pickle.dumps(Runs("builtins.eval", f"open('{MARK}','w')"), 2)), "not allowed"),
    "a class with a state": (zipped(pickle.dumps({"a": OrderedDict(x=object())}, 2)), "should hol"),
    "a new object": (zipped(pickle.dumps(Path("x"), 2)), "not allowed"),
    "a pickle of protocol 4": (zipped(pickle.dumps({"a": Runs("os.getcwd")}, 4)), "has no place"),
    "bytes by the billion": (
        zipped(program(b"}" + word("a") + b"cbuiltins\nbytearray\n" + whole(10**10) + b"\x85Rs")),
        "'builtins.bytearray' is not allowed",
    ),
    "a memo without end": (
        zipped(program(b"}r\xff\xff\xff\xff" + word("a") + b"Ns")), "should be a tensor"
    ),
    "a key that takes for ever to hash": (
        zipped(program(b"}(" + b")" + TWICE + b"Nu")), "a key should be text, got tuple"
    ),
    "a value that takes for ever to show": (
        zipped(program(b"}(" + word("a") + b")" + TWICE + b"u")), "should be a tensor, got tuple"
    ),
    "a text without end": (zipped(program(b"X\xff\xff\xff\x7f")), "should hold a dict of tensors"),
    "no end": (zipped(b"\x80\x02}"), "should hold a dict of tensors"),
    "nothing on the stack": (zipped(program(b"s")), "should hold a dict of tensors"),
    "no dict": (zipped(program(b"]")), "there should be a dict"),
    "a nested dict": (zipped(named(("a", b"}"))), "'a' should be a tensor"),
    "a name twice": (
        zipped(named(("a", ONE), ("a", ONE)), {"0": bytes(4)}),
        "the key 'a' stands there twice",
    ),
    "a tensor that is stretched": (
        zipped(named(("a", rebuilt(1, 0, [10**6, 10**6], [0, 0]))), {"0": bytes(4)}),
        "should lie in its storage of 1 numbers",
    ),
    "a tensor out of its storage": (
        zipped(named(("a", rebuilt(2, 1, [2], [1]))), {"0": bytes(8)}), "should lie in its storage"
    ),
    "a negative stride": (
        zipped(named(("a", rebuilt(2, 0, [2], [-1]))), {"0": bytes(8)}), "should be whole numbers"
    ),
    "a storage without end": (
        zipped(named(("a", rebuilt(1 << 50, 0, [1], [1]))), {"0": bytes(4)}),
        "the storage '0' should have 4503599627370496 bytes",
    ),
    "a storage that is not there": (
        zipped(named(("a", rebuilt(1, 0, [1], [1]))), {"1": bytes(4)}), "the storage '0' should hav"
    ),
    "a storage of two sizes": (
        zipped(named(("a", ONE), ("b", rebuilt(2, 0, [1], [1]))), {"0": bytes(4)}),
        "the storage '0' has two sizes",
    ),
    "a zip bomb": (
        zipped(named(("a", rebuilt(1 << 26, 0, [1], [1]))), {"0": bytes(256 * MB)}, pack=8),
        "should be neither packed nor encrypted",
    ),
    "a table of entries of a gigabyte": (lies_about_its_sizes, "the table of entries should have"),
    "an older storage without end": (
        older(MAGIC, 1001, SYSTEM, named(("a", ENDLESS)), ["0"], rest=bytes(12)),
        "the storages should have 4503599627370504 bytes, got 12",
    ),
    "an older storage of another size": (
        older(MAGIC, 1001, SYSTEM, named(("a", rebuilt(1, 0, [1], [1]))), ["0"],
              rest=struct.pack("<Qf", 1 << 40, 0.0)),
        "the storage '0' should have 1 numbers, got 1099511627776",
    ),
    "an older file cut short": (older(MAGIC, 1001), "should hold a dict of tensors"),
    "another machine's order": (
        older(MAGIC, 1001, {**SYSTEM, "little_endian": False}, {}), "the byteorder should be little"
    ),
    "no pickle": (older(b"\0" * 100), "should hold a dict of tensors"),
    "an empty file": (older(b""), "should hold a dict of tensors"),
}  # fmt: skip


def configured(**fields: Any) -> Write:
    """A whole checkpoint whose configuration asks for too much."""

    def write(folder: Path) -> None:
        held = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**held, **fields}))

    return write


def raw_config(content: bytes) -> Write:
    return lambda folder: (folder / "config.json").write_bytes(content) and None


CONFIGS: dict[str, tuple[Write, str]] = {
    "endless layers": (configured(n_layer=10**9), "n_layer should be a whole number from 1 to"),
    "an endless vocabulary": (configured(vocab_size=2**62), "vocab_size should be a whole number"),
    "endless width": (configured(n_embd=2**40, n_head=2), "n_embd should be a whole number from 1"),
    "endless positions": (configured(n_positions=10**12), "n_positions should be a whole number"),
    "NaN for a dropout": (raw_config(b'{"model_type": "gpt2", "resid_pdrop": NaN}'), "NaN is no"),
    "a list for everything": (raw_config(b'[{"model_type": "gpt2"}]'), "should hold a JSON object"),
    "a type that is a list": (raw_config(b'{"model_type": ["gpt2"]}'), "model_type should be one"),
    "lists in lists": (raw_config(b'{"a":' * 10**6), "nests too deep"),
    "nine megabytes": (raw_config(b'{"a": "' + b"x" * 9 * MB + b'"}'), "should have at most 83886"),
    "no text": (raw_config(bytes(range(256))), "should hold a JSON object"),
}  # fmt: skip

ALL = {
    f"{kind}: {name}": case
    for kind, cases in {"safetensors": SAFETENSORS, "bin": PICKLES, "config": CONFIGS}.items()
    for name, case in cases.items()
}


def written(name: str, folder: Path) -> Path:
    """Write one of the checkpoints."""
    small.gpt(folder)
    if name.startswith("bin"):
        (folder / "model.safetensors").unlink()
    ALL[name][0](folder)
    return folder


def memory(field: str) -> float:
    """Return how much memory this process has, or has had at most, in MB; Linux knows."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if field in line) / 1024


def measured(folder: str) -> dict[str, Any]:
    """Load a folder; return the time, the growth of this process in MB, and what was said."""
    from txlite.interop import load

    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, begin = memory("VmRSS"), time.process_time()
    try:
        load(folder)
        said = "loaded"
    except ValueError as error:
        said = f"ValueError {error}"
    spent = time.process_time() - begin
    return {"seconds": spent, "mb": memory("VmHWM") - before, "said": said}


def main() -> None:
    """Load some folders, one after the other, and print what is measured; the first warms up."""
    print(json.dumps([measured(folder) for folder in sys.argv[1:]]))  # noqa: T201


if __name__ == "__main__":
    main()
