// SPDX-License-Identifier: MIT
// Multi-head latent attention (arXiv 2405.04434, section 2.1): keys and values of every head are
// projections of one latent a token. Absorbed, the projections are applied to queries and results
// instead, and the latent is key and value of all heads. Both are the same attention.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gyre/attention.h>

#include "cases/cases.h"
#include "harness/compare.h"
#include "harness/fill.h"
#include "harness/guarded.h"
#include "on_devices.h"

enum { LATENT = 128, OWN = 32, ROTATED = 16, HEADS = 8 };

static const struct latent_case {
    const char *name;
    uint64_t n_batch, q_len, kv_len;
} cases[] = {{"prefill", 2, 40, 90}, {"decode", 1, 1, 300}, {"speculate", 2, 3, 700}};
enum { N_CASES = sizeof(cases) / sizeof(cases[0]) };

struct latent_run {
    struct session *session;
    const struct latent_case *c;
    struct gyre_rope_table *table;
    double *up_k, *up_v; // (HEADS, OWN, LATENT): from the latent to a head's key and value
    struct guarded latent, q2, k2;
    struct guarded q, k, v, out;             // OWN elements a head
    struct guarded q_absorbed, out_absorbed; // LATENT elements a head
};

// --- projections

static double *alloc_normals(const char *name, size_t n, double deviation)
{
    double *values = malloc((n + 1) * sizeof(*values));
    if (values != NULL)
        fill_normals(fill_seed(1, name), values, n);
    for (size_t i = 0; values != NULL && i < n; i++)
        values[i] *= deviation;
    return values;
}

// (token, HEADS, OWN) of x (token, n_heads, LATENT), whose one head may serve all.
static double *project(const double *up, const struct guarded *x)
{
    const size_t n_heads = (size_t)x->layout.shape[2];
    const size_t n_tokens = guarded_count(x) / n_heads / LATENT;
    double *y = calloc(n_tokens * HEADS * OWN + 1, sizeof(*y));
    for (size_t i = 0; y != NULL && i < n_tokens * HEADS * OWN; i++) {
        size_t token = i / OWN / HEADS, h = i / OWN % HEADS;
        const double *from = x->values + (token * n_heads + h % n_heads) * LATENT;
        for (size_t l = 0; l < LATENT; l++)
            y[i] += up[(h * OWN + i % OWN) * LATENT + l] * from[l];
    }
    return y;
}

// (token, HEADS, LATENT) of x (token, HEADS, OWN), by the transpose.
static double *project_back(const double *up, const struct guarded *x)
{
    const size_t n = guarded_count(x) / OWN; // tokens' heads
    double *y = calloc(n * LATENT + 1, sizeof(*y));
    for (size_t i = 0; y != NULL && i < n * LATENT; i++)
        for (size_t d = 0; d < OWN; d++)
            y[i] += up[(i / LATENT % HEADS * OWN + d) * LATENT + i % LATENT] *
                    x->values[i / LATENT * OWN + d];
    return y;
}

// --- tensors

// (batch, token, head, dim) of these values, which are freed.
static enum gyre_status make_input(struct latent_run *run, const char *name, uint64_t n_tokens,
                                   uint64_t n_heads, uint64_t dim, double *values,
                                   struct guarded *guarded)
{
    const struct guarded_layout layout = {.shape = {run->c->n_batch, n_tokens, n_heads, dim}};
    enum gyre_status status = GYRE_NO_MEMORY;
    if (values != NULL)
        status = guarded_create(run->session, name, &layout, values, guarded);
    free(values);
    return status;
}

static enum gyre_status make_random(struct latent_run *run, const char *name, uint64_t n_tokens,
                                    uint64_t n_heads, uint64_t dim, struct guarded *guarded)
{
    size_t n = (size_t)(run->c->n_batch * n_tokens * n_heads * dim);
    return make_input(run, name, n_tokens, n_heads, dim, alloc_normals(name, n, 1), guarded);
}

static enum gyre_status make_output(struct latent_run *run, const char *name, uint64_t dim,
                                    struct guarded *guarded)
{
    const struct guarded_layout layout = {.use = GUARDED_OUTPUT,
                                          .shape = {run->c->n_batch, run->c->q_len, HEADS, dim}};
    return guarded_create(run->session, name, &layout, NULL, guarded);
}

static enum gyre_status make_inputs(struct latent_run *run)
{
    const uint64_t q_len = run->c->q_len, kv_len = run->c->kv_len;
    const struct gyre_rope_config config = {.head_dim = ROTATED, .pairing = GYRE_ROPE_INTERLEAVED};
    enum gyre_status status = gyre_rope_table_create(run->session->device, &config, &run->table);
    if (status == GYRE_OK)
        status = make_random(run, "latent", kv_len, 1, LATENT, &run->latent);
    if (status == GYRE_OK)
        status = make_random(run, "q", q_len, HEADS, OWN, &run->q);
    if (status == GYRE_OK)
        status = make_random(run, "q2", q_len, HEADS, ROTATED, &run->q2);
    if (status == GYRE_OK)
        status = make_random(run, "k2", kv_len, 1, ROTATED, &run->k2);
    return status;
}

static enum gyre_status make_all(struct latent_run *run)
{
    const uint64_t q_len = run->c->q_len, kv_len = run->c->kv_len;
    const size_t n_up = (size_t)HEADS * OWN * LATENT;
    run->up_k = alloc_normals("up_k", n_up, 1 / sqrt(LATENT));
    run->up_v = alloc_normals("up_v", n_up, 1 / sqrt(LATENT));
    enum gyre_status status = GYRE_NO_MEMORY;
    if (run->up_k != NULL && run->up_v != NULL)
        status = make_inputs(run);
    if (status == GYRE_OK)
        status =
            make_input(run, "k", kv_len, HEADS, OWN, project(run->up_k, &run->latent), &run->k);
    if (status == GYRE_OK)
        status =
            make_input(run, "v", kv_len, HEADS, OWN, project(run->up_v, &run->latent), &run->v);
    if (status == GYRE_OK)
        status = make_input(run, "absorbed q", q_len, HEADS, LATENT,
                            project_back(run->up_k, &run->q), &run->q_absorbed);
    if (status == GYRE_OK)
        status = make_output(run, "out", OWN, &run->out);
    if (status == GYRE_OK)
        status = make_output(run, "absorbed out", LATENT, &run->out_absorbed);
    return status;
}

static void destroy_all(struct latent_run *run)
{
    struct guarded *all[] = {&run->latent, &run->q2,  &run->k2,         &run->q,           &run->k,
                             &run->v,      &run->out, &run->q_absorbed, &run->out_absorbed};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        guarded_destroy(all[i]);
    gyre_rope_table_destroy(&run->table);
    free(run->up_k);
    free(run->up_v);
}

// --- both ways

static enum gyre_status attend(const struct latent_run *run)
{
    struct gyre_attention_params params = {
        .q = run->q.tensor,
        .k = run->k.tensor,
        .v = run->v.tensor,
        .out = run->out.tensor,
        .q2 = run->q2.tensor,
        .k2 = run->k2.tensor,
        .scale = (float)(1 / sqrt(OWN + ROTATED)),
        .is_causal = true,
        .align = GYRE_ALIGN_END,
        .rope = run->table,
        .rotates_q = true,
        .rotates_k = true,
    };
    enum gyre_status status = gyre_attention(run->session->stream, &params);
    params.q = run->q_absorbed.tensor;
    params.k = params.v = run->latent.tensor;
    params.out = run->out_absorbed.tensor;
    if (status == GYRE_OK)
        status = gyre_attention(run->session->stream, &params);
    return status == GYRE_OK ? gyre_stream_finish(run->session->stream) : status;
}

static void compare(struct latent_run *run, struct result *result)
{
    guarded_read(run->session, &run->out, result);
    guarded_read(run->session, &run->out_absorbed, result);
    double *want = project(run->up_v, &run->out_absorbed);
    struct comparison comparison = {.name = "out", .got = run->out.values, .want = want};
    memcpy(comparison.shape, run->out.layout.shape, sizeof(comparison.shape));
    if (want != NULL)
        compare_whole(&comparison, bounds_of_sums(GYRE_F32),
                      compare_scale(run->v.values, guarded_count(&run->v)), result);
    else
        result_fail(result, "no memory for the reference");
    free(want);
}

static void run_all(struct session *session, const void *context, struct tally *tally)
{
    (void)context;
    for (size_t i = 0; i < N_CASES; i++) {
        struct result result = {.outcome = OUTCOME_PASS};
        struct latent_run run = {.session = session, .c = &cases[i]};
        enum gyre_status status = make_all(&run);
        if (status == GYRE_OK)
            status = attend(&run);
        if (status == GYRE_OK)
            compare(&run, &result);
        else
            case_not_prepared(session, case_dtypes_of(CASE_F32), true, status, &result);
        destroy_all(&run);
        report(session, cases[i].name, &result, tally);
    }
}

static void run(enum gyre_backend_kind backend)
{
    static const struct device_need kernels = {"a kernel for every mix", case_has_every_kernel};
    run_on_devices_with(&kernels, backend, run_all, NULL, N_CASES);
}

TEST_EACH_BACKEND(attention_latent, run)
