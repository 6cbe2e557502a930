// SPDX-License-Identifier: MIT
// Cases of gyre_rope. Zero is the default of every field.
#ifndef CASES_ROPE_H
#define CASES_ROPE_H

#include <gyre/rope.h>

#include "cases/cases.h"
#include "oracle/rope.h"

enum rope_positions {
    ROPE_POSITIONS_NONE = 0,  // start + token
    ROPE_POSITIONS_SHARED,    // a tensor of one row: small, negative and repeated
    ROPE_POSITIONS_PER_BATCH, // a row per batch element
    ROPE_POSITIONS_ANYWHERE,  // anywhere in 32 bits
};

struct rope_case {
    const char *name;
    unsigned dtypes;                     // CASE_* bits
    uint32_t n_batch, n_tokens, n_heads; // n_batch 0: 1
    uint32_t n_k_heads;                  // 0: no k
    uint32_t head_dim, rotary_dim, rotary_offset;
    enum gyre_rope_pairing pairing;
    double theta, amplitude;
    bool has_inv_freq; // the frequencies are given, not the base
    enum gyre_rope_direction direction;
    int32_t start;
    enum rope_positions positions;
    double magnitude; // deviation of the elements; 0: 1
    bool is_unit;     // every pair is (1, 0): the results are the cosines and sines
    bool is_in_place, is_head_major, is_unaligned;
    uint32_t row_gap;
};

extern const struct rope_case rope_cases[]; // ended by a row without a name

// Bounds of one rotated head: half a unit in the last place plus 2^-21 of the pair's norm; elements
// that pass through are exact. The angle's own part is at most 2^-22 (which rows with is_unit hold
// to), the rest is f32 arithmetic.
void rope_bounds(const struct oracle_rope *rope, enum gyre_dtype dtype, const double *want,
                 double *bound); // (head_dim) each

struct rope_run;

// As case_operator.prepare, for any case.
struct rope_run *rope_prepare(struct session *session, const struct rope_case *row,
                              enum gyre_dtype dtype, uint64_t seed, struct result *result);
const struct gyre_rope_params *rope_run_params(const struct rope_run *run);
enum gyre_status rope_run_enqueue(struct rope_run *run);
void rope_run_check(struct rope_run *run, struct result *result);
void rope_run_destroy(struct rope_run *run);

#endif
