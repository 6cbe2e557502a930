// SPDX-License-Identifier: MIT
// Caches of cosines and sines that gyre fills: every number, and what devices make of them.
#include <math.h>

#include <gyre/rope.h>

#include "cases/rope.h"
#include "harness/compare.h"
#include "harness/fill.h"
#include "harness/guarded.h"
#include "on_devices.h"
#include "oracle/rope.h"

enum { DIM = 64, N_PAIRS = DIM / 2, N_POSITIONS = 40 };

static const struct gyre_rope_config configs[] = {
    {.head_dim = DIM},
    {.head_dim = DIM, .theta = 1e6, .kind = GYRE_ROPE_YARN, .factor = 4, .original_len = 32768},
    {.head_dim = DIM + 16, .rotary_dim = DIM, .rotary_offset = 8, .attention_factor = 0.3},
};
enum { N_CONFIGS = sizeof(configs) / sizeof(configs[0]) };

struct cache {
    double cosines[N_POSITIONS * N_PAIRS], sines[N_POSITIONS * N_PAIRS];
};

static void fill(const struct gyre_rope_config *config, int32_t first, enum gyre_dtype dtype,
                 struct cache *cache)
{
    float cosines[N_POSITIONS * N_PAIRS], sines[N_POSITIONS * N_PAIRS]; // room for every dtype
    cr_assert(gyre_rope_fill_cache(config, NULL, first, N_POSITIONS, dtype, cosines, sines) ==
              GYRE_OK);
    gyre_dtype_to_double(dtype, cosines, cache->cosines, N_POSITIONS * N_PAIRS);
    gyre_dtype_to_double(dtype, sines, cache->sines, N_POSITIONS * N_PAIRS);
}

// The reference is itself right to 2^-51.
static void assert_rounded_once(enum gyre_dtype dtype, double got, double want)
{
    cr_assert(fabs(got - want) <= bounds_half_ulp(dtype, want) + 0x1p-51,
              "%s: got %.17g, want %.17g", gyre_dtype_name(dtype), got, want);
}

static void check_numbers(const struct gyre_rope_config *config, int32_t first,
                          enum gyre_dtype dtype)
{
    double inv_freq[N_PAIRS];
    struct gyre_rope_facts facts;
    static struct cache cache;
    cr_assert(gyre_rope_resolve(config, NULL, &facts, inv_freq, NULL) == GYRE_OK);
    fill(config, first, dtype, &cache);
    for (size_t i = 0; i < N_POSITIONS; i++)
        for (size_t j = 0; j < N_PAIRS; j++) {
            double c, s, factor = facts.attention_factor;
            oracle_rope_cos_sin(inv_freq[j], first + (int64_t)i, &c, &s);
            assert_rounded_once(dtype, cache.cosines[i * N_PAIRS + j], factor * c);
            assert_rounded_once(dtype, cache.sines[i * N_PAIRS + j], factor * s);
        }
}

Test(rope_cache, numbers)
{
    static const int32_t firsts[] = {0,         -N_POSITIONS / 2, 131071,
                                     INT32_MIN, 2000000000,       INT32_MAX - N_POSITIONS + 1};
    for (size_t i = 0; i < N_CONFIGS; i++)
        for (size_t at = 0; at < sizeof(firsts) / sizeof(firsts[0]); at++) {
            check_numbers(&configs[i], firsts[at], GYRE_F32);
            check_numbers(&configs[i], firsts[at], GYRE_F16);
            check_numbers(&configs[i], firsts[at], GYRE_BF16);
        }
}

// Every axis of a position has the same coordinate.
Test(rope_cache, axes)
{
    struct gyre_rope_config one = {.head_dim = DIM}, three = one;
    static struct cache a, b;
    three.axes = GYRE_ROPE_SECTIONS;
    three.sections[0] = three.sections[1] = three.sections[2] = 10;
    three.sections[3] = 2;
    fill(&one, 7, GYRE_F32, &a);
    fill(&three, 7, GYRE_F32, &b);
    for (size_t i = 0; i < N_POSITIONS * N_PAIRS; i++)
        cr_assert(a.cosines[i] == b.cosines[i] && a.sines[i] == b.sines[i]);
}

Test(rope_cache, nothing_to_fill)
{
    float cosine = 77, sine = 77;
    cr_assert(gyre_rope_fill_cache(&configs[0], NULL, 5, 0, GYRE_F32, &cosine, &sine) == GYRE_OK);
    cr_assert(cosine == 77 && sine == 77);
}

// --- fed back

// A call whose angles come from a filled cache.
struct call {
    struct guarded x, y, cos, sin;
    struct gyre_rope_table *table;
};

static enum gyre_status make_call(struct session *session, const struct gyre_rope_config *config,
                                  const double *x, struct call *call)
{
    struct guarded_layout layout = {.dtype = GYRE_F32,
                                    .shape = {1, N_POSITIONS, 1, config->head_dim}};
    static struct cache cache;
    fill(config, 0, GYRE_F32, &cache);
    enum gyre_status status = guarded_create(session, "x", &layout, x, &call->x);
    layout.use = GUARDED_OUTPUT;
    if (status == GYRE_OK)
        status = guarded_create(session, "y", &layout, NULL, &call->y);
    layout = (struct guarded_layout){.dtype = GYRE_F32, .shape = {1, 1, N_POSITIONS, N_PAIRS}};
    if (status == GYRE_OK)
        status = guarded_create(session, "cos", &layout, cache.cosines, &call->cos);
    if (status == GYRE_OK)
        status = guarded_create(session, "sin", &layout, cache.sines, &call->sin);
    return status == GYRE_OK ? gyre_rope_table_create(session->device, config, &call->table)
                             : status;
}

static enum gyre_status run_call(struct session *session, const struct call *call)
{
    const struct gyre_rope_params params = {
        .table = call->table,
        .q = call->x.tensor,
        .q_out = call->y.tensor,
        .cos = call->cos.tensor,
        .sin = call->sin.tensor,
    };
    enum gyre_status status = gyre_rope(session->stream, &params);
    return status == GYRE_OK ? gyre_stream_finish(session->stream) : status;
}

// Holds the result to what the table would have to give.
static void compare(const struct gyre_rope_config *config, const struct call *call,
                    struct result *result)
{
    double want[N_POSITIONS * (DIM + 16)], bound[N_POSITIONS * (DIM + 16)], inv_freq[N_PAIRS];
    struct gyre_rope_facts facts;
    const struct oracle_rope rope = {.head_dim = config->head_dim,
                                     .rotary_dim = DIM,
                                     .rotary_offset = config->rotary_offset,
                                     .inv_freq = inv_freq};
    const struct comparison comparison = {.name = "y",
                                          .shape = {1, N_POSITIONS, 1, config->head_dim},
                                          .got = call->y.values,
                                          .want = want};
    cr_assert(gyre_rope_resolve(config, NULL, &facts, inv_freq, NULL) == GYRE_OK);
    for (size_t i = 0; i < N_POSITIONS; i++) {
        size_t at = i * rope.head_dim;
        oracle_rope_head(&rope, (int64_t)i, facts.attention_factor, facts.attention_factor,
                         call->x.values + at, want + at);
        rope_bounds(&rope, GYRE_F32, want + at, bound + at);
    }
    compare_each(&comparison, bound, result);
}

static void feed_back(struct session *session, const struct gyre_rope_config *config,
                      struct result *result)
{
    struct call call = {0};
    double x[N_POSITIONS * (DIM + 16)];
    fill_normals(1, x, sizeof(x) / sizeof(x[0]));
    enum gyre_status status = make_call(session, config, x, &call);
    if (status == GYRE_OK)
        status = run_call(session, &call);
    struct guarded *all[] = {&call.x, &call.y, &call.cos, &call.sin};
    for (size_t i = 0; i < 4 && status == GYRE_OK; i++)
        guarded_read(session, all[i], result);
    if (status == GYRE_OK)
        compare(config, &call, result);
    else
        result_fail_status(result, "gyre_rope", status, session->log.text);
    for (size_t i = 0; i < 4; i++)
        guarded_destroy(all[i]);
    gyre_rope_table_destroy(&call.table);
}

static void check_fed_back(struct session *session, const void *context, struct tally *tally)
{
    (void)context;
    for (size_t i = 0; i < N_CONFIGS; i++) {
        struct result result = {.outcome = OUTCOME_PASS};
        feed_back(session, &configs[i], &result);
        report(session, "a filled cache", &result, tally);
    }
}

static void run(enum gyre_backend_kind backend)
{
    run_on_devices(backend, check_fed_back, NULL, N_CONFIGS);
}

TEST_EACH_BACKEND(filled_cache, run)
