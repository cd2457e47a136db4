"""A stand-in for MLC-LLM: its command line, its output and its HTTP API, without a compiler and without a model.

MLC-LLM has no wheel in the package index, so it cannot be installed everywhere tests run. This program follows its sources
(mlc-ai/mlc-llm 79d603f): argument parsing, the compiler in a separate process, when it listens, its responses, errors and exit. The weights
of a model, params_shard_0.bin, are the sentence that it generates. It has no behaviour that is not in the sources.
"""
