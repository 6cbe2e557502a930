// SPDX-License-Identifier: MIT
// The promise of gyre/rope.h: cosine and sine of every pair within 2^-22, at any 32-bit position,
// on every device. Pairs (1, 0) are rotated, which leaves (cos, sin).
#include <math.h>
#include <stdlib.h>

#include "data/folder.h"
#include "data/rope_file.h"
#include "harness/compare.h"
#include "on_devices.h"
#include "oracle/rope.h"
#include "rope_device.h"

static const int32_t positions[] = {
    0,  1,     4095,    131071,     1 << 20,        (1 << 24) + 1, INT32_MAX,
    -1, -4095, -131071, -(1 << 20), -(1 << 24) - 1, INT32_MIN,
};
enum { N_POSITIONS = sizeof(positions) / sizeof(positions[0]) };

// Frequencies of pairs that are (j, j + n), at some positions.
struct angles {
    size_t n, n_positions;
    const double *inv_freq;   // (n)
    const int32_t *positions; // (n_positions)
    double *x, *y;            // (n_positions, 2n)
};

static void compare_angles(const struct angles *angles, struct result *result)
{
    size_t n = angles->n, n_positions = angles->n_positions, n_all = n_positions * 2 * n;
    double *want = malloc(n_all * sizeof(*want)), *bound = malloc(n_all * sizeof(*bound));
    const struct oracle_rope rope = {
        .head_dim = 2 * n, .rotary_dim = 2 * n, .inv_freq = angles->inv_freq};
    struct comparison comparison = {
        .name = "angles", .shape = {1, n_positions, 2, n}, .got = angles->y, .want = want};
    for (size_t i = 0; i < n_positions; i++)
        oracle_rope_angles(&rope, &(int64_t){angles->positions[i]}, want + i * 2 * n,
                           want + i * 2 * n + n);
    for (size_t i = 0; i < n_all; i++)
        bound[i] = 0x1p-22;
    compare_each(&comparison, bound, result);
    free(want);
    free(bound);
}

// Holds frequencies to the bound. x and y are made here.
static void check_angles(struct session *session, struct angles angles, struct result *result)
{
    size_t n = angles.n;
    const struct gyre_rope_config config = {.head_dim = (uint32_t)(2 * n),
                                            .inv_freq = angles.inv_freq};
    angles.x = calloc(angles.n_positions * 2 * n, sizeof(*angles.x));
    angles.y = calloc(angles.n_positions * 2 * n, sizeof(*angles.y));
    cr_assert(angles.x != NULL && angles.y != NULL);
    for (size_t i = 0; i < angles.n_positions; i++)
        for (size_t j = 0; j < n; j++)
            angles.x[i * 2 * n + j] = 1;
    if (rope_on_device(session, &config, GYRE_ROPE_FORWARD, angles.positions, angles.n_positions,
                       angles.x, angles.y, result))
        compare_angles(&angles, result);
    free(angles.x);
    free(angles.y);
}

// The same at the positions that the promise is about.
static void check_frequencies(struct session *session, const double *inv_freq, size_t n,
                              struct result *result)
{
    const struct angles angles = {
        .n = n, .n_positions = N_POSITIONS, .inv_freq = inv_freq, .positions = positions};
    check_angles(session, angles, result);
}

// --- gyre's own frequencies

static void check_own(struct session *session, const void *context, struct tally *tally)
{
    const double thetas[] = {10000, 500000, 1e6, 5e6, 1.5};
    (void)context;
    for (size_t i = 0; i < sizeof(thetas) / sizeof(thetas[0]); i++) {
        const struct gyre_rope_config config = {.head_dim = 128, .theta = thetas[i]};
        struct result result = {.outcome = OUTCOME_PASS};
        double inv_freq[64];
        cr_assert(gyre_rope_resolve(&config, NULL, NULL, inv_freq, NULL) == GYRE_OK);
        check_frequencies(session, inv_freq, 64, &result);
        report(session, "own frequencies", &result, tally);
    }
}

static void run_own(enum gyre_backend_kind backend)
{
    run_on_devices(backend, check_own, NULL, 5);
}

TEST_EACH_BACKEND(own_angles, run_own)

// --- all around the circle

// A position is a 2^-32nd of a turn to pair 0, and a little more to each next one, so that the
// polynomials are seen at some 260,000 angles, everywhere.
static void check_circle(struct session *session, const void *context, struct tally *tally)
{
    enum { N_PAIRS = 64, N_AROUND = 4096 };
    static int32_t around[N_AROUND];
    const double two_pi = 6.283185307179586;
    struct result result = {.outcome = OUTCOME_PASS};
    double inv_freq[N_PAIRS];
    (void)context;
    for (size_t j = 0; j < N_PAIRS; j++)
        inv_freq[j] = two_pi * 0x1p-32 * (1 + (double)j / (2 * N_PAIRS));
    for (uint32_t i = 0; i < N_AROUND; i++)
        around[i] = (int32_t)(i * (0xffffffffu / N_AROUND) + 17 * i);
    const struct angles angles = {
        .n = N_PAIRS, .n_positions = N_AROUND, .inv_freq = inv_freq, .positions = around};
    check_angles(session, angles, &result);
    report(session, "all around the circle", &result, tally);
}

static void run_circle(enum gyre_backend_kind backend)
{
    run_on_devices(backend, check_circle, NULL, 1);
}

TEST_EACH_BACKEND(circle_angles, run_circle)

// --- published models

static void check_published(struct session *session, const void *context, struct tally *tally)
{
    glob_t found;
    (void)context;
    if (!data_find("rope/*.txt", &found))
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct result result = {.outcome = OUTCOME_PASS};
        struct rope_file *file = rope_file_read(found.gl_pathv[i]);
        if (file != NULL)
            check_frequencies(session, file->inv_freq, file->rope.rotary_dim / 2, &result);
        else
            result_fail(&result, "makes no sense");
        report(session, found.gl_pathv[i], &result, tally);
        free(file);
    }
    globfree(&found);
}

static void run_published(enum gyre_backend_kind backend)
{
    if (!data_is_there())
        skip_test("no published frequencies: no folder", data_dir());
    run_on_devices(backend, check_published, NULL, 1);
}

TEST_EACH_BACKEND(published_angles, run_published)
