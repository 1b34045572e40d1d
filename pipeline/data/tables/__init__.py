"""How tables are laid out, and text tables read."""
