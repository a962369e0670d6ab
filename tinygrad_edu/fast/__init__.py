"""Compiled kernels, by numba (extra ``fast``). ``kernels.FAST`` says which function of which module takes whose place.

Each module's public functions have the names and arguments of the NumPy references, and return NotImplemented for
arguments that they were not made for. Only :mod:`tinygrad_edu.kernels` imports this package, when a kernel is first
called.
"""
