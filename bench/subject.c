// SPDX-License-Identifier: MIT
#include "subject.h"

#include <stdlib.h>

#include <gyre/buffer.h>

#include "timing.h"

struct subject {
    struct session *session;
    const struct case_operator *op;
    void *run;                            // prepared by it
    struct gyre_attention_params *copies; // (n_copies): K and V lie elsewhere in each
    size_t n_copies, next;
};

static bool prepare(struct subject *subject, const struct bench_row *row,
                    const struct case_dtypes *dtypes, uint64_t seed, struct result *result)
{
    if (row->rope.name != NULL) {
        subject->op = &rope_operator;
        subject->run = rope_prepare(subject->session, &row->rope, dtypes->q, seed, result);
    } else {
        subject->op = &attention_operator;
        subject->run = attention_prepare(subject->session, &row->attention, dtypes, seed, result);
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

// Copy 0 is the original.
static enum gyre_status make_copies(struct subject *subject, size_t n_copies)
{
    subject->copies = calloc(n_copies, sizeof(*subject->copies));
    if (subject->copies == NULL)
        return GYRE_NO_MEMORY;
    enum gyre_status status = GYRE_OK;
    for (size_t i = 0; status == GYRE_OK && i < n_copies; i++) {
        struct gyre_attention_params *copy = &subject->copies[i];
        *copy = *attention_run_params(subject->run);
        subject->n_copies = i + 1;
        if (i == 0)
            continue;
        status = copy_buffer(subject->session, &copy->k);
        if (status != GYRE_OK)
            copy->v.buffer = NULL;
        else
            status = copy_buffer(subject->session, &copy->v);
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
    if (result->outcome == OUTCOME_PASS && row->limit == LIMIT_READ) {
        enum gyre_status status = make_copies(subject, n_copies);
        if (status != GYRE_OK)
            result_fail_status(result, "copying keys and values", status, session->log.text);
    }
    if (result->outcome != OUTCOME_PASS)
        subject_destroy(&subject);
    return subject;
}

enum gyre_status subject_enqueue(struct subject *subject)
{
    if (subject->n_copies == 0)
        return subject->op->enqueue(subject->run);
    const struct gyre_attention_params *params = &subject->copies[subject->next];
    subject->next = (subject->next + 1) % subject->n_copies;
    return gyre_attention(subject->session->stream, params);
}

void subject_destroy(struct subject **subject)
{
    if (*subject == NULL)
        return;
    for (size_t i = 1; i < (*subject)->n_copies; i++) {
        gyre_buffer_destroy(&(*subject)->copies[i].k.buffer);
        gyre_buffer_destroy(&(*subject)->copies[i].v.buffer);
    }
    free((*subject)->copies);
    (*subject)->op->destroy((*subject)->run);
    free(*subject);
    *subject = NULL;
}
