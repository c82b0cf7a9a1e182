# Real clients against a running server. Included by the Makefile.
#
# Their libraries do not agree on one openai SDK, so there are two Python environments: the first has
# the SDK that the other tests have, the second its generation before. A new test file runs in the
# first one; the SDK's own tests run in both.

TEST_CLIENTS = tests/clients
CLIENTS = .clients
OPENAI2 = .clients-openai2
OPENAI2_TESTS = $(addprefix $(TEST_CLIENTS)/test_,instructor.py litellm.py)
CLIENTS_TESTS = $(filter-out $(OPENAI2_TESTS),$(wildcard $(TEST_CLIENTS)/test_*.py))
NODE = $(TEST_CLIENTS)/node

# LangChain's suite is asynchronous, and shares one client; its benchmarks are none of ours.
LANGCHAIN = --benchmark-disable -o asyncio_mode=auto -o asyncio_default_test_loop_scope=session \
            -o asyncio_default_fixture_loop_scope=session

$(CLIENTS)/.installed $(OPENAI2)/.installed: .%/.installed: requirements/%.txt $(BIN)/uv
	@echo 'Installing $<'
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python $(@D)
	@$(UV) pip sync --quiet --python $(@D)/bin/python --require-hashes $<
	@touch $@

$(NODE)/node_modules/.installed: $(NODE)/package.json $(NODE)/package-lock.json
	@echo 'Installing $(NODE)/package-lock.json'
	@cd $(NODE) && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: test-clients
test-clients: $(CLIENTS)/.installed $(OPENAI2)/.installed $(NODE)/node_modules/.installed ## Run real clients, in Python and on node, against a running server
	$(CLIENTS)/bin/pytest $(LANGCHAIN) $(CLIENTS_TESTS) $(ARGS)
	$(OPENAI2)/bin/pytest $(TEST_CLIENTS)/test_openai.py $(OPENAI2_TESTS) $(ARGS)
