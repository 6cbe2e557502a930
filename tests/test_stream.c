// SPDX-License-Identifier: MIT
// Streams, events and threads, on every device.
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include <gyre/gyre.h>

#include "cases/cases.h"
#include "harness/guarded.h"
#include "on_devices.h"

enum { N_THREADS = 3, DIM = 64, TOKENS = 5 };

// Rotates in one stream, and back in another that waits for the first.
static void there_and_back(struct session *session, struct gyre_stream *other, struct guarded *x,
                           struct gyre_rope_table *table, struct result *result)
{
    struct gyre_event *event = NULL;
    struct gyre_rope_params forward = {.table = table, .q = x->tensor, .start = 1000};
    struct gyre_rope_params back = forward;
    back.direction = GYRE_ROPE_INVERSE;
    enum gyre_status status = gyre_rope(session->stream, &forward);
    if (status == GYRE_OK)
        status = gyre_stream_submit(session->stream, &event);
    if (status == GYRE_OK)
        status = gyre_stream_wait(other, event);
    if (status == GYRE_OK)
        status = gyre_rope(other, &back);
    if (status == GYRE_OK)
        status = gyre_stream_finish(other);
    if (status == GYRE_OK)
        status = gyre_event_wait(event, 0); // long since
    gyre_event_destroy(&event);
    if (status != GYRE_OK)
        result_fail_status(result, "there and back", status, session->log.text);
}

static void order_streams(struct session *session, struct tally *tally)
{
    double before[TOKENS * DIM];
    struct result result = {.outcome = OUTCOME_PASS};
    struct guarded_layout layout = {.use = GUARDED_INOUT, .shape = {1, TOKENS, 1, DIM}};
    struct gyre_rope_config config = {.head_dim = DIM};
    struct gyre_stream *other;
    struct gyre_rope_table *table;
    struct guarded x;
    for (size_t i = 0; i < TOKENS * DIM; i++)
        before[i] = (double)(i % 17) - 8;
    cr_assert(gyre_stream_create(session->device, &other) == GYRE_OK);
    cr_assert(gyre_rope_table_create(session->device, &config, &table) == GYRE_OK);
    cr_assert(guarded_create(session, "x", &layout, before, &x) == GYRE_OK);
    there_and_back(session, other, &x, table, &result);
    guarded_read(session, &x, &result);
    for (size_t i = 0; i < TOKENS * DIM; i++)
        if (!(x.values[i] - before[i] < 1e-5 && before[i] - x.values[i] < 1e-5))
            result_fail(&result, "element %zu came back as %g, not %g", i, x.values[i], before[i]);
    report(session, "there and back", &result, tally);
    guarded_destroy(&x);
    gyre_rope_table_destroy(&table);
    gyre_stream_destroy(&other);
}

// Time passes, or there is no clock.
static void ask_the_time(struct session *session, struct tally *tally)
{
    struct result result = {.outcome = OUTCOME_PASS};
    struct gyre_event *event;
    uint64_t ns = UINT64_MAX;
    cr_assert(gyre_stream_submit(session->stream, &event) == GYRE_OK); // of nothing
    enum gyre_status status = gyre_event_wait(event, UINT64_MAX);
    if (status == GYRE_OK)
        status = gyre_event_device_time(event, &ns);
    if (status != GYRE_OK && status != GYRE_UNSUPPORTED)
        result_fail_status(&result, "gyre_event_device_time", status, session->log.text);
    if (status == GYRE_OK && ns > UINT64_C(60000000000))
        result_fail(&result, "nothing took %llu ns", (unsigned long long)ns);
    report(session, "the time", &result, tally);
    gyre_event_destroy(&event);
}

struct worker {
    pthread_t thread;
    struct session session; // the device of all, a stream of its own
    struct tally tally;
};

static void *work(void *user)
{
    struct worker *worker = user;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        cases_run(&worker->session, "rope/half_64/f32", seed, report_case, &worker->tally);
        cases_run(&worker->session, "attention/dim_64/f32", seed, report_case, &worker->tally);
        cases_run(&worker->session, "attention/decode/f32", seed, report_case, &worker->tally);
    }
    return NULL;
}

static void share_a_device(struct session *session, struct tally *tally)
{
    struct worker workers[N_THREADS];
    memset(workers, 0, sizeof(workers));
    for (int i = 0; i < N_THREADS; i++) {
        workers[i].session.device = session->device;
        workers[i].session.info = session->info;
        cr_assert(gyre_stream_create(session->device, &workers[i].session.stream) == GYRE_OK);
    }
    for (int i = 0; i < N_THREADS; i++)
        cr_assert(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        gyre_stream_destroy(&workers[i].session.stream);
        tally->n_passed += workers[i].tally.n_passed;
        tally->n_failed += workers[i].tally.n_failed;
    }
}

static void run_all(struct session *session, const void *context, struct tally *tally)
{
    (void)context;
    order_streams(session, tally);
    ask_the_time(session, tally);
    share_a_device(session, tally);
}

static void run(enum gyre_backend_kind backend)
{
    run_on_devices(backend, run_all, NULL, 3);
}

TEST_EACH_BACKEND(stream, run)
