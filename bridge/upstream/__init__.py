"""Upstreams: one file for each kind of text chat, behind the protocol in ``base``."""
