"""Arrays in the engines that people use when one machine is too small: each has a module here.

=============  =======================================================  ==============
module         has                                                      extra
=============  =======================================================  ==============
``arrow``      ``dataset``: DuckDB, Polars, DataFusion, pandas          ``arrow``
``polars``     ``scan_npy``                                             ``polars``
``dask``       ``read_bag``, ``read_dataframe``                         ``dask``
``torch``      ``NpyDataset``, ``NpyIterableDataset``, ``pack``         ``torch``
``ray``        ``NpyDatasource``, ``read_npy``                          ``ray``
``datasets``   ``read_npy``, for Hugging Face datasets                  ``datasets``
``grain``      ``NpySource``                                            ``grain``
=============  =======================================================  ==============

The Spark source is the module ``pyspark_npy_object``, which registers itself.

Each module uses only ``files``, which needs no engine, and ``arrow``. A worker opens a file anew, by its path or its URL,
and reads its part of it.
"""
