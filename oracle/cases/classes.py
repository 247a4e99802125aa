# -*- coding: utf-8 -*-
"""Elements of classes that no reader knows (geometry.py), one for each way to pickle an object."""

from __future__ import unicode_literals

import sys

import geometry
import numpy as np
from cases import case, objects
from cases.stdlib import MOMENT


def cases():
    found = [
        case(
            "classes",
            "points",
            "instances with a __dict__",
            lambda: objects(geometry.Point(1, 2), geometry.Point("x", [3])),
        ),
        case("classes", "no-state", "instances without a state", lambda: objects(geometry.Empty(), geometry.Empty())),
        case(
            "classes",
            "old-style",
            "old-style classes on Python 2: INST and OBJ",
            lambda: objects(geometry.Old(), geometry.Old([1]), geometry.OldWithArguments(1, "b")),
        ),
        case("classes", "slots", "__slots__", lambda: objects(geometry.Slots(1, [2])), protocols=(2, 3, 4, 5)),
        case("classes", "getstate", "__getstate__ that is not a dict", lambda: objects(geometry.Stateful())),
        case("classes", "newargs", "__getnewargs__", lambda: objects(geometry.NewArguments(1, "b"))),
        case(
            "classes",
            "reduce",
            "__reduce__ with a state",
            lambda: objects(geometry.Reduced(), geometry.Reduced(1, [2])),
        ),
        case(
            "classes",
            "list-and-dict-items",
            "__reduce__ with appended and set items",
            lambda: objects(geometry.Filled(), 1),
        ),
        case(
            "classes",
            "list-child",
            "a list subclass with an attribute",
            lambda: objects(_child(geometry.ListChild([1, [2], 3])), geometry.ListChild([4])),
        ),
        case(
            "classes",
            "dict-child",
            "a dict subclass with an attribute",
            lambda: objects(_child(geometry.DictChild({"k": [1]})), geometry.DictChild()),
        ),
        case("classes", "set-child", "a set subclass", lambda: objects(geometry.SetChild([1]))),
        case(
            "classes",
            "text-child",
            "a str subclass and an int subclass",
            lambda: objects(geometry.TextChild("abc"), geometry.IntChild(5)),
        ),
        case(
            "classes",
            "array-child",
            "an unknown ndarray subclass",
            lambda: objects(np.arange(3.0).view(geometry.ArrayChild)),
        ),
        case(
            "classes",
            "zone",
            "a datetime with an unknown tzinfo class",
            lambda: objects(MOMENT.replace(tzinfo=geometry.Zone())),
        ),
        case(
            "classes",
            "global",
            "unknown classes and functions as elements",
            lambda: objects(geometry.Point, geometry.build, geometry.Point),
        ),
        case(
            "classes",
            "shared-instance",
            "an instance twice in an element, and in the next",
            lambda: _shared(geometry.Point(1, [2])),
        ),
        case(
            "classes",
            "holds-array",
            "an instance that holds an array",
            lambda: objects(geometry.Point(np.arange(4), {"a": np.float32(1)})),
        ),
    ]
    if sys.version_info[0] > 2:
        found.append(
            case("classes", "newargs-ex", "__getnewargs_ex__: keyword arguments", _keywords, protocols=(2, 3, 4, 5))
        )
        found.append(
            case(
                "classes",
                "qualified-name",
                "a class in a class",
                lambda: objects(geometry.Outer.Inner(), geometry.Outer.Inner),
                protocols=(4, 5),
            )
        )
    return found


def _child(value):
    value.note = "attribute"
    return value


def _keywords():
    return objects(geometry.NewKeywords(1, b=[2], c="three"), geometry.NewKeywords(1))


def _shared(point):
    return objects([point, point], point, {"p": point})
