// SPDX-License-Identifier: MIT
// Attention over ranges of the keys, on one device or on two, merged, is attention over all keys.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include <gyre/attention_merge.h>

#include "cases/attention_rows.h"
#include "cases/attention_run.h"
#include "on_devices.h"

#define HEADS .n_heads = 4, .n_kv_heads = 2, .head_dim = 64, .has_lse = true
static const struct attention_case rows[] = {
    {"plain", .q_len = 33, .kv_len = 70, HEADS},
    {"causal", .q_len = 70, .kv_len = 70, HEADS, .is_causal = true},
    {"causal_end", .q_len = 33, .kv_len = 200, HEADS, .is_causal = true, .align = GYRE_ALIGN_END},
    {"causal_before", .q_len = 33, .kv_len = 70, HEADS, .is_causal = true, .q_start = -9},
    {"window", .q_len = 70, .kv_len = 200, HEADS, .is_causal = true, .align = GYRE_ALIGN_END,
     .window_left = 9, .window_keep = 5},
    {"window_both", .q_len = 70, .kv_len = 70, HEADS, .window_left = 9, .window_right = 5,
     .q_start = 2},
    {"prefix", .q_len = 70, .kv_len = 70, HEADS, .is_causal = true, .n_prefix = 35,
     .window_left = 10, .window_keep = 2},
    {"mask", .n_batch = 2, .q_len = 33, .kv_len = 70, HEADS, .mask = ATTENTION_MASK_F32,
     .mask_axes = MASK_BATCH | MASK_QUERY, .has_hidden_rows = true},
    {"mask_u8", .n_batch = 2, .q_len = 33, .kv_len = 70, HEADS, .mask = ATTENTION_MASK_U8,
     .mask_axes = MASK_HEAD | MASK_QUERY, .has_sinks = true},
    {"alibi", .q_len = 33, .kv_len = 70, HEADS, .is_causal = true, .align = GYRE_ALIGN_END,
     .has_alibi = true},
    {"softcap", .q_len = 33, .kv_len = 70, HEADS, .softcap = 2},
    {"sinks", .q_len = 70, .kv_len = 70, HEADS, .is_causal = true, .has_sinks = true, .sink = 2},
    {"lens", .n_batch = 4, .q_len = 33, .kv_len = 70, HEADS, .kv_lens = LIST(70, 0, 33, 5),
     .is_causal = true, .q_start = 20, .has_nan_beyond = true, .has_sinks = true},
    {"nan", .q_len = 70, .kv_len = 70, HEADS, .is_causal = true, .has_nan_key = true},
    {"nan_alone", .q_len = 70, .kv_len = 70, HEADS, .is_causal = true, .window_left = 1,
     .has_nan_key = true},
    {"decode", .q_len = 1, .kv_len = 517, HEADS, .is_causal = true, .align = GYRE_ALIGN_END,
     .has_sinks = true},
    {"speculate", .n_batch = 2, .q_len = 5, .kv_len = 300, HEADS, .is_causal = true,
     .align = GYRE_ALIGN_END, .is_head_major = true},
    {"ring", .n_batch = 2, .q_len = 33, .kv_len = 70, HEADS, .is_causal = true, .q_start = 40,
     .k_positions = ATTENTION_RING, .window_left = 30, .window_keep = 4, .n_prefix = 9},
    {"rotated", .q_len = 33, .kv_len = 70, HEADS, .is_causal = true, .q_start = 37,
     .rotates_q = true, .rotates_k = true},
    {"rotated_q", .q_len = 33, .kv_len = 70, HEADS, .is_causal = true, .q_start = 37,
     .rotates_q = true, .window_left = 30, .window_keep = 4},
    {"rotated_k", .q_len = 33, .kv_len = 70, HEADS, .is_causal = true, .q_start = 37,
     .rotates_k = true, .n_prefix = 40},
    {"v_33", .q_len = 20, .kv_len = 70, .n_heads = 4, .head_dim = 32, .v_dim = 33, .has_lse = true},
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static const uint32_t counts[] = {1, 2, 3, 7};
enum { N_COUNTS = sizeof(counts) / sizeof(counts[0]), MAX_RANGES = 7, MAX_KEYS = 512 };

// Keys [first, end).
struct range {
    uint32_t first, end;
};

// Of unequal lengths, that no tile divides; the first may be empty.
static struct range range_of(uint32_t kv_len, uint32_t i, uint32_t n)
{
    return (struct range){kv_len * i * i / (n * n), kv_len * (i + 1) * (i + 1) / (n * n)};
}

static uint32_t less(uint32_t a, uint32_t b)
{
    return a > b ? a - b : 0;
}

// The result of one range.
struct part {
    struct guarded out, lse, lens, positions;
};

static void destroy_part(struct part *part)
{
    guarded_destroy(&part->out);
    guarded_destroy(&part->lse);
    guarded_destroy(&part->lens);
    guarded_destroy(&part->positions);
}

static enum gyre_status make_lens(struct attention_run *run, uint32_t first, struct guarded *lens)
{
    double values[8];
    const struct guarded_layout layout = {.dtype = GYRE_I32, .shape = {1, 1, 1, run->row.n_batch}};
    for (uint32_t b = 0; b < run->row.n_batch; b++)
        values[b] = run->row.kv_lens[b] - (double)first;
    return guarded_create(run->session, "kv_lens", &layout, values, lens);
}

// Where the keys of a range truly stand.
static enum gyre_status make_positions(struct attention_run *run, struct range range,
                                       struct guarded *positions)
{
    double values[MAX_KEYS];
    const struct guarded_layout layout = {.dtype = GYRE_I32,
                                          .shape = {1, 1, 1, range.end - range.first}};
    for (uint32_t i = 0; i < range.end - range.first; i++)
        values[i] = range.first + i;
    return guarded_create(run->session, "k_positions", &layout, values, positions);
}

static bool turns_one(const struct attention_case *row)
{
    return row->rotates_q != row->rotates_k;
}

// In f32, so that only the merge rounds to storage.
static enum gyre_status make_part(struct attention_run *run, struct range range, struct part *part)
{
    struct guarded_layout out = run->out.layout;
    out.dtype = GYRE_F32;
    enum gyre_status status = guarded_create(run->session, "part", &out, NULL, &part->out);
    if (status == GYRE_OK)
        status = guarded_create(run->session, "part", &run->lse.layout, NULL, &part->lse);
    if (status == GYRE_OK && run->row.kv_lens != NULL)
        status = make_lens(run, range.first, &part->lens);
    if (status == GYRE_OK && turns_one(&run->row))
        status = make_positions(run, range, &part->positions);
    return status;
}

static void cut(struct gyre_tensor *tensor, int axis, struct range range)
{
    if (tensor->buffer == NULL)
        return;
    tensor->offset += range.first * tensor->stride[axis] * gyre_dtype_size(tensor->dtype);
    tensor->shape[axis] = range.end - range.first;
}

// As the public header says that a range is attended to.
static enum gyre_status attend_to(struct attention_run *run, struct range range, struct part *part)
{
    const struct attention_case *row = &run->row;
    struct gyre_attention_params params = run->params;
    cut(&params.k, 1, range);
    cut(&params.v, 1, range);
    cut(&params.mask, 3, range);
    cut(&params.k_positions, 3, range);
    if (row->align == GYRE_ALIGN_END)
        params.q_start += (int32_t)(row->kv_len - row->q_len);
    params.align = GYRE_ALIGN_START;
    if (turns_one(row))
        params.k_positions = part->positions.tensor;
    if (params.k_positions.buffer == NULL) {
        params.q_start -= (int32_t)range.first;
        params.window_keep = less(row->window_keep, range.first);
        params.n_prefix = less(row->n_prefix, range.first);
    }
    params.kv_lens = part->lens.tensor;
    params.sinks = (struct gyre_tensor){0};
    params.out = part->out.tensor;
    params.lse = part->lse.tensor;
    return gyre_attention(run->session->stream, &params);
}

// --- from one device to the other

static enum gyre_status copy(struct session *from, const struct guarded *source, struct session *to,
                             struct guarded *target)
{
    void *bytes = malloc((size_t)source->size);
    enum gyre_status status = GYRE_NO_MEMORY;
    if (bytes != NULL)
        status = gyre_buffer_read(from->stream, source->tensor.buffer, 0, source->size, bytes);
    if (status == GYRE_OK)
        status = gyre_buffer_write(to->stream, target->tensor.buffer, 0, target->size, bytes);
    free(bytes);
    return status;
}

static enum gyre_status attend_elsewhere(struct attention_run *there, struct range range,
                                         struct session *here, struct part *part)
{
    struct part made = {0};
    enum gyre_status status = make_part(there, range, &made);
    if (status == GYRE_OK)
        status = attend_to(there, range, &made);
    if (status == GYRE_OK)
        status = copy(there->session, &made.out, here, &part->out);
    if (status == GYRE_OK)
        status = copy(there->session, &made.lse, here, &part->lse);
    destroy_part(&made);
    return status;
}

// --- the whole

// Attention of a prepared run, whose every second range is computed by `other` (NULL: none).
struct job {
    struct attention_run *run, *other;
    uint32_t n_ranges;
    struct part parts[MAX_RANGES];
};

static enum gyre_status attend_to_ranges(struct job *job)
{
    enum gyre_status status = GYRE_OK;
    for (uint32_t i = 0; i < job->n_ranges && status == GYRE_OK; i++) {
        const struct range range = range_of(job->run->row.kv_len, i, job->n_ranges);
        status = make_part(job->run, range, &job->parts[i]);
        if (status != GYRE_OK)
            return status;
        status = job->other != NULL && i % 2 == 1
                     ? attend_elsewhere(job->other, range, job->run->session, &job->parts[i])
                     : attend_to(job->run, range, &job->parts[i]);
    }
    return status;
}

static enum gyre_status merge(struct job *job)
{
    struct gyre_attention_part views[MAX_RANGES];
    for (uint32_t i = 0; i < job->n_ranges; i++)
        views[i] = (struct gyre_attention_part){job->parts[i].out.tensor, job->parts[i].lse.tensor};
    const struct gyre_attention_merge_params params = {
        .parts = views,
        .n_parts = job->n_ranges,
        .sinks = job->run->sinks.tensor,
        .out = job->run->out.tensor,
        .lse = job->run->lse.tensor,
    };
    enum gyre_status status = gyre_attention_merge(job->run->session->stream, &params);
    return status == GYRE_OK ? gyre_stream_finish(job->run->session->stream) : status;
}

static void run_job(struct job *job, struct result *result)
{
    enum gyre_status status = attend_to_ranges(job);
    if (status == GYRE_OK)
        status = merge(job);
    // Parts are f32 whatever the keys are: not every build has shaders for that.
    const struct case_dtypes *dtypes = &job->run->dtypes;
    const struct case_dtypes parts = {"", dtypes->q, dtypes->k, dtypes->v, GYRE_F32, false};
    if (status == GYRE_OK)
        attention_run_check(job->run, result);
    else
        case_not_prepared(job->run->session, &parts, false, status, result);
    for (uint32_t i = 0; i < job->n_ranges; i++)
        destroy_part(&job->parts[i]);
}

// One row, cut into n ranges. `other`: a second device, or NULL.
static void run_row(struct session *session, struct session *other,
                    const struct attention_case *row, const struct case_dtypes *dtypes, uint32_t n,
                    struct tally *tally)
{
    char name[96];
    struct result result = {.outcome = OUTCOME_PASS};
    struct job job = {.n_ranges = n};
    snprintf(name, sizeof(name), "%s/%s in %u ranges%s", row->name, dtypes->name, n,
             other != NULL ? " on two devices" : "");
    job.run = attention_prepare(session, row, dtypes, 1, &result);
    if (job.run != NULL && other != NULL)
        job.other = attention_prepare(other, row, dtypes, 1, &result);
    if (result.outcome == OUTCOME_PASS)
        run_job(&job, &result);
    attention_run_destroy(job.run);
    attention_run_destroy(job.other);
    report(session, name, &result, tally);
}

static void run_all(struct session *session, const void *context, struct tally *tally)
{
    static const unsigned dtypes[] = {CASE_F32, CASE_F16, CASE_BF16};
    struct session other;
    (void)context;
    cr_assert(session_open(&other, "cpu") == GYRE_OK);
    for (size_t i = 0; i < N_ROWS * 3; i++) {
        const struct case_dtypes *set = case_dtypes_of(dtypes[i % 3]);
        for (size_t n = 0; n < N_COUNTS; n++)
            run_row(session, NULL, &rows[i / 3], set, counts[n], tally);
        run_row(session, &other, &rows[i / 3], set, 3, tally);
    }
    session_close(&other);
}

static void run(enum gyre_backend_kind backend)
{
    run_on_devices(backend, run_all, NULL, (N_COUNTS + 1) * N_ROWS);
}

TEST_EACH_BACKEND(attention_ranges, run)
