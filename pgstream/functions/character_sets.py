"""Texts in other encodings: convert, convert_from, convert_to, length of encoded bytes, to_ascii."""

import re

from pgstream.errors import (
    CharacterNotInRepertoire,
    FeatureNotSupported,
    InvalidParameterValue,
    UndefinedObject,
    UntranslatableCharacter,
)
from pgstream.functions.registry import STABLE, BoundCall, function

_CODECS = {
    "SQL_ASCII": "utf-8", "UTF8": "utf-8", "LATIN1": "latin-1", "LATIN2": "iso8859-2", "LATIN3": "iso8859-3",
    "LATIN4": "iso8859-4", "LATIN5": "iso8859-9", "LATIN6": "iso8859-10", "LATIN7": "iso8859-13",
    "LATIN8": "iso8859-14", "LATIN9": "iso8859-15", "LATIN10": "iso8859-16", "ISO_8859_5": "iso8859-5",
    "ISO_8859_6": "iso8859-6", "ISO_8859_7": "iso8859-7", "ISO_8859_8": "iso8859-8", "WIN866": "cp866",
    "WIN874": "cp874", "KOI8R": "koi8-r", "KOI8U": "koi8-u", "EUC_JP": "euc-jp", "EUC_CN": "gb2312", "EUC_KR": "euc-kr",
    "SJIS": "cp932", "BIG5": "big5", "GBK": "gbk", "GB18030": "gb18030", "UHC": "cp949",
    **{f"WIN{page}": f"cp{page}" for page in range(1250, 1259)},
}  # fmt: skip
"""PostgreSQL's name of an encoding: Python's."""
_ALIASES = {
    "unicode": "UTF8", "alt": "WIN866", "win": "WIN1251", "koi8": "KOI8R", "tcvn": "WIN1258", "tcvn5712": "WIN1258",
    "abc": "WIN1258", "vscii": "WIN1258", "shiftjis": "SJIS", "mskanji": "SJIS", "win932": "SJIS", "win936": "GBK",
    "win949": "UHC", "win950": "BIG5", **{f"windows{page}": f"WIN{page}" for page in range(1250, 1259)},
    **{f"iso8859{part}": f"LATIN{number}" for part, number in
       ((1, 1), (2, 2), (3, 3), (4, 4), (9, 5), (10, 6), (13, 7), (14, 8), (15, 9), (16, 10))},
}  # fmt: skip
_KNOWN = _ALIASES | {re.sub(r"\W|_", "", name).lower(): name for name in _CODECS}


def encoding_named(name: str) -> str | None:
    """PostgreSQL's name of the encoding, which case and punctuation do not matter to."""
    return _KNOWN.get(re.sub(r"[^0-9A-Za-z]", "", name).lower())


def _encoding(name: str, role: str) -> str:
    found = encoding_named(name)
    if found is None:
        raise InvalidParameterValue(f'invalid {role}encoding name "{name}"')
    return found


def _shown(content: bytes) -> str:
    return " ".join(f"0x{byte:02x}" for byte in content)


def _invalid(content: bytes, at: int, encoding: str) -> CharacterNotInRepertoire:
    lead = content[at]
    width = 2 if 0xC0 <= lead < 0xE0 else 3 if 0xE0 <= lead < 0xF0 else 4 if 0xF0 <= lead < 0xF8 else 1
    wrong = _shown(content[at : at + (width if encoding == "UTF8" else 1)])
    return CharacterNotInRepertoire(f'invalid byte sequence for encoding "{encoding}": {wrong}')


def _untranslatable(content: bytes, source: str, target: str) -> UntranslatableCharacter:
    return UntranslatableCharacter(
        f'character with byte sequence {_shown(content)} in encoding "{source}"'
        f' has no equivalent in encoding "{target}"'
    )


def _decoded(content: bytes, source: str, target: str) -> str:
    if b"\0" in content:
        raise _invalid(content, content.index(b"\0"), source)
    try:
        return content.decode(_CODECS[source])
    except UnicodeDecodeError as error:
        if _CODECS[source] == "utf-8":
            raise _invalid(content, error.start, "UTF8") from None
        raise _untranslatable(content[error.start : error.end], source, target) from None


def _encoded(text: str, target: str, source: str = "UTF8") -> bytes:
    try:
        return text.encode(_CODECS[target])
    except UnicodeEncodeError as error:
        raise _untranslatable(text[error.start].encode(_CODECS[source]), source, target) from None


@function(
    "convert_from(bytea, name) -> text",
    rowwise=True,
    examples={
        "convert_from('\\xc3a9'::bytea, 'UTF8') = chr(233)": "t",
        "convert_from('\\xe9'::bytea, 'iso-8859-1') = chr(233)": "t",
        "convert_from('\\xc328'::bytea, 'UTF8')": 'ERROR: 22021 invalid byte sequence for encoding "UTF8": 0xc3 0x28',
        "convert_from('a'::bytea, 'xx')": 'ERROR: 22023 invalid source encoding name "xx"',
    },
)
def convert_from(content: bytes, encoding: str) -> str:
    """The text that the bytes are in `encoding`."""
    return _decoded(content, _encoding(encoding, "source "), "UTF8")


@function(
    "convert_to(text, name) -> bytea",
    rowwise=True,
    examples={
        "convert_to('a', 'UTF8')": "\\x61",
        "convert_to(chr(228), 'LATIN1')": "\\xe4",
        "convert_to(chr(8364), 'LATIN1')": 'ERROR: 22P05 character with byte sequence 0xe2 0x82 0xac in encoding "UTF8"'
        ' has no equivalent in encoding "LATIN1"',
    },
)
def convert_to(text: str, encoding: str) -> bytes:
    """The bytes of the text in `encoding`."""
    return _encoded(text, _encoding(encoding, "destination "))


@function(
    "convert(bytea, name, name) -> bytea",
    rowwise=True,
    examples={
        "convert('\\xc3a4'::bytea, 'UTF8', 'LATIN1')": "\\xe4",
        "convert('\\xe4'::bytea, 'LATIN1', 'UTF8')": "\\xc3a4",
        "convert('\\xff'::bytea, 'UTF8', 'LATIN1')": 'ERROR: 22021 invalid byte sequence for encoding "UTF8": 0xff',
        "convert('a'::bytea, 'UTF8', 'xx')": 'ERROR: 22023 invalid destination encoding name "xx"',
    },
)
def convert(content: bytes, source: str, target: str) -> bytes:
    """The bytes of a text in another encoding."""
    names = _encoding(source, "source "), _encoding(target, "destination ")
    return _encoded(_decoded(content, *names), names[1], names[0])


@function(
    "length(bytea, name) -> int4",
    rowwise=True,
    examples={
        "length('\\xc3a4'::bytea, 'UTF8')": "1",
        "length('\\xc3a4'::bytea, 'LATIN1')": "2",
        "length('a'::bytea, 'xx')": 'ERROR: 22023 invalid encoding name "xx"',
    },
)
def length_encoded(content: bytes, encoding: str) -> int:
    """How many characters the bytes are in `encoding`."""
    name = _encoding(encoding, "")
    return len(_decoded(content, name, "UTF8"))


@function(
    "pg_client_encoding() -> name", volatility=STABLE, rowwise=True, bound=True, oid=810,
    examples={"pg_client_encoding()": "UTF8"},
)  # fmt: skip
def pg_client_encoding(call: BoundCall) -> str:
    """The encoding of the client's texts."""
    return call.context.settings.get("client_encoding", "UTF8")


_BY_CODE = (
    "SQL_ASCII", "EUC_JP", "EUC_CN", "EUC_KR", "EUC_TW", "EUC_JIS_2004", "UTF8", "MULE_INTERNAL", "LATIN1",
    "LATIN2", "LATIN3", "LATIN4", "LATIN5", "LATIN6", "LATIN7", "LATIN8", "LATIN9", "LATIN10", "WIN1256",
    "WIN1258", "WIN866", "WIN874", "KOI8R", "WIN1251", "WIN1252", "ISO_8859_5", "ISO_8859_6", "ISO_8859_7",
    "ISO_8859_8", "WIN1250", "WIN1253", "WIN1254", "WIN1255", "WIN1257", "KOI8U", "SJIS", "BIG5", "GBK", "UHC",
    "GB18030", "JOHAB", "SHIFT_JIS_2004",
)  # fmt: skip
"""The encodings by their numbers."""
_LIKENESSES = {
    "LATIN1": '                                  cL Y  "Ca  -R     \'u .,      ?'
    'AAAAACEEEEIIII NOOOOOxOUUUUYTBaaaaaaaceeeeiiii nooo',
    "LATIN2": '                                 A L LS "SSTZ-ZZ a,l\'ls ,sstz"zz'
    'AAALCCCEEEEIIDDNNOOOOxRUUUUYTBraaaalccceeeeiiddnnoo',
    "LATIN9": '                                  cL YS sCa  -R     Zu .z   EeY?'
    'AAAAACEEEEIIII NOOOOOxOUUUUYTBaaaaaaaceeeeiiii nooo',
    "WIN1250": '  \' "    %S<STZZ `\'"".--  s>stzz   L A  "CS  -RZ  ,l\'u .,as L"lz'
    'AAALCCCEEEEIIDDNNOOOOxRUUUUYTBraaaalccceeeeiiddnnoo',
}  # fmt: skip
"""The ASCII character most like each byte from 128 on, of those that occur in UTF-8 (all but 192 and 193)."""


def _ascii(text: str, encoding: str) -> str:
    if encoding not in _LIKENESSES:
        raise FeatureNotSupported(f"encoding conversion from {encoding} to ASCII not supported")
    table = _LIKENESSES[encoding]
    return "".join(chr(b) if b < 128 else table[b - 128 if b < 192 else b - 130] for b in text.encode())


def _ascii_named(text: str, name: str) -> str:
    encoding = encoding_named(name)
    if encoding is None:
        raise UndefinedObject(f"{name} is not a valid encoding name")
    return _ascii(text, encoding)


def _ascii_numbered(text: str, code: int) -> str:
    if not 0 <= code < len(_BY_CODE):
        raise UndefinedObject(f"{code} is not a valid encoding code")
    return _ascii(text, _BY_CODE[code])


function(
    "to_ascii(text) -> text", rowwise=True, doc="Refused: of texts in UTF8 PostgreSQL does not know it.",
    examples={"to_ascii('a')": "ERROR: 0A000 encoding conversion from UTF8 to ASCII not supported"},
)(lambda text: _ascii(text, "UTF8"))  # fmt: skip
function(
    "to_ascii(text, name) -> text", rowwise=True, doc="The bytes of the text, read in an encoding, as ASCII letters.",
    examples={"to_ascii('Kar' || chr(233) || 'l', 'LATIN1')": "KarACl",
              "to_ascii('a', 'xx')": "ERROR: 42704 xx is not a valid encoding name"},
)(_ascii_named)  # fmt: skip
function(
    "to_ascii(text, int4) -> text", rowwise=True, doc="The bytes of the text, read in an encoding, as ASCII letters.",
    examples={"to_ascii('Kar' || chr(233) || 'l', 9)": "KarASl",
              "to_ascii('a', 99)": "ERROR: 42704 99 is not a valid encoding code"},
)(_ascii_numbered)  # fmt: skip
