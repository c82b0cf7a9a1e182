# A running server under attack, with a failing upstream, misbehaving clients, and much of both.
# Included by the Makefile.

SIEGE = tests/siege
LOAD_TEST = $(SIEGE)/test_load.py

.PHONY: test-siege test-load
test-siege: $(VENV)/.dev ## Attack a running server, fail its upstream, misbehave as its clients
	$(PYTEST) --ignore=$(LOAD_TEST) $(SIEGE) $(ARGS)

test-load: $(VENV)/.dev ## Keep 200 streams running at once for LOAD_SECONDS (60), then stop the server
	$(PYTEST) $(LOAD_TEST) $(ARGS)
