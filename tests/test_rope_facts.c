// SPDX-License-Identifier: MIT
// Facts that RoFormer (arXiv 2104.09864) states of RoPE, whatever the numbers, held to on every
// device. What a device rotates may be off by 2^-21 of its pair's norm, and by f32's rounding.
#include <math.h>

#include "harness/fill.h"
#include "on_devices.h"
#include "rope_device.h"

enum { DIM = 128, N_PAIRS = DIM / 2, N = 8 };

static const double TOLERANCE = 0x1p-21 + 0x1p-23; // of the norm of a pair, per rotation
static const double AMPLITUDE = 1.25;

// Far and near positions, and distances that keep them in 32 bits.
static const int32_t positions[N] = {0,          1,   4095,       131071, (1 << 24) + 1,
                                     2000000000, -17, -2000000000};
static const int32_t distances[N] = {5, -1, -4096, 1000003, -(1 << 24), 147483647, 17, -147483648};

struct vectors {
    double at[N][DIM];
};

static struct vectors some_vectors(uint64_t seed)
{
    struct vectors v;
    fill_normals(seed, v.at[0], N * DIM);
    for (size_t i = 0; i < N; i++)
        for (size_t d = 0; d < DIM; d++)
            v.at[i][d] = (float)v.at[i][d]; // as devices see them
    return v;
}

// Vector i at `at[i]`, rotated with an attention factor.
static struct vectors turned(struct session *session, double factor,
                             enum gyre_rope_direction direction, const int32_t *at,
                             const struct vectors *x, struct result *result)
{
    struct vectors y = {{{0}}};
    const struct gyre_rope_config config = {.head_dim = DIM, .attention_factor = factor};
    rope_on_device(session, &config, direction, at, N, x->at[0], y.at[0], result);
    return y;
}

static double pair_norm(const double *x, size_t j)
{
    return hypot(x[j], x[j + N_PAIRS]);
}

static void expect(struct result *result, const char *what, size_t i, double got, double want,
                   double bound)
{
    if (!(fabs(got - want) <= bound))
        result_fail(result, "%s, vector %zu: got %.9g, want %.9g, bound %.3g", what, i, got, want,
                    bound);
    result->of_bound = fmax(result->of_bound, fabs(got - want) / bound);
}

// Each element of `got` within so many tolerances of its pair.
static void expect_same(struct result *result, const char *what, const struct vectors *got,
                        const struct vectors *want, double n_tolerances)
{
    for (size_t i = 0; i < N; i++)
        for (size_t d = 0; d < DIM; d++)
            expect(result, what, i, got->at[i][d], want->at[i][d],
                   n_tolerances * TOLERANCE * pair_norm(want->at[i], d % N_PAIRS));
}

static void norms_are_kept(struct session *session, struct result *result)
{
    const struct vectors x = some_vectors(1);
    struct vectors y = turned(session, 1, GYRE_ROPE_FORWARD, positions, &x, result);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N_PAIRS; j++) {
            double norm = pair_norm(x.at[i], j);
            expect(result, "norm", i, pair_norm(y.at[i], j), norm, 1.5 * TOLERANCE * norm);
        }
}

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (size_t d = 0; d < DIM; d++)
        sum += a[d] * b[d];
    return sum;
}

// g(q, k, m - n) of eq. 13 to 16, pair by pair: with complex numbers Re[q conj(k) e^(I (m - n)
// theta)]. The distance is short, so that plain double precision does.
static double score_at(const double *q, const double *k, double distance)
{
    double sum = 0;
    for (size_t j = 0; j < N_PAIRS; j++) {
        double angle = distance * pow(10000, -(double)j / N_PAIRS);
        double along = q[j] * k[j] + q[j + N_PAIRS] * k[j + N_PAIRS];
        double across = q[j] * k[j + N_PAIRS] - q[j + N_PAIRS] * k[j];
        sum += along * cos(angle) + across * sin(angle);
    }
    return sum;
}

static void scores_follow_the_paper(struct session *session, struct result *result)
{
    static const int32_t m[N] = {3,         0,         131071,    2000000000,
                                 INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN + 100};
    static const int32_t n[N] = {
        3, 40, 131064, 2000000007, INT32_MAX - 1, INT32_MAX - 250, INT32_MIN + 31, INT32_MIN};
    const struct vectors q = some_vectors(2), k = some_vectors(3);
    struct vectors at_m = turned(session, 1, GYRE_ROPE_FORWARD, m, &q, result);
    struct vectors at_n = turned(session, 1, GYRE_ROPE_FORWARD, n, &k, result);
    for (size_t i = 0; i < N; i++) {
        double norms = 0;
        for (size_t j = 0; j < N_PAIRS; j++)
            norms += pair_norm(q.at[i], j) * pair_norm(k.at[i], j);
        double want = score_at(q.at[i], k.at[i], (double)((int64_t)m[i] - n[i]));
        expect(result, "score", i, dot(at_m.at[i], at_n.at[i]), want, 3 * TOLERANCE * norms);
    }
}

static void transpose_undoes_a_rotation(struct session *session, struct result *result)
{
    const struct vectors x = some_vectors(4);
    struct vectors y = turned(session, 1, GYRE_ROPE_FORWARD, positions, &x, result);
    y = turned(session, 1, GYRE_ROPE_TRANSPOSE, positions, &y, result);
    expect_same(result, "R^T R x", &y, &x, 2);
}

static void inverse_undoes_an_amplitude_too(struct session *session, struct result *result)
{
    const struct vectors x = some_vectors(5);
    struct vectors y = turned(session, AMPLITUDE, GYRE_ROPE_FORWARD, positions, &x, result);
    y = turned(session, AMPLITUDE, GYRE_ROPE_INVERSE, positions, &y, result);
    expect_same(result, "R^-1 R x", &y, &x, 2);
}

// The rotation of cached keys by a distance is that of another position.
static void shift_moves_a_position(struct session *session, struct result *result)
{
    const struct vectors x = some_vectors(6);
    int32_t moved[N];
    for (size_t i = 0; i < N; i++)
        moved[i] = positions[i] + distances[i];
    struct vectors y = turned(session, AMPLITUDE, GYRE_ROPE_FORWARD, positions, &x, result);
    y = turned(session, AMPLITUDE, GYRE_ROPE_SHIFT, distances, &y, result);
    struct vectors want = turned(session, AMPLITUDE, GYRE_ROPE_FORWARD, moved, &x, result);
    expect_same(result, "shifted", &y, &want, 3);
}

// The gradient of y -> <R x, y> is R^T y: <R x, y> = <x, R^T y>.
static void transpose_is_the_gradient(struct session *session, struct result *result)
{
    const struct vectors x = some_vectors(7), y = some_vectors(8);
    struct vectors rx = turned(session, AMPLITUDE, GYRE_ROPE_FORWARD, positions, &x, result);
    struct vectors ry = turned(session, AMPLITUDE, GYRE_ROPE_TRANSPOSE, positions, &y, result);
    for (size_t i = 0; i < N; i++) {
        double norms = 0;
        for (size_t j = 0; j < N_PAIRS; j++)
            norms += AMPLITUDE * pair_norm(x.at[i], j) * pair_norm(y.at[i], j);
        expect(result, "<R x, y>", i, dot(rx.at[i], y.at[i]), dot(x.at[i], ry.at[i]),
               3 * TOLERANCE * norms);
    }
}

// arXiv 1706.03762, section 3.5: p[i, 2t] = sin(i / 10000^(2t / d)), p[i, 2t + 1] the cosine.
static void sinusoids_are_the_papers(struct session *session, struct result *result)
{
    static const int32_t tokens[N] = {0, 1, 2, 3, 17, 255, 511, 4095};
    const struct gyre_rope_config config = {.head_dim = DIM, .pairing = GYRE_ROPE_INTERLEAVED};
    const struct vectors zeros = {{{0}}};
    struct vectors y = zeros;
    if (!rope_on_device(session, &config, GYRE_ROPE_ADD_SINUSOIDS, tokens, N, zeros.at[0], y.at[0],
                        result))
        return;
    for (size_t i = 0; i < N; i++)
        for (size_t t = 0; t < N_PAIRS; t++) {
            double angle = tokens[i] / pow(10000, 2.0 * (double)t / DIM);
            expect(result, "sine", i, y.at[i][2 * t], sin(angle), 0x1p-22);
            expect(result, "cosine", i, y.at[i][2 * t + 1], cos(angle), 0x1p-22);
        }
}

static const struct {
    const char *name;
    void (*check)(struct session *session, struct result *result);
} facts[] = {
    {"norms are kept", norms_are_kept},
    {"scores follow the paper", scores_follow_the_paper},
    {"transpose undoes a rotation", transpose_undoes_a_rotation},
    {"inverse undoes an amplitude too", inverse_undoes_an_amplitude_too},
    {"shift moves a position", shift_moves_a_position},
    {"transpose is the gradient", transpose_is_the_gradient},
    {"sinusoids are the paper's", sinusoids_are_the_papers},
};
enum { N_FACTS = sizeof(facts) / sizeof(facts[0]) };

static void check_facts(struct session *session, const void *context, struct tally *tally)
{
    (void)context;
    for (size_t i = 0; i < N_FACTS; i++) {
        struct result result = {.outcome = OUTCOME_PASS};
        facts[i].check(session, &result);
        report(session, facts[i].name, &result, tally);
    }
}

static void run(enum gyre_backend_kind backend)
{
    run_on_devices(backend, check_facts, NULL, N_FACTS);
}

TEST_EACH_BACKEND(rope_facts, run)
