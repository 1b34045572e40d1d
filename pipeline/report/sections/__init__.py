"""The sections of a page, each made from the files of the run or folder."""
