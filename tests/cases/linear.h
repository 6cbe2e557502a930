// SPDX-License-Identifier: MIT
// Cases of gyre_linear_attention. Zero is the default of every field.
#ifndef CASES_LINEAR_H
#define CASES_LINEAR_H

#include <gyre/linear_attention.h>

#include "cases/cases.h"

struct linear_case {
    const char *name;
    unsigned dtypes;  // CASE_* bits
    uint32_t n_batch; // 0: 1
    uint32_t q_len, kv_len;
    uint32_t n_heads, n_kv_heads; // 0: 1, as many as n_heads
    uint32_t head_dim, v_dim;     // v_dim 0: head_dim
    bool has_rope;
    uint32_t rotary_dim, rotary_offset; // rotary_dim 0: head_dim
    enum gyre_rope_pairing pairing;
    double theta, amplitude; // 0: 10000, 1
    bool is_causal;
    enum gyre_align align;
    int32_t q_start, k_start;
    bool has_past, has_state, has_no_out;
    bool is_in_place;                 // the state takes the place of the past
    bool is_past_shared;              // one past for all of the batch, by stride 0
    double mean;                      // of q and k, whose deviation is 1
    bool has_nan_key;                 // the middle key holds NaN, the next value infinity
    bool is_head_major, is_unaligned; // the sums too, as far as their axes allow
    uint32_t row_gap;
    uint32_t check_step; // only each n-th query is compared; 0: all
};

extern const struct linear_case linear_cases[]; // ended by a row without a name

struct linear_run;

// As case_operator.prepare, for any case.
struct linear_run *linear_prepare(struct session *session, const struct linear_case *row,
                                  const struct case_dtypes *dtypes, uint64_t seed,
                                  struct result *result);
const struct gyre_linear_attention_params *linear_run_params(const struct linear_run *run);
enum gyre_status linear_run_enqueue(struct linear_run *run);
void linear_run_check(struct linear_run *run, struct result *result);
void linear_run_destroy(struct linear_run *run);

#endif
