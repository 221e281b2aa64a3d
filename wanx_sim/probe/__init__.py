"""The probe: how somebody with a key turns what is assumed into what is observed.

questions   what is asked: only what cannot be billed, unless told to spend
answers     what of an answer is compared: its shape, its codes, its texts; never a secret
asking      ask the live service and the simulator, compare, report
"""
