// SPDX-License-Identifier: MIT
// An attention that nobody computes: params of the public API out of what a user says of its terms.
#ifndef GYRE_CLI_ATTENTION_PROBLEM_H
#define GYRE_CLI_ATTENTION_PROBLEM_H

#include <gyre/attention.h>

#include "explain.h"

enum mask_kind { MASK_NONE = -1, MASK_F32, MASK_F16, MASK_BF16, MASK_BYTES, MASK_BITS };
enum rotation { ROTATES_NOTHING = -1, ROTATES_Q, ROTATES_K, ROTATES_BOTH };

// Fields of the params that are numbers are `plain`; all tensors, and what tells of them, are made.
struct attention_terms {
    struct gyre_attention_params plain;
    struct explain_shape shape;
    int v_dtype, out_dtype;     // enum gyre_dtype; -1: as keys, as queries
    bool is_head_major;         // in memory heads come before tokens
    int mask;                   // enum mask_kind
    const char *mask_axes;      // of "bhq": those that do not broadcast
    uint32_t n_q_tokens;        // of all packed sequences; 0: they are not packed
    uint32_t n_kv_tokens;       // likewise
    uint32_t max_distance;      // of relative keys; 0: there are none
    uint32_t dim2, n_kv_heads2; // of a second part; dim2 0: there is none
    int rotates;                // enum rotation
    uint32_t n_axes;            // of given positions, at most GYRE_ROPE_MAX_AXES; 0: none are
    bool is_interleaved;
    bool has_kv_lens, has_q_starts, has_k_positions, has_alibi, has_sinks;
    bool has_no_out, has_lse, has_scores, has_key_sums;
};

// Which rotation the terms ask for.
struct gyre_rope_config attention_problem_rope(const struct attention_terms *terms);

// `rope` is of that rotation; NULL where nothing rotates.
struct gyre_attention_params attention_problem_make(const struct attention_terms *terms,
                                                    const struct gyre_rope_table *rope);

#endif
