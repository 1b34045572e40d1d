"""From a section of the run file to the object that it describes."""
