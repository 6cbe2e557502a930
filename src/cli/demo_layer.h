// SPDX-License-Identifier: MIT
// The demo's real input: q, k (before RoPE) and v of a layer of a LLaMA model, and what RoPE and
// causal grouped-query attention make of them.
#ifndef GYRE_CLI_DEMO_LAYER_H
#define GYRE_CLI_DEMO_LAYER_H

#include "attention_study.h"
#include "open.h"

struct layer {
    const char *dir;
    size_t n_tokens, n_heads, n_kv_heads, head_dim;
    double *q;               // (n_tokens, n_heads, head_dim), before RoPE
    double *k, *v;           // (n_tokens, n_kv_heads, head_dim), k before RoPE
    double *out;             // (n_tokens, n_heads, head_dim): the double-precision reference
    double model_difference; // largest |out - what the model's own float64 trace holds|
};

// Reads q_pre.npy, k_pre.npy, v.npy and attn_out.npy of `dir` and computes the reference. All of
// it complains and returns an exit code.
int layer_load(const char *dir, struct layer *layer);
void layer_free(struct layer *layer);

struct layer_report {
    double first_s, warm_s; // RoPE and attention: the first call, and the fastest of later ones
    double error, bound;    // largest error over max |v|
};

// Runs the layer on a device, and draws a map when its path is given.
int layer_run(struct opened *opened, const struct layer *layer, const struct study_options *map,
              struct layer_report *report);

#endif
