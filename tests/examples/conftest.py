"""Nothing here belongs to this suite: these are projects of their own.

``tests/house/test_examples.py`` runs each as its owner would, against the built wheel.
"""

collect_ignore_glob = ["*"]
