// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/rope_run.h"
#include "harness/compare.h"

struct oracle_rope rope_oracle_of(const struct rope_case *row, const double *inv_freq)
{
    return (struct oracle_rope){
        .head_dim = row->head_dim,
        .rotary_dim = row->rotary_dim,
        .rotary_offset = row->rotary_offset,
        .is_interleaved = row->pairing == GYRE_ROPE_INTERLEAVED,
        .inv_freq = inv_freq,
    };
}

// Position of a token as the definition says; an int64_t never wraps.
static int64_t position_of(const struct rope_run *run, size_t b, size_t token)
{
    const struct rope_case *row = &run->row;
    if (row->direction == GYRE_ROPE_SHIFT)
        return row->start;
    if (row->positions == ROPE_POSITIONS_NONE)
        return row->start + (int64_t)token;
    size_t index = row->positions == ROPE_POSITIONS_SHARED ? 0 : b;
    return row->start + (int64_t)run->positions.values[index * row->n_tokens + token];
}

// Factors on the cosine and the sine part of a direction.
static void factors_of(const struct rope_case *row, double *cos_factor, double *sin_factor)
{
    static const double sin_sign[] = {
        [GYRE_ROPE_FORWARD] = 1,
        [GYRE_ROPE_TRANSPOSE] = -1,
        [GYRE_ROPE_INVERSE] = -1,
        [GYRE_ROPE_SHIFT] = 1,
    };
    *cos_factor = row->amplitude;
    if (row->direction == GYRE_ROPE_INVERSE)
        *cos_factor = 1 / row->amplitude;
    if (row->direction == GYRE_ROPE_SHIFT)
        *cos_factor = 1;
    *sin_factor = *cos_factor * sin_sign[row->direction];
}

void rope_bounds(const struct oracle_rope *rope, enum gyre_dtype dtype, const double *want,
                 double *bound)
{
    memset(bound, 0, rope->head_dim * sizeof(*bound));
    for (size_t j = 0; j < rope->rotary_dim / 2; j++) {
        size_t a, b;
        oracle_rope_pair(rope, j, &a, &b);
        double slack = 0x1p-21 * hypot(want[a], want[b]);
        bound[a] = bounds_half_ulp(dtype, fabs(want[a]) + slack) + slack;
        bound[b] = bounds_half_ulp(dtype, fabs(want[b]) + slack) + slack;
    }
}

// Cosines and sines themselves: 2^-22, and half a unit in the last place of an f32 below 1.
static void set_unit_bounds(const struct rope_case *row, double *bound)
{
    for (size_t i = 0; i < row->head_dim; i++)
        bound[i] = 0x1p-22 + 0x1p-25;
}

// What the tensor should hold, and how far each element may be off.
static void expect(const struct rope_run *run, const struct rope_tensor *tensor, double *want,
                   double *bound)
{
    const struct rope_case *row = &run->row;
    const uint64_t *shape = tensor->in.layout.shape;
    struct oracle_rope rope = rope_oracle_of(row, run->inv_freq);
    double cos_factor, sin_factor;
    factors_of(row, &cos_factor, &sin_factor);
    size_t at = 0;
    for (size_t b = 0; b < shape[0]; b++)
        for (size_t token = 0; token < shape[1]; token++)
            for (size_t h = 0; h < shape[2]; h++, at += row->head_dim) {
                oracle_rope_head(&rope, position_of(run, b, token), cos_factor, sin_factor,
                                 tensor->before + at, want + at);
                if (row->is_unit)
                    set_unit_bounds(row, bound + at);
                else
                    rope_bounds(&rope, tensor->in.layout.dtype, want + at, bound + at);
            }
}

static void check_tensor(struct rope_run *run, struct rope_tensor *tensor, struct result *result)
{
    struct guarded *written = run->row.is_in_place ? &tensor->in : &tensor->out;
    size_t n = guarded_count(&tensor->in);
    double *want = malloc((n + 1) * sizeof(*want)), *bound = malloc((n + 1) * sizeof(*bound));
    guarded_read(run->session, &tensor->in, result);
    if (written != &tensor->in)
        guarded_read(run->session, written, result);
    if (want != NULL && bound != NULL) {
        struct comparison comparison = {
            .name = written->name, .got = written->values, .want = want};
        memcpy(comparison.shape, written->layout.shape, sizeof(comparison.shape));
        expect(run, tensor, want, bound);
        compare_each(&comparison, bound, result);
    } else {
        result_fail(result, "no memory for %zu reference values", n);
    }
    free(want);
    free(bound);
}

void rope_run_check(struct rope_run *run, struct result *result)
{
    if (run->row.positions != ROPE_POSITIONS_NONE)
        guarded_read(run->session, &run->positions, result);
    check_tensor(run, &run->q, result);
    if (run->row.n_k_heads != 0)
        check_tensor(run, &run->k, result);
}
