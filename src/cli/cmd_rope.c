// SPDX-License-Identifier: MIT
// gyre rope: one tensor in, rotated, out.
#include <gyre/rope.h>

#include "command.h"
#include "config_file.h"
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
        "  gyre rope q.npy -o out.npy --config config.json       as this model does\n"
        "  gyre rope out.npy -o q.npy --inverse                  undo\n\n"
        "IN.npy is (token, dim), (token, head, dim) or (batch, token, head, dim), of float16,\n"
        "float32 or float64 (rounded to float32). Keys of CONFIG.json about RoPE that are not\n"
        "known are named, and make the exit status 1: the result may not be what the model does.",
    .n_operands = 1,
    .max_operands = 1,
};

enum { NOT_GIVEN = -1 };

struct rope_options {
    struct common common;
    const char *in, *out, *positions;
    struct config_choice choice; // path NULL: the four below say how to rotate
    double theta;
    uint32_t rotary_dim, rotary_offset;
    int pairing; // of the words half|interleaved, or NOT_GIVEN
    int32_t start;
    bool is_inverse;
};

// What the options say about heads like those of `x`.
static struct gyre_rope_config said_config(const struct rope_options *options, const struct held *x)
{
    return (struct gyre_rope_config){
        .head_dim = (uint32_t)x->tensor.shape[3],
        .rotary_dim = options->rotary_dim,
        .rotary_offset = options->rotary_offset,
        .pairing =
            options->pairing == GYRE_ROPE_INTERLEAVED ? GYRE_ROPE_INTERLEAVED : GYRE_ROPE_HALF,
        .theta = options->theta,
    };
}

// `config` NULL: the options say it.
static int rotate(struct opened *opened, const struct rope_options *options,
                  const struct gyre_rope_config *config, struct held *x,
                  const struct held *positions)
{
    struct gyre_rope_table *table;
    const struct gyre_rope_config said = said_config(options, x);
    enum gyre_status status =
        gyre_rope_table_create(opened->session.device, config != NULL ? config : &said, &table);
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

static int run_on_device(struct opened *opened, const struct rope_options *options,
                         const struct gyre_rope_config *config)
{
    struct held x = {0}, positions = {0};
    int code = held_load(opened, options->in, &x);
    if (code == CODE_OK && options->positions != NULL)
        code = held_load_positions(opened, options->positions, &positions);
    if (code == CODE_OK)
        code = rotate(opened, options, config, &x, &positions);
    if (code == CODE_OK)
        code = held_save(opened, &x, options->out);
    if (code == CODE_OK)
        report(opened, options, &x);
    held_free(&x);
    held_free(&positions);
    return code;
}

static int run(const struct rope_options *options)
{
    struct config_file file = {0};
    struct opened opened;
    int code = CODE_OK;
    if (options->choice.path != NULL)
        code = config_file_read(&options->choice, &options->common, &file);
    if (code == CODE_OK && opened_open(&opened, &options->common, options->common.device, &code)) {
        code = run_on_device(&opened, options, file.config);
        opened_close(&opened);
    }
    if (code == CODE_OK)
        code = config_file_check(&options->choice, &file);
    config_file_free(&file);
    return code;
}

static int check_usage(const struct rope_options *options)
{
    bool is_said = options->theta != 0 || options->rotary_dim != 0 || options->rotary_offset != 0 ||
                   options->pairing != NOT_GIVEN;
    bool is_chosen = options->choice.layer_type != NULL || options->choice.seq_len != 0;
    if (options->out == NULL)
        return complain(CODE_USAGE, "rope: -o FILE is missing; see gyre rope --help");
    if (options->choice.path != NULL && is_said)
        return complain(CODE_USAGE,
                        "rope: --config stands for --theta, --pairing, --rotary-dim and "
                        "--rotary-offset: give one or the other");
    if (options->choice.path == NULL && is_chosen)
        return complain(CODE_USAGE, "rope: --seq-len and --layer-type need --config");
    return CODE_OK;
}

int command_rope(int argc, char **argv)
{
    struct rope_options options = {.pairing = NOT_GIVEN};
    const struct option_spec specs[] = {
        {"output", 'o', OPTION_TEXT, &options.out, "FILE", "where the result goes"},
        {"theta", 0, OPTION_DOUBLE, &options.theta, "X", "base of the frequencies (10000)"},
        {"pairing", 0, OPTION_CHOICE, &options.pairing, "half|interleaved",
         "which elements rotate together (half)"},
        {"rotary-dim", 0, OPTION_U32, &options.rotary_dim, "N", "elements that rotate (all)"},
        {"rotary-offset", 0, OPTION_U32, &options.rotary_offset, "N", "the first of them (0)"},
        {"config", 'c', OPTION_TEXT, &options.choice.path, "CONFIG.json",
         "a model's rotation instead of these four"},
        OPTION_SEQ_LEN(options.choice),
        OPTION_LAYER_TYPE(options.choice),
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
    int code;
    if (!options_parse(&help, specs, argc, argv, &options.in, &code))
        return code;
    code = check_usage(&options);
    return code == CODE_OK ? run(&options) : code;
}
