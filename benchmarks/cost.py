"""What a deployment costs a month, in US dollars: a calculation, nothing is measured.

Prices are AWS's list prices of us-east-1 as known in November 2026, without tax or discount; look
them up before you rely on them. The upstream's own price is not in here.

    python -m benchmarks.cost
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# https://aws.amazon.com/lambda/pricing/
GB_SECOND = {"arm64": 0.0000133334, "x86_64": 0.0000166667}
REQUEST = 0.20 / 1e6
STREAMED_GB = 0.008
STREAMED_FREE_PER_REQUEST_GB = 6 / 1024
FREE_GB_SECONDS = 400_000
FREE_REQUESTS = 1_000_000
INSTANCE_FEE = 0.15
"""Of Managed Instances, on top of the instance's own price."""

# https://aws.amazon.com/ec2/pricing/on-demand/ and https://aws.amazon.com/vpc/pricing/
M7G_LARGE_HOUR = 0.0816
TRANSFER_GB, FREE_TRANSFER_GB = 0.09, 100
NAT_HOUR, NAT_GB = 0.045, 0.045

# https://aws.amazon.com/fargate/pricing/ (arm64) and
# https://aws.amazon.com/elasticloadbalancing/pricing/
FARGATE_VCPU_HOUR, FARGATE_GB_HOUR = 0.03238, 0.00356
BALANCER_HOUR, ADDRESS_HOUR = 0.0225, 0.005

# https://aws.amazon.com/cloudwatch/pricing/ and https://aws.amazon.com/kms/pricing/
LOG_GB, FREE_LOG_GB = 0.50, 5
METRIC, FREE_METRICS = 0.30, 10
KMS_REQUEST, FREE_KMS_REQUESTS = 0.03 / 10_000, 20_000

HOURS = 730
CONTAINER_VCPU, CONTAINER_GB = 0.5, 1.0
CONTAINER_ADDRESSES = 3
"""Public IPv4 addresses: the container's, to reach its upstream without a NAT gateway, and the
balancer's in two zones, without which there is no HTTPS."""

INSTANCES = 3
"""Lambda starts three, in three availability zones, and keeps them."""


@dataclass(frozen=True)
class Load:
    """What is asked of the function in a month.

    ``seconds`` is how long a reply streams, ``reply_kb`` what it sends (500 tokens at some 250
    bytes of event a token), ``parameters`` how many keys SSM decrypts at each refresh.
    """

    requests: int
    seconds: float = 10.0
    memory_mb: int = 256
    architecture: str = "arm64"
    reply_kb: float = 125.0
    log_kb: float = 1.0
    parameters: int = 3
    ttl_seconds: float = 60.0
    metrics: int = 10
    free_tier: bool = False


def over(used: float, free: float) -> float:
    """What is used beyond what is free."""
    return max(0.0, used - free)


def around(load: Load, reads: float) -> float:
    """What is paid for on either road: transfer, logs, metrics and so many reads of the keys.

    The free tiers of these services count.
    """
    transfer = over(load.requests * load.reply_kb / 1024**2, FREE_TRANSFER_GB) * TRANSFER_GB
    logs = over(load.requests * load.log_kb / 1024**2, FREE_LOG_GB) * LOG_GB
    metrics = over(load.metrics, FREE_METRICS) * METRIC
    keys = over(reads * load.parameters, FREE_KMS_REQUESTS) * KMS_REQUEST
    return transfer + logs + metrics + keys


def refreshes(load: Load) -> float:
    """Reads of the keys: a request makes one at most, a busy environment two in each ttl."""
    busy = load.requests * load.seconds / (load.ttl_seconds / 2)
    return min(load.requests, busy) if at_once(load) > 1 else load.requests


def on_demand(load: Load) -> float:
    """Plain Lambda: one request at a time in an environment, paid while it runs."""
    gb_seconds = load.requests * load.seconds * load.memory_mb / 1024
    streamed = over(load.reply_kb / 1024**2, STREAMED_FREE_PER_REQUEST_GB) * load.requests
    if load.free_tier:
        gb_seconds = over(gb_seconds, FREE_GB_SECONDS)
    requests = over(load.requests, FREE_REQUESTS if load.free_tier else 0)
    return (
        gb_seconds * GB_SECOND[load.architecture]
        + requests * REQUEST
        + streamed * STREAMED_GB
        + around(load, refreshes(load))
    )


def of_request(billed_seconds: float, memory_mb: int, architecture: str = "arm64") -> float:
    """One request on plain Lambda, by the time that it was billed and the function's memory."""
    return REQUEST + billed_seconds * memory_mb / 1024 * GB_SECOND[architecture]


def in_container(load: Load) -> float:
    """One small container on Fargate that is always there, behind a load balancer."""
    compute = CONTAINER_VCPU * FARGATE_VCPU_HOUR + CONTAINER_GB * FARGATE_GB_HOUR
    always = compute + BALANCER_HOUR + CONTAINER_ADDRESSES * ADDRESS_HOUR
    return always * HOURS + around(load, HOURS * 3600 / (load.ttl_seconds / 2))


def on_instances(load: Load) -> float:
    """Managed Instances: three m7g.large that are always there, and a NAT gateway to get out."""
    instances = INSTANCES * M7G_LARGE_HOUR * HOURS * (1 + INSTANCE_FEE)
    nat = NAT_HOUR * HOURS + load.requests * load.reply_kb / 1024**2 * NAT_GB
    reads = INSTANCES * HOURS * 3600 / (load.ttl_seconds / 2)
    return instances + nat + load.requests * REQUEST + around(load, reads)


def at_once(load: Load) -> float:
    """Requests that run at the same time, on average."""
    return load.requests * load.seconds / (HOURS * 3600)


def break_even(load: Load, other: Callable[[Load], float] = on_instances) -> int:
    """The requests a month from which another road costs less, to the nearest hundred thousand."""
    step = 100_000
    requests = step
    while on_demand(grown := replace(load, requests=requests)) < other(grown):
        requests += step
    return requests


def table() -> str:
    """The table of the README, as Markdown."""
    lines = [
        "| requests | at once | 128 MB | 256 MB | 512 MB | 256 MB, free tier | a container "
        "| Managed Instances |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for requests in (1_000, 100_000, 1_000_000, 10_000_000):
        load = Load(requests)
        costs = [on_demand(replace(load, memory_mb=memory)) for memory in (128, 256, 512)]
        costs += [on_demand(replace(load, free_tier=True)), in_container(load), on_instances(load)]
        cells = [f"{requests:,}", f"{at_once(load):.2g}", *(f"${cost:,.2f}" for cost in costs)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
    for road, other in (
        ("A container costs", in_container),
        ("Managed Instances cost", on_instances),
    ):
        print(f"\n{road} less from {break_even(Load(0), other):,} requests a month on.")
