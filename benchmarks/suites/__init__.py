"""Two test suites of one application: on our fixture, and on respx with canned answers."""
