// SPDX-License-Identifier: MIT
#include "cases/attention.h"

// Two heads of 64 elements at the edges of tiles, plain and causal.
#define EDGE(q, kv)                                                                                \
    {                                                                                              \
        .name = "edge_" #q "x" #kv, .q_len = q, .kv_len = kv, .n_heads = 2, .head_dim = 64,        \
        .has_lse = true                                                                            \
    }
#define CAUSAL_EDGE(q, kv)                                                                         \
    {                                                                                              \
        .name = "causal_edge_" #q "x" #kv, .q_len = q, .kv_len = kv, .n_heads = 2,                 \
        .n_kv_heads = 1, .head_dim = 64, .is_causal = true, .align = GYRE_ALIGN_END                \
    }

// Forms of the scores at one stage.
#define SCORES(label, which)                                                                       \
    {                                                                                              \
        .name = "scores_" label, .dtypes = CASE_ALL, .q_len = 33, .kv_len = 35, .n_heads = 4,      \
        .n_kv_heads = 2, .head_dim = 64, .softcap = 3, .is_causal = true, .q_start = -2,           \
        .mask = ATTENTION_MASK_F32, .mask_axes = MASK_QUERY, .has_scores = true, .stage = which    \
    }

// One kind of mask tensor.
#define MASK(label, which, axes)                                                                   \
    {                                                                                              \
        .name = "mask_" label, .n_batch = 2, .q_len = 33, .kv_len = 40, .n_heads = 4,              \
        .n_kv_heads = 2, .head_dim = 64, .mask = which, .mask_axes = axes                          \
    }

const struct attention_case attention_cases[] = {
    EDGE(1, 1),
    EDGE(1, 31),
    EDGE(1, 32),
    EDGE(1, 33),
    EDGE(1, 63),
    EDGE(1, 64),
    EDGE(1, 65),
    EDGE(1, 95),
    EDGE(1, 96),
    EDGE(1, 97),
    EDGE(1, 1027),
    EDGE(2, 2),
    EDGE(3, 515),
    EDGE(7, 31),
    EDGE(8, 32),
    EDGE(9, 33),
    EDGE(15, 129),
    EDGE(16, 128),
    EDGE(17, 127),
    EDGE(31, 63),
    EDGE(32, 64),
    EDGE(33, 65),
    EDGE(63, 95),
    EDGE(64, 96),
    EDGE(65, 97),
    EDGE(97, 1),
    CAUSAL_EDGE(1, 1),
    CAUSAL_EDGE(1, 96),
    CAUSAL_EDGE(2, 97),
    CAUSAL_EDGE(5, 300),
    CAUSAL_EDGE(31, 31),
    CAUSAL_EDGE(32, 32),
    CAUSAL_EDGE(33, 33),
    CAUSAL_EDGE(63, 64),
    CAUSAL_EDGE(64, 64),
    CAUSAL_EDGE(65, 65),
    CAUSAL_EDGE(65, 193),
    CAUSAL_EDGE(97, 96),
    EDGE(0, 5),
    EDGE(5, 0),
    {"no_batch", .q_len = 0, .kv_len = 0, .n_heads = 2, .head_dim = 64},

    // Head sizes.
    {"dim_1", CASE_ALL, .q_len = 9, .kv_len = 33, .n_heads = 2, .head_dim = 1},
    {"dim_3", CASE_ALL, .q_len = 9, .kv_len = 33, .n_heads = 2, .head_dim = 3},
    {"dim_8", CASE_ALL, .q_len = 9, .kv_len = 33, .n_heads = 2, .head_dim = 8},
    {"dim_64", CASE_ALL, .q_len = 33, .kv_len = 65, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64,
     .is_causal = true, .has_lse = true},
    {"dim_80", CASE_ALL, .q_len = 33, .kv_len = 65, .n_heads = 2, .head_dim = 80,
     .is_causal = true},
    {"dim_128", CASE_ALL, .q_len = 33, .kv_len = 65, .n_heads = 4, .n_kv_heads = 1, .head_dim = 128,
     .is_causal = true},
    {"dim_256", CASE_ALL, .q_len = 17, .kv_len = 33, .n_heads = 2, .head_dim = 256},
    {"dim_192_v_128", CASE_ALL, .q_len = 17, .kv_len = 33, .n_heads = 2, .head_dim = 192,
     .v_dim = 128, .is_causal = true},
    {"dim_576_v_512", .q_len = 5, .kv_len = 33, .n_heads = 4, .n_kv_heads = 1, .head_dim = 576,
     .v_dim = 512},
    {"latent", CASE_F32 | CASE_F16, .q_len = 1, .kv_len = 33, .n_heads = 4, .n_kv_heads = 1,
     .head_dim = 576, .v_dim = 512, .is_v_in_k = true},
    {"dim_8_v_1", .q_len = 9, .kv_len = 33, .n_heads = 2, .head_dim = 8, .v_dim = 1},
    {"dim_24_v_30", .q_len = 9, .kv_len = 33, .n_heads = 3, .head_dim = 24, .v_dim = 30},

    // Few queries against many keys.
    {"decode", CASE_ALL | CASE_KV_F16 | CASE_KV_BF16, .q_len = 1, .kv_len = 517, .n_heads = 8,
     .n_kv_heads = 2, .head_dim = 64, .is_causal = true, .align = GYRE_ALIGN_END, .has_lse = true},
    {"decode_128", CASE_F32 | CASE_F16, .n_batch = 2, .q_len = 1, .kv_len = 300, .n_heads = 8,
     .n_kv_heads = 2, .head_dim = 128},
    {"decode_window", .q_len = 1, .kv_len = 517, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64,
     .is_causal = true, .align = GYRE_ALIGN_END, .window_left = 100, .window_keep = 4},
    {"decode_mask", .n_batch = 2, .q_len = 1, .kv_len = 300, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .mask = ATTENTION_MASK_F32, .mask_axes = MASK_BATCH | MASK_HEAD,
     .has_lse = true},
    {"decode_softcap", .q_len = 1, .kv_len = 300, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64,
     .softcap = 5},
    {"decode_nothing_seen", .q_len = 2, .kv_len = 300, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .is_causal = true, .q_start = -1, .has_lse = true},
    {"decode_lse_only", .q_len = 1, .kv_len = 300, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64,
     .has_no_out = true, .has_lse = true},
    {"decode_no_v", .q_len = 1, .kv_len = 300, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64,
     .has_no_v = true, .has_no_out = true, .has_lse = true},
    {"decode_v_33", CASE_ALL, .q_len = 1, .kv_len = 300, .n_heads = 8, .n_kv_heads = 2,
     .head_dim = 64, .v_dim = 33},
    {"decode_one_row", CASE_ALL, .q_len = 1, .kv_len = 40, .n_heads = 1, .head_dim = 64,
     .has_lse = true},
    {"decode_one_kv_head", .q_len = 1, .kv_len = 40, .n_heads = 8, .n_kv_heads = 1, .head_dim = 64},
    {"speculate", CASE_ALL, .q_len = 5, .kv_len = 260, .n_heads = 6, .n_kv_heads = 2,
     .head_dim = 64, .is_causal = true, .align = GYRE_ALIGN_END},

    // Heads and batches.
    {"many_queries_one_kv", CASE_ALL, .n_batch = 2, .q_len = 20, .kv_len = 40, .n_heads = 5,
     .n_kv_heads = 1, .head_dim = 64},
    {"groups_of_3", .n_batch = 2, .q_len = 20, .kv_len = 40, .n_heads = 9, .n_kv_heads = 3,
     .head_dim = 64, .is_causal = true},
    {"mixed_dtypes", CASE_KV_F16 | CASE_KV_BF16 | CASE_MIXED, .q_len = 33, .kv_len = 65,
     .n_heads = 2, .head_dim = 64, .is_causal = true},

    // Positions, windows and prefixes.
    {"start_30", .q_len = 33, .kv_len = 65, .n_heads = 2, .head_dim = 64, .is_causal = true,
     .q_start = 30},
    {"start_negative", .q_len = 40, .kv_len = 33, .n_heads = 2, .head_dim = 64, .is_causal = true,
     .q_start = -9, .has_lse = true},
    {"start_beyond", .q_len = 9, .kv_len = 33, .n_heads = 2, .head_dim = 64, .is_causal = true,
     .q_start = 1000000},
    {"end_fewer_keys", .q_len = 40, .kv_len = 33, .n_heads = 2, .head_dim = 64, .is_causal = true,
     .align = GYRE_ALIGN_END, .has_lse = true},
    {"end_plus_start", .q_len = 9, .kv_len = 70, .n_heads = 2, .head_dim = 64, .is_causal = true,
     .align = GYRE_ALIGN_END, .q_start = -30},
    {"window_left", .q_len = 70, .kv_len = 70, .n_heads = 2, .head_dim = 64, .is_causal = true,
     .window_left = 7},
    {"window_left_1", .q_len = 33, .kv_len = 33, .n_heads = 2, .head_dim = 64, .is_causal = true,
     .window_left = 1},
    {"window_right", .q_len = 40, .kv_len = 70, .n_heads = 2, .head_dim = 64, .window_right = 5},
    {"window_both", .q_len = 70, .kv_len = 70, .n_heads = 2, .head_dim = 64, .window_left = 9,
     .window_right = 5, .q_start = 2},
    {"window_past_keys", .q_len = 20, .kv_len = 33, .n_heads = 2, .head_dim = 64, .window_left = 8,
     .q_start = 30, .has_lse = true},
    {"window_before_keys", .q_len = 20, .kv_len = 33, .n_heads = 2, .head_dim = 64,
     .window_right = 3, .q_start = -10, .has_lse = true},
    {"window_keep", .q_len = 100, .kv_len = 100, .n_heads = 2, .head_dim = 64, .is_causal = true,
     .window_left = 16, .window_keep = 4},
    {"window_keep_all", .q_len = 20, .kv_len = 33, .n_heads = 2, .head_dim = 64, .window_left = 2,
     .window_keep = 1000},
    {"prefix", .q_len = 40, .kv_len = 40, .n_heads = 2, .head_dim = 64, .is_causal = true,
     .n_prefix = 17},
    {"prefix_window", .q_len = 70, .kv_len = 70, .n_heads = 2, .head_dim = 64, .is_causal = true,
     .n_prefix = 35, .window_left = 10, .window_keep = 2},
    {"prefix_beyond", .q_len = 9, .kv_len = 33, .n_heads = 2, .head_dim = 64, .is_causal = true,
     .n_prefix = 100, .q_start = -50},

    // Scores.
    {"scale", .q_len = 33, .kv_len = 33, .n_heads = 2, .head_dim = 64, .scale = 0.01f},
    {"scale_large", .q_len = 33, .kv_len = 33, .n_heads = 2, .head_dim = 64, .scale = 1.0f},
    {"softcap", CASE_ALL, .q_len = 33, .kv_len = 65, .n_heads = 2, .head_dim = 64, .softcap = 2,
     .has_lse = true},
    {"softcap_large", .q_len = 33, .kv_len = 65, .n_heads = 2, .head_dim = 64, .softcap = 50},
    SCORES("raw", GYRE_SCORES_RAW),
    SCORES("capped", GYRE_SCORES_CAPPED),
    SCORES("masked", GYRE_SCORES_MASKED),
    SCORES("probs", GYRE_SCORES_PROBS),
    {"scores_only", .q_len = 33, .kv_len = 70, .n_heads = 2, .head_dim = 64, .has_no_out = true,
     .has_scores = true, .stage = GYRE_SCORES_PROBS},
    {"scores_hidden_rows", .q_len = 20, .kv_len = 33, .n_heads = 2, .head_dim = 64,
     .is_causal = true, .q_start = -5, .has_lse = true, .has_scores = true,
     .stage = GYRE_SCORES_PROBS},
    {"scores_128", .n_batch = 2, .q_len = 9, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 128, .is_causal = true, .has_scores = true, .stage = GYRE_SCORES_PROBS,
     .is_head_major = true},
    {"lse_only", .q_len = 33, .kv_len = 65, .n_heads = 2, .head_dim = 64, .is_causal = true,
     .has_no_out = true, .has_lse = true},
    {"lse_only_v_32", .q_len = 20, .kv_len = 65, .n_heads = 2, .head_dim = 64, .v_dim = 32,
     .has_no_out = true, .has_lse = true},
    {"lse_no_v", .q_len = 20, .kv_len = 65, .n_heads = 2, .head_dim = 64, .has_no_v = true,
     .has_no_out = true, .has_lse = true},

    // Masks.
    MASK("f32", ATTENTION_MASK_F32, MASK_BATCH | MASK_HEAD | MASK_QUERY),
    MASK("f16", ATTENTION_MASK_F16, MASK_BATCH | MASK_HEAD | MASK_QUERY),
    MASK("bf16", ATTENTION_MASK_BF16, MASK_BATCH | MASK_HEAD | MASK_QUERY),
    MASK("u8", ATTENTION_MASK_U8, MASK_BATCH | MASK_HEAD | MASK_QUERY),
    MASK("f32_per_query", ATTENTION_MASK_F32, MASK_QUERY),
    MASK("f32_per_head", ATTENTION_MASK_F32, MASK_HEAD),
    MASK("u8_per_batch", ATTENTION_MASK_U8, MASK_BATCH),
    MASK("u8_per_query", ATTENTION_MASK_U8, MASK_BATCH | MASK_QUERY),
    MASK("f32_shared", ATTENTION_MASK_F32, 0),
    {"mask_repeated", .n_batch = 2, .q_len = 33, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .mask = ATTENTION_MASK_F32, .mask_axes = MASK_QUERY, .is_mask_repeated = true},
    {"mask_causal_lse", .n_batch = 2, .q_len = 33, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .is_causal = true, .q_start = 3, .mask = ATTENTION_MASK_U8,
     .mask_axes = MASK_BATCH | MASK_QUERY, .has_lse = true},
    {"mask_hides_rows_f32", .q_len = 33, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .mask = ATTENTION_MASK_F32, .mask_axes = MASK_QUERY, .has_hidden_rows = true,
     .has_lse = true},
    {"mask_hides_rows_u8", .q_len = 33, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64,
     .mask = ATTENTION_MASK_U8, .mask_axes = MASK_QUERY, .has_hidden_rows = true, .has_lse = true},
    {"mask_dtypes", CASE_F16 | CASE_BF16 | CASE_KV_F16, .q_len = 33, .kv_len = 40, .n_heads = 4,
     .n_kv_heads = 2, .head_dim = 64, .mask = ATTENTION_MASK_F32, .mask_axes = MASK_QUERY},

    // NaN and infinity in keys and values reach only the queries that see them.
    {"nan_causal", CASE_ALL, .q_len = 70, .kv_len = 70, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .is_causal = true, .has_nan_key = true, .has_lse = true},
    {"nan_window", .q_len = 70, .kv_len = 70, .n_heads = 2, .head_dim = 64, .window_left = 5,
     .window_right = 5, .has_nan_key = true},
    {"nan_mask_f32", .q_len = 33, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64,
     .mask = ATTENTION_MASK_F32, .mask_axes = MASK_QUERY, .has_nan_key = true},
    {"nan_mask_u8", .q_len = 33, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64,
     .mask = ATTENTION_MASK_U8, .mask_axes = MASK_QUERY, .has_nan_key = true},
    {"nan_decode", .q_len = 2, .kv_len = 300, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64,
     .is_causal = true, .q_start = 149, .has_nan_key = true, .has_lse = true},
    {"nan_scores", .q_len = 33, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64,
     .is_causal = true, .has_nan_key = true, .has_scores = true, .stage = GYRE_SCORES_PROBS},
    {"nan_alone", CASE_ALL, .q_len = 70, .kv_len = 70, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .is_causal = true, .window_left = 1, .has_nan_key = true, .has_lse = true},
    {"nan_alone_decode", CASE_ALL, .q_len = 2, .kv_len = 300, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .is_causal = true, .q_start = 149, .window_left = 1, .has_nan_key = true,
     .has_lse = true},
    {"nan_alone_scores", .q_len = 33, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2, .head_dim = 64,
     .is_causal = true, .window_left = 1, .has_nan_key = true, .has_scores = true,
     .stage = GYRE_SCORES_PROBS},

    // Half floats below 2^-14, whose leading bit is not stored.
    {"subnormal", CASE_KV_F16, .q_len = 33, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .scale = 0x1p14f, .kv_magnitude = 0x1p-16, .has_lse = true},
    {"subnormal_decode", CASE_KV_F16, .q_len = 1, .kv_len = 300, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .scale = 0x1p14f, .kv_magnitude = 0x1p-16, .has_lse = true},
    {"subnormal_scores", CASE_KV_F16, .q_len = 33, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .scale = 0x1p14f, .kv_magnitude = 0x1p-16, .has_scores = true},

    // Where the tensors lie.
    {"head_major", CASE_ALL, .n_batch = 2, .q_len = 33, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .is_head_major = true, .has_lse = true},
    {"row_gap", CASE_ALL, .n_batch = 2, .q_len = 9, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .row_gap = 3},
    {"unaligned", CASE_ALL, .n_batch = 2, .q_len = 33, .kv_len = 40, .n_heads = 4, .n_kv_heads = 2,
     .head_dim = 64, .mask = ATTENTION_MASK_U8, .mask_axes = MASK_QUERY, .has_lse = true,
     .is_unaligned = true},
    {"decode_unaligned", CASE_ALL, .n_batch = 2, .q_len = 1, .kv_len = 130, .n_heads = 4,
     .n_kv_heads = 2, .head_dim = 64, .is_head_major = true, .is_unaligned = true, .row_gap = 1},
    {.name = NULL},
};
