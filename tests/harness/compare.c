// SPDX-License-Identifier: MIT
#include "harness/compare.h"

#include <inttypes.h>
#include <math.h>

// Bits of the significand and smallest normal exponent of each storage type, and the bounds of
// sums, whose reasons are:
//   f32   about 20 (RMS) and 80 (largest) units of 2^-24: rounding of a running sum of some
//         thousand products, an exp2 of degree 5, and two rescalings
//   f16   storage rounds once, by at most 2^-11 of the value (4.9e-4), and by 1/sqrt(3) of that as
//         RMS (2.8e-4); near a tie the f32 error may push it the other way, hence twice 4.9e-4
//   bf16  likewise with 2^-8 (3.9e-3; 2.3e-3)
static const struct {
    int precision, min_exponent;
    struct bounds sums;
} dtypes[] = {
    [GYRE_F32] = {24, -126, {2e-6, 1e-5}},
    [GYRE_F16] = {11, -14, {3e-4, 1e-3}},
    [GYRE_BF16] = {8, -126, {2.5e-3, 8e-3}},
};

struct bounds bounds_of_sums(enum gyre_dtype dtype)
{
    return dtypes[dtype].sums;
}

double bounds_half_ulp(enum gyre_dtype dtype, double value)
{
    int exponent = value == 0 ? dtypes[dtype].min_exponent : ilogb(value);
    if (exponent < dtypes[dtype].min_exponent)
        exponent = dtypes[dtype].min_exponent;
    return ldexp(1, exponent - dtypes[dtype].precision);
}

double compare_scale(const double *x, size_t n)
{
    double scale = 0;
    for (size_t i = 0; i < n; i++)
        scale = isfinite(x[i]) ? fmax(scale, fabs(x[i])) : scale;
    return scale;
}

static size_t count_of(const struct comparison *c)
{
    return (size_t)(c->shape[0] * c->shape[1] * c->shape[2] * c->shape[3]);
}

// |got - want|; 0 for NaN that meets NaN and equal infinities, infinity for ones that do not.
static double error_at(const struct comparison *c, size_t i)
{
    double got = c->got[i], want = c->want[i];
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : INFINITY;
    return got == want ? 0 : fabs(got - want);
}

// "out[0, 3, 1, 5] of (1, 33, 4, 64): got ..., want ..., error ...".
static const char *describe(const struct comparison *c, size_t i, char text[256])
{
    const uint64_t *shape = c->shape;
    uint64_t at[4], rest = i;
    for (int axis = 3; axis >= 0; axis--) {
        at[axis] = rest % shape[axis];
        rest /= shape[axis];
    }
    snprintf(text, 256,
             "%s[%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 "] of (%" PRIu64 ", %" PRIu64
             ", %" PRIu64 ", %" PRIu64 "): got %.9g, want %.9g, error %.3g",
             c->name, at[0], at[1], at[2], at[3], shape[0], shape[1], shape[2], shape[3], c->got[i],
             c->want[i], error_at(c, i));
    return text;
}

void compare_each(const struct comparison *c, const double *bound, struct result *result)
{
    char text[256];
    size_t n = count_of(c);
    for (size_t i = 0; i < n; i++) {
        double error = error_at(c, i);
        if (error > 0 && bound[i] > 0)
            result->of_bound = fmax(result->of_bound, error / bound[i]);
        result->max = fmax(result->max, error);
        if (error > bound[i])
            result_fail(result, "%s, bound %.3g", describe(c, i, text), bound[i]);
    }
}

// Relative RMS error over elements that are finite in both.
static double relative_rms(const struct comparison *c)
{
    double errors = 0, wants = 0;
    size_t n = count_of(c);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(c->want[i]) || !isfinite(c->got[i]))
            continue;
        errors += (c->got[i] - c->want[i]) * (c->got[i] - c->want[i]);
        wants += c->want[i] * c->want[i];
    }
    return errors == 0 ? 0 : sqrt(errors / wants);
}

void compare_whole(const struct comparison *c, struct bounds bounds, double scale,
                   struct result *result)
{
    size_t n = count_of(c), worst = 0;
    double largest = 0;
    char text[256];
    for (size_t i = 0; i < n; i++) {
        double error = error_at(c, i);
        if (error > bounds.max * scale)
            result_fail(result, "%s, bound %.3g", describe(c, i, text), bounds.max * scale);
        worst = error > largest ? i : worst;
        largest = fmax(largest, error);
    }
    double rms = relative_rms(c);
    if (rms > bounds.rms)
        result_fail(result, "relative RMS error %.3g, bound %.3g, the worst at %s", rms, bounds.rms,
                    describe(c, worst, text));
    double max = scale > 0 ? largest / scale : largest;
    result->rms = fmax(result->rms, rms);
    result->max = fmax(result->max, max);
    result->of_bound = fmax(result->of_bound, fmax(rms / bounds.rms, max / bounds.max));
}
