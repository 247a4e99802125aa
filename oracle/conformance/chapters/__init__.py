"""A reader of .npy files, a module for each larger part of `spec/`, and written from that alone."""
