"""What takes longer than a chapter may: one module for each chapter that has a study.

``make study CHAPTERS=01`` runs ``studies/long_memory.py`` over five seeds and writes
``book/studies/01.json``. These modules stand beside the package, as ``benchmarks/`` does, and not
inside: a study uses models, data and training together, which no floor of txlite but the command
line may, and nobody who installs txlite imports one.
"""
