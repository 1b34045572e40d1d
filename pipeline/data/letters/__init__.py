"""The built-in data set with many classes: characters in many typefaces."""
