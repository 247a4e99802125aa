"""preamble.md, and header.md without the dtype."""

import math
import re

from .clause import Refused, need
from .dtype import Pairs, descr, is_shape


def preamble(data):
    """Layout: returns the version, the text of the header, and the offset of the data."""
    magic = b"\x93NUMPY"
    need(data[:6] == magic[: len(data)], "npy.magic", "not an .npy file: wrong magic", 0)
    need(len(data) >= 8, "npy.truncated", "the version is missing", len(data))
    version = (data[6], data[7])
    need(version in ((1, 0), (2, 0), (3, 0)), "npy.version", "version %d.%d" % version, 6)
    start = 10 if version == (1, 0) else 12
    need(len(data) >= start, "npy.truncated", "the length is missing", len(data))
    end = start + int.from_bytes(data[8:start], "little")
    need(len(data) >= end, "npy.truncated", "the header is truncated", len(data))
    try:
        return version, data[start:end].decode("utf-8" if version == (3, 0) else "latin-1"), end
    except UnicodeDecodeError as error:
        raise Refused("npy.header.charset", "the header is not UTF-8", start + error.start) from None


LIMIT_DIGITS = 4300
LITERAL = "npy.header.literal"
DIGITS = r"[0-9](?:_?[0-9])*"
FLOAT = r"(?:{0}\.(?:{0})?|\.{0})(?:[eE][+-]?{0})?|{0}[eE][+-]?{0}".format(DIGITS)
TOKEN = re.compile(
    r"""(?P<blank>(?:[ \t\f\r\n]|\#[^\r\n]*|\\(?:\r\n|\r|\n))+)
    |(?P<prefix>[rRuUbB]|[bB][rR]|[rR][bB])?
     (?P<string>'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"
        |'(?:[^\\'\r\n]|\\(?:\r\n|.))*'|"(?:[^\\"\r\n]|\\(?:\r\n|.))*")
    |(?P<imaginary>(?:FLOAT|DIGITS)[jJ])|(?P<float>FLOAT)
    |(?P<integer>(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+
        |0(?:_?0)*|[1-9](?:_?[0-9])*)L?)
    |(?P<name>True|False|None)\b|(?P<mark>[-+(){},:]|\[|\])""".replace("FLOAT", FLOAT)
    .replace("DIGITS", DIGITS),
    re.DOTALL | re.VERBOSE,
)
ESCAPE = re.compile(r"\\(\r\n|[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.S)
ESCAPES = {"\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r"}
ESCAPES.update({"t": "\t", "v": "\v", "\n": "", "\r": "", "\r\n": ""})


class Literal:
    """The grammar of a header, with a method for each of its larger rules."""

    def __init__(self, text, version):
        self.tokens, self.at, self.long = [], 0, version < (3, 0)
        at = 0
        while at < len(text):
            match = TOKEN.match(text, at)
            need(match and "\0" not in match.group(), LITERAL, "unexpected character %d" % at)
            if match.lastgroup != "blank":
                self.tokens.append(match)
            at = match.end()

    def next(self):
        """Returns the kind of the next token, or its text if it is a mark."""
        match = self.tokens[self.at] if self.at < len(self.tokens) else None
        kind = match.lastgroup if match else "end"
        return match.group() if kind == "mark" else kind

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def whole(self):
        value = self.value(0)
        need(self.next() == "end", LITERAL, "text after the value")
        return value

    def value(self, depth):
        need(depth <= 100, "npy.header.depth", "brackets nested over 100 deep")
        kind = self.next()
        if kind == "name":
            return {"True": True, "False": False, "None": None}[self.take().group()]
        if kind == "string":
            return self.string()
        if kind not in ("(", "[", "{"):
            return self.number()
        self.take()
        values, comma = self.values({"(": ")", "[": "]", "{": "}"}[kind], depth + 1)
        need(kind == "{" or not any(pair for _, pair in values), LITERAL, "a colon outside a dict")
        plain = [value for value, _ in values]
        if kind == "[":
            return plain
        if kind == "(":
            return plain[0] if len(plain) == 1 and not comma else tuple(plain)
        pairs = {bool(pair) for _, pair in values}
        need(len(pairs) < 2, LITERAL, "items with and without a colon in braces")
        return set() if pairs == {False} else Pairs((key, pair[0]) for key, pair in values)

    def values(self, close, depth):
        """Returns the values before a closing bracket, each with the value after its colon, if it has
        one; and whether the last token was a comma."""
        values, comma = [], True
        while self.next() != close:
            need(comma, LITERAL, "expected a comma")
            value, pair = self.value(depth), ()
            if self.next() == ":":
                self.take()
                pair = (self.value(depth),)
            values.append((value, pair))
            comma = self.next() == "," and bool(self.take())
        self.take()
        return values, comma and bool(values)

    def string(self):
        prefixes, text = [], ""
        while self.next() == "string":
            prefix, quoted = self.take().group("prefix", "string")
            prefixes.append((prefix or "").lower())
            width = 3 if quoted[:3] in ("'''", '"""') else 1
            inner = re.sub("\r\n?", "\n", quoted[width:-width])
            text += inner if "r" in prefixes[-1] else ESCAPE.sub(unescaped, inner)
        need(len({"b" in prefix for prefix in prefixes}) == 1, LITERAL, "bytes next to a str")
        need(not re.search("[\ud800-\udfff]", text), LITERAL, "a surrogate (unsupported)")
        return text.encode("utf-8") if "b" in prefixes[0] else text

    def number(self):
        value = self.signed()
        if self.next() in ("+", "-"):
            other = self.signed()
            right = isinstance(other, complex) and not isinstance(value, complex)
            need(right, LITERAL, "a sum that is not a complex number")
            value += other
        return value

    def signed(self):
        sign = -1 if self.next() in ("+", "-") and self.take().group() == "-" else 1
        kind = self.next()
        need(kind in ("integer", "float", "imaginary"), LITERAL, "expected a value")
        text = self.take().group()
        if kind != "integer":
            return sign * (float(text) if kind == "float" else complex(text))
        need(self.long or text[-1] != "L", LITERAL, "a number with L in version 3")
        need(len(text) <= LIMIT_DIGITS, LITERAL, "a number of %d digits" % len(text))
        return sign * int(text.rstrip("L"), 0)


def unescaped(match):
    what = match.group(1)
    if what in ESCAPES:
        return ESCAPES[what]
    if what[0] in "01234567":
        return chr(int(what, 8))
    if what[0] not in "xuUN":
        return match.group()
    need(len(what) > 1, LITERAL, "an escape without its digits, or \\N (unsupported)")
    need(int(what[1:], 16) < 0x110000, LITERAL, "an escape over 10FFFF")
    return chr(int(what[1:], 16))


def header(text, version):
    """npy.header.keys, npy.header.order, npy.header.shape; dtype, order and shape."""
    value = Literal(text, version).whole()
    right = isinstance(value, Pairs) and all(isinstance(key, str) for key, _ in value)
    right = right and {key for key, _ in value} == {"descr", "fortran_order", "shape"}
    need(right, "npy.header.keys", "the keys are not descr, fortran_order, shape")
    value = dict(value)
    dtype, fortran, shape = descr(value["descr"]), value["fortran_order"], value["shape"]
    need(isinstance(fortran, bool), "npy.header.order", "fortran_order is not a bool")
    need(is_shape(shape) and len(shape) <= 64, "npy.header.shape", "not a tuple of at most 64 lengths")
    size = dtype.size * math.prod(length for length in shape if length)
    need(dtype.objects or size < 2**63, "npy.header.shape", "an array of 2^63 bytes or more")
    return dtype, fortran, shape
