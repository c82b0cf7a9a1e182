# Fuzzers of what callers send. Included by the Makefile.
#
# Without FUZZ_SECONDS, the same inputs are tried each time: a gate is no place for luck.

FUZZERS = .fuzz
TARGETS = made requests schemas
CORPUS = tests/fuzzing/corpus

$(FUZZERS)/.installed: requirements/fuzz.txt $(BIN)/uv
	@echo 'Installing $<'
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python $(@D)
	@$(UV) pip sync --quiet --python $(@D)/bin/python --require-hashes $<
	@touch $@

.PHONY: fuzz-schemas
fuzz-schemas: $(FUZZERS)/.installed ## Fuzz request parsing and the schema layer, on Linux x86-64 (FUZZ_SECONDS=600 for each at length)
	@set -e; for target in $(TARGETS); do \
	  found=$$(mktemp -d); trap 'rm -r "$$found"' EXIT; \
	  $(FUZZERS)/bin/python -m tests.fuzzing.target $$target -dict=tests/fuzzing/words.dict \
	    -max_len=8192 -len_control=10 -timeout=20 -verbosity=0 -seed=1 -print_final_stats=1 \
	    $(if $(FUZZ_SECONDS),-max_total_time=$(FUZZ_SECONDS),-runs=1000) \
	    -artifact_prefix=fuzz-$$target- "$$found" $(CORPUS)/$$target; \
	  rm -r "$$found"; trap - EXIT; \
	done
	FUZZ_EXAMPLES=$(if $(FUZZ_SECONDS),2000,50) $(FUZZERS)/bin/pytest tests/fuzzing --timeout=1800 $(ARGS)
