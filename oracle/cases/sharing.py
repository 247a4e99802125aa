# -*- coding: utf-8 -*-
"""Objects that the array has more than once: in one element, in several, far apart, and in themselves."""

from __future__ import unicode_literals

import geometry
import numpy as np
from cases import FEW, box, case, objects
from cases.numpy_values import POINT, filled


def cases():
    return [
        case(
            "sharing",
            "list-in-element",
            "the same list twice in an element",
            lambda: _one([1, 2], lambda x: objects([x, x])),
        ),
        case(
            "sharing",
            "list-across-elements",
            "the same list as two elements, and in a third",
            lambda: _one([1, 2], lambda x: objects(x, x, {"again": x}, [1, 2])),
        ),
        case(
            "sharing",
            "empty-containers",
            "empty containers twice",
            lambda: _one([[], {}, ()], lambda x: objects(x + x, x[0], x[1], x[2])),
        ),
        case(
            "sharing", "tuple", "the same tuple twice", lambda: _one((1, [2]), lambda x: objects((x, x), x, [x[1], x]))
        ),
        case(
            "sharing",
            "array",
            "the same array in several elements",
            lambda: _one(np.arange(3), lambda x: objects(x, [x, x], x)),
        ),
        case(
            "sharing",
            "array-of-objects",
            "the same object array twice",
            lambda: _one(objects(1, [2]), lambda x: objects([x, x], x)),
        ),
        case(
            "sharing",
            "dict-keys",
            "the same keys in every dict",
            lambda: objects(*[{"name": "n%d" % i, "value": i, "name again": "name"} for i in range(4)]),
        ),
        case(
            "sharing",
            "dtype",
            "one structured dtype for many arrays",
            lambda: objects(filled(POINT, (1,)), [filled(POINT, (2,)), filled(POINT, (1,))], filled(POINT)[0]),
        ),
        case(
            "sharing",
            "text-and-bytes",
            "the same str and bytes twice",
            lambda: _one(("caf\xe9", b"\xff\x00", 10**30), lambda x: objects(list(x), list(x), x[0], x[1])),
        ),
        case(
            "sharing",
            "set",
            "the same set and frozenset twice",
            lambda: _one((set([1]), frozenset([2])), lambda x: objects([x[0], x[0]], [x[1], x[1]], x)),
        ),
        case(
            "sharing",
            "bytearray",
            "the same bytearray twice",
            lambda: _one(bytearray(b"ab"), lambda x: objects([x, x], x)),
        ),
        case("sharing", "diamond", "ten lists, each holding the one before twice", lambda: objects(_diamond(10))),
        case("sharing", "far-apart", "a list and a str more than one batch apart", _far_apart, protocols=(0, 2, 4)),
        case(
            "sharing",
            "instance-of-shared-class",
            "the class is named once",
            lambda: objects(*[geometry.Empty() for _ in range(3)]),
        ),
        case(
            "sharing",
            "in-dict",
            "0-d: a dict whose values share",
            lambda: _one([1], lambda x: box({"a": x, "b": x, "c": [x]})),
        ),
        case("cycles", "list", "a list that holds itself", lambda: objects(_self_list(), 1)),
        case("cycles", "dict", "a dict that holds itself", lambda: objects(_self_dict())),
        case("cycles", "tuple", "a tuple in a list in that tuple", lambda: objects(_self_tuple(()))),
        case("cycles", "long-tuple", "a tuple of five in a list in that tuple", lambda: objects(_self_tuple((1, 2, 3, 4)))),
        case("cycles", "tuple-via-list", "a list in a tuple in that list", lambda: objects(_self_tuple(())[0])),
        case("cycles", "between-elements", "two elements that hold each other", _each_other),
        case(
            "cycles",
            "array-in-itself",
            "an inner object array that holds itself",
            lambda: _array_in_itself(objects(0, 1)),
        ),
        case("cycles", "root", "the array is its own element: a[0] = a", _root),
        case("cycles", "root-deeper", "the array in a list in the array", _root_deeper),
        case("cycles", "instance", "an instance whose state leads back to it", lambda: objects(_self_instance())),
        case(
            "cycles",
            "frozenset",
            "a frozenset of an instance that holds it",
            lambda: objects(_self_frozenset()),
            protocols=FEW,
        ),
        case(
            "cycles",
            "reduced-instance",
            "a class with appended items that hold it",
            lambda: objects(_self_child()),
            protocols=(2, 3, 4, 5),
        ),
    ]


def _one(value, use):
    return use(value)


def _diamond(height):
    value = []
    for _ in range(height):
        value = [value, value]
    return value


def _far_apart():
    shared, name = [1, 2], "a shared name"
    elements = [i % 7 for i in range(1500)]
    elements[3], elements[1400] = [shared, name], [name, shared, shared]
    return objects(*elements)


def _self_list():
    value = [1]
    value.append(value)
    return value


def _self_dict():
    value = {"one": 1}
    value["self"] = value
    return value


def _self_tuple(rest):
    inner = []
    value = (inner,) + rest
    inner.append(value)
    return value


def _each_other():
    left, right = ["left"], ["right"]
    left.append(right)
    right.append(left)
    return objects(left, right, left)


def _array_in_itself(array):
    array[0] = array
    return objects(array, 5)


def _root():
    array = objects(None, 1)
    array[0] = array
    return array


def _root_deeper():
    array = objects([], {}, 2)
    array[0].append(array)
    array[1]["root"] = [array, array]
    return array


def _self_instance():
    point = geometry.Point(1, [])
    point.y.append(point)
    return point


def _self_frozenset():
    point = geometry.Point(1, None)
    point.y = frozenset([point])
    return point.y


def _self_child():
    child = geometry.ListChild([1])
    child.append(child)
    return child
