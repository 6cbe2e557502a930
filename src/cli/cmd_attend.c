// SPDX-License-Identifier: MIT
// gyre attend: q, k and v in, attention out, with a picture of heads and their entropies.
#include <math.h>

#include <gyre/attention.h>
#include <gyre/rope.h>

#include "attention_map.h"
#include "attention_rows.h"
#include "command.h"
#include "json.h"
#include "tensors.h"

static const struct command_help help = {
    .name = "attend",
    .about = "attention over q, k and v of .npy files, and a picture of it",
    .operands = "--q Q.npy --k K.npy --v V.npy [-o OUT.npy]",
    .examples =
        "  gyre attend --q q.npy --k k.npy --v v.npy -o out.npy --causal\n"
        "  gyre attend --q q.npy --k k.npy --v v.npy -o out.npy --causal --align end\n"
        "      the last query stands at the last key, as in decoding\n"
        "  gyre attend --q q.npy --k k.npy --v v.npy --causal --map map.png --heads 0,3,5-7\n"
        "      who looks where: a panel per head, all in the same colours\n"
        "  gyre attend --q q.npy --k k.npy --v v.npy --causal --json\n"
        "      how widely each head looks: 0 nats at one key, ln(n) at n keys evenly\n"
        "  gyre attend --q q.npy --k k.npy --v v.npy -o out.npy --causal --rope-theta 10000\n"
        "      rotates q and k first\n\n"
        "Files are (token, dim), (token, head, dim) or (batch, token, head, dim), of float16,\n"
        "float32 or float64 (rounded to float32). k and v may have fewer heads than q.\n"
        "Pictures of long sequences show the largest probability around each point.",
};

struct attend_options {
    struct common common;
    const char *q, *k, *v, *mask, *out, *lse;
    bool is_causal;
    double scale, softcap, rope_theta;
    int align, rope_pairing; // of the words start|end and half|interleaved
    int precision;           // of OPTION_PRECISION
    int32_t q_start;
    uint32_t window_left, window_right;
    struct study_options study;
};

// Everything one call owns.
struct job {
    struct opened opened;
    struct held q, k, v, mask, out, lse;
    struct study study;
};

static int load(struct job *job, const struct attend_options *options)
{
    int code = held_load(&job->opened, options->q, &job->q);
    if (code == CODE_OK)
        code = held_load(&job->opened, options->k, &job->k);
    if (code == CODE_OK)
        code = held_load(&job->opened, options->v, &job->v);
    if (code == CODE_OK && options->mask != NULL)
        code = held_load_mask(&job->opened, options->mask, &job->mask);
    return code;
}

static int make_results(struct job *job, const struct attend_options *options)
{
    const uint64_t *q = job->q.tensor.shape, *v = job->v.tensor.shape;
    const uint64_t out[4] = {q[0], q[1], q[2], v[3]}, lse[4] = {q[0], q[2], q[1], 1};
    int code = CODE_OK;
    if (options->out != NULL)
        code = held_create(&job->opened, job->q.tensor.dtype, out, job->q.rank, &job->out);
    if (code == CODE_OK && options->lse != NULL)
        code = held_create(&job->opened, GYRE_F32, lse, job->q.rank - 1, &job->lse);
    return code;
}

static struct gyre_attention_params params_of(const struct job *job,
                                              const struct attend_options *options)
{
    return (struct gyre_attention_params){
        .q = job->q.tensor,
        .k = job->k.tensor,
        .v = job->v.tensor,
        .mask = job->mask.tensor,
        .out = job->out.tensor,
        .lse = job->lse.tensor,
        .scale = (float)options->scale,
        .softcap = (float)options->softcap,
        .is_causal = options->is_causal,
        .align = (enum gyre_align)options->align,
        .q_start = options->q_start,
        .window_left = options->window_left,
        .window_right = options->window_right,
        .precision = (enum gyre_attention_precision)options->precision,
    };
}

// Rotates q at its positions and k at 0, 1, ..., in place.
static int rotate(struct job *job, const struct attend_options *options)
{
    const struct gyre_rope_config config = {
        .head_dim = (uint32_t)job->q.tensor.shape[3],
        .pairing = (enum gyre_rope_pairing)options->rope_pairing,
        .theta = options->rope_theta,
    };
    struct gyre_rope_table *table;
    struct session *session = &job->opened.session;
    const struct gyre_attention_params attention = params_of(job, options);
    int32_t start;
    int code = attention_start(&attention, &start);
    if (code != CODE_OK)
        return code;
    enum gyre_status status = gyre_rope_table_create(session->device, &config, &table);
    struct gyre_rope_params q = {.table = table, .q = job->q.tensor, .start = start};
    struct gyre_rope_params k = {.table = table, .q = job->k.tensor};
    if (status == GYRE_OK)
        status = gyre_rope(session->stream, &q);
    if (status == GYRE_OK)
        status = gyre_rope(session->stream, &k);
    if (status == GYRE_OK) // the table must outlive the work
        status = gyre_stream_finish(session->stream);
    gyre_rope_table_destroy(&table);
    return status == GYRE_OK ? CODE_OK : complain_status(&job->opened, "rope", status);
}

static int attend(struct job *job, const struct attend_options *options)
{
    struct gyre_attention_params params = params_of(job, options);
    struct gyre_stream *stream = job->opened.session.stream;
    enum gyre_status status = GYRE_OK;
    if (options->out != NULL || options->lse != NULL)
        status = gyre_attention(stream, &params);
    if (status == GYRE_OK)
        status = gyre_stream_finish(stream);
    if (status != GYRE_OK)
        return complain_status(&job->opened, "attention", status);
    return CODE_OK;
}

static int study(struct job *job, const struct attend_options *options)
{
    const struct gyre_attention_params params = params_of(job, options);
    const struct study_options *wanted = &options->study;
    if (wanted->map == NULL && !wanted->is_full)
        return CODE_OK;
    int code = study_make(&job->opened, &params, wanted, &job->study);
    if (code == CODE_OK && wanted->map != NULL)
        code = attention_map_write(&job->study, &params, wanted);
    return code;
}

// LSE is (batch, head, query) in its file: the last axis, of length 1, is not there.
static int save_lse(struct job *job, const char *path)
{
    struct held view = job->lse;
    const uint64_t *shape = job->lse.tensor.shape;
    for (int axis = 1; axis < 4; axis++)
        view.tensor.shape[axis] = shape[axis - 1];
    view.tensor.shape[0] = 1;
    return held_save(&job->opened, &view, path);
}

static int save(struct job *job, const struct attend_options *options)
{
    int code = CODE_OK;
    if (options->out != NULL)
        code = held_save(&job->opened, &job->out, options->out);
    if (code == CODE_OK && options->lse != NULL)
        code = save_lse(job, options->lse);
    return code;
}

// What was computed, defaults filled in.
static void add_problem(cJSON *json, const struct job *job, const struct attend_options *options)
{
    const struct gyre_tensor *q = &job->q.tensor;
    double default_scale = 1 / sqrt((double)q->shape[3]);
    json_add_u64s(json, "q_shape", q->shape, 4);
    json_add_u64s(json, "k_shape", job->k.tensor.shape, 4);
    json_add_u64s(json, "v_shape", job->v.tensor.shape, 4);
    cJSON_AddStringToObject(json, "q_dtype", gyre_dtype_name(q->dtype));
    cJSON_AddStringToObject(json, "k_dtype", gyre_dtype_name(job->k.tensor.dtype));
    cJSON_AddStringToObject(json, "v_dtype", gyre_dtype_name(job->v.tensor.dtype));
    cJSON_AddNumberToObject(json, "scale", options->scale != 0 ? options->scale : default_scale);
    cJSON_AddNumberToObject(json, "softcap", options->softcap);
    cJSON_AddBoolToObject(json, "is_causal", options->is_causal);
    cJSON_AddStringToObject(json, "align", options->align == GYRE_ALIGN_END ? "end" : "start");
    cJSON_AddNumberToObject(json, "q_start", options->q_start);
    cJSON_AddNumberToObject(json, "window_left", options->window_left);
    cJSON_AddNumberToObject(json, "window_right", options->window_right);
    cJSON_AddBoolToObject(json, "has_mask", options->mask != NULL);
    cJSON_AddNumberToObject(json, "rope_theta", options->rope_theta);
}

static void add_heads(cJSON *json, const struct job *job, const struct attend_options *options)
{
    cJSON *entropy = cJSON_AddObjectToObject(json, "entropy");
    cJSON_AddStringToObject(entropy, "unit", "nats");
    cJSON_AddNumberToObject(entropy, "batch", options->study.batch);
    cJSON *heads = cJSON_AddArrayToObject(entropy, "heads");
    for (uint32_t i = 0; i < job->study.n; i++) {
        const struct head_study *head = &job->study.heads[i];
        bool is_known = head->entropy.n != 0;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "head", head->head);
        cJSON_AddNumberToObject(item, "n_queries", (double)head->entropy.n);
        cJSON_AddNumberToObject(item, "mean", entropy_mean(&head->entropy)); // NaN becomes null
        cJSON_AddNumberToObject(item, "min", is_known ? head->entropy.min : NAN);
        cJSON_AddNumberToObject(item, "max", is_known ? head->entropy.max : NAN);
        cJSON_AddBoolToObject(item, "is_drawn", head->cells != NULL);
        cJSON_AddItemToArray(heads, item);
    }
}

static void add_files(cJSON *json, const struct attend_options *options)
{
    if (options->out != NULL)
        cJSON_AddStringToObject(json, "out", options->out);
    if (options->lse != NULL)
        cJSON_AddStringToObject(json, "lse", options->lse);
    if (options->study.map != NULL)
        cJSON_AddStringToObject(json, "map", options->study.map);
}

static void report_json(const struct job *job, const struct attend_options *options)
{
    cJSON *json = cJSON_CreateObject();
    json_add_device(json, job->opened.session.info);
    add_files(json, options);
    add_problem(json, job, options);
    add_heads(json, job, options);
    json_print(json, stdout);
}

static void report(const struct job *job, const struct attend_options *options)
{
    const uint64_t *q = job->q.tensor.shape, *k = job->k.tensor.shape;
    if (options->out != NULL)
        printf("out: %s\n", options->out);
    if (options->lse != NULL)
        printf("lse: %s\n", options->lse);
    if (options->study.map != NULL)
        printf("map: %s, %u of %llu heads\n", options->study.map, job->study.n_drawn,
               (unsigned long long)q[2]);
    printf("%llu queries, %llu keys, %llu/%llu heads x %llu, %s, by %s\n", (unsigned long long)q[1],
           (unsigned long long)k[1], (unsigned long long)q[2], (unsigned long long)k[2],
           (unsigned long long)q[3], gyre_dtype_name(job->q.tensor.dtype),
           job->opened.session.info->id);
}

static int run(struct job *job, const struct attend_options *options)
{
    int code = load(job, options);
    if (code == CODE_OK)
        code = make_results(job, options);
    if (code == CODE_OK && options->rope_theta != 0)
        code = rotate(job, options);
    if (code == CODE_OK)
        code = attend(job, options);
    if (code == CODE_OK)
        code = study(job, options);
    if (code == CODE_OK)
        code = save(job, options);
    if (code == CODE_OK && options->common.is_json)
        report_json(job, options);
    else if (code == CODE_OK)
        report(job, options);
    return code;
}

static int run_on_device(const struct attend_options *options)
{
    struct job job = {0};
    int code;
    if (!opened_open(&job.opened, &options->common, options->common.device, &code))
        return code;
    code = run(&job, options);
    struct held *all[] = {&job.q, &job.k, &job.v, &job.mask, &job.out, &job.lse};
    for (int i = 0; i < 6; i++)
        held_free(all[i]);
    study_free(&job.study);
    opened_close(&job.opened);
    return code;
}

int command_attend(int argc, char **argv)
{
    struct attend_options options = {0};
    const struct option_spec specs[] = {
        {"q", 'q', OPTION_TEXT, &options.q, "FILE", "queries"},
        {"k", 'k', OPTION_TEXT, &options.k, "FILE", "keys"},
        {"v", 0, OPTION_TEXT, &options.v, "FILE", "values"},
        {"output", 'o', OPTION_TEXT, &options.out, "FILE", "where the result goes"},
        {"lse", 0, OPTION_TEXT, &options.lse, "FILE", "where log(sum(exp(scores))) goes"},
        {"map", 0, OPTION_TEXT, &options.study.map, "FILE", "draw the attention of heads as a PNG"},
        {"heads", 0, OPTION_TEXT, &options.study.heads, "LIST",
         "heads to look at, 0,3,5-7 or all (8 in the map, all in JSON)"},
        {"batch", 0, OPTION_U32, &options.study.batch, "N", "their batch element (0)"},
        {"causal", 0, OPTION_FLAG, &options.is_causal, NULL, "no query sees later keys"},
        {"align", 0, OPTION_CHOICE, &options.align, "start|end",
         "query 0 at key 0, or the last query at the last key (start)"},
        {"q-start", 0, OPTION_I32, &options.q_start, "N", "moves the queries' positions (0)"},
        {"scale", 0, OPTION_DOUBLE, &options.scale, "X", "of the scores (1/sqrt(dim))"},
        {"softcap", 0, OPTION_DOUBLE, &options.softcap, "X", "of the scores (none)"},
        {"window-left", 0, OPTION_U32, &options.window_left, "N", "keys seen before (all)"},
        {"window-right", 0, OPTION_U32, &options.window_right, "N", "keys seen after (all)"},
        {"mask", 0, OPTION_TEXT, &options.mask, "FILE", "added to the scores, or bool"},
        {"rope-theta", 0, OPTION_DOUBLE, &options.rope_theta, "X", "rotate q and k first"},
        {"rope-pairing", 0, OPTION_CHOICE, &options.rope_pairing, "half|interleaved",
         "which elements rotate together (half)"},
        OPTION_PRECISION(options.precision),
        OPTION_DEVICE(options.common),
        OPTION_THREADS(options.common),
        {"json", 'j', OPTION_FLAG, &options.common.is_json, NULL,
         "print JSON, with the heads' entropies in nats"},
        OPTION_VERBOSE(options.common),
        {0},
    };
    int code;
    if (!options_parse(&help, specs, argc, argv, NULL, &code))
        return code;
    if (options.q == NULL || options.k == NULL || options.v == NULL)
        return complain(CODE_USAGE, "attend: --q, --k and --v are needed; see gyre attend --help");
    options.study.is_full = options.common.is_json;
    if (options.out == NULL && options.lse == NULL && options.study.map == NULL &&
        !options.common.is_json)
        return complain(CODE_USAGE, "attend: say what to write: -o, --lse, --map or --json");
    return run_on_device(&options);
}
