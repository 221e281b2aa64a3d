"""Cassettes: jobs of a real service, recorded once and replayed for ever.

format      what a cassette holds, as data
cassette    the files: one JSON document, pictures beside it (`pictures`), written whole (`files`)
index       how a request finds its interaction without a look at the others
matching    the canonical request; `difference` matches and explains
redaction   what is written: a whitelist, so that no secret can slip through
secrets     the scanner, for what slips into the texts that are let in
recorder    a service in front of a live one, which records, on a `budget`; how it reads what passes
            (`reading`), where it may load pictures from (`fetching`)
dryrun      what that would buy, and nothing bought
cached      a recorder that buys nothing twice: the development `cache`, its files (`cachefiles`)
player      a service made of cassettes (`recordings`): jobs (`playing`), lists (`pages`)
fallback    one service, else the next
modes       VCR's record modes: a player, a recorder, or one behind the other

What `wanx-sim cassette` does, which finds its files by `walking`:

summary     ls: a line a job
telling     show: a cassette as lines to read; sheet: its pictures on one
diffing     diff: what changed by meaning
verifying   verify: whole, without secrets (also in `chunks` of a PNG), and without `drift`
pruning     prune: what nobody needs
scrubbing   scrub: our own files by the whitelist, those of other tools by `foreign`
"""
