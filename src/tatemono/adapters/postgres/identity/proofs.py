"""The DPoP proofs that were used: each is good once.

`remember` is put in front of the statement that a proof is for, so that both happen or neither, in one round trip. Each
one removes two that are out of date, so the table stays as large as what came in lately.
"""

from typing import Any

from tatemono.domain.identity.devices import ProofFault, ProofRejected


def remember(proof_digest: str) -> str:
    """:param proof_digest: the parameter of the statement"""
    # Longer than any proof is good: a minute each way around `iat`, or two minutes with a nonce (adapters/dpop.py).
    return f"""proof as (
    insert into dpop_proofs (digest, expires_at)
    select {proof_digest}::bytea, now() + interval '3 minutes' where {proof_digest}::bytea is not null
    on conflict (digest) do nothing
    returning digest
), pruned as (
    delete from dpop_proofs where digest = any(array(
        select digest from dpop_proofs where expires_at < now() order by expires_at limit 2 for update skip locked))
)"""


_USE = f"with {remember('$1')} select exists (select from proof)"


class Proofs:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def use(self, proof_digest: bytes) -> None:
        if not await self._executor.fetchval(_USE, proof_digest):
            raise ProofRejected(ProofFault.REPLAYED)
