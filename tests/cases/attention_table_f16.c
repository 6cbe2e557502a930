// SPDX-License-Identifier: MIT
// Products of q and k summed in f16, over whatever the tiled kernels take.
#include "cases/attention_rows.h"

#define F16(label, q, kv) .name = "f16_" label, .dtypes = CASE_F16_SUMS, .q_len = q, .kv_len = kv

// Two heads of 64 elements at the edges of tiles.
#define EDGE(q, kv)                                                                                \
    {                                                                                              \
        F16("edge_" #q "x" #kv, q, kv), .n_heads = 2, .head_dim = 64, .has_lse = true              \
    }
// Heads of so many elements, and as many values or `v` of them.
#define DIM(n, v)                                                                                  \
    {                                                                                              \
        F16("dim_" #n "_" #v, 33, 40), .head_dim = n, .v_dim = v, .has_lse = true                  \
    }

const struct attention_case attention_f16_cases[] = {
    EDGE(17, 1),
    EDGE(31, 63),
    EDGE(32, 64),
    EDGE(33, 65),
    EDGE(65, 193),
    DIM(1, 1),
    DIM(3, 2),
    DIM(4, 4),
    DIM(30, 30),
    DIM(33, 24),
    DIM(80, 80),
    DIM(128, 128),
    DIM(192, 128),
    DIM(576, 512),
    {F16("groups", 40, 70), .n_batch = 2, GROUPS, CAUSAL_AT_END, .has_lse = true},
    {F16("deterministic", 40, 70), GROUPS, CAUSAL_AT_END, .is_deterministic = true,
     .has_lse = true},
    {F16("large_scores", 40, 300), GROUPS, CAUSAL_AT_END, .scale = 1, .has_lse = true},
    {F16("large_keys", 40, 70), GROUPS, .scale = 1e-4f, .kv_magnitude = 8000, .has_lse = true},
    {F16("small_keys", 40, 70), GROUPS, .scale = 30, .kv_magnitude = 1e-3, .has_lse = true},
    {F16("largest", 40, 70), GROUPS, .scale = 1e-9f, .is_qk_largest = true, .has_lse = true},
    {F16("scale", 40, 70), GROUPS, .scale = 0.25f, .has_lse = true},
    {F16("window", 70, 200), GROUPS, CAUSAL_AT_END, .window_left = 50, .window_keep = 4,
     .has_lse = true},
    {F16("softcap", 33, 65), GROUPS, .softcap = 5, .has_lse = true},
    {F16("sinks", 33, 65), GROUPS, .has_sinks = true, .sink = 3, .has_lse = true},
    {F16("alibi", 33, 65), GROUPS, CAUSAL_AT_END, .has_alibi = true, .has_lse = true},
    {F16("relative", 33, 65), GROUPS, .n_relative = 9, .has_lse = true},
    {F16("positions", 33, 200), GROUPS, CAUSAL_AT_END, .k_positions = ATTENTION_RING,
     .has_lse = true},
    {F16("mask_f16", 33, 65), GROUPS, .mask = ATTENTION_MASK_F16, .mask_axes = MASK_QUERY,
     .has_hidden_rows = true, .has_lse = true},
    {F16("mask_bits", 33, 65), GROUPS, .mask = ATTENTION_MASK_BITS, .mask_axes = MASK_HEAD,
     .has_lse = true},
    {.name = "f16_lens",
     .dtypes = CASE_F16_SUMS,
     LENS_SHORT,
     .q_len = 33,
     GROUPS,
     CAUSAL_AT_END,
     .has_nan_beyond = true,
     .has_lse = true},
    {F16("packed", 41, 530), .n_batch = 5, .cu_q_lens = LIST(0, 1, 6, 6, 39, 41),
     .cu_kv_lens = LIST(0, 300, 370, 401, 530, 530), GROUPS, CAUSAL_AT_END, .has_lse = true},
    {F16("nan_key", 33, 65), GROUPS, .is_causal = true, .has_nan_key = true, .has_lse = true},
    {F16("splits", 2, 1500), .n_heads = 40, .n_kv_heads = 1, .head_dim = 64, CAUSAL_AT_END,
     .has_lse = true},
    {F16("unaligned", 33, 65), GROUPS, .is_head_major = true, .is_unaligned = true, .row_gap = 3,
     .has_lse = true},
    {F16("v_in_k", 33, 65), .n_heads = 4, .n_kv_heads = 1, .head_dim = 64, .v_dim = 48,
     .is_v_in_k = true, .has_lse = true},
    {F16("lse_only", 33, 65), GROUPS, .has_no_out = true, .has_lse = true},
    {F16("out_only", 33, 65), GROUPS},
    {F16("key_sums", 33, 65), GROUPS, .has_key_sums = true, .has_lse = true},
    {.name = NULL},
};
