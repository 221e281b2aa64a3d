"""The faces: each puts one service in front of one kind of program, and knows nothing else.

transport   httpx and httpx2 clients that are handed a transport, sync and async
intercept   httpx clients of this process that are not (by respx)
asgi        any ASGI server or client
server      a real socket, in a thread or as a process of its own
"""
