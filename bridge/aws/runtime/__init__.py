"""A Lambda runtime that streams a Mangum-wrapped ASGI application.

AWS's Python runtime collects a whole answer before it sends the first byte. This one is started
in its place by an exec wrapper (``python -m bridge.aws.runtime``), on the same managed
interpreter and with the same ``_HANDLER``, and sends every body message to Lambda as the
application sends it. Mangum stays the only adapter: it turns the event into the ASGI scope, and
status and headers into the answer's prelude. Nothing here knows what the application does.

    http1        one request a connection, on asyncio streams
    messages     invocations, faults and the API's refusals, as values
    response     one answer on its way to the Runtime API
    api          the Runtime API: next, response, error, init/error
    context      the context object; request and trace id as context variables
    cycle        Mangum's HTTP cycle, streaming
    invocation   one invocation, from event to receipt, within its deadline
    warming      events that only keep the environment warm
    loop         the polls in flight
    handler      the Mangum object, found and its lifespan started
    snapstart    the start as a snapshot, and what is done in each copy of it
    logs         the root logger, as Lambda's own runtime sets it up
    __main__     the process

One event loop and one lifespan live as long as the process, so connections made at start-up
serve every invocation. ``AWS_LAMBDA_MAX_CONCURRENCY`` polls are in flight at once (absent: one),
each invocation in a task of its own. The lifespan is never shut down: where Lambda
gives notice at all before it ends an execution environment (Managed Instances, extensions), it
leaves a fraction of a second, which is for what is being answered. Not supported: layers
(``/opt/python`` is not on the path), decorators around the Mangum object.

Sources: the AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes" and
"Building a custom runtime" (response streaming; Managed Instances).
"""

from __future__ import annotations

from bridge.aws.runtime.context import Context, request_id, trace_id
from bridge.aws.runtime.response import refusal

__all__ = ["Context", "refusal", "request_id", "trace_id"]
