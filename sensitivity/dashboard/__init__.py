"""The live dashboard: studies as they run, every view of them with an address of its own.

:mod:`view` is what a reader looks at, :mod:`filters` narrows results to it, :mod:`source` reads the store and
keeps what was computed, :mod:`pages` and their neighbours lay it out, and :mod:`app` wires them together.
"""
