"""The service: studies over HTTP, with the dashboard beside them.

:mod:`app` puts it together. :mod:`runs` queues studies and starts each as a process of its own
(:mod:`runner`), which outlives the service. :mod:`views` answers from the store what readers ask for,
:mod:`events` says what changes. :mod:`access` decides who may ask, and :mod:`guests` what a study from the
network may be.
"""
