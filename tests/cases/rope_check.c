// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases/rope_run.h"
#include "harness/compare.h"

// --- angles

// Position of a token on an axis, as the header says.
static int64_t position_of(const struct rope_run *run, size_t axis, size_t b, size_t token)
{
    const struct rope_case *row = &run->row;
    const uint64_t *shape = run->positions.layout.shape;
    int64_t counted = row->direction == GYRE_ROPE_SHIFT ? 0 : (int64_t)token;
    if (row->positions == ROPE_POSITIONS_NONE)
        return row->start + counted;
    size_t at = shape[1] == 1 ? 0 : axis;
    at = at * shape[2] + (shape[2] == 1 ? 0 : b);
    at = at * shape[3] + (shape[3] == 1 ? 0 : token);
    int64_t sum = row->start + (int64_t)run->positions.values[at];
    if (row->positions == ROPE_POSITIONS_STARTS || row->positions == ROPE_POSITIONS_ONE)
        sum += counted;
    return sum - ((sum + INT64_C(0x80000000)) >> 32 << 32); // modulo 2^32, nearest 0
}

static void table_angles(const struct rope_run *run, size_t b, size_t token, double *cosines,
                         double *sines)
{
    struct oracle_rope rope = rope_oracle_of(run);
    int64_t position[GYRE_ROPE_MAX_AXES] = {0};
    for (size_t axis = 0; axis < run->n_axes; axis++)
        position[axis] = position_of(run, axis, b, token);
    oracle_rope_angles(&rope, position, cosines, sines);
}

// What the cache holds is the cosine times the amplitude.
static void cached_angles(const struct rope_run *run, size_t b, size_t token, double *cosines,
                          double *sines)
{
    const struct rope_case *row = &run->row;
    size_t n_pairs = row->rotary_dim / 2, batch = row->is_cache_per_batch ? b : 0;
    int64_t position = position_of(run, 0, b, token);
    bool is_inside = position >= 0 && position < row->n_cached;
    size_t n_rows = (size_t)run->cos.layout.shape[2];
    size_t at = (batch * n_rows + (is_inside ? (size_t)position : 0)) * n_pairs;
    for (size_t j = 0; j < n_pairs; j++) {
        cosines[j] = is_inside ? run->cos.values[at + j] / row->amplitude : NAN;
        sines[j] = is_inside ? run->sin.values[at + j] / row->amplitude : NAN;
    }
}

// Factors on the cosine and the sine part of a direction.
static void factors_of(const struct rope_case *row, double *cos_factor, double *sin_factor)
{
    static const double sin_sign[] = {
        [GYRE_ROPE_FORWARD] = 1, [GYRE_ROPE_TRANSPOSE] = -1,    [GYRE_ROPE_INVERSE] = -1,
        [GYRE_ROPE_SHIFT] = 1,   [GYRE_ROPE_ADD_SINUSOIDS] = 1,
    };
    *cos_factor = row->amplitude;
    if (row->direction == GYRE_ROPE_INVERSE)
        *cos_factor = 1 / row->amplitude;
    if (row->direction == GYRE_ROPE_SHIFT)
        *cos_factor = 1;
    *sin_factor = *cos_factor * sin_sign[row->direction];
}

// With the direction's factors.
static void angles_of(const struct rope_run *run, size_t b, size_t token, double *cosines,
                      double *sines)
{
    double cos_factor, sin_factor;
    factors_of(&run->row, &cos_factor, &sin_factor);
    if (run->row.n_cached != 0)
        cached_angles(run, b, token, cosines, sines);
    else
        table_angles(run, b, token, cosines, sines);
    for (size_t j = 0; j < run->row.rotary_dim / 2; j++) {
        cosines[j] *= cos_factor;
        sines[j] *= sin_factor;
    }
}

// --- bounds

static double bound_of(enum gyre_dtype dtype, double want, double slack)
{
    return isnan(want) ? 0 : bounds_half_ulp(dtype, fabs(want) + slack) + slack;
}

void rope_bounds(const struct oracle_rope *rope, enum gyre_dtype dtype, const double *want,
                 double *bound)
{
    memset(bound, 0, rope->head_dim * sizeof(*bound));
    for (size_t j = 0; j < rope->rotary_dim / 2; j++) {
        size_t a, b;
        oracle_rope_pair(rope, j, &a, &b);
        double slack = 0x1p-21 * hypot(want[a], want[b]);
        bound[a] = bound_of(dtype, want[a], slack);
        bound[b] = bound_of(dtype, want[b], slack);
    }
}

// Sinusoids that were added: half a unit in the last place, 2^-21 of their norm, and for narrow
// dtypes the rounding of the sum to f32.
static void sum_bounds(const struct oracle_rope *rope, enum gyre_dtype dtype, const double *cosines,
                       const double *sines, const double *want, double *bound)
{
    memset(bound, 0, rope->head_dim * sizeof(*bound));
    for (size_t j = 0; j < rope->rotary_dim / 2; j++) {
        size_t pair[2];
        oracle_rope_pair(rope, j, &pair[0], &pair[1]);
        for (int i = 0; i < 2; i++) {
            double x = want[pair[i]], slack = 0x1p-21 * hypot(cosines[j], sines[j]);
            if (dtype != GYRE_F32 && !isnan(x))
                slack += bounds_half_ulp(GYRE_F32, x);
            bound[pair[i]] = bound_of(dtype, x, slack);
        }
    }
}

// Cosines and sines themselves.
static void set_unit_bounds(const struct rope_case *row, double *bound)
{
    for (size_t i = 0; i < row->head_dim; i++)
        bound[i] = 0x1p-22;
}

// --- comparison

// What a head of `before` should become, and how far each element may be off.
static void expect_head(const struct rope_run *run, enum gyre_dtype dtype, const double *cosines,
                        const double *sines, const double *before, double *want, double *bound)
{
    struct oracle_rope rope = rope_oracle_of(run);
    if (run->row.direction == GYRE_ROPE_ADD_SINUSOIDS) {
        oracle_rope_add(&rope, cosines, sines, before, want);
        sum_bounds(&rope, dtype, cosines, sines, want, bound);
        return;
    }
    oracle_rope_rotate(&rope, cosines, sines, before, want);
    if (run->row.is_unit)
        set_unit_bounds(&run->row, bound);
    else
        rope_bounds(&rope, dtype, want, bound);
}

// `angles`: room for the cosines and sines of a token.
static void expect(const struct rope_run *run, const struct rope_tensor *tensor, double *angles,
                   double *want, double *bound)
{
    const struct guarded_layout *layout = &tensor->in.layout;
    double *cosines = angles, *sines = angles + run->row.rotary_dim / 2;
    size_t at = 0;
    for (size_t b = 0; b < layout->shape[0]; b++)
        for (size_t token = 0; token < layout->shape[1]; token++) {
            angles_of(run, b, token, cosines, sines);
            for (size_t h = 0; h < layout->shape[2]; h++, at += run->row.head_dim)
                expect_head(run, layout->dtype, cosines, sines, tensor->before + at, want + at,
                            bound + at);
        }
}

static void check_tensor(struct rope_run *run, struct rope_tensor *tensor, struct result *result)
{
    struct guarded *written = run->row.is_in_place ? &tensor->in : &tensor->out;
    size_t n = guarded_count(&tensor->in);
    double *want = malloc((n + 1) * sizeof(*want)), *bound = malloc((n + 1) * sizeof(*bound));
    double *angles = malloc(run->row.rotary_dim * sizeof(*angles));
    guarded_read(run->session, &tensor->in, result);
    if (written != &tensor->in)
        guarded_read(run->session, written, result);
    if (want != NULL && bound != NULL && angles != NULL) {
        struct comparison comparison = {
            .name = written->name, .got = written->values, .want = want};
        memcpy(comparison.shape, written->layout.shape, sizeof(comparison.shape));
        expect(run, tensor, angles, want, bound);
        compare_each(&comparison, bound, result);
    } else {
        result_fail(result, "no memory for %zu reference values", n);
    }
    free(want);
    free(bound);
    free(angles);
}

void rope_run_check(struct rope_run *run, struct result *result)
{
    struct guarded *inputs[] = {&run->positions, &run->cos, &run->sin};
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
        if (inputs[i]->image != NULL)
            guarded_read(run->session, inputs[i], result);
    check_tensor(run, &run->q, result);
    if (run->row.n_k_heads != 0)
        check_tensor(run, &run->k, result);
}
