// SPDX-License-Identifier: MIT
// gyre rope: one tensor in, rotated, out.
#include <gyre/rope.h>

#include "command.h"
#include "json.h"
#include "tensors.h"

static const struct command_help help = {
    .name = "rope",
    .about = "rotate the heads of a .npy file by their positions",
    .operands = "IN.npy -o OUT.npy",
    .examples =
        "  gyre rope q.npy -o out.npy                            Hugging Face checkpoints\n"
        "  gyre rope q.npy -o out.npy --pairing interleaved      LLaMA as Meta publishes it\n"
        "  gyre rope q.npy -o out.npy --theta 500000 --start 32  token 0 stands at 32\n"
        "  gyre rope q.npy -o out.npy --rotary-dim 64            only the first 64 elements\n"
        "  gyre rope out.npy -o q.npy --inverse                  undo\n\n"
        "IN.npy is (token, dim), (token, head, dim) or (batch, token, head, dim), of float16,\n"
        "float32 or float64 (rounded to float32).",
    .n_operands = 1,
    .max_operands = 1,
};

struct rope_options {
    struct common common;
    const char *in, *out, *positions;
    double theta;
    uint32_t rotary_dim, rotary_offset;
    int pairing; // of the words half|interleaved
    int32_t start;
    bool is_inverse;
};

static int rotate(struct opened *opened, const struct rope_options *options, struct held *x,
                  const struct held *positions)
{
    struct gyre_rope_table *table;
    struct gyre_rope_config config = {
        .head_dim = (uint32_t)x->tensor.shape[3],
        .rotary_dim = options->rotary_dim,
        .rotary_offset = options->rotary_offset,
        .pairing = (enum gyre_rope_pairing)options->pairing,
        .theta = options->theta,
    };
    enum gyre_status status = gyre_rope_table_create(opened->session.device, &config, &table);
    if (status != GYRE_OK)
        return complain_status(opened, "the rotation", status);
    struct gyre_rope_params params = {
        .table = table,
        .q = x->tensor,
        .positions = positions->tensor,
        .start = options->start,
        .direction = options->is_inverse ? GYRE_ROPE_INVERSE : GYRE_ROPE_FORWARD,
    };
    status = gyre_rope(opened->session.stream, &params);
    if (status == GYRE_OK)
        status = gyre_stream_finish(opened->session.stream);
    gyre_rope_table_destroy(&table);
    return status == GYRE_OK ? CODE_OK : complain_status(opened, "rope", status);
}

static void report(const struct opened *opened, const struct rope_options *options,
                   const struct held *x)
{
    const struct gyre_tensor *tensor = &x->tensor;
    const uint64_t *shape = tensor->shape;
    const char *dtype = gyre_dtype_name(tensor->dtype);
    if (!options->common.is_json) {
        printf("%s: %llu tokens x %llu heads x %llu, %s, by %s\n", options->out,
               (unsigned long long)(shape[0] * shape[1]), (unsigned long long)shape[2],
               (unsigned long long)shape[3], dtype, opened->session.info->id);
        return;
    }
    cJSON *json = cJSON_CreateObject();
    json_add_device(json, opened->session.info);
    cJSON_AddStringToObject(json, "out", options->out);
    cJSON_AddStringToObject(json, "dtype", dtype);
    json_add_u64s(json, "shape", shape, 4);
    json_print(json, stdout);
}

static int run(struct opened *opened, const struct rope_options *options)
{
    struct held x = {0}, positions = {0};
    int code = held_load(opened, options->in, &x);
    if (code == CODE_OK && options->positions != NULL)
        code = held_load_positions(opened, options->positions, &positions);
    if (code == CODE_OK)
        code = rotate(opened, options, &x, &positions);
    if (code == CODE_OK)
        code = held_save(opened, &x, options->out);
    if (code == CODE_OK)
        report(opened, options, &x);
    held_free(&x);
    held_free(&positions);
    return code;
}

int command_rope(int argc, char **argv)
{
    struct rope_options options = {.theta = 10000};
    const struct option_spec specs[] = {
        {"output", 'o', OPTION_TEXT, &options.out, "FILE", "where the result goes"},
        {"theta", 0, OPTION_DOUBLE, &options.theta, "X", "base of the frequencies (10000)"},
        {"pairing", 0, OPTION_CHOICE, &options.pairing, "half|interleaved",
         "which elements rotate together (half)"},
        {"rotary-dim", 0, OPTION_U32, &options.rotary_dim, "N", "elements that rotate (all)"},
        {"rotary-offset", 0, OPTION_U32, &options.rotary_offset, "N", "the first of them (0)"},
        {"start", 0, OPTION_I32, &options.start, "N", "position of token 0 (0)"},
        {"positions", 0, OPTION_TEXT, &options.positions, "FILE",
         "positions from a .npy file, (token) or (batch, token)"},
        {"inverse", 0, OPTION_FLAG, &options.is_inverse, NULL, "rotate back"},
        OPTION_DEVICE(options.common),
        OPTION_THREADS(options.common),
        OPTION_JSON(options.common),
        OPTION_VERBOSE(options.common),
        {0},
    };
    struct opened opened;
    int code;
    if (!options_parse(&help, specs, argc, argv, &options.in, &code))
        return code;
    if (options.out == NULL)
        return complain(CODE_USAGE, "rope: -o FILE is missing; see gyre rope --help");
    if (!opened_open(&opened, &options.common, options.common.device, &code))
        return code;
    code = run(&opened, &options);
    opened_close(&opened);
    return code;
}
