// SPDX-License-Identifier: MIT
// The harness itself: what it must notice, planted.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "harness/compare.h"
#include "harness/fill.h"
#include "harness/guarded.h"

enum { N = 2 * 3 * 4 * 5 };

static void fill_pair(double *got, double *want)
{
    fill_normals(1, want, N);
    memcpy(got, want, N * sizeof(*got));
}

static struct result compare(const double *got, const double *want)
{
    struct comparison comparison = {"out", {2, 3, 4, 5}, got, want};
    struct result result = {.outcome = OUTCOME_PASS};
    compare_whole(&comparison, bounds_of_sums(GYRE_F32), compare_scale(want, N), &result);
    return result;
}

Test(compare, equal_passes_and_one_wrong_element_fails)
{
    double got[N], want[N];
    fill_pair(got, want);
    cr_assert(compare(got, want).outcome == OUTCOME_PASS);
    got[((1 * 3 + 2) * 4 + 0) * 5 + 3] += 1e-3;
    struct result result = compare(got, want);
    cr_assert(result.outcome == OUTCOME_FAIL);
    cr_assert(strstr(result.text, "out[1, 2, 0, 3] of (2, 3, 4, 5)") != NULL, "%s", result.text);
}

// Errors that are small everywhere, but everywhere.
Test(compare, relative_rms_is_held)
{
    double got[N], want[N];
    fill_pair(got, want);
    for (size_t i = 0; i < N; i++)
        got[i] *= 1 + 3e-6;
    struct result result = compare(got, want);
    cr_assert(result.outcome == OUTCOME_FAIL && strstr(result.text, "RMS") != NULL);
}

Test(compare, nan_and_infinity_must_meet_their_like)
{
    static const struct {
        double got, want;
        enum outcome outcome;
    } rows[] = {
        {NAN, NAN, OUTCOME_PASS},
        {NAN, 0, OUTCOME_FAIL},
        {0, NAN, OUTCOME_FAIL},
        {INFINITY, INFINITY, OUTCOME_PASS},
        {INFINITY, -INFINITY, OUTCOME_FAIL},
        {1e30, INFINITY, OUTCOME_FAIL},
        {INFINITY, 1, OUTCOME_FAIL},
    };
    double got[N], want[N];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fill_pair(got, want);
        got[7] = rows[i].got;
        want[7] = rows[i].want;
        cr_assert(compare(got, want).outcome == rows[i].outcome, "row %zu", i);
    }
}

// A reference of zeros admits nothing else.
Test(compare, zeros_are_zeros)
{
    double got[N] = {0}, want[N] = {0};
    cr_assert(compare(got, want).outcome == OUTCOME_PASS);
    got[5] = 1e-30;
    cr_assert(compare(got, want).outcome == OUTCOME_FAIL);
}

Test(compare, half_ulps)
{
    cr_assert(bounds_half_ulp(GYRE_F32, 1) == 0x1p-24);
    cr_assert(bounds_half_ulp(GYRE_F16, 1.5) == 0x1p-11);
    cr_assert(bounds_half_ulp(GYRE_BF16, -2) == 0x1p-7);
    cr_assert(bounds_half_ulp(GYRE_F16, 0) == 0x1p-25); // subnormals
}

// --- guarded tensors, on the CPU device

static void make(struct session *session, enum guarded_use use, struct guarded *guarded)
{
    double values[N];
    struct guarded_layout layout = {
        .dtype = GYRE_F16, .use = use, .shape = {2, 3, 4, 5}, .is_head_major = true, .row_gap = 2};
    fill_normals(2, values, N);
    cr_assert(session_open(session, "cpu") == GYRE_OK);
    cr_assert(guarded_create(session, "x", &layout, use == GUARDED_OUTPUT ? NULL : values,
                             guarded) == GYRE_OK);
}

// How reading ends after this byte of the buffer was written.
static enum outcome outcome_after_write(enum guarded_use use, int64_t from_start)
{
    struct session session;
    struct guarded guarded;
    struct result result = {.outcome = OUTCOME_PASS};
    uint8_t byte = 0x12;
    make(&session, use, &guarded);
    cr_assert(gyre_buffer_write(session.stream, guarded.tensor.buffer,
                                guarded.tensor.offset + (uint64_t)from_start, 1, &byte) == GYRE_OK);
    guarded_read(&session, &guarded, &result);
    guarded_destroy(&guarded);
    session_close(&session);
    return result.outcome;
}

Test(guarded, writes_where_nothing_may_be_written_are_seen)
{
    const int64_t end = 2 * 3 * 4 * (5 + 2) * 2; // bytes, gaps included
    cr_assert(outcome_after_write(GUARDED_OUTPUT, -1) == OUTCOME_FAIL);
    cr_assert(outcome_after_write(GUARDED_OUTPUT, end) == OUTCOME_FAIL);
    cr_assert(outcome_after_write(GUARDED_OUTPUT, 5 * 2) == OUTCOME_FAIL); // a gap
    cr_assert(outcome_after_write(GUARDED_OUTPUT, 4 * 2) == OUTCOME_PASS);
    cr_assert(outcome_after_write(GUARDED_INOUT, 4 * 2) == OUTCOME_PASS);
    cr_assert(outcome_after_write(GUARDED_INOUT, -7) == OUTCOME_FAIL);
    cr_assert(outcome_after_write(GUARDED_INPUT, 4 * 2) == OUTCOME_FAIL);
    cr_assert(outcome_after_write(GUARDED_INPUT, end) == OUTCOME_FAIL);
}

Test(guarded, what_no_one_wrote_is_nan)
{
    struct session session;
    struct guarded guarded;
    struct result result = {.outcome = OUTCOME_PASS};
    make(&session, GUARDED_OUTPUT, &guarded);
    guarded_read(&session, &guarded, &result);
    cr_assert(result.outcome == OUTCOME_PASS);
    for (size_t i = 0; i < guarded_count(&guarded); i++)
        cr_assert(isnan(guarded.values[i]));
    guarded_destroy(&guarded);
    session_close(&session);
}

// The order of axes is (0, 1, 2, 3) for the reader, whatever it is in memory.
Test(guarded, strides_and_values_agree)
{
    struct session session;
    struct guarded guarded;
    double value;
    make(&session, GUARDED_INPUT, &guarded);
    const uint64_t *stride = guarded.tensor.stride;
    cr_assert(stride[0] == 3 * 4 * 7 && stride[1] == 7 && stride[2] == 3 * 7 && stride[3] == 1);
    uint64_t at = guarded.tensor.offset + 2 * (1 * stride[0] + 2 * stride[1] + 3 * stride[2] + 4);
    gyre_dtype_to_double(GYRE_F16, guarded.image + at, &value, 1);
    cr_assert(value == guarded.values[((1 * 3 + 2) * 4 + 3) * 5 + 4]);
    guarded_destroy(&guarded);
    session_close(&session);
}

Test(fill, is_a_function_of_seed_and_index)
{
    double a[64], b[64], sum = 0, squares = 0;
    fill_normals(9, a, 64);
    fill_normals(9, b, 32);
    cr_assert(memcmp(a, b, 32 * sizeof(*a)) == 0);
    fill_normals(10, b, 64);
    cr_assert(memcmp(a, b, 64 * sizeof(*a)) != 0);
    cr_assert(fill_seed(1, "q") != fill_seed(1, "k"));
    for (uint64_t i = 0; i < 4096; i++) {
        double x;
        fill_normals(fill_bits(3, i), &x, 1);
        sum += x / 4096;
        squares += x * x / 4096;
    }
    cr_assert(fabs(sum) < 0.1 && fabs(squares - 1) < 0.1);
}

Test(result, skips_do_not_suffice)
{
    struct tally tally = {0};
    struct result result = {.outcome = OUTCOME_SKIP};
    for (int i = 0; i < 5; i++)
        tally_add(&tally, &result);
    cr_assert(!tally_suffices(&tally, 1));
    result.outcome = OUTCOME_PASS;
    tally_add(&tally, &result);
    cr_assert(tally_suffices(&tally, 1) && !tally_suffices(&tally, 2));
    result_fail(&result, "one");
    tally_add(&tally, &result);
    cr_assert(!tally_suffices(&tally, 1));
}

Test(result, the_first_failure_stays)
{
    struct result result = {.outcome = OUTCOME_PASS};
    result_fail(&result, "first %d", 1);
    result_fail(&result, "second");
    result_skip(&result, "third");
    cr_assert(result.outcome == OUTCOME_FAIL && strcmp(result.text, "first 1") == 0);
}
