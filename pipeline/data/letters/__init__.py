"""The built-in data set of many classes: characters in many type faces."""
