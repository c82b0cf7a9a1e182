#!/bin/sh
# Lambda's exec wrapper (AWS_LAMBDA_EXEC_WRAPPER=/var/task/stream.sh): Lambda calls it with the
# command of its own Python runtime. The interpreter is kept, the runtime is replaced by ours.
# SAM's local emulation reads buffered answers only, so there Lambda's own runtime starts
# (bridge/aws/sam_local.py says why it takes both variables).
if [ "${AWS_SAM_LOCAL:-}" = true ] && [ "${AWS_LAMBDA_LOG_STREAM_NAME:-}" = '$LATEST' ]; then
    exec "$@"
fi
cd "${LAMBDA_TASK_ROOT:-.}" || exit 1
exec "$1" -m bridge.aws.runtime
