"""The sections of a page, each from the files of the run or folder that it needs."""
