"""Names of the files that record the state of a stage's folder, beside the stage's own results."""

MANIFEST = "manifest.json"
"""Inputs and output files of a committed stage."""

CLAIM = "inputs.json"
"""Inputs of an unfinished stage."""

RECEIPTS = "receipts"
"""Folder of the receipts of an unfinished stage, one per task."""

SCRATCH = "progress"
"""Folder of intermediate files of an unfinished stage."""

PRUNED = "pruned.json"
"""Marks a stage whose files were deleted on purpose (run.keep); its manifest stays."""
