"""One simulator in several processes: what else lives in one of them, shared through a board.

The store has the tasks and the bill. A *board* has the rest that ``/_sim/`` shows and changes: the
clock, the settings that were changed, the armed faults and how often they struck, the rate
windows, the sessions, the journal. A process reads its record there once a request, and writes
only what was changed.

board      what a board is, and the record of one simulator
folder     the board of one machine's workers: a folder
redis      the board of several machines: beside the tasks in Redis
parts      the clock, the faults, the journal and the rate windows of a shared simulator
simulator  a simulator over a board, and its sessions

boards     which board goes with which store

A server that is one process on a store of its own has none of this, and imports none of it.
"""
