"""Raw memory as kernels see it: loads and stores at an address, and libc's byte routines.

Addresses are int64. A caller pads what it hands to a kernel by `PADDING` readable bytes, so that a load of eight
bytes may start at the last byte of a text. libc's memchr, memcpy and strtod, declared as external functions, stay
cacheable and are most of the gain over loops of bytes.
"""

from typing import Any

from pgstream.kernels.compiler import intrinsic, ir, njit, types

PADDING = 64

memchr: Any = types.ExternalFunction("memchr", types.intp(types.intp, types.intc, types.uintp))
memcpy: Any = types.ExternalFunction("memcpy", types.intp(types.intp, types.intp, types.uintp))
memcmp: Any = types.ExternalFunction("memcmp", types.intc(types.intp, types.intp, types.uintp))
strtod: Any = types.ExternalFunction("strtod", types.float64(types.intp, types.intp))
strtof: Any = types.ExternalFunction("strtof", types.float32(types.intp, types.intp))


def _load(bits: int, signed: bool) -> Any:
    def typed(typingctx: Any, address: Any) -> Any:
        result = types.int64 if signed else types.uint64

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = ir.IntType(bits)
            pointer = builder.inttoptr(args[0], kind.as_pointer())
            value = builder.load(pointer)
            value.align = 1
            return value if bits == 64 else builder.zext(value, ir.IntType(64))

        return result(types.int64), code

    return typed


def _store(bits: int, floating: str | None = None) -> Any:
    """Stores the low `bits` of an int64, or else a value of the type of that name."""

    def typed(typingctx: Any, address: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            stored = args[1]
            if bits < 64:
                stored = builder.trunc(stored, ir.IntType(bits))
            pointer = builder.inttoptr(args[0], stored.type.as_pointer())
            builder.store(stored, pointer).align = 1
            return context.get_dummy_value()

        given = getattr(types, floating or "int64")
        return types.void(types.int64, given), code

    return typed


load8 = intrinsic(_load(8, True))
"""The byte at an address, as int64 0..255."""
load16 = intrinsic(_load(16, True))
load64 = intrinsic(_load(64, False))
"""The eight bytes at an address, little-endian, as uint64."""
store8 = intrinsic(_store(8))
store16 = intrinsic(_store(16))
store32 = intrinsic(_store(32))
store64 = intrinsic(_store(64))
store_float32 = intrinsic(_store(64, "float32"))
store_float64 = intrinsic(_store(64, "float64"))

HIGH, CONTROL, BACKSLASH = 1, 2, 4


@intrinsic
def unusual32(typingctx: Any, address: Any) -> Any:
    """A bit for each of the 32 bytes at `address` that is >= 0x80, a backslash, or < 0x20 but neither CR nor LF.

    Written as vector instructions, because LLVM does not find them by itself in a loop over bytes.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), 32)

        def splat(byte: int) -> Any:
            return ir.Constant(vector, [byte] * 32)

        loaded = builder.load(builder.inttoptr(args[0], vector.as_pointer()))
        loaded.align = 1
        control = builder.icmp_unsigned("<", loaded, splat(32))
        for allowed in (10, 13):
            control = builder.and_(control, builder.icmp_unsigned("!=", loaded, splat(allowed)))
        high = builder.icmp_unsigned(">=", loaded, splat(128))
        slash = builder.icmp_unsigned("==", loaded, splat(92))
        found = builder.or_(builder.or_(control, high), slash)
        return builder.zext(builder.bitcast(found, ir.IntType(32)), ir.IntType(64))

    return types.int64(types.int64), code


@njit("int64(int64, int64)", nogil=True, cache=True)
def byte_classes(start: int, end: int) -> int:
    """Which of HIGH (>= 0x80), CONTROL (< 0x20 but CR and LF) and BACKSLASH occur from `start` to before `end`."""
    at = start
    while at + 32 <= end and unusual32(at) == 0:
        at += 32
    seen = 0
    while at < end:
        byte = load8(at)
        if byte >= 128:
            seen |= HIGH
        elif byte == 92:
            seen |= BACKSLASH
        elif byte < 32 and byte != 10 and byte != 13:
            seen |= CONTROL
        at += 1
    return seen


@njit("boolean(int64, int64)", nogil=True, cache=True)
def is_utf8(start: int, end: int) -> bool:
    """Whether the bytes from `start` to before `end` are UTF-8 as RFC 3629 defines it."""
    at = start
    while at < end:
        lead = load8(at)
        if lead < 0x80:
            at += 1
            continue
        second = load8(at + 1) if at + 1 < end else 0
        if 0xC2 <= lead <= 0xDF:
            length, low, high = 2, 0x80, 0xBF
        elif 0xE0 <= lead <= 0xEF:
            length, low, high = 3, 0xA0 if lead == 0xE0 else 0x80, 0x9F if lead == 0xED else 0xBF
        elif 0xF0 <= lead <= 0xF4:
            length, low, high = 4, 0x90 if lead == 0xF0 else 0x80, 0x8F if lead == 0xF4 else 0xBF
        else:
            return False
        if at + length > end or second < low or second > high:
            return False
        for i in range(2, length):
            if load8(at + i) & 0xC0 != 0x80:
                return False
        at += length
    return True


@njit("int64(int64, int64)", nogil=True, cache=True)
def count_lines(start: int, end: int) -> int:
    """How many newline bytes stand from `start` to before `end`."""
    count = 0
    at = memchr(start, 10, end - start)
    while at != 0:
        count += 1
        at = memchr(at + 1, 10, end - at - 1)
    return count


@njit("UniTuple(int64, 2)(int64, int64, int64)", nogil=True, cache=True)
def skip_lines(start: int, end: int, limit: int) -> tuple[int, int]:
    """The address after the last newline among the first `limit` ones before `end`, and how many were passed."""
    count = 0
    after = start
    while count < limit:
        at = memchr(after, 10, end - after)
        if at == 0:
            break
        after = at + 1
        count += 1
    return after, count


@njit("boolean(int64, int64, int64)", nogil=True, cache=True)
def memory_has(start: int, end: int, byte: int) -> bool:
    """Whether `byte` stands from `start` to before `end`."""
    found: bool = memchr(start, byte, end - start) != 0
    return found
