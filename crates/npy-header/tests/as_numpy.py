"""Write the results of NumPy for many headers. Run it with the newest NumPy:

    python as_numpy.py > as_numpy.txt

A line has the version, the header, and the result of NumPy or "error", separated by tabs. Line ends, tabs, NULs and
backslashes are escaped. `as_numpy.rs` compares this crate with the file.
"""

import io
import struct
import sys
import warnings

import numpy
from numpy.lib import format

# Values of 'descr'.
DESCRS = r"""
'<f8' 'f8' '=f8' '|f8' '>f8' 'd' '<d' '?' '<?' 'b1' '|b1' '>i1' 'i2' '<u4' '>u8' '<f2' '<f16' '<c8' '>c16' 'c32'
'float64' 'float16' 'float128' 'longdouble' 'half' 'single' 'double' 'int8' 'int16' 'int32' 'int64' 'uint8' 'uint16'
'uint32' 'uint64' 'byte' 'short' 'intc' 'int' 'int_' 'intp' 'long' 'longlong' 'ubyte' 'ushort' 'uintc' 'uint' 'uintp'
'ulong' 'ulonglong' 'csingle' 'cdouble' 'clongdouble' 'complex' 'complex64' 'complex128' 'complex256' 'float' 'bool'
'bool_' 'str' 'str_' 'unicode' 'bytes' 'bytes_' 'void' 'object' 'object_' 'datetime64' 'timedelta64'
'b' 'B' 'h' 'H' 'i' 'I' 'l' 'L' 'q' 'Q' 'p' 'P' 'n' 'N' 'e' 'f' 'g' 'F' 'D' 'G' 'S' 'U' 'V' 'O' 'M' 'm' 'c'
'|O' '|O8' '|O4' 'O3' '<O' '|S0' '<S5' 'S05' 'S2147483647' 'S2147483648' 'U10' '|U3' '>U3' 'U536870911' 'U536870912'
'V2' '<V2' 'V99999999999' 'S99999999999999999999999'
'a5' 'a' 'bool8' 'object0' 'float_' 'string_' 'unicode_' 'cfloat' 'int0'
'i3' 'f3' 'f10' 'i16' 'c4' 'b8' 'B1' 'd8' 't1' 'f0' 'fff' '' '<' '^f8' 'S-1' 'S5x' 'S1_0' ' f8' 'f8 ' 'f8\x00' '=float64'
'<float64' 'Float64' 'string' 'bfloat16' 'record' 'datetime' 'ℂ' 'None' 'T'
'<M8' '<m8' '<M8[ns]' '>m8[ms]' '<M8[25s]' 'M8[3D/2]' 'M8[Y/3]' 'M8[Y/12]' 'M8[Y/365]' 'M8[Y/5]' 'M8[M/4]' 'M8[M/30]'
'M8[M/7]' 'M8[W/7]' 'M8[W/604800]' 'M8[W/9]' 'M8[D/24]' 'M8[D/25]' 'M8[D/128]' 'M8[h/60]' 'M8[h/80]' 'M8[m/60]' 'M8[m/64]'
'M8[s/1000]' 'M8[s/64]' 'M8[s/7]' 'M8[ms/2]' 'M8[us/3000]' 'M8[ns/1000000]' 'M8[ps/128]' 'M8[fs/8]' 'M8[fs/16]'
'M8[as/2]' 'M8[as/1]' 'M8[7s/1]' 'M8[generic]' 'M8[5generic]' 'M8[generic/2]' 'M8[μs]' 'M8[0s]' 'M8[]' 'M8[-1s]'
'M8[ s]' 'M8[s ]' 'M8[1e3s]' 'M8[2147483647s]' 'M8[2147483648s]' 'M8[99999999999999999999s]' 'M8[s]x' 'M8[B]' 'M8[S]'
'M8x' 'M4[s]' 'M[s]' '<datetime64[s]' 'datetime64[25s]' 'timedelta64[us]' 'M8[3D/2]//1' 'M8[1000000000s/1000]' 'M8[s'
'f4,i8' 'f8,' 'f8 , i4' 'f8,i4 ,' 'i4,f8,' '2f8' '(2,)f8' '(2,3)<f8' '( 2 , 3 )f8' '()f8' '0f8' '1f8' '3S5' '2 f8' '<2f8'
'2<f8' '<2<f8' '<2>f8' '<(2,)f8' 'f8,(2,)i4' 'f8,2i4,()u1' '<i8,>i8' 'M8[s],f8' 'datetime64[s],S3' 'float64,f8' '2M8[s]'
'f8,,i4' ',f8' ',' 'f8;i4' '-2f8' '(-1,)f8' '(2.0,)f8' '[f8]' '(2' '2' 'b1,b1' 'f8,f8,f8,f8,f8,f8,f8,f8,f8,f8,f8'
'int_,f8' 'M8[3D/2],f8' '(2,)2f8' '(2)f8' 'S+5' 'S 5' ' f8,i4' 'M8[h/-2]' 'M8[s/ 2]'
"""
DESCRS = [repr(eval(word)) for word in DESCRS.replace("\n' ", " ").replace("' '", "'\n'").splitlines() if word]
DESCRS += r"""
('<f8', (2,))
('<f8', (2, 3))
('<f8', [2, 3])
('<f8', 2)
('<f8', 1)
('<f8', (1,))
('<f8', ())
('<f8', 0)
('<f8', None)
('<f8', -1)
('<f8', (-1,))
('<f8', True)
('<f8', (True,))
('<f8', 2.0)
('<f8', 268435455)
('<f8', 268435456)
('<f8', (99999999999999999999,))
('<f8', (2147483648,))
('<f8', (65536, 65536))
('<f8', 'i8')
('<f8', (2,), 3)
('V8', [('a', 'i4'), ('b', 'i4')])
('S', 5)
('U', 5)
('V', 5)
('S0', 5)
('S', 0)
('S', -1)
('S', (5,))
('M8', 5)
(('<f8', (2,)), (3,))
([('a', 'f8')], (2,))
('i4,f4', (2,))
('|O', (2,))
('<f8',)
()
[]
[[]]
[('a', '<f8'), ('b', '|S3')]
[('a', '<f8', (2,)), ('b', '<f8', 3)]
[('a', '<f8', 1)]
[('a', '<f8', ())]
[('a', '<f8', None)]
[('a', ('<f8', (2,)), (3,))]
[('a', [('b', '<f8'), ('', '|V3')]), ('', '|V5')]
[['a', 'f8']]
[('a', 'i4,f4')]
[('a', 'S', 5)]
[('a', 'V', 5)]
[('a', 'S'), ('b', 'i1')]
[('a', 'O4'), ('b', 'i1')]
[('', '|V4'), ('a', '<f8'), ('', '|V4')]
[('', '|V4')]
[('', '|V4', (2,)), ('a', 'f8')]
[('', 'f8', (2,)), ('a', 'f8')]
[('', 'V', 5), ('a', 'i1')]
[('', 'f8')]
[('', 'f8'), ('', 'i4')]
[('', [('x', 'i1')]), ('b', 'i1')]
[(('title', 'a'), 'f8')]
[(('title', ''), '|V2')]
[((None, 'a'), 'f8')]
[((1, 'a'), 'f8')]
[(('t', 'a', 'b'), 'f8')]
[(['t', 'a'], 'f8')]
[('a', 'f8'), ('a', 'i4')]
[(('t', 'a'), 'f8'), ('t', 'i4')]
[(('a', 'a'), 'f8')]
[(1, 'f8')]
[(b'a', 'f8')]
[('a', b'f8')]
[('a', 1)]
[('a', None)]
[('a',)]
[('a', 'f8', (2,), 1)]
[('a', '|S2147483647'), ('b', '|S1')]
[('é', 'f8')]
[('a', ('|O', {'vlen': 'str'}))]
('|O', {'metadata': [1.5e3, -2j, 1+2j, b'x', {1, 2}, None]})
['ab']
{('a', 'f8')}
{('a', 'f8'): 1}
{'names': ['a'], 'formats': ['f8']}
b'f8'
8
None
True
[('a', 'f8')] + [('b', 'f8')]
""".strip().splitlines()

# Values of 'shape', with line ends escaped.
SHAPES = r"""
()
(2,)
(2, 3)
(2, 3,)
(0, 5)
((2),)
((2,))
(0x10, 0o7, 0b11, 1_000, 00, 0_0, 0x_f)
(+3,)
(9223372036854775807,)
(2L,)
(2L, 3L)
(0x2L,)
(2 L,)
2
[2]
True
None
(2)
2,
(2l,)
(2LL,)
('2'L,)
(2.0L,)
(2.0,)
(2j,)
(None,)
('2',)
(--1,)
(1+1,)
(1,)*2
(017,)
(1_,)
(1__0,)
(2,,)
(,)
(2
(2]
(1if 1else 2,)
set()
(2,#c\n)
(2,\\\n)
(2\\\r\n,)
(2\n,)
(\t2\f,)
(2\r\n,)
(2\r,)
(2,\\ \n)
(-1,)
(True,)
(18446744073709551616,)
(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)
(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)
""".strip().splitlines()

REST = "'fortran_order': True, 'shape': (4,)}"
HEADER = "{'descr': '<f8', " + REST
HEADERS = [
    HEADER + "      \n",
    "{'shape': (4,), 'descr': '<f8', 'fortran_order': False}",
    "{'descr': '<f8', 'fortran_order': 0, 'shape': (3,)}",
    "{'descr': '<f8', 'fortran_order': None, 'shape': (3,)}",
    "{'descr': '<f8', 'fortran_order': true, 'shape': (3,)}",
    "{'descr': '<f8', 'fortran_order': not False, 'shape': (3,)}",
    "{'descr': '<f8', 'fortran_order': (True), 'shape': (((3,)))}",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (3,), 'x': 1}",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (3,), 1: 1}",
    "{'descr': '<f8', 'fortran_order': True}",
    "{'descr': '<f8', 'fortran_order': True, 'shape': 3, 'shape': (4,)}",
    "{b'descr': '<f8', 'fortran_order': True, 'shape': (4,)}",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (4,), **{}}",
    "{'descr' '<f8', 'fortran_order': True, 'shape': (4,)}",
    "{'descr': '<f8' 'fortran_order': True, 'shape': (4,)}",
    "{'descr': '<f8',, 'fortran_order': True, 'shape': (4,)}",
    "{,'descr': '<f8', 'fortran_order': True, 'shape': (4,)}",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (4,)",
    "", "   ", "{}", "[]", "'descr'", "{[]: 1}", "()",
    "\n" + HEADER, " \t " + HEADER, " \n" + HEADER, "\x0c" + HEADER, "\x0b" + HEADER, "\n " + HEADER,
    "# comment\n" + HEADER, "\n  # comment\n" + HEADER, "\\\n" + HEADER,
    "(" + HEADER + ")", "((\n" + HEADER + "))", "(" + HEADER + ",)", HEADER + ",", HEADER + ";",
    HEADER + "\n\n  \n", HEADER + "\n  # comment", HEADER + " # comment\n", HEADER + " \\\n\n",
    HEADER + " \\\n", HEADER + " \\", HEADER + "\0", HEADER + "\n1", HEADER + " 1", HEADER + HEADER,
    HEADER.replace(", ", ",\r\n") + "\r\n", HEADER.replace(", ", ",# comment\r") + "\r",
    "{u'descr': u'<f8', U'fortran_order': True, R'shape': (4,)}",
    "{'''descr''': \"\"\"<f8\"\"\", 'fortran' \"_order\": True, 'sha'r'pe': (4,)}",
    "{'''descr''': '''<\\\nf8''', 'fortran_order': True, 'shape': (4,)}",
    r"{'d\x65scr': '<\1468', 'fortran\u005forder': True, 'sh\U00000061pe': (4,)}",
    r"{'descr': '<f8', 'fortran_order': True, 'sh\N{LATIN SMALL LETTER A}pe': (4,)}",
    "{'descr': '<f8', 'fortran_order': True, f'shape': (4,)}",
    "{'descr': '<f8', 'fortran_order': True, ur'shape': (4,)}",
    "{'descr': '<f8', 'fortran_order': True, 'shape' b'': (4,)}",
]
HEADERS += ["{'descr': [(" + name + ", '<f8')], " + REST for name in [
    r"'\q'", r"'\8'", r"'\777'", r"'\xg'", r"'\ud800'", r"'\U00110000'", r"r'\x'", r"r'a\'b'", "'a\nb'", "'a\\\r\nb'",
    "'''a\r\nb\rc'''", "'''a''b'''", r"'''a\'''", "'\x85\xa0'", r"'\x07\x08\x0b'", "'", '"it\'s"', r"'it\'s'", r"'a\\'",
]]
# Characters outside ASCII, and longs, which version 3 refuses.
V3 = [
    HEADER, HEADER.replace("4", "4L"), "{'descr': [('€', '<f8')], " + REST, "\ufeff" + HEADER, HEADER + "\xa0",
    "{'descr': [('é', '<f8')], " + REST,
]


def read(version, text):
    charset = "utf-8" if version == 3 else "latin-1"
    width = "<H" if version == 1 else "<I"
    data = text.encode(charset)
    file = io.BytesIO(struct.pack(width, len(data)) + data)
    try:
        shape, order, dtype = format.read_array_header_1_0(file) if version == 1 else \
            numpy.lib._format_impl._read_array_header(file, (version, 0))
        return f"{show(dtype)} {order} {','.join(map(str, shape))}".strip()
    except Exception:
        return "error"


def show(dtype):
    if dtype.subdtype:
        base, shape = dtype.subdtype
        return f"{show(base)}[{','.join(map(str, shape))}]"
    if dtype.names is not None:
        fields = [(name, *dtype.fields[name]) for name in dtype.names]
        parts = [f"{name.encode('utf-8', 'replace').decode()!s}"
                 + (f"/{title[0]}" if title else "") + f"={show(field)}@{offset}"
                 for name, field, offset, *title in fields]
        return "{" + " ".join(parts) + "}" + str(dtype.itemsize)
    return dtype.str


def escape(text):
    for old, new in [("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\0", "\\0")]:
        text = text.replace(old, new)
    return text


def unescape(text):
    return text.replace(r"\n", "\n").replace(r"\r", "\r").replace(r"\t", "\t").replace(r"\f", "\f").replace("\\\\", "\\")


warnings.simplefilter("ignore")
sys.stdout.reconfigure(encoding="utf-8", newline="\n")
cases = [(3 if "ℂ" in d or "μ" in d else 1, f"{{'descr': {d}, 'fortran_order': False, 'shape': (3,)}}") for d in DESCRS]
cases += [(1, f"{{'descr': '<f8', 'fortran_order': False, 'shape': {unescape(shape)}}}") for shape in SHAPES]
cases += [(1, text) for text in HEADERS] + [(2, HEADER), (2, HEADER.replace("4", "4L"))] + [(3, text) for text in V3]
print(f"# NumPy {numpy.__version__}, Python {sys.version.split()[0]}: see as_numpy.py")
for version, text in cases:
    print(version, escape(text), escape(read(version, text)), sep="\t")
