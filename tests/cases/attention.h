// SPDX-License-Identifier: MIT
// Cases of gyre_attention. Zero is the default of every field.
#ifndef CASES_ATTENTION_H
#define CASES_ATTENTION_H

#include <gyre/attention.h>

#include "cases/cases.h"

enum attention_mask {
    ATTENTION_MASK_NONE = 0,
    ATTENTION_MASK_F32, // additive, with some -inf
    ATTENTION_MASK_F16,
    ATTENTION_MASK_BF16,
    ATTENTION_MASK_U8,
};

// Axes along which the mask differs; along the others it is broadcast.
enum { MASK_BATCH = 1, MASK_HEAD = 2, MASK_QUERY = 4 };

struct attention_case {
    const char *name;
    unsigned dtypes;  // CASE_* bits
    uint32_t n_batch; // 0: 1
    uint32_t q_len, kv_len;
    uint32_t n_heads, n_kv_heads; // 0: 1, as many as n_heads
    uint32_t head_dim, v_dim;     // v_dim 0: head_dim
    float scale, softcap;
    bool is_causal;
    enum gyre_align align;
    int32_t q_start;
    uint32_t window_left, window_right, window_keep, n_prefix;
    enum attention_mask mask;
    unsigned mask_axes;                // MASK_* bits
    bool is_mask_repeated;             // broadcast by stride 0, not by length 1
    bool has_hidden_rows;              // the mask hides every key from each third query
    const int32_t *kv_lens, *q_starts; // (n_batch); NULL: none
    bool has_alibi, has_sinks;
    double sink;         // mean of the sinks, whose deviation is 1
    bool has_nan_beyond; // keys and values past a sequence's length hold NaN and infinity
    bool has_nan_key;    // the middle key and value hold NaN, the next value infinity
    bool has_lse, has_no_out;
    bool has_scores;
    enum gyre_scores_stage stage;
    double kv_magnitude; // deviation of keys and values; 0: 1
    bool has_no_v;
    bool is_v_in_k; // v is the front of k, as in multi-head latent attention
    bool is_head_major, is_unaligned;
    uint32_t row_gap;
    uint32_t check_step; // only each n-th query is compared; 0: all
};

extern const struct attention_case attention_cases[]; // ended by a row without a name

struct attention_run;

// As case_operator.prepare, for any case.
struct attention_run *attention_prepare(struct session *session, const struct attention_case *row,
                                        const struct case_dtypes *dtypes, uint64_t seed,
                                        struct result *result);
const struct gyre_attention_params *attention_run_params(const struct attention_run *run);
enum gyre_status attention_run_enqueue(struct attention_run *run);
void attention_run_check(struct attention_run *run, struct result *result);
void attention_run_destroy(struct attention_run *run);

#endif
