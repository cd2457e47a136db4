"""A stand-in for MLC-LLM: its command line, its output and its HTTP API, without a compiler and without a model.

MLC-LLM has no wheel in the package index, so it cannot be installed everywhere tests run. This is a program of the same shape, written from
what its sources say (mlc-ai/mlc-llm 79d603f): argument parsing, the compiler as a process of its own, when it listens, how it answers, errs
and ends. A model's weights, params_shard_0.bin, are the sentence it answers with. Whatever is not in the sources is not in here.
"""
