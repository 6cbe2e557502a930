// SPDX-License-Identifier: MIT
// Cases of gyre_attention_merge. Zero is the default of every field.
#ifndef CASES_ATTENTION_MERGE_H
#define CASES_ATTENTION_MERGE_H

#include <gyre/attention_merge.h>

#include "cases/cases.h"

enum { MERGE_MAX_PARTS = 16 };

struct attention_merge_case {
    const char *name;
    unsigned dtypes;    // CASE_* bits: parts are stored as v
    bool has_f32_parts; // whatever the dtypes
    uint32_t n_batch;   // 0: 1
    uint32_t n_parts;   // 0: 2; at most MERGE_MAX_PARTS
    uint32_t q_len, n_heads, v_dim;
    double lse_scale; // deviation of the parts' LSE; 0: 1
    double lse_mean;
    bool has_empty;      // a third of the rows of every part saw nothing: -inf, and NaN in out
    bool has_empty_rows; // no part saw anything in each third row
    bool has_nan_lse;    // the middle row of the last part
    bool has_sinks;
    double sink; // mean of the sinks, whose deviation is 1
    bool has_lse, has_no_out;
    // One more than the part whose tensors the results are; 0: none.
    uint32_t out_in_place, lse_in_place;
    bool is_first_shared; // the first part is one sequence's, repeated over the batch by stride 0
    bool is_head_major, is_unaligned;
    uint32_t row_gap;
    bool is_mixed; // every part lies differently
};

extern const struct attention_merge_case attention_merge_cases[]; // ended by a row without a name

struct attention_merge_run;

// As case_operator.prepare, for any case.
struct attention_merge_run *attention_merge_prepare(struct session *session,
                                                    const struct attention_merge_case *row,
                                                    const struct case_dtypes *dtypes, uint64_t seed,
                                                    struct result *result);
const struct gyre_attention_merge_params *
attention_merge_run_params(const struct attention_merge_run *run);
enum gyre_status attention_merge_run_enqueue(struct attention_merge_run *run);
void attention_merge_run_check(struct attention_merge_run *run, struct result *result);
void attention_merge_run_destroy(struct attention_merge_run *run);

#endif
