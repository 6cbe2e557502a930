// SPDX-License-Identifier: MIT
// Events order streams, whatever is done in the one that waits; and outlive what made them.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <gyre/gyre.h>

#include "harness/fill.h"
#include "on_devices.h"

// Enough work that a stream that does not wait sees it unfinished.
enum { DIM = 64, TOKENS = 4096, N_VALUES = TOKENS * DIM, SIZE = N_VALUES * 4, N_REPEATS = 16 };

// Rotation of x into y, again and again, in a stream of its own.
struct job {
    struct gyre_stream *stream;
    struct gyre_buffer *x, *y;
    struct gyre_rope_table *table;
    float *source, *want, *got; // (TOKENS, DIM) each: x, its rotation, and what was found in y
};

static enum gyre_status job_create(struct gyre_device *device, struct job *job)
{
    struct gyre_rope_config config = {.head_dim = DIM};
    memset(job, 0, sizeof(*job));
    job->source = calloc(3 * N_VALUES, sizeof(float));
    if (job->source == NULL)
        return GYRE_NO_MEMORY;
    job->want = job->source + N_VALUES;
    job->got = job->want + N_VALUES;
    for (size_t i = 0; i < N_VALUES; i++)
        job->source[i] = (float)fill_uniform(1, i) + 1;
    enum gyre_status status = gyre_stream_create(device, &job->stream);
    if (status == GYRE_OK)
        status = gyre_rope_table_create(device, &config, &job->table);
    if (status == GYRE_OK)
        status = gyre_buffer_create(device, SIZE, &job->x);
    if (status == GYRE_OK)
        status = gyre_buffer_create(device, SIZE, &job->y);
    return status;
}

static void job_destroy(struct job *job)
{
    gyre_stream_destroy(&job->stream); // waits: nothing uses the rest any more
    gyre_rope_table_destroy(&job->table);
    gyre_buffer_destroy(&job->x);
    gyre_buffer_destroy(&job->y);
    free(job->source);
}

static enum gyre_status enqueue(struct job *job)
{
    const uint64_t shape[4] = {1, TOKENS, 1, DIM};
    struct gyre_rope_params params = {
        .table = job->table, .q.buffer = job->x, .q_out.buffer = job->y, .start = 1000};
    memcpy(params.q.shape, shape, sizeof(shape));
    memcpy(params.q_out.shape, shape, sizeof(shape));
    enum gyre_status status = GYRE_OK;
    for (int i = 0; status == GYRE_OK && i < N_REPEATS; i++)
        status = gyre_rope(job->stream, &params);
    return status;
}

// x as it was, y nothing, and the job under way; `event` is its end.
static enum gyre_status job_start(struct job *job, struct gyre_event **event)
{
    *event = NULL;
    memset(job->got, 0, SIZE);
    enum gyre_status status = gyre_buffer_write(job->stream, job->x, 0, SIZE, job->source);
    if (status == GYRE_OK)
        status = gyre_buffer_write(job->stream, job->y, 0, SIZE, job->got);
    if (status == GYRE_OK)
        status = enqueue(job);
    if (status == GYRE_OK)
        status = gyre_stream_submit(job->stream, event);
    return status;
}

// What y holds when nothing else happens.
static enum gyre_status job_learn(struct job *job)
{
    struct gyre_event *event;
    enum gyre_status status = job_start(job, &event);
    if (status == GYRE_OK)
        status = gyre_buffer_read(job->stream, job->y, 0, SIZE, job->want);
    gyre_event_destroy(&event);
    return status;
}

static void expect(struct session *session, const char *what, enum gyre_status status, bool is_good,
                   struct tally *tally)
{
    struct result result = {.outcome = OUTCOME_PASS};
    if (status != GYRE_OK)
        result_fail_status(&result, what, status, session->log.text);
    else if (!is_good)
        result_fail(&result, "does not hold");
    report(session, what, &result, tally);
}

static bool has_rotated(const struct job *job)
{
    return memcmp(job->got, job->want, SIZE) == 0;
}

// --- a stream that waits, and then enqueues no kernel

// The job under way, and the session's stream waiting for its end.
static enum gyre_status start_and_wait(struct session *session, struct job *job,
                                       struct gyre_event **event)
{
    enum gyre_status status = job_start(job, event);
    return status == GYRE_OK ? gyre_stream_wait(session->stream, *event) : status;
}

static void read_after(struct session *session, struct job *job, struct tally *tally)
{
    struct gyre_event *event;
    enum gyre_status status = start_and_wait(session, job, &event);
    if (status == GYRE_OK)
        status = gyre_buffer_read(session->stream, job->y, 0, SIZE, job->got);
    expect(session, "a read after an event", status, has_rotated(job), tally);
    gyre_event_destroy(&event);
}

static void write_after(struct session *session, struct job *job, struct tally *tally)
{
    struct gyre_event *event;
    enum gyre_status status = start_and_wait(session, job, &event);
    if (status == GYRE_OK)
        status = gyre_buffer_write(session->stream, job->x, 0, SIZE, job->got); // zeros
    if (status == GYRE_OK)
        status = gyre_buffer_read(job->stream, job->y, 0, SIZE, job->got);
    expect(session, "a write after an event", status, has_rotated(job), tally);
    gyre_event_destroy(&event);
}

static void finish_after(struct session *session, struct job *job, struct tally *tally)
{
    struct gyre_event *event, *later = NULL;
    enum gyre_status status = start_and_wait(session, job, &event);
    if (status == GYRE_OK)
        status = gyre_stream_submit(session->stream, &later);
    if (status == GYRE_OK)
        status = gyre_stream_finish(session->stream);
    bool is_done = status == GYRE_OK && gyre_event_wait(event, 0) == GYRE_OK &&
                   gyre_event_wait(later, 0) == GYRE_OK;
    expect(session, "the end of a stream that waits for an event", status, is_done, tally);
    gyre_event_destroy(&later);
    gyre_event_destroy(&event);
}

static void wait_after(struct session *session, struct job *job, struct tally *tally)
{
    struct gyre_event *event, *later = NULL;
    enum gyre_status status = start_and_wait(session, job, &event);
    if (status == GYRE_OK)
        status = gyre_stream_submit(session->stream, &later);
    if (status == GYRE_OK)
        status = gyre_event_wait(later, UINT64_MAX);
    bool is_done = status == GYRE_OK && gyre_event_wait(event, 0) == GYRE_OK;
    expect(session, "an event after an event", status, is_done, tally);
    gyre_event_destroy(&later);
    gyre_event_destroy(&event);
}

// --- the clock

// An event is asked for just after its work was submitted; with luck, before its end.
static void ask_too_early(struct session *session, struct job *job, struct tally *tally)
{
    enum { N_TRIES = 20 };
    bool is_late = session->info->backend == GYRE_BACKEND_CPU; // works while it enqueues
    enum gyre_status status = GYRE_OK;
    for (int i = 0; status == GYRE_OK && i < N_TRIES; i++) {
        struct gyre_event *event;
        status = job_start(job, &event);
        enum gyre_status early = status == GYRE_OK ? gyre_event_wait(event, 0) : status;
        is_late = is_late || early == GYRE_TIMEOUT;
        if (early != GYRE_TIMEOUT && early != GYRE_OK)
            status = early;
        if (status == GYRE_OK)
            status = gyre_event_wait(event, UINT64_MAX);
        gyre_event_destroy(&event);
    }
    expect(session, "an event that is not reached gives TIMEOUT", status, is_late, tally);
}

// --- the event alone

// Of a stream and a device whose handles are gone, and with them all of `session` but its log.
static enum gyre_status orphan(const char *device, struct session *session,
                               struct gyre_event **event, struct gyre_stream **stream)
{
    struct job job;
    enum gyre_status status = session_open(session, device);
    if (status != GYRE_OK)
        return status;
    status = job_create(session->device, &job);
    if (status == GYRE_OK)
        status = job_start(&job, event);
    if (status == GYRE_OK)
        status = gyre_stream_create(session->device, stream);
    job_destroy(&job);
    session_close(session);
    return status;
}

static void outlive(struct session *session, struct tally *tally)
{
    struct gyre_event *event = NULL;
    struct gyre_stream *stream = NULL;
    struct session other;
    uint64_t ns;
    enum gyre_status status = orphan(session->info->id, &other, &event, &stream);
    if (status == GYRE_OK)
        status = gyre_stream_wait(stream, event);
    if (status == GYRE_OK)
        status = gyre_stream_finish(stream);
    gyre_stream_destroy(&stream);
    if (status == GYRE_OK)
        status = gyre_event_wait(event, 0);
    if (status == GYRE_OK)
        status = gyre_event_device_time(event, &ns);
    expect(session, "an event without its device's handle",
           status == GYRE_UNSUPPORTED ? GYRE_OK : status, true, tally);
    gyre_event_destroy(&event);
}

static void run_all(struct session *session, const void *context, struct tally *tally)
{
    struct job job;
    (void)context;
    cr_assert(job_create(session->device, &job) == GYRE_OK, "%s", session->log.text);
    cr_assert(job_learn(&job) == GYRE_OK, "%s", session->log.text);
    cr_assert(memcmp(job.source, job.want, SIZE) != 0);
    read_after(session, &job, tally);
    write_after(session, &job, tally);
    finish_after(session, &job, tally);
    wait_after(session, &job, tally);
    ask_too_early(session, &job, tally);
    job_destroy(&job);
    outlive(session, tally);
}

static void run(enum gyre_backend_kind backend)
{
    run_on_devices(backend, run_all, NULL, 6);
}

TEST_EACH_BACKEND(event, run)
