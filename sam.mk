# The Lambda package, and what is done with it. Included by the Makefile, which `sam build` runs:
# a function with BuildMethod makefile has the target build-<its logical id>, which fills
# $(ARTIFACTS_DIR).

SAM = SAM_CLI_TELEMETRY=0 .sam/bin/sam
PACKAGE = .aws-sam/build/Bridge
MANYLINUX = manylinux_2_28

# Native libraries of both architectures: their file names differ, so one package runs on either,
# and what is tested on one is, but for these, what is deployed on the other.
# No tests or tools of dependencies, and of our own code nothing that only runs elsewhere.
# Bytecode with unchecked hashes, because a zip keeps times in steps of two seconds: it halves the
# cold start. It says /var/task, where Lambda puts the files.
WHEELS = $(UV) pip install --quiet --python $(BIN)/python --link-mode copy --require-hashes \
         -r requirements.txt --python-version 3.13 --only-binary :all:
ELSEWHERE = cli.py aws/keys_command.py server/connection.py server/local.py upstream/chatml.py upstream/llama*.py

# A bridge.toml that configures something goes along if it can run there; UpstreamKind=file reads it.
CONFIG = bridge.toml
CONFIGURED := $(shell grep -ls '^[[:space:]]*[^\#[:space:]]' $(CONFIG))

.PHONY: build-Bridge
build-Bridge: $(BIN)/uv $(if $(CONFIGURED),$(VENV)/.serve)
	@test -n "$(ARTIFACTS_DIR)" || { echo 'Run make build.' >&2; exit 1; }
	rm -rf "$(ARTIFACTS_DIR)" && mkdir -p "$(ARTIFACTS_DIR)/arm64"
	$(WHEELS) --python-platform x86_64-$(MANYLINUX) --target "$(ARTIFACTS_DIR)"
	$(WHEELS) --python-platform aarch64-$(MANYLINUX) --target "$(ARTIFACTS_DIR)/arm64"
	cd "$(ARTIFACTS_DIR)/arm64" && find . -name '*.so' -exec sh -c 'cp "$$1" "../$$1"' - {} ';'
	cd "$(ARTIFACTS_DIR)" && rm -rf arm64 bin .lock aws_lambda_powertools/event_handler
	find "$(ARTIFACTS_DIR)" -type d '(' -name tests -o -name benchmarks ')' -prune -exec rm -rf {} +
	cp -R handler.py stream.sh bridge "$(ARTIFACTS_DIR)"
	$(if $(CONFIGURED),$(BIN)/python scripts/check_lambda_config.py $(CONFIG) && \
	  cp $(CONFIG) "$(ARTIFACTS_DIR)/bridge.toml" || echo 'The package is made without it.')
	cd "$(ARTIFACTS_DIR)/bridge" && rm -f $(ELSEWHERE)
	find "$(ARTIFACTS_DIR)" -name __pycache__ -prune -exec rm -rf {} +
	chmod 755 "$(ARTIFACTS_DIR)/stream.sh"
	"$$(scripts/find-python 3.13)" -m compileall -q -j 0 --invalidation-mode unchecked-hash \
	  -s "$(ARTIFACTS_DIR)" -p /var/task "$(ARTIFACTS_DIR)"

# What Lambda brings beside a package, for running one here.
.sam/runtime/.installed: requirements/runtime.txt .sam/.installed
	$(UV) pip install --quiet --python $(BIN)/python --target $(@D) --python-version 3.13 --require-hashes -r $<
	@touch $@

.PHONY: lock-runtime
lock: lock-runtime
lock-runtime: $(BIN)/uv
	$(COMPILE) --constraints=requirements/dev.txt requirements/runtime.in -o requirements/runtime.txt

.PHONY: build package deploy invoke test-lambda bench-lambda
TEMPLATE ?= template.yaml
build: .sam/.installed ## Build the Lambda package (TEMPLATE=instances.yaml for Managed Instances)
	$(SAM) build --template-file $(TEMPLATE)

package: build ## Make dist/lambda: the package as a zip, its hash, and templates that deploy it
	$(BIN)/python scripts/lambda_release.py $(PACKAGE) dist/lambda

# What --guided asks is kept in a file of yours: samconfig.toml is the project's.
ANSWERS = samconfig.local.toml
NO_CONFIG = UpstreamKind=file needs upstreams and models in a bridge.toml, and the package has none: \
            the file is missing, all of it is comments, or "make build" says what in it cannot run on Lambda.
GUIDED = $(findstring --guided,$(ARGS))
deploy: build ## Deploy it (ARGS='--parameter-overrides UpstreamUrl=… UpstreamModel=…', or ARGS=--guided)
	$(if $(findstring UpstreamKind=file,$(ARGS)),test -f $(PACKAGE)/bridge.toml || { echo '$(NO_CONFIG)' >&2; exit 1; })
	$(if $(GUIDED),test -f $(ANSWERS) || cp samconfig.toml $(ANSWERS))
	$(SAM) deploy $(if $(GUIDED)$(wildcard $(ANSWERS)),--config-file '$(abspath $(ANSWERS))') $(ARGS)

EVENT ?= events/chat_stream.json
invoke: $(VENV)/.dev .sam/runtime/.installed $(PACKAGE) ## Run EVENT=events/….json through the built package, without Docker or AWS
	@$(BIN)/python -m tests.lambda.invoke $(EVENT) $(ARGS)

test-lambda: $(VENV)/.dev .sam/runtime/.installed build ## Test the template, the runtime and the package that was built
	$(PYTEST) --timeout=300 tests/lambda $(ARGS)

bench-lambda: $(VENV)/.dev .sam/runtime/.installed build ## Measure how that package starts and answers
	$(BIN)/python -m benchmarks.lambda_start $(ARGS)

$(PACKAGE):
	$(MAKE) build
