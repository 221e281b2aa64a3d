"""What wanx-kit costs, as ratios to its peers and to the bare limits, from one run.

harness/    rounds, figures, goals, the table; servers, workers, the peers' installation
rows/       what is measured: a module a group of rows
programs/   what runs in a process of its own: ours, the peers', the bare limits
suites/     the two test suites that are timed
peers/      which peers, in which versions
"""
