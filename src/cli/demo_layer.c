// SPDX-License-Identifier: MIT
#include "demo_layer.h"

#include <math.h>
#include <stdlib.h>

#include <gyre/rope.h>

#include "attention_map.h"
#include "command.h"
#include "harness/compare.h"
#include "harness/npy.h"
#include "oracle/attention.h"
#include "oracle/rope.h"
#include "tensors.h"
#include "timing.h"

// How the model rotates; the files say the rest.
static const double theta = 10000;
static const double warm_s = 0.1; // time spent on warm calls
enum { MIN_WARM_CALLS = 5, MAX_PATH = 1024 };

// --- the reference

static int read_doubles(const char *dir, const char *name, size_t *n_heads, struct layer *layer,
                        double **values)
{
    char path[MAX_PATH], error[NPY_ERROR_SIZE];
    struct npy array;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (!npy_read(path, &array, error))
        return complain(CODE_DEVICE, "%s", error);
    bool is_first = layer->n_tokens == 0;
    bool fits =
        array.rank == 3 &&
        (is_first || (array.shape[0] == layer->n_tokens && array.shape[2] == layer->head_dim));
    if (fits) {
        layer->n_tokens = (size_t)array.shape[0];
        *n_heads = (size_t)array.shape[1];
        layer->head_dim = (size_t)array.shape[2];
        *values = npy_to_doubles(&array);
    }
    npy_free(&array);
    if (!fits)
        return complain(CODE_DEVICE, "%s: not (token, head, dim) as the others are", path);
    return *values != NULL ? CODE_OK : complain(CODE_DEVICE, "%s: no memory", path);
}

static void rotate(const struct layer *layer, const double *inv_freq, size_t n_heads, double *x)
{
    const struct oracle_rope rope = {.head_dim = layer->head_dim,
                                     .rotary_dim = layer->head_dim,
                                     .is_interleaved = true,
                                     .inv_freq = inv_freq};
    for (size_t token = 0; token < layer->n_tokens; token++)
        for (size_t h = 0; h < n_heads; h++, x += layer->head_dim)
            oracle_rope_head(&rope, (int64_t)token, 1, 1, x, x);
}

static void attend(const struct layer *layer, double *scores)
{
    struct oracle_attention attention = {
        .n_batch = 1,
        .q_len = layer->n_tokens,
        .kv_len = layer->n_tokens,
        .n_heads = layer->n_heads,
        .n_kv_heads = layer->n_kv_heads,
        .head_dim = layer->head_dim,
        .v_dim = layer->head_dim,
        .q = layer->q,
        .k = layer->k,
        .v = layer->v,
        .is_causal = true,
    };
    struct oracle_attention_row row;
    for (int stage = 0; stage < ORACLE_N_STAGES; stage++)
        row.scores[stage] = scores + (size_t)stage * layer->n_tokens;
    for (size_t token = 0; token < layer->n_tokens; token++)
        for (size_t h = 0; h < layer->n_heads; h++) {
            row.out = layer->out + (token * layer->n_heads + h) * layer->head_dim;
            oracle_attention_row(&attention, 0, h, token, &row);
        }
}

static size_t count_out(const struct layer *layer)
{
    return layer->n_tokens * layer->n_heads * layer->head_dim;
}

static int compute_reference(struct layer *layer)
{
    double *inv_freq = malloc((layer->head_dim / 2 + 1) * sizeof(*inv_freq));
    double *scores = malloc(ORACLE_N_STAGES * layer->n_tokens * sizeof(*scores) + 1);
    layer->out = malloc(count_out(layer) * sizeof(*layer->out) + 1);
    bool is_done = inv_freq != NULL && scores != NULL && layer->out != NULL;
    if (is_done) {
        oracle_rope_inv_freq(theta, layer->head_dim, inv_freq);
        rotate(layer, inv_freq, layer->n_heads, layer->q);
        rotate(layer, inv_freq, layer->n_kv_heads, layer->k);
        attend(layer, scores);
    }
    free(inv_freq);
    free(scores);
    return is_done ? CODE_OK : complain(CODE_DEVICE, "no memory for the reference");
}

int layer_load(const char *dir, struct layer *layer)
{
    size_t n_kv_heads = 0, n_heads = 0;
    double *published = NULL;
    *layer = (struct layer){.dir = dir};
    int code = read_doubles(dir, "q_pre.npy", &layer->n_heads, layer, &layer->q);
    if (code == CODE_OK)
        code = read_doubles(dir, "k_pre.npy", &layer->n_kv_heads, layer, &layer->k);
    if (code == CODE_OK)
        code = read_doubles(dir, "v.npy", &n_kv_heads, layer, &layer->v);
    if (code == CODE_OK)
        code = read_doubles(dir, "attn_out.npy", &n_heads, layer, &published);
    if (code == CODE_OK && (n_kv_heads != layer->n_kv_heads || n_heads != layer->n_heads ||
                            n_kv_heads == 0 || n_heads % n_kv_heads != 0))
        code = complain(CODE_DEVICE, "%s: the files' heads do not fit each other", dir);
    if (code == CODE_OK)
        code = compute_reference(layer);
    for (size_t i = 0; code == CODE_OK && i < count_out(layer); i++)
        layer->model_difference = fmax(layer->model_difference, fabs(layer->out[i] - published[i]));
    free(published);
    if (code != CODE_OK)
        layer_free(layer);
    return code;
}

void layer_free(struct layer *layer)
{
    free(layer->q);
    free(layer->k);
    free(layer->v);
    free(layer->out);
    *layer = (struct layer){0};
}

// --- on a device

// Tensors of a layer on a device.
struct job {
    struct opened *opened;
    struct held q, k, v, q_rotated, k_rotated, out;
    struct gyre_rope_table *table;
};

static int make_tensors(struct job *job, const struct layer *layer)
{
    const char *const names[] = {"q_pre.npy", "k_pre.npy", "v.npy"};
    struct held *inputs[] = {&job->q, &job->k, &job->v};
    struct held *results[] = {&job->q_rotated, &job->k_rotated, &job->out};
    const struct held *shapes[] = {&job->q, &job->k, &job->q};
    char path[MAX_PATH];
    int code = CODE_OK;
    for (int i = 0; i < 3 && code == CODE_OK; i++) {
        snprintf(path, sizeof(path), "%s/%s", layer->dir, names[i]);
        code = held_load(job->opened, path, inputs[i]);
    }
    for (int i = 0; i < 3 && code == CODE_OK; i++)
        code = held_create(job->opened, GYRE_F32, shapes[i]->tensor.shape, 3, results[i]);
    return code;
}

static enum gyre_status make_table(struct job *job, const struct layer *layer)
{
    const struct gyre_rope_config config = {
        .head_dim = (uint32_t)layer->head_dim,
        .pairing = GYRE_ROPE_INTERLEAVED,
        .theta = theta,
    };
    return gyre_rope_table_create(job->opened->session.device, &config, &job->table);
}

static struct gyre_attention_params attention_of(const struct job *job)
{
    return (struct gyre_attention_params){
        .q = job->q_rotated.tensor,
        .k = job->k_rotated.tensor,
        .v = job->v.tensor,
        .out = job->out.tensor,
        .is_causal = true,
    };
}

static enum gyre_status call_once(struct job *job)
{
    struct gyre_stream *stream = job->opened->session.stream;
    const struct gyre_rope_params rope = {
        .table = job->table,
        .q = job->q.tensor,
        .k = job->k.tensor,
        .q_out = job->q_rotated.tensor,
        .k_out = job->k_rotated.tensor,
    };
    const struct gyre_attention_params attention = attention_of(job);
    enum gyre_status status = gyre_rope(stream, &rope);
    if (status == GYRE_OK)
        status = gyre_attention(stream, &attention);
    return status == GYRE_OK ? gyre_stream_finish(stream) : status;
}

static enum gyre_status time_calls(struct job *job, struct layer_report *report)
{
    double start = clock_s();
    enum gyre_status status = call_once(job);
    report->first_s = clock_s() - start;
    report->warm_s = INFINITY;
    double warm_start = clock_s();
    for (int i = 0; status == GYRE_OK && (i < MIN_WARM_CALLS || clock_s() - warm_start < warm_s);
         i++) {
        start = clock_s();
        status = call_once(job);
        report->warm_s = fmin(report->warm_s, clock_s() - start);
    }
    return status;
}

static int compare(struct job *job, const struct layer *layer, struct layer_report *report)
{
    float *got = held_read(job->opened, &job->out);
    double largest = 0;
    if (got == NULL)
        return CODE_DEVICE;
    for (size_t i = 0; i < count_out(layer); i++) {
        double error = fabs(got[i] - layer->out[i]);
        largest = error > largest || isnan(error) ? error : largest;
    }
    free(got);
    double scale = compare_scale(layer->v, layer->n_tokens * layer->n_kv_heads * layer->head_dim);
    report->error = largest / scale;
    report->bound = bounds_of_sums(GYRE_F32).max;
    return report->error <= report->bound ? CODE_OK : CODE_FAILED;
}

static int draw(struct job *job, const struct study_options *map)
{
    const struct gyre_attention_params attention = attention_of(job);
    struct study study;
    int code = study_make(job->opened, &attention, map, &study);
    if (code == CODE_OK)
        code = attention_map_write(&study, &attention, map);
    study_free(&study);
    return code;
}

static int run(struct job *job, const struct layer *layer, const struct study_options *map,
               struct layer_report *report)
{
    int code = make_tensors(job, layer);
    if (code != CODE_OK)
        return code;
    enum gyre_status status = make_table(job, layer);
    if (status == GYRE_OK)
        status = time_calls(job, report);
    if (status != GYRE_OK)
        return complain_status(job->opened, "the layer", status);
    code = compare(job, layer, report);
    return code == CODE_OK && map->map != NULL ? draw(job, map) : code;
}

int layer_run(struct opened *opened, const struct layer *layer, const struct study_options *map,
              struct layer_report *report)
{
    struct job job = {.opened = opened};
    *report = (struct layer_report){0};
    int code = run(&job, layer, map, report);
    struct held *all[] = {&job.q, &job.k, &job.v, &job.q_rotated, &job.k_rotated, &job.out};
    for (int i = 0; i < 6; i++)
        held_free(all[i]);
    gyre_rope_table_destroy(&job.table);
    return code;
}
