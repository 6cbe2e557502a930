// SPDX-License-Identifier: MIT
// The smallest attention: one query of one head over KEYS keys, for facts about the reference.
#ifndef GYRE_TESTS_ONE_QUERY_H
#define GYRE_TESTS_ONE_QUERY_H

#include "harness/fill.h"
#include "oracle/attention.h"

enum { DIM = 16, KEYS = 8 };

struct one_query {
    double q[DIM], k[KEYS * DIM], v[KEYS * DIM];
    double stages[ORACLE_N_STAGES][KEYS], out[DIM];
    struct oracle_attention definition;
    struct oracle_attention_row row;
};

static inline void one_query_make(struct one_query *f, uint64_t seed)
{
    fill_normals(fill_seed(seed, "q"), f->q, DIM);
    fill_normals(fill_seed(seed, "k"), f->k, KEYS * DIM);
    fill_normals(fill_seed(seed, "v"), f->v, KEYS * DIM);
    f->definition = (struct oracle_attention){
        .n_batch = 1,
        .q_len = 1,
        .kv_len = KEYS,
        .n_heads = 1,
        .n_kv_heads = 1,
        .head_dim = DIM,
        .v_dim = DIM,
        .q = f->q,
        .k = f->k,
        .v = f->v,
    };
    for (int stage = 0; stage < ORACLE_N_STAGES; stage++)
        f->row.scores[stage] = f->stages[stage];
    f->row.out = f->out;
}

#endif
