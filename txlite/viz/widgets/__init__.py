"""Live figures: widgets that work with a kernel and, just as well, on a page without one.

A widget is a Python class, a JavaScript module of the same name beside it, and a Python reference
for the numbers that the module computes, so that a test can hold both against each other in a
real browser. Each is imported from the file that defines it.
"""
