// SPDX-License-Identifier: MIT
// Cases of gyre_rope. Zero is the default of every field.
#ifndef CASES_ROPE_H
#define CASES_ROPE_H

#include <gyre/rope.h>

#include "cases/cases.h"
#include "oracle/rope.h"

// Shape of the tensor of positions, beside its axes.
enum rope_positions {
    ROPE_POSITIONS_NONE = 0,  // start + token
    ROPE_POSITIONS_ONE,       // one number for everything
    ROPE_POSITIONS_STARTS,    // one number per batch element
    ROPE_POSITIONS_SHARED,    // a row of tokens
    ROPE_POSITIONS_PER_BATCH, // a row of tokens per batch element
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
    enum gyre_rope_axes axes;
    uint32_t sections[GYRE_ROPE_MAX_AXES];
    uint32_t
        n_mixed_axes; // the pairs follow so many axes at random, instead of `axes`; 0: they do not
    enum gyre_rope_direction direction;
    int32_t start;
    enum rope_positions positions;
    bool is_anywhere;  // positions from all of 32 bits; else small, negative and repeated ones
    bool has_one_axis; // one coordinate for all axes
    bool are_positions_i64;
    // A cache of so many random cosines and sines gives the angles; 0: the table does.
    uint32_t n_cached;
    enum gyre_dtype cache_dtype;
    bool is_cache_per_batch;
    double magnitude; // deviation of the elements; 0: 1
    bool is_unit;     // every pair is (1, 0): the results are the cosines and sines
    // How the tensors lie, those of positions and of the cache too.
    bool is_in_place, is_head_major, is_unaligned;
    uint32_t row_gap;
};

extern const struct rope_case rope_cases[]; // ended by a row without a name

// Bounds of one rotated head: half a unit in the last place plus 2^-21 of the pair's norm; elements
// that pass through are exact. The angle's own part is at most 2^-22 (which rows with is_unit hold
// to), the rest is f32 arithmetic. Where NaN is wanted, only NaN will do.
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
