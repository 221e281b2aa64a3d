"""Generate a picture for each prompt, through what records; print what was seen of each.

Arguments: ``recorder`` or ``cached``, the upstream's URL, a cassette, a folder for the cache, and
the prompts. It says when it is ready, and begins at a line on stdin.
"""

import json
import sys

from wanx_client import WanxClient
from wanx_sim import CachedService, Recorder

how, upstream, cassette, cache, *prompts = sys.argv[1:]
if how == "cached":
    service = CachedService(upstream, cassette, cache=cache)
else:
    service = Recorder(upstream, cassette)
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
seen = {}
with WanxClient("sk-any-key-at-all", transport=service.transport(), sleep=lambda _: None) as client:
    for prompt in prompts:
        task = client.generate(prompt, model="wan2.2-t2i-flash", size="512*512", n=1)
        seen[prompt] = task.id
service.close()
json.dump(seen, sys.stdout)
