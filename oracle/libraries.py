"""Writes the lists of names that pickles of pandas, scikit-learn, SciPy, PyTorch and joblib have.

    python libraries.py NPYO [--torch PYTHON]...

Installs two generations of the libraries (GENERATIONS) and pickles objects of each with every protocol; `--torch` names
an interpreter that has PyTorch, whose wheels are too large to install here. A list has the names that `npyo audit` finds
in these pickles and has no rule for. Each needs a reason in REASONS, or the script fails: whoever adds one says why a
call with any arguments and any state runs nothing that the file chooses. Names in REFUSED are not in the lists.

The lists are `crates/npy-object/src/audit/libraries/*.txt`.
"""

import argparse
import fnmatch
import functools
import json
import os
import subprocess
import sys

import environments

LISTS = os.path.join(environments.HERE, "..", "crates", "npy-object", "src", "audit", "libraries")

GENERATIONS = {
    "3.8": ["numpy==1.24.4", "pandas==1.5.3", "scikit-learn==1.2.2", "scipy==1.10.1", "joblib==1.2.0"],
    "3.11": ["numpy==2.4.6", "pandas==3.1.1", "scikit-learn==1.9.1", "scipy==1.17.1", "joblib==1.6.0"],
}

LIBRARIES = ("joblib", "pandas", "scipy", "sklearn", "torch")

REASONS = {
    "joblib": [
        ("joblib.numpy_pickle.NumpyArrayWrapper", "holds the dtype and shape of an array that follows in the file"),
        ("joblib.numpy_pickle.NDArrayWrapper", "holds the name of a file next to it, which joblib.load reads"),
        ("joblib.numpy_pickle_compat.*", "holds the name of a file next to it, which joblib.load reads"),
    ],
    "pandas": [
        ("pandas._libs.internals._unpickle_block", "makes a block of a frame from an array"),
        ("pandas.core.internals.blocks.new_block", "makes a block of a frame from an array"),
        ("pandas.core.internals.managers.*Manager", "holds the blocks of a frame"),
        ("pandas._libs.internals.*", "holds the blocks of a frame"),
        ("pandas*.frame.DataFrame", "a table: its state is blocks and attributes"),
        ("pandas.DataFrame", "a table: its state is blocks and attributes"),
        ("pandas*.series.Series", "a column: its state is blocks and attributes"),
        ("pandas.Series", "a column: its state is blocks and attributes"),
        ("pandas*._new_Index", "makes an index of a class that the file names, which is judged too"),
        ("pandas*._new_DatetimeIndex", "makes an index of a class that the file names, which is judged too"),
        ("pandas*._new_PeriodIndex", "makes an index of a class that the file names, which is judged too"),
        ("pandas.core.indexes.*Index", "an index: its values are an array"),
        ("pandas.*Index", "an index: its values are an array"),
        ("pandas.core.arrays.*Array", "an array: its state is arrays and a dtype"),
        ("pandas.arrays.*Array", "an array: its state is arrays and a dtype"),
        ("pandas.core.dtypes.*Dtype", "a dtype of pandas: text and numbers"),
        ("pandas.core.arrays.*Dtype", "a dtype of pandas: text and numbers"),
        ("pandas.*Dtype", "a dtype of pandas: text and numbers"),
        ("pandas._libs.tslibs.timestamps._unpickle_timestamp", "makes a timestamp of numbers"),
        ("pandas._libs.tslibs.timedeltas._timedelta_unpickle", "makes a difference of times of numbers"),
        ("pandas._libs.tslibs.period.*", "makes a period of numbers"),
        ("pandas._libs.tslibs.nattype.*", "returns NaT"),
        ("pandas._libs.tslibs.*", "a timestamp, a difference of times, or an offset: numbers"),
        ("pandas._libs.missing.NA", "the missing value"),
        ("pandas._libs.missing.*", "the missing value"),
        ("pandas._libs.interval.*", "an interval of two values"),
        ("pandas._libs.arrays.*", "the part of an array that is written in C: an array and a dtype"),
        ("pandas._libs.sparse.*", "positions in a sparse array"),
        ("pandas.core.flags.Flags", "flags of a table"),
        ("pytz._UTC", "returns UTC"),
        ("pytz._p", "returns a time zone of the package pytz by its name"),
        ("pytz.*", "a time zone"),
        ("dateutil.tz.tz.tzutc", "UTC"),
        ("dateutil.relativedelta.relativedelta", "a difference of times: numbers"),
        ("pandas.DateOffset", "an offset: numbers"),
        ("pandas.Interval", "an interval of two values"),
        ("pandas.Period", "a period of numbers"),
        ("pandas.NA", "the missing value"),
        ("pandas*.Categorical", "an array: its state is arrays and a dtype"),
    ],
    "scipy": [
        ("scipy.sparse.*_matrix", "a sparse matrix: its state is arrays"),
        ("scipy.sparse.*_array", "a sparse array: its state is arrays"),
        ("scipy.interpolate.*", "an interpolation: its state is arrays and numbers"),
        ("scipy.optimize.*Result", "a dict of results"),
        ("scipy.optimize.*", "numbers of an optimisation"),
        ("scipy.spatial.transform.*", "a rotation: its state is an array"),
        ("scipy._lib._bunch*", "a tuple with names"),
        ("scipy._lib.array_api_compat.*", "a function of arrays"),
        ("scipy.signal.*", "a filter: its state is arrays"),
        ("scipy.stats.*", "a tuple or dict of results"),
        ("scipy.integrate.*", "a dict of results"),
    ],
    "sklearn": [
        ("sklearn.*.__pyx_unpickle_*", "makes an instance of a class that the file names, which is judged too"),
        ("sklearn.*.newObj", "makes an instance of a class that the file names, which is judged too"),
        ("sklearn.tree._tree.Tree", "a tree: its state is arrays whose shapes are checked"),
        ("sklearn.metrics.*", "a metric: numbers, or functions that are judged too"),
        ("sklearn.gaussian_process.kernels.*", "a kernel: numbers"),
        ("sklearn._loss.*", "a loss: numbers"),
        ("sklearn.*_loss.*", "a loss: numbers"),
        ("sklearn.feature_selection.*.f_*", "a score function"),
        ("sklearn.cluster._kmeans._kmeans_*", "a function of an estimator"),
        ("sklearn.*", "an estimator or a part of one: its state is arrays, values and other parts"),
        ("numpy.random.*", "a random generator: its state is numbers"),
        ("numpy.mean", "a function of arrays"),
        ("scipy._lib.array_api_compat.*", "a function of arrays"),
    ],
    "torch": [
        ("persistent_id", "a storage: torch.load reads it from the archive"),
        ("torch.*Storage", "a type of storage"),
        ("torch._utils._rebuild_*", "makes a tensor of storages and numbers"),
        ("torch.Size", "the shape of a tensor"),
        ("torch.serialization._get_layout", "a layout of a tensor, by its name"),
        ("torch.device", "the name of a device"),
        ("torch.Tensor", "a tensor"),
        ("torch.nn.functional.*", "a function of a layer"),
        ("torch.nn.*", "a module: its state is tensors and other modules"),
        ("torch.optim.*", "an optimiser: its state is tensors and numbers"),
        ("torch.*", "a dtype, or a layout"),
    ],
}
"""For each library: patterns of names, the first that fits counts, and why these names are trusted."""

FUNCTIONS = [
    "numpy.mean",
    "scipy._lib.array_api_compat.*",
    "scipy.interpolate._interpolate.interp1d._call_*",
    "sklearn.cluster._kmeans._kmeans_*",
    "sklearn.feature_selection.*.f_*",
    "sklearn.metrics._classification.*_score",
    "sklearn.metrics._regression.*_score",
    "torch.nn.functional.*",
]
"""Names that pickles have and never call. A call of one is unknown."""

HARMLESS = ["torch.serialization._get_layout"]
"""Names of packages in which the policy calls every name dangerous, and that are trusted nevertheless."""

REFUSED = [
    # _attach_argparser_methods executes a template that is in the state.
    "scipy.stats._continuous_distns.*",
    "scipy.stats._discrete_distns.*",
    "scipy.stats._distn_infrastructure.*",
    # The nodes of the tree have offsets that are followed without a check.
    "scipy.spatial.*ckdtree.*",
    "scipy.spatial._kdtree.*",
    # Calls any function with any arguments.
    "torch._tensor._rebuild_from_type_v2",
    "torch._utils._rebuild_wrapper_subclass",
    # Written inside a memmap's wrapper; a folder of joblib has no such name.
    "NumpyArrayWrapper.dtype",
]
"""Names that pickles have, and that no list trusts."""


def main():
    if sys.argv[1:2] == ["--write"]:
        return write(sys.argv[2], sys.argv[3])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npyo")
    parser.add_argument("--torch", action="append", default=[], metavar="PYTHON")
    arguments = parser.parse_args()
    makers = [(python, library) for python in interpreters() for library in LIBRARIES if library != "torch"]
    makers += [(python, "torch") for python in arguments.torch]
    found = {library: {} for library in LIBRARIES}
    versions = {library: [] for library in LIBRARIES}
    for number, (python, library) in enumerate(makers):
        folder = os.path.join(environments.FOLDER, "libraries", "%s-%d" % (library, number))
        versions[library].append(pickles(python, library, folder))
        for name, file, is_called in unknown_names(arguments.npyo, folder):
            first, was_called = found[library].get(name, (file, False))
            found[library][name] = (first, was_called or is_called)
    missing = [name for library in LIBRARIES if versions[library] for name in write_list(library, found, versions)]
    for name in missing:
        print("no reason for %s" % name)
    return 1 if missing else 0


def pickles(python, library, folder):
    """Writes the pickles of a library to a folder, unless they are there. Returns the library with its version."""
    version = os.path.join(folder, "version")
    if not os.path.exists(version):
        os.makedirs(folder, exist_ok=True)
        command = [python, os.path.abspath(__file__), "--write", library, folder]
        subprocess.run(command, check=True, env=dict(os.environ, PYTHONWARNINGS="ignore"))
    with open(version, encoding="utf-8") as file:
        return file.read()


def write_list(library, found, versions):
    """Writes the list of a library. Returns the names that have no reason, each with a file that has it."""
    reasons = {each: why for other in LIBRARIES for each, why in REASONS[other]}
    own = [each for each, _ in REASONS[library]]
    lines, missing = [], []
    for name in sorted(found[library]):
        fits = functools.partial(fnmatch.fnmatchcase, name)
        if any(map(fits, REFUSED)):
            continue
        pattern = next(filter(fits, own), None)
        if pattern:
            is_function = any(map(fits, FUNCTIONS))
            assert not (is_function and found[library][name][1]), "a pickle calls %s" % name
            lines.append("%s%s  # %s\n" % ("function " if is_function else "", name, reasons[pattern]))
        elif not any(map(fits, reasons)):  # else it is in the list of another library
            missing.append("%s: %s (%s)" % (library, name, found[library][name][0]))
    head = "# Names in pickles of %s, by oracle/libraries.py. Version 1.\n" % " and ".join(versions[library])
    with open(os.path.join(LISTS, library + ".txt"), "w", encoding="utf-8", newline="\n") as file:
        file.write(head + "".join(lines))
    print("%s: %d names" % (library, len(lines)))
    return missing


def interpreters():
    """Returns the interpreters of the generations, with their libraries installed."""
    for version, packages in GENERATIONS.items():
        folder = os.path.join(environments.FOLDER, "libraries-" + version)
        python = os.path.join(folder, "bin", "python")
        if not os.path.exists(os.path.join(folder, "complete")):
            base = environments.find_python(version)
            assert base, "no CPython %s on this machine" % version
            subprocess.run([base, "-m", "venv", "--clear", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *packages], check=True)
            open(os.path.join(folder, "complete"), "w").close()
        yield python


def unknown_names(npyo, folder):
    """Returns the names in these pickles that the policy does not know, each with a file, and whether it is called."""
    run = subprocess.run([npyo, "audit", "--json", folder], stdout=subprocess.PIPE, check=False)
    for line in run.stdout.decode().splitlines():
        report = json.loads(line)
        for part in report["parts"]:
            for used in part["uses"]:
                is_unknown = (used["verdict"], used["reason"]) == ("unknown", "")
                if used["module"] and (is_unknown or used["what"] in HARMLESS):
                    yield used["what"], os.path.basename(report["file"]), bool(used["called"])
                elif used["what"] == "a persistent id":
                    yield "persistent_id", os.path.basename(report["file"]), True


def write(library, folder):
    """Pickles objects of a library with all protocols, and writes its version."""
    import importlib
    import pickle

    objects = globals()["objects_of_" + library]
    for number, value in enumerate(objects(folder)):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            try:
                content = pickle.dumps(value, protocol)
            except Exception:  # some objects have no pickle, or none before protocol 2
                continue
            with open(os.path.join(folder, "%d-%d.pkl" % (number, protocol)), "wb") as file:
                file.write(content)
    with open(os.path.join(folder, "version"), "w", encoding="utf-8") as file:
        file.write("%s %s" % (library, importlib.import_module(library).__version__))


def objects_of_joblib(folder):
    """Dumps arrays with joblib: the names are before the bytes of the first array."""
    import joblib
    import numpy as np

    for number, value in enumerate([np.arange(5.0), [np.arange(3), "a"], {"a": np.array([None, 1], object)}]):
        joblib.dump(value, os.path.join(folder, "%d.joblib" % number))
    return []


def objects_of_pandas(_):
    """Returns columns, tables, indexes and scalars of all dtypes."""
    import numpy as np
    import pandas as pd

    times = pd.date_range("2020", periods=3)
    columns = [
        [1, 2, 3], [1.5, None, 2], ["a", "b", None], [True, False, True], [1j, 2j, 3j], times, times.tz_localize("UTC"),
        times.tz_localize("Europe/Berlin"), pd.to_timedelta([1, 2, 3], "s"), pd.period_range("2020", periods=3, freq="M"),
        pd.interval_range(0, 3), pd.Categorical(["a", "b", "a"]), pd.Categorical(["a", "b"], ordered=True),
        pd.array([1, None, 3], dtype="Int64"), pd.array([1, None], dtype="Float32"), pd.array([True, None], dtype="boolean"),
        pd.array(["a", None], dtype="string"), pd.arrays.SparseArray([0, 0, 1]), np.array([1, "a", None], object),
        pd.arrays.SparseArray([0.0, 1, 0], kind="block"), pd.array([1, 2], dtype="UInt8"), pd.array([1, 2], dtype="Int8"),
        pd.array([1, 2], dtype="Int16"), pd.array([1, 2], dtype="Int32"), pd.array([1, 2], dtype="UInt16"),
        pd.array([1, 2], dtype="UInt32"), pd.array([1, 2], dtype="UInt64"), pd.array([1.0], dtype="Float64"),
    ]
    values = [pd.Series(column, name="x") for column in columns]
    values += [pd.Index(column) for column in columns]
    values.append(pd.concat([series.head(2) for series in values[: len(columns)]], axis=1))
    index = pd.MultiIndex.from_product([["a", "b"], [1, 2]])
    values += [pd.DataFrame({"x": range(4)}, index=index), index, pd.RangeIndex(5), pd.DataFrame()]
    values += [pd.Timestamp("2020"), pd.Timestamp("2020", tz="UTC"), pd.Timedelta("1s"), pd.Period("2020-01"), pd.NaT, pd.NA]
    values += [pd.Interval(0, 1)] + [series.dtype for series in values[: len(columns)]]
    for name in sorted(dir(pd.offsets)):
        offset = getattr(pd.offsets, name)
        if isinstance(offset, type):
            try:
                values.append(offset())
            except TypeError:
                pass
    return values


def objects_of_scipy(_):
    """Returns sparse matrices, interpolations, rotations and results."""
    import numpy as np
    from scipy import integrate, interpolate, optimize, signal, sparse, spatial, stats

    values = []
    for name in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil"):
        for kind in ("_matrix", "_array"):
            if hasattr(sparse, name + kind):
                values.append(getattr(sparse, name + kind)(np.eye(3)))
    x = np.arange(8.0)
    values += [interpolate.interp1d(x, x), interpolate.CubicSpline(x, x), interpolate.PchipInterpolator(x, x)]
    values += [interpolate.Akima1DInterpolator(x, x), interpolate.UnivariateSpline(x, x), interpolate.splrep(x, x)]
    values += [interpolate.make_interp_spline(x, x), interpolate.BarycentricInterpolator(x, x)]
    values += [interpolate.KroghInterpolator(x, x), interpolate.PPoly(np.ones((2, 7)), x)]
    values += [interpolate.RegularGridInterpolator((x, x), np.outer(x, x)), interpolate.RectBivariateSpline(x, x, np.outer(x, x))]
    points = np.random.default_rng(0).random((9, 2))
    values += [interpolate.RBFInterpolator(points, points[:, 0]), interpolate.InterpolatedUnivariateSpline(x, x)]
    values += [spatial.transform.Rotation.identity(), spatial.cKDTree(points), spatial.KDTree(points)]
    values += [optimize.minimize(lambda v: float(v @ v), np.ones(2)), optimize.root(lambda v: v - 1, np.ones(1))]
    values += [optimize.linprog([1], bounds=(0, 1)), optimize.Bounds(0, 1), optimize.LinearConstraint(np.eye(2), 0, 1)]
    values += [stats.norm, stats.norm(0, 1), stats.poisson, stats.gaussian_kde(x), stats.ttest_ind(x, x + 1), stats.linregress(x, x)]
    values += [stats.pearsonr(x, x[::-1]), stats.describe(x), signal.lti([1], [1, 2]), signal.dlti([1], [1, 2])]
    values += [integrate.solve_ivp(lambda t, y: -y, (0, 1), [1.0])]
    return values


def objects_of_sklearn(_):
    """Returns every estimator of scikit-learn, as it is made and fitted."""
    import numpy as np
    from sklearn import datasets, gaussian_process, linear_model, metrics, pipeline, preprocessing
    from sklearn.utils import all_estimators

    rng = np.random.RandomState(0)
    X, y = np.abs(rng.rand(40, 4)) + 0.1, np.arange(40) % 2
    values = [datasets.load_iris(), metrics.make_scorer(metrics.r2_score), metrics.confusion_matrix(y, y)]
    values += [pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()).fit(X, y)]
    kernels = gaussian_process.kernels
    values += [kernel() for kernel in (kernels.RBF, kernels.Matern, kernels.WhiteKernel, kernels.RationalQuadratic,
                                       kernels.DotProduct, kernels.ExpSineSquared, kernels.ConstantKernel)]
    values += [kernels.RBF() + kernels.RBF() * kernels.WhiteKernel()]
    texts = ["one two", "two three", "three four five"]
    for name, kind in all_estimators():
        parts = [linear_model.LogisticRegression(), linear_model.Ridge()]
        for arguments in ((), (parts[0],), (parts[1],), ([("a", parts[0])],), ([("a", parts[1])],),
                          ([("a", preprocessing.StandardScaler())],), ([("a", preprocessing.StandardScaler(), [0])],)):
            try:
                value = kind(*arguments)
            except Exception:
                continue
            for fit in ((X, y), (X, X), (X[:, 0], y), (texts, y[:3]), (X, X[:, :1]), ((X > 0.5).astype(int), y)):
                try:
                    value = value.fit(*fit)
                    break
                except Exception:
                    pass
            values.append(value)
            break
    for metric in ("euclidean", "manhattan", "minkowski", "chebyshev", "haversine", "hamming"):
        from sklearn.neighbors import BallTree

        values.append(BallTree(X[:, :2], metric=metric))
    return values


def objects_of_torch(folder):
    """Saves tensors of all dtypes, modules and optimisers, in both formats of torch.save."""
    import torch

    layers = [torch.nn.Linear(2, 3), torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm1d(3), torch.nn.LSTM(2, 3), torch.nn.ReLU()]
    layers += [torch.nn.Embedding(3, 2), torch.nn.LayerNorm(3), torch.nn.Dropout(), torch.nn.Sequential(torch.nn.Linear(2, 2))]
    layers += [torch.nn.MultiheadAttention(4, 2), torch.nn.TransformerEncoderLayer(4, 2), torch.nn.ModuleList(), torch.nn.GRU(2, 2)]
    layers += [torch.nn.ModuleDict(), torch.nn.MaxPool2d(2), torch.nn.AvgPool2d(2), torch.nn.Flatten(), torch.nn.Softmax(0)]
    layers += [torch.nn.BatchNorm2d(3), torch.nn.Conv1d(1, 2, 3), torch.nn.Tanh(), torch.nn.Sigmoid(), torch.nn.GELU(), torch.nn.SiLU()]
    layers += [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Identity(), torch.nn.GroupNorm(1, 2), torch.nn.ConvTranspose2d(1, 2, 3)]
    values = [layer.state_dict() for layer in layers] + layers
    for dtype in ("float16 bfloat16 float32 float64 int8 uint8 int16 int32 int64 bool complex64 complex128").split():
        values.append(torch.zeros(2, dtype=getattr(torch, dtype)))
    values += [torch.Size([1, 2]), torch.device("cpu"), torch.float32, torch.nn.Parameter(torch.zeros(2)), torch.eye(2).to_sparse()]
    values += [torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.quint8), torch.eye(2).to_sparse_csr()]
    for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop):
        optimiser = kind(layers[0].parameters(), lr=0.1)
        values += [optimiser.state_dict(), optimiser]
    for number, value in enumerate(values):
        torch.save(value, os.path.join(folder, "%d.pt" % number))
    return []


if __name__ == "__main__":
    sys.exit(main())
