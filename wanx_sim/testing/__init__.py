"""Testing with the simulator, with pytest and without.

assertions, etiquette, table    what a test says of an application, and shows when it is not so
virtual_time                    sleeps that are over at once
network                         no way out of this machine
cassettes, wanted, misses       the cassette of a test: what it wants, what it is told of a miss
spending, budgets               one budget for a run, whatever number of processes it has
tally, leftovers, verdict       what a test did, what a run leaves over, and what is said of it
options, troubles, …            what else the pytest plugin is made of; it only names them
"""
