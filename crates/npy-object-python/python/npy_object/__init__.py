from npy_object import _npy_object
