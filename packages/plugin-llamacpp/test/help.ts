// Excerpts of the output of `llama-server --help`, from three years of builds.

/** 0.7.0, as measured. */
export const help070 = `----- common params -----

-h,    --help, --usage                  print usage and exit
-t,    --threads N                      number of CPU threads to use during generation (default: <num_cpus>)
                                        (env: LLAMA_ARG_THREADS)
-c,    --ctx-size N                     size of the prompt context (default: 0, 0 = loaded from model)
                                        (env: LLAMA_ARG_CTX_SIZE)
-fa,   --flash-attn [on|off|auto]       set Flash Attention use ('on', 'off', or 'auto', default: 'auto')
                                        (env: LLAMA_ARG_FLASH_ATTN)
--perf, --no-perf                       whether to enable internal libllama performance timings (default:
                                        false)
-kvo,  --kv-offload, -nkvo, --no-kv-offload
                                        whether to enable KV cache offloading (default: enabled)
-lm,   --load-mode MODE                 model loading mode (default: auto)
                                        - auto: mmap, unless a device does not support it
                                        - none: no special loading mode
-cmoe, --cpu-moe                        keep all Mixture of Experts (MoE) weights in the CPU
-ngl,  --gpu-layers, --n-gpu-layers N   max. number of layers to store in VRAM, either an exact number,
                                        'auto', or 'all' (default: auto)
--lora FNAME                            path to LoRA adapter (use comma-separated values to load multiple
                                        adapters)
-m,    --model FNAME                    model path to load
--log-colors [on|off|auto]              Set colored logging ('on', 'off', or 'auto', default: 'auto')
--offline                               Offline mode: forces use of cache, prevents network access


----- speculative params -----

--spec-draft-n-max N                    number of tokens to draft for speculative decoding (default: 3)
--spec-draft-model, -md, --model-draft FNAME
                                        draft model for speculative decoding (default: unused)
--spec-type none,draft-simple,draft-eagle3,ngram-simple
                                        comma-separated list of types of speculative decoding to use (default:
                                        none)
--draft, --draft-n, --draft-max N       the argument has been removed. use --spec-draft-n-max or
                                        --spec-ngram-mod-n-max
                                        (env: LLAMA_ARG_DRAFT_MAX)


----- example-specific params -----

-np,   --parallel N                     number of server slots (default: -1, -1 = auto)
-mm,   --mmproj FILE                    path to a multimodal projector file. see tools/mtmd/README.md
-a,    --alias STRING                   set model name aliases, comma-separated (to be used by API)
--host HOST                             IP addresses to listen on, comma-separated, or UNIX socket paths
--port PORT                             port to listen (default: 9931)
--ui,  --webui, --no-ui, --no-webui     whether to enable the Web UI (default: enabled)
--embedding, --embeddings               restrict to only support embedding use case; use only with dedicated
                                        embedding models (default: disabled)
--rerank, --reranking                   enable reranking endpoint on server (default: disabled)
--jinja, --no-jinja                     whether to use jinja template engine for chat (default: enabled)
-rea,  --reasoning [on|off|auto]        Use reasoning/thinking in the chat ('on', 'off', or 'auto', default:
                                        'auto' (detect from template))
--lora-init-without-apply               load LoRA adapters without applying them (apply later via POST
                                        /lora-adapters) (default: disabled)
`;

/** Early 2025. */
export const helpEarly2025 = `----- common params -----

-t,    --threads N                      number of threads to use during generation (default: -1)
-c,    --ctx-size N                     size of the prompt context (default: 4096, 0 = loaded from model)
-fa,   --flash-attn                     enable Flash Attention (default: disabled)
                                        (env: LLAMA_ARG_FLASH_ATTN)
--mlock                                 force system to keep model in RAM rather than swapping or compressing
--no-mmap                               do not memory-map model (slower load but may reduce pageouts if not
                                        using mlock)
-ngl,  --gpu-layers, --n-gpu-layers N   number of layers to store in VRAM
--lora FNAME                            path to LoRA adapter (can be repeated to use multiple adapters)
-m,    --model FNAME                    model path
--log-colors                            Enable colored logging

----- example-specific params -----

-np,   --parallel N                     number of parallel sequences to decode (default: 1)
-md,   --model-draft FNAME              draft model for speculative decoding (default: unused)
-a,    --alias STRING                   set alias for model name (to be used by REST API)
--host HOST                             ip address to listen (default: 127.0.0.1)
--port PORT                             port to listen (default: 8080)
--no-webui                              disable the Web UI
--embedding, --embeddings               restrict to only support embedding use case
--draft-max, --draft, --draft-n N       number of tokens to draft for speculative decoding (default: 16)
`;
