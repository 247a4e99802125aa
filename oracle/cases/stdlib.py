# -*- coding: utf-8 -*-
"""Elements of types of the standard library: times, decimals, the dicts of collections, and calls of other globals."""

from __future__ import unicode_literals

import collections
import datetime
import decimal
import fractions
import math
import sys
import uuid

from cases import case, objects

MOMENT = datetime.datetime(2024, 2, 29, 23, 59, 58, 123456)


def ordered(*pairs):
    return collections.OrderedDict(pairs)


def default(factory, **items):
    return collections.defaultdict(factory, items)


def cases():
    moments = [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999), MOMENT]
    times = [datetime.time(), datetime.time(23, 59, 59, 999999), datetime.time(1, 2, 3, 0x0A0D5C)]
    dates = [datetime.date(1, 1, 1), datetime.date(2024, 2, 29), datetime.date(2560, 10, 13)]
    spans = [datetime.timedelta(0), datetime.timedelta(-1, 2, 3), datetime.timedelta(hours=30), datetime.timedelta.max]
    decimals = [decimal.Decimal(text) for text in ("1.10", "0", "-0", "1E+100", "NaN", "-Infinity", "sNaN123")]
    found = [
        case("stdlib", "datetimes", "datetime.datetime", lambda: objects(*moments)),
        case("stdlib", "times", "datetime.time", lambda: objects(*times)),
        case("stdlib", "dates", "datetime.date", lambda: objects(*dates)),
        case("stdlib", "timedeltas", "datetime.timedelta", lambda: objects(*spans)),
        case("stdlib", "decimals", "decimal.Decimal", lambda: objects(*decimals)),
        case(
            "stdlib",
            "ordereddicts",
            "collections.OrderedDict",
            lambda: objects(ordered(), ordered(("b", 1), ("a", 2)), ordered((1, ordered((2, [3]))))),
        ),
        case(
            "stdlib",
            "defaultdicts",
            "collections.defaultdict with the factories list, int, None",
            lambda: objects(default(list, a=[1]), default(int), default(None, k=0), default(dict, d={})),
        ),
        case(
            "stdlib",
            "globals",
            "classes and functions as elements",
            lambda: objects(int, range, len, math.sqrt, collections.OrderedDict, datetime.datetime, dict, [len, len]),
        ),
        case(
            "stdlib",
            "inert",
            "standard-library values that no reader rebuilds: calls",
            lambda: objects(
                fractions.Fraction(1, 3), slice(1, None, 2), collections.deque([1, 2], 5), collections.deque("ab")
            ),
        ),
        case(
            "stdlib",
            "uuids",
            "uuid.UUID: an object with a state",
            lambda: objects(uuid.UUID(int=5), uuid.UUID(int=2**127)),
        ),
        case("stdlib", "exceptions", "an exception with arguments", lambda: objects(ValueError("bad", 1), KeyError())),
    ]
    if sys.version_info[0] > 2:
        found.append(case("stdlib", "folds", "datetime and time with fold and a time zone", _with_zones))
        found.append(case("stdlib", "ranges", "range and its pieces", lambda: objects(range(5), range(1, 10, 3))))
    return found


def _with_zones():
    utc = datetime.timezone.utc
    east = datetime.timezone(datetime.timedelta(hours=5, minutes=30), "IST")
    return objects(
        MOMENT.replace(tzinfo=utc),
        MOMENT.replace(fold=1),
        MOMENT.replace(fold=1, tzinfo=east),
        datetime.time(1, 30, fold=1),
        datetime.time(2, tzinfo=utc),
        [MOMENT.replace(tzinfo=utc)] * 2,
        utc,
    )
