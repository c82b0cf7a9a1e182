"""The HTTP server: an ASGI application over the core, and a way to run it on this machine."""
