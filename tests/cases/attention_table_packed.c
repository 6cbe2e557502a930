// SPDX-License-Identifier: MIT
// Sequences that lie one behind the other.
#include "cases/attention_rows.h"

// Of 0, 1, 31, 32, 33 and 129 tokens, queries and keys alike.
#define EDGES                                                                                      \
    .n_batch = 6, .q_len = 226, .kv_len = 226, .cu_q_lens = LIST(0, 0, 1, 32, 64, 97, 226),        \
    .cu_kv_lens = LIST(0, 0, 1, 32, 64, 97, 226)
// Prompts and single tokens: 1, 5, 0, 33, 1, 20 and 2 queries of 600, 70, 31, 129, 1, 12 and no
// keys.
#define SERVING                                                                                    \
    .n_batch = 7, .q_len = 62, .kv_len = 843, .cu_q_lens = LIST(0, 1, 6, 6, 39, 40, 60, 62),       \
    .cu_kv_lens = LIST(0, 600, 670, 701, 830, 831, 843, 843)
// Single queries of 1, 600, 33, no, 129 and 64 keys.
#define DECODING                                                                                   \
    .n_batch = 6, .q_len = 6, .kv_len = 827, .max_q_len = 1,                                       \
    .cu_q_lens = LIST(0, 1, 2, 3, 4, 5, 6), .cu_kv_lens = LIST(0, 1, 601, 634, 634, 763, 827)
// 3, 1, 4, 0 and 2 queries of 300, 1, 129, 40 and 600 keys.
#define SPECULATING                                                                                \
    .n_batch = 5, .q_len = 10, .kv_len = 1070, .max_q_len = 4,                                     \
    .cu_q_lens = LIST(0, 3, 4, 8, 8, 10), .cu_kv_lens = LIST(0, 300, 301, 430, 470, 1070)
// Queries of 5, no, 33 and 40 tokens for four batches of keys, and keys of 40, no, 129 and 1 tokens
// for four batches of queries.
#define Q_ONLY .n_batch = 4, .q_len = 78, .cu_q_lens = LIST(0, 5, 5, 38, 78)
#define K_ONLY .n_batch = 4, .kv_len = 170, .cu_kv_lens = LIST(0, 40, 40, 169, 170)

const struct attention_case attention_packed_cases[] = {
    // Queries and keys.
    {"packed", CASE_ALL | CASE_KV_F16 | CASE_MIXED, EDGES, GROUPS, .is_causal = true,
     .has_lse = true},
    {"packed_both_ways", CASE_ALL, EDGES, GROUPS, .has_lse = true},
    {"packed_long", CASE_F32 | CASE_F16, .n_batch = 4, .q_len = 701, .kv_len = 701,
     .cu_q_lens = LIST(0, 31, 631, 634, 701), .cu_kv_lens = LIST(0, 31, 631, 634, 701), GROUPS,
     .is_causal = true, .window_left = 200, .check_step = 7, .has_lse = true},
    {"packed_serving", CASE_ALL | CASE_KV_F16, SERVING, GROUPS, CAUSAL_AT_END, .has_lse = true},
    {"packed_serving_start", SERVING, GROUPS, .is_causal = true, .q_start = 20, .has_lse = true},
    {"packed_serving_end", SERVING, GROUPS, CAUSAL_AT_END, .q_start = -9, .has_lse = true},
    {"packed_serving_max", SERVING, .max_q_len = 33, .max_kv_len = 600, GROUPS, CAUSAL_AT_END,
     .has_lse = true},
    {"packed_decode", CASE_ALL | CASE_KV_F16 | CASE_KV_BF16, DECODING, GROUPS, CAUSAL_AT_END,
     .has_lse = true},
    {"packed_decode_128", CASE_F32 | CASE_F16, DECODING, .max_kv_len = 600, .n_heads = 8,
     .n_kv_heads = 2, .head_dim = 128, CAUSAL_AT_END, .has_lse = true},
    {"packed_decode_8", .n_batch = 6, .q_len = 6, .kv_len = 827,
     .cu_q_lens = LIST(0, 1, 2, 3, 4, 5, 6), .cu_kv_lens = LIST(0, 1, 601, 634, 634, 763, 827),
     GROUPS, CAUSAL_AT_END, .has_lse = true},
    {"packed_speculate", CASE_ALL, SPECULATING, GROUPS, CAUSAL_AT_END, .has_lse = true},
    {"packed_many", .n_batch = 17, .q_len = 17, .kv_len = 153, .max_q_len = 1, .max_kv_len = 17,
     .cu_q_lens = LIST(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17),
     .cu_kv_lens = LIST(0, 1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 66, 78, 91, 105, 120, 136, 153),
     GROUPS, .has_lse = true},
    {"packed_one", .q_len = 40, .kv_len = 70, .cu_q_lens = LIST(0, 40), .cu_kv_lens = LIST(0, 70),
     GROUPS, CAUSAL_AT_END, .has_lse = true},
    {"packed_fixed", CASE_F32 | CASE_F16, SERVING, GROUPS, CAUSAL_AT_END, .is_deterministic = true,
     .has_lse = true},
    {"packed_decode_fixed", CASE_F32 | CASE_F16, DECODING, GROUPS, CAUSAL_AT_END,
     .is_deterministic = true, .has_lse = true},

    // Either alone.
    {"packed_q", CASE_ALL, Q_ONLY, .kv_len = 150, .kv_lens = LIST(150, 33, 129, 20), GROUPS,
     CAUSAL_AT_END, .has_nan_beyond = true, .has_lse = true},
    {"packed_q_no_lens", Q_ONLY, .kv_len = 150, GROUPS, CAUSAL_AT_END, .has_lse = true},
    {"packed_q_decode", CASE_ALL, .n_batch = 4, .q_len = 3, .cu_q_lens = LIST(0, 1, 1, 2, 3),
     .max_q_len = 1, .kv_len = 600, .kv_lens = LIST(600, 33, 129, 0), GROUPS, CAUSAL_AT_END,
     .has_nan_beyond = true, .has_lse = true},
    {"packed_k", CASE_ALL, K_ONLY, .q_len = 20, GROUPS, CAUSAL_AT_END, .has_lse = true},
    {"packed_k_lens", K_ONLY, .q_len = 20, .kv_lens = LIST(33, 9, 1000, -1), GROUPS, CAUSAL_AT_END,
     .has_nan_beyond = true, .has_lse = true},
    {"packed_k_decode", CASE_ALL, K_ONLY, .q_len = 1, .max_kv_len = 129, GROUPS, .has_lse = true},

    // Longer than is said, and tokens that no sequence has.
    {"packed_max_q", .n_batch = 3, .q_len = 78, .kv_len = 300, .cu_q_lens = LIST(0, 5, 45, 78),
     .cu_kv_lens = LIST(0, 100, 200, 300), .max_q_len = 32, GROUPS, CAUSAL_AT_END, .has_lse = true},
    {"packed_max_kv", .n_batch = 3, .q_len = 78, .kv_len = 300, .cu_q_lens = LIST(0, 5, 45, 78),
     .cu_kv_lens = LIST(0, 30, 200, 300), .max_kv_len = 100, GROUPS, CAUSAL_AT_END,
     .has_nan_beyond = true, .has_lse = true},
    {"packed_max_decode", .n_batch = 3, .q_len = 12, .kv_len = 900, .cu_q_lens = LIST(0, 1, 6, 12),
     .cu_kv_lens = LIST(0, 30, 600, 900), .max_q_len = 2, .max_kv_len = 500, GROUPS, CAUSAL_AT_END,
     .has_nan_beyond = true, .has_lse = true},
    {"packed_max_beyond", EDGES, .max_q_len = 100000, .max_kv_len = 100000, GROUPS,
     .is_causal = true, .has_lse = true},
    {"packed_gaps", CASE_ALL, .n_batch = 3, .q_len = 60, .kv_len = 90,
     .cu_q_lens = LIST(7, 20, 20, 50), .cu_kv_lens = LIST(3, 30, 40, 80), GROUPS, CAUSAL_AT_END,
     .has_nan_beyond = true, .has_lse = true},
    {"packed_gaps_decode", .n_batch = 3, .q_len = 6, .kv_len = 400, .cu_q_lens = LIST(1, 2, 2, 4),
     .cu_kv_lens = LIST(3, 130, 140, 380), .max_q_len = 2, GROUPS, .has_nan_beyond = true,
     .has_lse = true},

    // Lists that make no sense.
    {"packed_nonsense", .n_batch = 3, .q_len = 70, .kv_len = 90,
     .cu_q_lens = LIST(60, -5, 30, 1000), .cu_kv_lens = LIST(INT32_MIN, 40, 20, INT32_MAX), GROUPS,
     CAUSAL_AT_END, .has_nan_beyond = true, .has_lse = true},
    {"packed_nonsense_decode", .n_batch = 3, .q_len = 3, .kv_len = 300,
     .cu_q_lens = LIST(2, -5, 1, 1000), .cu_kv_lens = LIST(1000, 100, INT32_MAX, 50),
     .max_q_len = 2, GROUPS, CAUSAL_AT_END, .has_nan_beyond = true, .has_lse = true},
    {"packed_falling", .n_batch = 3, .q_len = 60, .kv_len = 90, .cu_q_lens = LIST(60, 40, 20, 0),
     .cu_kv_lens = LIST(0, 30, 60, 90), GROUPS, .has_lse = true},
    {"packed_falling_k", .n_batch = 3, .q_len = 60, .kv_len = 90, .cu_q_lens = LIST(0, 20, 40, 60),
     .cu_kv_lens = LIST(90, 60, 30, 0), GROUPS, .has_nan_beyond = true, .has_lse = true},
    {"packed_before", .n_batch = 3, .q_len = 60, .kv_len = 90, .cu_q_lens = LIST(-90, -50, -9, -1),
     .cu_kv_lens = LIST(INT32_MIN, -50, -9, 0), GROUPS, .has_lse = true},
    {"packed_behind", .n_batch = 2, .q_len = 6, .kv_len = 90, .cu_q_lens = LIST(6, 70, INT32_MAX),
     .cu_kv_lens = LIST(90, 91, INT32_MAX), GROUPS, .has_nan_beyond = true, .has_lse = true},
    {"packed_shared_keys", .n_batch = 3, .q_len = 60, .kv_len = 150,
     .cu_q_lens = LIST(0, 20, 30, 60), .cu_kv_lens = LIST(0, 100, 50, 150), GROUPS, CAUSAL_AT_END,
     .has_lse = true},
    {"packed_no_tokens", .n_batch = 2, .q_len = 0, .kv_len = 0, .cu_q_lens = LIST(0, 5, 9),
     .cu_kv_lens = LIST(0, 7, 9), GROUPS, .has_lse = true},
    {"packed_no_keys", .n_batch = 2, .q_len = 9, .kv_len = 0, .cu_q_lens = LIST(0, 5, 9),
     .cu_kv_lens = LIST(0, 7, 9), GROUPS, .has_lse = true},

    // With the rest.
    {"packed_window", EDGES, GROUPS, .is_causal = true, .window_left = 10, .window_keep = 3,
     .has_lse = true},
    {"packed_window_both", SERVING, GROUPS, .align = GYRE_ALIGN_END, .window_left = 9,
     .window_right = 5, .has_lse = true},
    {"packed_prefix", EDGES, GROUPS, .is_causal = true, .n_prefix = 20, .has_lse = true},
    {"packed_alibi", CASE_ALL, SERVING, GROUPS, CAUSAL_AT_END, .has_alibi = true, .has_lse = true},
    {"packed_decode_alibi", DECODING, GROUPS, CAUSAL_AT_END, .has_alibi = true, .has_sinks = true,
     .softcap = 4, .has_lse = true},
    {"packed_sinks", SERVING, GROUPS, CAUSAL_AT_END, .has_sinks = true, .sink = 2, .has_lse = true},
    {"packed_starts", SERVING, .q_starts = LIST(0, -9, 30, 5, INT32_MAX, INT32_MIN, 3), GROUPS,
     CAUSAL_AT_END, .has_lse = true},
    {"packed_mask_f32", CASE_ALL, SERVING, .max_q_len = 33, .max_kv_len = 600, GROUPS,
     .mask = ATTENTION_MASK_F32, .mask_axes = MASK_BATCH | MASK_QUERY, .has_lse = true},
    {"packed_mask_u8", EDGES, .max_q_len = 129, .max_kv_len = 129, GROUPS, .is_causal = true,
     .mask = ATTENTION_MASK_U8, .mask_axes = MASK_BATCH | MASK_HEAD | MASK_QUERY,
     .has_hidden_rows = true, .has_lse = true},
    {"packed_mask_bits", EDGES, .max_q_len = 100, .max_kv_len = 101, GROUPS, .is_causal = true,
     .mask = ATTENTION_MASK_BITS, .mask_axes = MASK_BATCH | MASK_QUERY, .has_lse = true},
    {"packed_mask_shared", EDGES, GROUPS, .mask = ATTENTION_MASK_F32, .mask_axes = MASK_QUERY,
     .has_lse = true},
    {"packed_mask_decode", DECODING, .max_kv_len = 600, GROUPS, .mask = ATTENTION_MASK_BITS,
     .mask_axes = MASK_BATCH | MASK_HEAD, .has_lse = true},
    {"packed_pos", CASE_F32 | CASE_F16, SERVING, GROUPS, CAUSAL_AT_END,
     .k_positions = ATTENTION_RING, .are_k_positions_shared = true, .has_alibi = true,
     .has_lse = true},
    {"packed_pos_decode", DECODING, GROUPS, .is_causal = true, .q_start = 100,
     .k_positions = ATTENTION_ANYWHERE, .has_lse = true},
    {"packed_relative", CASE_F32 | CASE_F16, SERVING, GROUPS, CAUSAL_AT_END, .n_relative = 9,
     .has_lse = true},
    {"packed_relative_decode", DECODING, GROUPS, CAUSAL_AT_END, .n_relative = 129, .has_lse = true},
    {"packed_relative_q", Q_ONLY, .kv_len = 150, GROUPS, CAUSAL_AT_END, .n_relative = 9,
     .max_q_len = 33, .has_lse = true},
    {"packed_nan", CASE_ALL, EDGES, GROUPS, .is_causal = true, .has_nan_key = true,
     .has_lse = true},
    {"packed_nan_decode", DECODING, GROUPS, CAUSAL_AT_END, .has_nan_key = true, .has_lse = true},
    {"packed_unaligned", CASE_ALL, SERVING, GROUPS, CAUSAL_AT_END, .is_head_major = true,
     .is_unaligned = true, .row_gap = 3, .has_lse = true},
    {"packed_decode_unaligned", CASE_ALL, DECODING, GROUPS, .is_head_major = true,
     .is_unaligned = true, .row_gap = 1, .has_lse = true},
    {"packed_128", CASE_F32 | CASE_F16, SERVING, .n_heads = 4, .n_kv_heads = 1, .head_dim = 128,
     CAUSAL_AT_END},
    {"packed_v_33", SERVING, .n_heads = 3, .head_dim = 24, .v_dim = 33, CAUSAL_AT_END},
    {"packed_lse_only", SERVING, GROUPS, CAUSAL_AT_END, .has_no_out = true, .has_lse = true},
    {"packed_no_v", SERVING, GROUPS, CAUSAL_AT_END, .has_no_v = true, .has_no_out = true,
     .has_lse = true},
    {.name = NULL},
};
