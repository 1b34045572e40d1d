"""Functions of other libraries, under their names and with their arguments, and our search below them.

This folder is installed as ``tripletmine.compat``.
"""
