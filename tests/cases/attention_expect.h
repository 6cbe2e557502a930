// SPDX-License-Identifier: MIT
// What the results of a case of attention should be.
#ifndef CASES_ATTENTION_EXPECT_H
#define CASES_ATTENTION_EXPECT_H

#include "cases/attention_run.h"
#include "oracle/attention.h"

// Dense, and NaN where the operator leaves things as they are.
struct attention_expected {
    double *out;    // (batch, query, head, v_dim)
    double *lse;    // (batch, head, query)
    double *slack;  // (batch, head, query): by how much scores may be off besides; 0 in f32
    double *scores; // (batch, head, query, key)
    double *sums;   // (batch, head, key): of probabilities, without what was there before
    double *n_sums; // (batch, head, key): how many queries see the key; NaN: not written
    double *v;      // (batch, key, head, v_dim)
    // Of one sequence.
    double *q, *k; // (query, head, head_dim), (key, head, head_dim): as they enter the products
    double *mask;  // (head, query, key), what is added; NULL: none
    double *relative;
    int32_t *k_positions; // (key); NULL: key j stands at j
    double *angles;
    double *row[ORACLE_N_STAGES];
};

// False without memory. Destroyed either way.
bool attention_expect(const struct attention_run *run, struct attention_expected *expected);
void attention_expected_free(struct attention_expected *expected);

#endif
