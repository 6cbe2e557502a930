// SPDX-License-Identifier: MIT
#include "cases/linear.h"

#define INTERLEAVED GYRE_ROPE_INTERLEAVED
#define AT_END      .align = GYRE_ALIGN_END
#define SUMS        .has_past = true, .has_state = true
#define GROUPS      .n_heads = 4, .n_kv_heads = 2, .head_dim = 64

// Two heads at the edges of chunks, tiles and segments, all keys for every query.
#define EDGE(q, kv)                                                                                \
    {                                                                                              \
        .name = "edge_" #q "x" #kv, .q_len = q, .kv_len = kv, .n_heads = 2, .n_kv_heads = 1,       \
        .head_dim = 32, .v_dim = 24, .has_rope = true                                              \
    }
// Causal, as many keys as queries.
#define CAUSAL(n)                                                                                  \
    {                                                                                              \
        .name = "causal_" #n, .q_len = n, .kv_len = n, .n_heads = 2, .n_kv_heads = 1,              \
        .head_dim = 32, .v_dim = 24, .has_rope = true, .is_causal = true, .has_state = true        \
    }
// Causal, query 0 at another place than key 0.
#define SHIFTED(label, q, kv, start)                                                               \
    {                                                                                              \
        .name = "shifted_" label, .q_len = q, .kv_len = kv, .n_heads = 2, .head_dim = 32,          \
        .has_rope = true, .is_causal = true, .q_start = start, .has_state = true                   \
    }
// Head sizes.
#define DIM(label, rope, dim, v)                                                                   \
    {                                                                                              \
        .name = "dim_" label, .dtypes = CASE_ALL, .q_len = 37, .kv_len = 37, .n_heads = 2,         \
        .head_dim = dim, .v_dim = v, .has_rope = rope, .is_causal = true, .has_state = true        \
    }
// What decoding asks for: a few tokens, the sums in place.
#define DECODE(label, n, ...)                                                                      \
    {                                                                                              \
        .name = "decode_" label, .dtypes = CASE_ALL | CASE_KV_F16, .n_batch = 2, .q_len = n,       \
        .kv_len = n, .n_heads = 8, .n_kv_heads = 2, .head_dim = 64, .v_dim = 48, .has_rope = true, \
        .is_causal = true, .q_start = 1000, .k_start = 1000, __VA_ARGS__                           \
    }

const struct linear_case linear_cases[] = {
    EDGE(1, 1),
    EDGE(1, 31),
    EDGE(1, 1000),
    EDGE(15, 16),
    EDGE(16, 17),
    EDGE(31, 32),
    EDGE(32, 33),
    EDGE(33, 63),
    EDGE(63, 64),
    EDGE(64, 65),
    EDGE(65, 129),
    EDGE(129, 300),
    EDGE(300, 1),
    CAUSAL(1),
    CAUSAL(2),
    CAUSAL(15),
    CAUSAL(16),
    CAUSAL(17),
    CAUSAL(23),
    CAUSAL(24),
    CAUSAL(25),
    CAUSAL(31),
    CAUSAL(32),
    CAUSAL(33),
    CAUSAL(47),
    CAUSAL(48),
    CAUSAL(49),
    CAUSAL(63),
    CAUSAL(64),
    CAUSAL(65),
    CAUSAL(127),
    CAUSAL(128),
    CAUSAL(129),
    CAUSAL(193),
    CAUSAL(600),
    SHIFTED("late", 33, 100, 67),
    SHIFTED("later", 33, 100, 90),
    SHIFTED("beyond", 33, 100, 1000),
    SHIFTED("between", 140, 300, 77),
    SHIFTED("one_query", 1, 300, 77),
    SHIFTED("long_queries", 300, 40, 5),
    SHIFTED("early", 140, 70, -7),
    SHIFTED("a_segment_early", 200, 200, -64),
    SHIFTED("earlier", 140, 140, -100),
    SHIFTED("before_all", 40, 40, -1000),
    SHIFTED("a_thread_each", 700, 900, 37),
    {"end", .q_len = 5, .kv_len = 133, .n_heads = 2, .head_dim = 32, .has_rope = true,
     .is_causal = true, AT_END},
    {"end_plus", .q_len = 70, .kv_len = 133, .n_heads = 2, .head_dim = 32, .has_rope = true,
     .is_causal = true, AT_END, .q_start = -9, .k_start = 50},
    EDGE(0, 5),
    EDGE(5, 0),
    {"no_tokens", .n_heads = 2, .head_dim = 32, .has_rope = true, .is_causal = true},
    {"no_keys_state", .q_len = 3, .n_heads = 2, .head_dim = 32, .is_causal = true,
     .has_state = true},

    // Head sizes.
    DIM("1", false, 1, 1),
    DIM("2", true, 2, 3),
    DIM("3", false, 3, 5),
    DIM("7", false, 7, 64),
    DIM("8", true, 8, 8),
    DIM("33", false, 33, 65),
    DIM("64", true, 64, 64),
    DIM("80", true, 80, 40),
    DIM("128", true, 128, 128),
    DIM("192_v_1", true, 192, 1),
    DIM("256", true, 256, 256),
    {"dim_512", .q_len = 5, .kv_len = 9, .head_dim = 512, .v_dim = 20, .has_rope = true,
     .is_causal = true, .has_state = true},

    // What rotates, and how.
    {"plain", CASE_ALL, .q_len = 70, .kv_len = 70, GROUPS, .is_causal = true},
    {"plain_all", .q_len = 70, .kv_len = 90, GROUPS},
    {"half", CASE_ALL | CASE_MIXED, .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true,
     .is_causal = true},
    {"half_all", CASE_ALL | CASE_MIXED, .q_len = 70, .kv_len = 90, GROUPS, .has_rope = true},
    {"interleaved", CASE_F32 | CASE_BF16, .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true,
     .pairing = INTERLEAVED, .is_causal = true, .has_state = true},
    {"interleaved_all", CASE_F32 | CASE_F16, .q_len = 70, .kv_len = 90, GROUPS, .has_rope = true,
     .pairing = INTERLEAVED},
    {"partial", .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .rotary_dim = 20,
     .is_causal = true, .has_state = true},
    {"partial_interleaved", .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .rotary_dim = 20,
     .pairing = INTERLEAVED, .is_causal = true, .has_state = true},
    {"offset", .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .rotary_dim = 30,
     .rotary_offset = 17, .is_causal = true, .has_state = true},
    {"offset_interleaved", .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .rotary_dim = 30,
     .rotary_offset = 17, .pairing = INTERLEAVED, .is_causal = true, .has_state = true},
    {"odd", .q_len = 33, .kv_len = 33, .n_heads = 2, .head_dim = 33, .v_dim = 7, .has_rope = true,
     .rotary_dim = 12, .rotary_offset = 3, .is_causal = true, .has_state = true},
    {"odd_interleaved", .q_len = 33, .kv_len = 33, .n_heads = 2, .head_dim = 7, .has_rope = true,
     .rotary_dim = 6, .rotary_offset = 1, .pairing = INTERLEAVED},
    {"amplitude", CASE_ALL, .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .rotary_dim = 48,
     .amplitude = 1.25, .is_causal = true, .has_state = true},
    {"theta_500000", .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .theta = 500000,
     .is_causal = true},

    // Positions.
    {"start_131071", .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .is_causal = true,
     .q_start = 131071, .k_start = 131071, .has_state = true},
    {"start_last", .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .is_causal = true,
     .q_start = INT32_MAX - 69, .k_start = INT32_MAX - 69, .has_state = true},
    {"start_first", .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .is_causal = true,
     .q_start = INT32_MIN, .k_start = INT32_MIN, .has_state = true},
    {"start_negative", .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .is_causal = true,
     .q_start = -33, .k_start = -40},
    {"from_end_to_end", .q_len = 33, .kv_len = 33, GROUPS, .has_rope = true,
     .q_start = INT32_MAX - 32, .k_start = INT32_MIN},
    {"from_end_to_end_causal", .q_len = 33, .kv_len = 33, GROUPS, .has_rope = true,
     .is_causal = true, .q_start = INT32_MIN, .k_start = INT32_MAX - 32, .has_past = true},

    // Sums that come and go.
    {"past", CASE_ALL, .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .is_causal = true,
     .has_past = true},
    {"past_all", CASE_ALL, .q_len = 70, .kv_len = 90, GROUPS, .has_rope = true, .has_past = true},
    {"past_early", .q_len = 140, .kv_len = 140, GROUPS, .is_causal = true, .q_start = -100, SUMS},
    {"past_of_no_keys", .q_len = 40, GROUPS, .has_rope = true, .is_causal = true, SUMS},
    {"past_shared", .n_batch = 3, .q_len = 9, .kv_len = 9, GROUPS, .has_rope = true,
     .is_causal = true, SUMS, .is_past_shared = true},
    {"sums", .n_batch = 2, .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .is_causal = true,
     SUMS},
    {"sums_long", .q_len = 600, .kv_len = 600, .n_heads = 2, .head_dim = 32, .has_rope = true,
     .is_causal = true, SUMS},
    {"sums_long_all", .q_len = 50, .kv_len = 1500, .n_heads = 2, .head_dim = 32, .has_rope = true,
     SUMS},
    {"sums_in_place", .n_batch = 2, .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true,
     .is_causal = true, SUMS, .is_in_place = true},
    {"sums_in_place_long", .q_len = 600, .kv_len = 600, .n_heads = 2, .head_dim = 32,
     .has_rope = true, .is_causal = true, SUMS, .is_in_place = true},
    {"sums_in_place_all", .q_len = 33, .kv_len = 70, GROUPS, .has_rope = true, SUMS,
     .is_in_place = true},
    {"sums_only", CASE_ALL, .n_batch = 2, .kv_len = 70, GROUPS, .has_rope = true,
     .has_no_out = true, .has_state = true},
    {"sums_only_long", .kv_len = 1500, .n_heads = 2, .head_dim = 32, .has_rope = true,
     .has_no_out = true, SUMS},
    DECODE("1", 1, SUMS, .is_in_place = true),
    DECODE("4", 4, SUMS, .is_in_place = true),
    DECODE("apart", 1, SUMS),
    DECODE("first", 1, .has_state = true),
    DECODE("read_only", 1, .has_past = true),

    // Where tensors lie.
    {"batch_3", CASE_ALL, .n_batch = 3, .q_len = 33, .kv_len = 40, GROUPS, .has_rope = true,
     .is_causal = true, AT_END, SUMS},
    {"one_kv_head", .q_len = 33, .kv_len = 33, .n_heads = 7, .n_kv_heads = 1, .head_dim = 32,
     .has_rope = true, .is_causal = true},
    {"head_major", CASE_ALL, .n_batch = 2, .q_len = 33, .kv_len = 33, GROUPS, .has_rope = true,
     .is_causal = true, SUMS, .is_head_major = true},
    {"row_gap", CASE_ALL, .n_batch = 2, .q_len = 33, .kv_len = 33, GROUPS, .has_rope = true,
     .is_causal = true, SUMS, .row_gap = 3},
    {"unaligned", CASE_ALL, .n_batch = 2, .q_len = 33, .kv_len = 33, GROUPS, .has_rope = true,
     .is_causal = true, SUMS, .is_unaligned = true},
    {"unaligned_long", CASE_ALL, .n_batch = 2, .q_len = 200, .kv_len = 200, .n_heads = 2,
     .head_dim = 33, .v_dim = 31, .is_causal = true, SUMS, .is_unaligned = true,
     .is_head_major = true, .row_gap = 1},

    // Numbers.
    {"nan_key", CASE_ALL, .n_batch = 2, .q_len = 140, .kv_len = 140, GROUPS, .has_rope = true,
     .is_causal = true, .has_nan_key = true},
    {"nan_key_state", .q_len = 10, .kv_len = 10, GROUPS, .has_rope = true, .is_causal = true, SUMS,
     .has_nan_key = true},
    {"low", CASE_ALL, .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .is_causal = true,
     .mean = -8},
    {"lower", .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .is_causal = true, .mean = -30},
    {"high", CASE_ALL, .q_len = 70, .kv_len = 70, GROUPS, .has_rope = true, .is_causal = true,
     .mean = 50},
    {"cancelling", CASE_ALL, .q_len = 600, .kv_len = 600, .n_heads = 2, .head_dim = 8,
     .has_rope = true, .theta = 2, .is_causal = true, .mean = 5},
    {.name = NULL},
};
