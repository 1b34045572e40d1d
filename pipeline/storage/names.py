"""The files with which a stage's folder says how far it is; what a stage computes has names of its own."""

MANIFEST = "manifest.json"
"""What the stage was made from and what it left; there once it is committed."""

CLAIM = "inputs.json"
"""What an unfinished stage is made from."""

RECEIPTS = "receipts"
"""Folder of the receipts of an unfinished stage, one a task."""

SCRATCH = "progress"
"""Folder of private progress of an unfinished stage."""

PRUNED = "pruned.json"
"""Marks a stage whose files were deleted on purpose (run.keep); its manifest stays."""
