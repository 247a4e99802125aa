# -*- coding: utf-8 -*-
"""Writes every case in those of its protocols that are listed. Runs in an environment: Python 2.7, or 3.6 and later.

    python write.py FOLDER PROTOCOLS

PROTOCOLS is a string of digits, such as 012. Writes `FOLDER/<number>.npy`, and `FOLDER/written.json`, a list that
describes each file.
"""

import io
import json
import os
import pickle
import sys
import warnings

import numpy as np

import cases

if sys.version_info[0] == 2:
    import cPickle as c_pickle

    PythonPickler = pickle.Pickler
    CPickler = c_pickle.Pickler
else:
    PythonPickler = pickle._Pickler
    CPickler = pickle.Pickler


def dump(array, protocol, pickler):
    """Returns an .npy file of the array, as np.save would write it with this protocol."""
    file = io.BytesIO()
    if protocol is None:
        np.save(file, array)
        return file.getvalue()
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + dump_pickle(array, protocol, pickler)


def dump_pickle(array, protocol, pickler):
    """Returns the pickle of the array. `pickler` is "c", "python", "fast" (no memo) or "optimized" (no unused PUT)."""
    file = io.BytesIO()
    writer = (PythonPickler if pickler == "python" else CPickler)(file, protocol)
    if pickler == "fast":
        writer.fast = True
    writer.dump(array)
    if pickler == "optimized":
        import pickletools

        return pickletools.optimize(file.getvalue())
    return file.getvalue()


def choices(case, protocols):
    """Returns the protocols to write the case with. None is np.save, which mostly uses one of the others."""
    chosen = [protocol for protocol in case.protocols if protocol is None or str(protocol) in protocols]
    if case.pickler == "c" and case.protocols == cases.ALL:
        chosen.append(None)
    return chosen


def main(folder, protocols):
    sys.setrecursionlimit(20000)
    warnings.simplefilter("ignore")
    written = []
    for case in cases.all_cases():
        for protocol in choices(case, protocols):
            data = dump(case.make(), protocol, case.pickler)
            with open(os.path.join(folder, "%d.npy" % len(written)), "wb") as file:
                file.write(data)
            written.append(
                {
                    "group": case.group,
                    "name": case.name,
                    "about": case.about,
                    "protocol": protocol,
                    "pickler": case.pickler,
                }
            )
    with open(os.path.join(folder, "written.json"), "w") as file:
        json.dump(written, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
