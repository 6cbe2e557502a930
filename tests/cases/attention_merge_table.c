// SPDX-License-Identifier: MIT
#include "cases/attention_merge.h"

#include <math.h>

// Numbers of parts around what one dispatch takes, in every mix of dtypes.
#define PARTS(n)                                                                                   \
    {                                                                                              \
        .name = "parts_" #n, .dtypes = CASE_ALL | CASE_KV_F16 | CASE_KV_BF16 | CASE_MIXED,         \
        .n_batch = 2, .n_parts = n, .q_len = 5, .n_heads = 3, .v_dim = 64, .has_lse = true         \
    }

// Columns around what a work-group, or a vector, takes at once.
#define DIM(n)                                                                                     \
    {                                                                                              \
        .name = "dim_" #n, .dtypes = CASE_ALL, .n_parts = 3, .q_len = 5, .n_heads = 3, .v_dim = n, \
        .has_empty = true, .has_lse = true                                                         \
    }

#define SHAPE .q_len = 9, .n_heads = 4, .v_dim = 64, .has_lse = true

const struct attention_merge_case attention_merge_cases[] = {
    PARTS(1),
    PARTS(2),
    PARTS(3),
    PARTS(4),
    PARTS(5),
    PARTS(6),
    PARTS(7),
    PARTS(8),
    PARTS(9),
    {"f32_parts", CASE_F16 | CASE_BF16, .has_f32_parts = true, SHAPE},
    {"f32_parts_5", CASE_F16 | CASE_BF16, .has_f32_parts = true, .n_parts = 5, SHAPE},

    DIM(1),
    DIM(7),
    DIM(33),
    DIM(63),
    DIM(65),
    DIM(128),
    DIM(512),
    {"one_row", CASE_ALL, .q_len = 1, .n_heads = 1, .v_dim = 64, .has_lse = true},
    {"many_rows", CASE_F32 | CASE_F16, .n_batch = 5, .n_parts = 3, .q_len = 70, .n_heads = 33,
     .v_dim = 40, .has_empty = true, .has_lse = true},
    // More than some devices have work-groups for.
    {"very_many_rows", .n_parts = 3, .q_len = 7001, .n_heads = 10, .v_dim = 3, .has_lse = true},
    {"no_queries", .q_len = 0, .n_heads = 4, .v_dim = 64, .has_lse = true},
    {"no_heads", .q_len = 4, .n_heads = 0, .v_dim = 64, .has_lse = true},
    {"no_columns", .n_parts = 3, .q_len = 4, .n_heads = 4, .v_dim = 0, .has_lse = true},

    // What was seen.
    {"empty", CASE_ALL, .n_batch = 2, .has_empty = true, SHAPE},
    {"empty_5", CASE_ALL, .n_batch = 2, .n_parts = 5, .has_empty = true, SHAPE},
    {"empty_one_part", .n_parts = 1, .has_empty = true, SHAPE},
    {"empty_rows", CASE_ALL, .n_parts = 4, .has_empty_rows = true, .has_sinks = true, SHAPE},
    {"empty_rows_one_part", .n_parts = 1, .has_empty_rows = true, SHAPE},
    {"nan_lse", CASE_F32 | CASE_F16, .n_parts = 2, .has_nan_lse = true, SHAPE},
    {"nan_lse_3", .n_parts = 3, .has_nan_lse = true, .has_sinks = true, SHAPE},
    {"nan_lse_alone", .n_parts = 3, .has_nan_lse = true, .has_empty = true, SHAPE},

    // LSE far from 0, near to each other and far apart.
    {"lse_high", .n_parts = 5, .lse_mean = 1e4, SHAPE},
    {"lse_low", .n_parts = 5, .lse_mean = -1e4, SHAPE},
    {"lse_apart", CASE_ALL, .n_parts = 5, .lse_scale = 1e4, .has_empty = true, SHAPE},
    {"lse_apart_9", .n_parts = 9, .lse_scale = 20, SHAPE},

    // Sinks.
    {"sinks", CASE_ALL, .n_batch = 2, .has_sinks = true, SHAPE},
    {"sinks_one_part", .n_parts = 1, .has_sinks = true, SHAPE},
    {"sinks_5", CASE_ALL, .n_parts = 5, .has_sinks = true, .sink = 1, .has_empty = true, SHAPE},
    {"sinks_huge", .n_parts = 3, .has_sinks = true, .sink = 1e4, SHAPE},
    {"sinks_largest", .n_parts = 3, .has_sinks = true, .sink = 3e38, SHAPE},
    {"sinks_infinite", .n_parts = 3, .has_sinks = true, .sink = INFINITY, SHAPE},
    {"sinks_none", .n_parts = 3, .has_sinks = true, .sink = -INFINITY, SHAPE},
    {"sinks_lse_high", .n_parts = 3, .has_sinks = true, .sink = 1e4, .lse_mean = 1e4, SHAPE},
    {"sinks_lse_low", .n_parts = 3, .has_sinks = true, .sink = -1e4, .lse_mean = -1e4, SHAPE},

    // Results.
    {"out_only", CASE_ALL, .n_parts = 3, .q_len = 9, .n_heads = 4, .v_dim = 64},
    {"lse_only", CASE_F32 | CASE_F16, .n_parts = 5, .has_no_out = true, SHAPE},
    {"lse_only_sinks", .has_no_out = true, .has_sinks = true, SHAPE},
    {"in_place", CASE_ALL, .n_batch = 2, .out_in_place = 1, .lse_in_place = 1, SHAPE},
    {"in_place_second", CASE_ALL, .out_in_place = 2, .lse_in_place = 2, SHAPE},
    {"in_place_out", CASE_ALL, .n_parts = 5, .out_in_place = 2, SHAPE},
    {"in_place_lse", .n_parts = 5, .lse_in_place = 4, SHAPE},
    {"in_place_last", CASE_ALL, .n_parts = 5, .out_in_place = 5, .lse_in_place = 5,
     .has_empty = true, SHAPE},
    {"in_place_crossed", .n_parts = 4, .out_in_place = 4, .lse_in_place = 3, SHAPE},
    {"in_place_one_part", .n_parts = 1, .out_in_place = 1, .has_sinks = true, SHAPE},
    {"in_place_many_rows", CASE_F32 | CASE_BF16, .n_batch = 3, .n_parts = 3, .q_len = 50,
     .n_heads = 9, .v_dim = 200, .has_lse = true, .out_in_place = 1, .lse_in_place = 1},

    // Where the tensors lie.
    {"head_major", CASE_ALL, .n_batch = 3, .n_parts = 3, .is_head_major = true, SHAPE},
    {"row_gap", CASE_ALL, .n_batch = 3, .n_parts = 3, .row_gap = 3, SHAPE},
    {"unaligned", CASE_ALL, .n_batch = 3, .n_parts = 3, .is_unaligned = true, .has_sinks = true,
     SHAPE},
    {"mixed_layouts", CASE_ALL, .n_batch = 3, .n_parts = 7, .is_mixed = true, .has_empty = true,
     SHAPE},
    {"mixed_in_place", CASE_ALL, .n_batch = 3, .n_parts = 7, .is_mixed = true, .out_in_place = 4,
     .lse_in_place = 6, SHAPE},
    {"shared", CASE_ALL, .n_batch = 4, .n_parts = 3, .is_first_shared = true, SHAPE},
    {.name = NULL},
};
