"""The same persisted job through different queues: each module is `python -m benchmarks.queues.NAME submit N | work`.

To submit writes the generation, the hold and its transfer in one transaction, and queues it. To work reads it, paints
nothing, and in one transaction writes the picture, the end, and the settlement.
"""
