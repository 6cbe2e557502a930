// SPDX-License-Identifier: MIT
#include "subject.h"

#include <stdlib.h>

#include <gyre/buffer.h>

#include "timing.h"

// The same call on other memory. The operator's own params are filled.
struct copy {
    struct gyre_rope_params rope;
    struct gyre_attention_params attention;
};

struct subject {
    struct session *session;
    const struct case_operator *op;
    void *run;           // prepared by it
    struct copy *copies; // (n_copies): what is read and written lies elsewhere in each
    size_t n_copies, next;
};

static bool prepare(struct subject *subject, const struct bench_row *row,
                    const struct case_dtypes *dtypes, uint64_t seed, struct result *result)
{
    if (row->rope.name != NULL) {
        subject->op = &rope_operator;
        subject->run = rope_prepare(subject->session, &row->rope, dtypes->q, seed, result);
    } else if (row->attention.name != NULL) {
        subject->op = &attention_operator;
        subject->run = attention_prepare(subject->session, &row->attention, dtypes, seed, result);
    } else if (row->merge.name != NULL) {
        subject->op = &attention_merge_operator;
        subject->run = attention_merge_prepare(subject->session, &row->merge, dtypes, seed, result);
    } else {
        subject->op = &linear_operator;
        subject->run = linear_prepare(subject->session, &row->linear, dtypes, seed, result);
    }
    return subject->run != NULL;
}

static void verify(struct subject *subject, double *first_s, struct result *result)
{
    struct session *session = subject->session;
    double start = clock_s();
    enum gyre_status status = subject_enqueue(subject);
    if (status == GYRE_OK)
        status = gyre_stream_finish(session->stream);
    *first_s = clock_s() - start;
    if (status != GYRE_OK)
        result_fail_status(result, "running", status, session->log.text);
    else
        subject->op->check(subject->run, result);
}

// Puts the tensor into a new buffer with the same contents.
static enum gyre_status copy_buffer(struct session *session, struct gyre_tensor *tensor)
{
    uint64_t size = gyre_buffer_size(tensor->buffer);
    struct gyre_buffer *copy = NULL;
    void *bytes = malloc((size_t)size);
    enum gyre_status status = GYRE_NO_MEMORY;
    if (bytes != NULL)
        status = gyre_buffer_read(session->stream, tensor->buffer, 0, size, bytes);
    tensor->buffer = NULL;
    if (status == GYRE_OK)
        status = gyre_buffer_create(session->device, size, &copy);
    if (status == GYRE_OK)
        status = gyre_buffer_write(session->stream, copy, 0, size, bytes);
    tensor->buffer = copy;
    free(bytes);
    return status;
}

enum { N_MOVED = 2 };

// Those of a call's tensors that count: keys and values, or what is rotated and the result, which
// is absent in place.
static void find_moved(const struct subject *subject, struct copy *copy,
                       struct gyre_tensor *moved[N_MOVED])
{
    bool is_rope = subject->op == &rope_operator;
    moved[0] = is_rope ? &copy->rope.q : &copy->attention.k;
    moved[1] = is_rope ? &copy->rope.q_out : &copy->attention.v;
}

// Copy 0 is the original.
static enum gyre_status make_copy(const struct subject *subject, size_t i, struct copy *copy)
{
    struct gyre_tensor *moved[N_MOVED];
    if (subject->op == &rope_operator)
        copy->rope = *rope_run_params(subject->run);
    else
        copy->attention = *attention_run_params(subject->run);
    if (i == 0)
        return GYRE_OK;
    find_moved(subject, copy, moved);
    enum gyre_status status = copy_buffer(subject->session, moved[0]);
    if (status != GYRE_OK)
        moved[1]->buffer = NULL;
    else if (moved[1]->buffer != NULL)
        status = copy_buffer(subject->session, moved[1]);
    return status;
}

static enum gyre_status make_copies(struct subject *subject, size_t n_copies)
{
    enum gyre_status status = GYRE_OK;
    subject->copies = calloc(n_copies, sizeof(*subject->copies));
    if (subject->copies == NULL)
        return GYRE_NO_MEMORY;
    for (size_t i = 0; status == GYRE_OK && i < n_copies; i++) {
        status = make_copy(subject, i, &subject->copies[i]);
        subject->n_copies = i + 1;
    }
    return status;
}

struct subject *subject_create(struct session *session, const struct bench_row *row,
                               const struct case_dtypes *dtypes, size_t n_copies, uint64_t seed,
                               double *first_s, struct result *result)
{
    struct subject *subject = calloc(1, sizeof(*subject));
    *result = (struct result){.outcome = OUTCOME_PASS};
    if (subject == NULL) {
        result_fail(result, "no memory");
        return NULL;
    }
    subject->session = session;
    session->log.text[0] = '\0';
    if (prepare(subject, row, dtypes, seed, result))
        verify(subject, first_s, result);
    if (result->outcome == OUTCOME_PASS && limit_is_cold(row->limit)) {
        enum gyre_status status = make_copies(subject, n_copies);
        if (status != GYRE_OK)
            result_fail_status(result, "copying tensors", status, session->log.text);
    }
    if (result->outcome != OUTCOME_PASS)
        subject_destroy(&subject);
    return subject;
}

enum gyre_status subject_enqueue(struct subject *subject)
{
    struct gyre_stream *stream = subject->session->stream;
    if (subject->n_copies == 0)
        return subject->op->enqueue(subject->run);
    const struct copy *copy = &subject->copies[subject->next];
    subject->next = (subject->next + 1) % subject->n_copies;
    return subject->op == &rope_operator ? gyre_rope(stream, &copy->rope)
                                         : gyre_attention(stream, &copy->attention);
}

enum gyre_status subject_scratch(struct subject *subject, uint64_t *size)
{
    struct session *session = subject->session;
    struct gyre_stream *shared = session->stream;
    enum gyre_status status = gyre_stream_create(session->device, &session->stream);
    if (status == GYRE_OK)
        status = subject_enqueue(subject);
    if (status == GYRE_OK)
        status = gyre_stream_finish(session->stream);
    *size = gyre_stream_scratch_size(session->stream);
    gyre_stream_destroy(&session->stream);
    session->stream = shared;
    return status;
}

const struct gyre_attention_params *subject_attention(const struct subject *subject)
{
    return subject->op == &attention_operator ? attention_run_params(subject->run) : NULL;
}

void subject_destroy(struct subject **subject)
{
    if (*subject == NULL)
        return;
    for (size_t i = 1; i < (*subject)->n_copies; i++) {
        struct gyre_tensor *moved[N_MOVED];
        find_moved(*subject, &(*subject)->copies[i], moved);
        for (int t = 0; t < N_MOVED; t++)
            gyre_buffer_destroy(&moved[t]->buffer);
    }
    free((*subject)->copies);
    (*subject)->op->destroy((*subject)->run);
    free(*subject);
    *subject = NULL;
}
