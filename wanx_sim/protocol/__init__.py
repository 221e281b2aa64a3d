"""What the service says, and nothing else: pure functions over frozen values.

No clock, no randomness, no store and no HTTP library is imported in here. The present, ids and
random numbers come in as arguments, so each rule can be read and tested alone.

catalogue   the models and their limits, as data (`catalogue.toml`)
errors      every refusal the service knows, as data; `refusal` is one of its rows, raised
requests    a request body becomes an `Order`, or a refusal
lifecycle   a task's `Plan`, and the status that follows from it at a moment
timing      how long a task waits and runs
responses   the bodies and headers of the answers; `dialects`: how they were written, and when
links       where pictures lie, and the URLs that lead there
signing     OSS V1 signed URLs
oss         what the image host answers; `crc64` is its checksum
provenance  every behaviour and how we know it, from the `BEHAVIOURS` of each module
"""
