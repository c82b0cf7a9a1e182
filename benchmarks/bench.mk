# Benchmarks that need more than .venv has for tests. Included by the Makefile.

.PHONY: bench-accuracy bench-bfcl bench-peers bench-signatures
bench-accuracy: $(VENV)/.dev $(VENV)/.local ## Right answers of the embedded model, by dialect (ARGS="--sides fence")
	$(BIN)/python -m benchmarks.accuracy $(ARGS)

bench-signatures: $(VENV)/.dev $(VENV)/.local ## Tokens of six tool sets as signatures and as JSON Schema
	$(BIN)/python -m benchmarks.signatures $(ARGS)

bench-bfcl: $(VENV)/.dev $(VENV)/.local .bfcl/.installed ## Right calls on public cases, beside llama.cpp's own (ARGS="--cases 40")
	$(PYTEST) -q -n0 tests/bfcl
	$(BIN)/python -m benchmarks.bfcl $(ARGS)

.bfcl/.installed: requirements/bfcl.txt $(BIN)/uv
	@echo 'Installing $<'
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python .bfcl
	@$(UV) pip install --quiet --python .bfcl/bin/python --no-deps --require-hashes -r $<
	@touch $@

bench-peers: $(VENV)/.dev .peers/.installed ## Measure beside LiteLLM's proxy, in an environment of its own
	$(BIN)/python -m benchmarks.peers .peers/bin/litellm $(ARGS)

.peers/.installed: requirements/peers.txt $(BIN)/uv
	@echo 'Installing $<'
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python .peers
	@$(UV) pip install --quiet --python .peers/bin/python --require-hashes -r $<
	@touch $@

.PHONY: lock-peers lock-bfcl clean-peers
lock: lock-peers lock-bfcl
lock-peers: $(BIN)/uv
	@$(COMPILE) requirements/peers.in -o requirements/peers.txt

lock-bfcl: $(BIN)/uv
	@$(COMPILE) --no-deps requirements/bfcl.in -o requirements/bfcl.txt

clean: clean-peers
clean-peers:
	rm -rf .peers .bfcl
