"""Functions with the names and arguments of other libraries, built on our search.

This folder is installed as ``tripletmine.compat``.
"""
