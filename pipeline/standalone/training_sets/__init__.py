"""Mined triplets as training sets, in the forms that trainers read."""
