// SPDX-License-Identifier: MIT
#include "cases/rope.h"

#define HALF        GYRE_ROPE_HALF
#define INTERLEAVED GYRE_ROPE_INTERLEAVED

const struct rope_case rope_cases[] = {
    // Head sizes and pairings.
    {"half_2", CASE_ALL, .n_tokens = 3, .n_heads = 2, .head_dim = 2, .pairing = HALF},
    {"half_8", CASE_ALL, .n_tokens = 5, .n_heads = 3, .head_dim = 8, .pairing = HALF},
    {"half_64", CASE_ALL, .n_tokens = 7, .n_heads = 4, .n_k_heads = 2, .head_dim = 64},
    {"half_80", CASE_ALL, .n_tokens = 7, .n_heads = 3, .n_k_heads = 1, .head_dim = 80},
    {"half_128", CASE_ALL, .n_tokens = 9, .n_heads = 4, .n_k_heads = 2, .head_dim = 128},
    {"half_256", CASE_ALL, .n_tokens = 3, .n_heads = 2, .n_k_heads = 1, .head_dim = 256},
    {"interleaved_2", CASE_ALL, .n_tokens = 3, .n_heads = 2, .head_dim = 2, .pairing = INTERLEAVED},
    {"interleaved_8", CASE_ALL, .n_tokens = 5, .n_heads = 3, .head_dim = 8, .pairing = INTERLEAVED},
    {"interleaved_64", CASE_ALL, .n_tokens = 7, .n_heads = 4, .n_k_heads = 2, .head_dim = 64,
     .pairing = INTERLEAVED},
    {"interleaved_80", CASE_ALL, .n_tokens = 7, .n_heads = 3, .n_k_heads = 1, .head_dim = 80,
     .pairing = INTERLEAVED},
    {"interleaved_128", CASE_ALL, .n_tokens = 9, .n_heads = 4, .n_k_heads = 2, .head_dim = 128,
     .pairing = INTERLEAVED},
    {"interleaved_256", CASE_ALL, .n_tokens = 3, .n_heads = 2, .n_k_heads = 1, .head_dim = 256,
     .pairing = INTERLEAVED},
    {"odd_head_dim", CASE_ALL, .n_tokens = 4, .n_heads = 2, .head_dim = 7, .rotary_dim = 4},

    // Token and head counts: nothing, one, around powers of two.
    {"tokens_0", .n_tokens = 0, .n_heads = 2, .n_k_heads = 1, .head_dim = 64},
    {"tokens_1", .n_tokens = 1, .n_heads = 2, .n_k_heads = 1, .head_dim = 64},
    {"tokens_31", .n_tokens = 31, .n_heads = 1, .head_dim = 64},
    {"tokens_32", .n_tokens = 32, .n_heads = 1, .head_dim = 64},
    {"tokens_33", .n_tokens = 33, .n_heads = 1, .head_dim = 64},
    {"tokens_129", .n_tokens = 129, .n_heads = 1, .n_k_heads = 1, .head_dim = 64},
    {"heads_5_3", .n_tokens = 2, .n_heads = 5, .n_k_heads = 3, .head_dim = 64},
    {"heads_33_1", .n_tokens = 2, .n_heads = 33, .n_k_heads = 1, .head_dim = 64},
    {"heads_1_9", .n_tokens = 2, .n_heads = 1, .n_k_heads = 9, .head_dim = 64},
    {"batch_3", .n_batch = 3, .n_tokens = 5, .n_heads = 2, .n_k_heads = 1, .head_dim = 64},

    // A part of the head rotates.
    {"partial_half", CASE_ALL, .n_tokens = 4, .n_heads = 2, .n_k_heads = 2, .head_dim = 96,
     .rotary_dim = 24},
    {"partial_interleaved", CASE_ALL, .n_tokens = 4, .n_heads = 2, .n_k_heads = 2, .head_dim = 256,
     .rotary_dim = 64, .pairing = INTERLEAVED},
    {"offset_half", CASE_ALL, .n_tokens = 4, .n_heads = 2, .head_dim = 80, .rotary_dim = 32,
     .rotary_offset = 48},
    {"offset_interleaved", CASE_ALL, .n_tokens = 4, .n_heads = 2, .head_dim = 80, .rotary_dim = 30,
     .rotary_offset = 13, .pairing = INTERLEAVED},
    {"partial_in_place", CASE_ALL, .n_tokens = 4, .n_heads = 2, .n_k_heads = 1, .head_dim = 80,
     .rotary_dim = 32, .rotary_offset = 16, .is_in_place = true},

    // Where the tensors lie.
    {"in_place", CASE_ALL, .n_tokens = 9, .n_heads = 4, .n_k_heads = 2, .head_dim = 128,
     .is_in_place = true},
    {"in_place_interleaved", CASE_ALL, .n_tokens = 9, .n_heads = 4, .n_k_heads = 2, .head_dim = 128,
     .pairing = INTERLEAVED, .is_in_place = true},
    {"head_major", CASE_ALL, .n_batch = 2, .n_tokens = 9, .n_heads = 4, .n_k_heads = 2,
     .head_dim = 64, .is_head_major = true},
    {"head_major_in_place", .n_batch = 2, .n_tokens = 9, .n_heads = 4, .n_k_heads = 2,
     .head_dim = 64, .is_head_major = true, .is_in_place = true},
    {"row_gap", CASE_ALL, .n_batch = 2, .n_tokens = 5, .n_heads = 3, .n_k_heads = 1, .head_dim = 64,
     .row_gap = 3},
    {"unaligned", CASE_ALL, .n_tokens = 5, .n_heads = 3, .n_k_heads = 1, .head_dim = 64,
     .is_unaligned = true},
    {"unaligned_interleaved", CASE_ALL, .n_batch = 2, .n_tokens = 5, .n_heads = 3, .head_dim = 64,
     .pairing = INTERLEAVED, .is_unaligned = true, .row_gap = 1, .is_in_place = true},

    // Half floats below 2^-14, whose leading bit is not stored.
    {"subnormal", CASE_F16, .n_tokens = 9, .n_heads = 2, .n_k_heads = 1, .head_dim = 64, .start = 3,
     .magnitude = 0x1p-16},
    {"subnormal_interleaved", CASE_F16, .n_tokens = 9, .n_heads = 2, .head_dim = 64, .start = 3,
     .pairing = INTERLEAVED, .magnitude = 0x1p-16, .is_in_place = true},

    // Positions.
    {"start_4095", CASE_ALL, .n_tokens = 9, .n_heads = 2, .n_k_heads = 1, .head_dim = 128,
     .start = 4095},
    {"start_131071", CASE_ALL, .n_tokens = 9, .n_heads = 2, .n_k_heads = 1, .head_dim = 128,
     .theta = 500000, .has_inv_freq = true, .start = 131071},
    {"start_negative", .n_tokens = 9, .n_heads = 2, .head_dim = 128, .start = -5},
    {"start_last", .n_tokens = 9, .n_heads = 2, .head_dim = 128, .has_inv_freq = true,
     .start = INT32_MAX - 8},
    {"start_first", .n_tokens = 9, .n_heads = 2, .head_dim = 128, .has_inv_freq = true,
     .start = INT32_MIN},
    {"positions_shared", .n_batch = 2, .n_tokens = 9, .n_heads = 2, .n_k_heads = 1, .head_dim = 64,
     .positions = ROPE_POSITIONS_SHARED},
    {"positions_per_batch", CASE_ALL, .n_batch = 3, .n_tokens = 9, .n_heads = 2, .n_k_heads = 1,
     .head_dim = 64, .positions = ROPE_POSITIONS_PER_BATCH},
    {"positions_plus_start", .n_batch = 2, .n_tokens = 9, .n_heads = 2, .head_dim = 64,
     .start = 1000, .positions = ROPE_POSITIONS_PER_BATCH},
    {"positions_anywhere", CASE_ALL, .n_batch = 2, .n_tokens = 33, .n_heads = 2, .n_k_heads = 1,
     .head_dim = 128, .has_inv_freq = true, .positions = ROPE_POSITIONS_PER_BATCH,
     .is_anywhere = true},
    {"positions_anywhere_interleaved", .n_tokens = 65, .n_heads = 2, .head_dim = 64, .theta = 1e6,
     .pairing = INTERLEAVED, .has_inv_freq = true, .positions = ROPE_POSITIONS_PER_BATCH,
     .is_anywhere = true},

    // Angles by themselves.
    {"angles_anywhere", .n_tokens = 257, .n_heads = 1, .head_dim = 128, .has_inv_freq = true,
     .positions = ROPE_POSITIONS_PER_BATCH, .is_anywhere = true, .is_unit = true},
    {"angles_near_0", .n_tokens = 1025, .n_heads = 1, .head_dim = 64, .theta = 500000,
     .has_inv_freq = true, .start = -512, .pairing = INTERLEAVED, .is_unit = true},

    // Bases, amplitudes and directions.
    {"theta_1e6", .n_tokens = 9, .n_heads = 2, .head_dim = 64, .theta = 1e6},
    {"theta_1_5", .n_tokens = 9, .n_heads = 2, .head_dim = 64, .theta = 1.5},
    {"amplitude", CASE_ALL, .n_tokens = 9, .n_heads = 2, .n_k_heads = 1, .head_dim = 64,
     .amplitude = 1.1386294361119891},
    {"transpose", CASE_ALL, .n_tokens = 9, .n_heads = 2, .n_k_heads = 1, .head_dim = 64,
     .amplitude = 1.25, .direction = GYRE_ROPE_TRANSPOSE},
    {"inverse", CASE_ALL, .n_tokens = 9, .n_heads = 2, .n_k_heads = 1, .head_dim = 64,
     .amplitude = 1.25, .direction = GYRE_ROPE_INVERSE, .pairing = INTERLEAVED},
    {"shift", CASE_ALL, .n_tokens = 9, .n_heads = 2, .n_k_heads = 1, .head_dim = 64,
     .amplitude = 1.25, .direction = GYRE_ROPE_SHIFT, .start = -17, .is_in_place = true},
    {.name = NULL},
};
