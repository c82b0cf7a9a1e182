# Benchmarks that need more than .venv has for tests. Included by the Makefile.

.PHONY: bench-accuracy bench-peers bench-signatures
bench-accuracy: $(VENV)/.dev $(VENV)/.local ## Right answers of the embedded model, by dialect (ARGS="--sides fence")
	$(BIN)/python -m benchmarks.accuracy $(ARGS)

bench-signatures: $(VENV)/.dev $(VENV)/.local ## Tokens of six tool sets as signatures and as JSON Schema
	$(BIN)/python -m benchmarks.signatures $(ARGS)

bench-peers: $(VENV)/.dev .peers/.installed ## Measure beside LiteLLM's proxy, in an environment of its own
	$(BIN)/python -m benchmarks.peers .peers/bin/litellm $(ARGS)

.peers/.installed: requirements/peers.txt $(BIN)/uv
	@echo 'Installing $<'
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python .peers
	@$(UV) pip install --quiet --python .peers/bin/python --require-hashes -r $<
	@touch $@

.PHONY: lock-peers clean-peers
lock: lock-peers
lock-peers: $(BIN)/uv
	@$(COMPILE) requirements/peers.in -o requirements/peers.txt

clean: clean-peers
clean-peers:
	rm -rf .peers
