"""A reader of .npy files written from `spec/` alone, with a module for each larger part."""
