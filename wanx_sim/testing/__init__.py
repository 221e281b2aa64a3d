"""Testing with the simulator, with pytest and without.

assertions, etiquette, table    what a test says of an application, and shows when it is not so
virtual_time                    sleeps that are over at once
network                         no way out of this machine
options, troubles, …            what the pytest plugin is made of; it only names them
"""
