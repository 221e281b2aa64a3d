"""The index finds what matches, and all of it, without looking at what was not asked for."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from hypothesis import HealthCheck, example, given, settings, strategies as st

from wanx_sim.cassettes.format import FORMAT, VERSION, Document, Exchange, encode
from wanx_sim.cassettes.index import Index
from wanx_sim.cassettes.matching import difference, without_prompts

# A busy machine is no reason to fail.
patiently = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
few = st.sampled_from(["花", "店", ""])
values = st.sampled_from([0, 1, True, 1.0, "1", {}, {"b": 1}, [1]])
forms = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["wan2.2-t2i-flash", None]),
        "input": st.fixed_dictionaries({}, optional={"prompt": few, "negative_prompt": few}),
        "parameters": st.dictionaries(st.sampled_from(["n", "seed"]), values),
    },
    optional={"synchronous": st.just(True)},
)
SHOP, FLOWERS = ({"model": None, "input": {"prompt": text}, "parameters": {}} for text in "店花")
same = st.none()
"""In the place of a recorded request: the one that is asked for, or what only differs in writing."""
ways = st.sampled_from([dict, without_prompts, lambda form: dict(reversed(form.items()))])
ignores = st.frozensets(st.sampled_from(["seed", "parameters.n", "prompt", "input.prompt"]))


def index_of(requests):
    at = datetime(2025, 10, 28, tzinfo=UTC)
    entries = [
        Exchange(at=at, operation="create", request=request, status=400) for request in requests
    ]
    raws = [msgspec.Raw(msgspec.json.encode(entry)) for entry in entries]
    document = Document(format=FORMAT, version=VERSION, interactions=raws)
    return Index(encode(document), "any")


@patiently
@given(st.lists(st.tuples(same | forms, ways), max_size=4), forms, ignores)
@example([(None, without_prompts)], SHOP, frozenset())
@example([(None, dict), (None, without_prompts)], SHOP, frozenset())
@example([(None, dict), (FLOWERS, dict)], SHOP, frozenset({"prompt"}))
def test_the_places_are_those_of_all_requests_without_a_difference(recorded, asked, ignore):
    requests = [way(asked if form is None else form) for form, way in recorded]
    index = index_of(requests)
    found = [at for at, one in enumerate(requests) if not difference(one, asked, ignore=ignore)]
    assert index.places(asked, ignore) == found
    assert index.places(asked, ignore) == found  # nor is it another answer the second time
