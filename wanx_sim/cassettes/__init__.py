"""Cassettes: jobs of a real service, recorded once and replayed for ever.

format      the files: one JSON document a cassette, pictures beside it by their hash
matching    the canonical request; `difference` matches and explains
redaction   what is written: a whitelist, so that no secret can slip through
recorder    a service in front of a live one, which records
player      a service made of a cassette
"""
