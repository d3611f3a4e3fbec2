"""A mark on the screen that people do not see, and who it leads to.

payload says which machine, place and time; keys sign and hide it; ecc carries it through noise; registry tells who
stands behind it.
"""
