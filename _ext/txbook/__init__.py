"""The book's machinery: what the build does beyond Jupyter Book.

``setup`` is what Sphinx calls; the command line is ``python -m txbook`` (see ``__main__``).
"""
