// SPDX-License-Identifier: MIT
// From the modeling_*.py and configuration_*.py of Hugging Face's transformers, or, where a model
// comes with its own code (chatglm, kimi_k2), from that.
#include <string.h>

#include "ops/rope_json.h"

static const struct gyre_rope_model ordinary;

static const struct gyre_rope_model models[] = {
    {.name = "chatglm", .pairing = GYRE_ROPE_INTERLEAVED, .partial_rotary_factor = 0.5},
    {.name = "codegen", .pairing = GYRE_ROPE_INTERLEAVED, .rotary_dim = 64},
    {.name = "cohere", .pairing = GYRE_ROPE_INTERLEAVED},
    {.name = "cohere2", .pairing = GYRE_ROPE_INTERLEAVED},
    {.name = "deepseek_v2", .pairing = GYRE_ROPE_INTERLEAVED},
    {.name = "deepseek_v3", .pairing = GYRE_ROPE_INTERLEAVED},
    {.name = "ernie4_5", .pairing = GYRE_ROPE_INTERLEAVED},
    {.name = "ernie4_5_moe", .pairing = GYRE_ROPE_INTERLEAVED},
    {.name = "gemma", .head_dim = 256},
    {.name = "gemma2", .head_dim = 256},
    {.name = "gemma3_text", .head_dim = 256, .theta = 1e6, .local_theta = 10000},
    {.name = "glm",
     .pairing = GYRE_ROPE_INTERLEAVED,
     .head_dim = 128,
     .partial_rotary_factor = 0.5},
    {.name = "glm4",
     .pairing = GYRE_ROPE_INTERLEAVED,
     .head_dim = 128,
     .partial_rotary_factor = 0.5},
    {.name = "glm4_moe", .partial_rotary_factor = 0.5},
    {.name = "glm4v_text", .pairing = GYRE_ROPE_INTERLEAVED, .partial_rotary_factor = 0.5},
    {.name = "gpt_neox", .partial_rotary_factor = 0.25},
    {.name = "gptj", .pairing = GYRE_ROPE_INTERLEAVED, .rotary_dim = 64},
    {.name = "helium", .pairing = GYRE_ROPE_INTERLEAVED},
    {.name = "kimi_k2", .pairing = GYRE_ROPE_INTERLEAVED},
    {.name = "llama", .hidden_size = 4096, .n_heads = 32},
    {.name = "llama4", .pairing = GYRE_ROPE_INTERLEAVED, .theta = 500000},
    {.name = "llama4_text", .pairing = GYRE_ROPE_INTERLEAVED, .theta = 500000},
    {.name = "mistral", .hidden_size = 4096, .n_heads = 32},
    {.name = "nemotron", .partial_rotary_factor = 0.5},
    {.name = "persimmon", .partial_rotary_factor = 0.5, .theta = 25000},
    {.name = "phi", .partial_rotary_factor = 0.5},
    {.name = "qwen3_next", .head_dim = 256, .partial_rotary_factor = 0.25},
    {.name = "roformer", .pairing = GYRE_ROPE_INTERLEAVED},
    {.name = "stablelm", .partial_rotary_factor = 0.25},
};

const struct gyre_rope_model *gyre_rope_model_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof(models) / sizeof(*models); i++)
        if (strcmp(models[i].name, name) == 0)
            return &models[i];
    return &ordinary;
}
