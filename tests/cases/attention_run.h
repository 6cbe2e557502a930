// SPDX-License-Identifier: MIT
// A prepared case of attention, shared by what makes it and what checks it.
#ifndef CASES_ATTENTION_RUN_H
#define CASES_ATTENTION_RUN_H

#include "cases/attention.h"
#include "harness/guarded.h"
#include "oracle/attention_packed.h"

struct attention_run {
    struct session *session;
    struct attention_case row; // defaults filled in
    struct case_dtypes dtypes;
    struct guarded q, k, v; // v is empty when it is in k
    struct guarded q2, k2;
    struct guarded mask; // axes that do not differ have length 1
    struct guarded lens, starts, cu_q_lens, cu_kv_lens, slopes, sinks;
    struct guarded k_positions, relative, q_coords, k_coords;
    struct guarded out, lse, scores, key_sums;
    double *sums_before; // what key_sums held, where they are added
    struct gyre_rope_table *table;
    struct gyre_rope_facts facts;
    double *inv_freq;    // (n_pairs)
    uint32_t *pair_axes; // (n_pairs)
    struct gyre_attention_params params;
};

// All tensors of a run, those that it lacks included.
enum { ATTENTION_N_TENSORS = 20 };
void attention_run_tensors(struct attention_run *run, struct guarded *all[ATTENTION_N_TENSORS]);

// Queries and keys of sequence b: where among all tokens they are.
struct oracle_span attention_queries_of(const struct attention_case *row, size_t b);
struct oracle_span attention_keys_of(const struct attention_case *row, size_t b);

// How many queries and keys the longest sequence may have.
uint32_t attention_most_queries(const struct attention_case *row);
uint32_t attention_most_keys(const struct attention_case *row);

// Makes every tensor of a run, whose session, row and dtypes are set. attention_make_extras: those
// besides q, k, v, the mask and the results.
enum gyre_status attention_run_make(struct attention_run *run, uint64_t seed);
enum gyre_status attention_make_extras(struct attention_run *run, uint64_t seed);

// Heads of q or k, or of their second parts: rounded, spoiled as the row says.
enum attention_part { ATTENTION_QUERIES, ATTENTION_KEYS, ATTENTION_VALUES };
enum gyre_status attention_make_heads(struct attention_run *run, const char *name,
                                      enum attention_part part, uint64_t n_heads, uint64_t dim,
                                      uint64_t seed, struct guarded *guarded);

#endif
