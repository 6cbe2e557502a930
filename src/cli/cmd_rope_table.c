// SPDX-License-Identifier: MIT
// gyre rope-table: how a model rotates, from its config.json.
#include <stdlib.h>

#include "command.h"
#include "open.h"
#include "rope_report.h"
#include "text_file.h"

static const struct command_help help = {
    .name = "rope-table",
    .about = "print the frequencies that a model's config.json stands for",
    .operands = "CONFIG.json",
    .examples =
        "  gyre rope-table config.json\n"
        "  gyre rope-table config.json --seq-len 16384      dynamic and longrope depend on it\n"
        "  gyre rope-table config.json --layer-type sliding_attention\n"
        "  gyre rope-table config.json --position 131071    and the cosines and sines there\n"
        "  gyre rope-table config.json --decay decay.png    how scores fade with distance\n"
        "  gyre rope-table - --json < config.json | jq '.pairs[].inv_freq'\n\n"
        "Keys about RoPE that are not known are named, and make the exit status 1: what is "
        "printed\n"
        "may then not be what the model does.",
    .n_operands = 1,
    .max_operands = 1,
};

enum { NO_POSITION = INT32_MIN };

struct rope_table_options {
    struct common common;
    const char *path, *layer_type, *decay;
    uint32_t seq_len;
    int32_t position;
    bool is_whole;
};

static int show(const struct rope_table_options *options, const struct rope_report *report)
{
    if (options->common.is_json)
        rope_report_print_json(report);
    else
        rope_report_print(report, options->is_whole);
    if (options->decay != NULL && !rope_report_draw(report, options->decay))
        return complain(CODE_DEVICE, "%s: the picture cannot be written", options->decay);
    if (*report->unknown != '\0')
        return complain(CODE_FAILED, "%s: keys that are not known: %s", options->path,
                        report->unknown);
    return CODE_OK;
}

static int report_text(const struct rope_table_options *options, const char *text, size_t size)
{
    struct gyre_rope_json_params params = {
        .text = text,
        .size = size,
        .layer_type = options->layer_type,
        .seq_len = options->seq_len,
        .log = shown_log(&options->common),
    };
    struct gyre_rope_config *config;
    struct rope_report report = {0};
    const int32_t *position = options->position != NO_POSITION ? &options->position : NULL;
    char unknown[1024];
    int code;
    enum gyre_status status =
        gyre_rope_config_from_json(&params, &config, unknown, sizeof(unknown));
    if (status == GYRE_OK)
        status = rope_report_make(config, &params.log, position, &report);
    report.unknown = unknown;
    if (status == GYRE_OK)
        code = show(options, &report);
    else
        code =
            complain(CODE_DEVICE, "%s cannot be read: %s", options->path, gyre_status_name(status));
    rope_report_free(&report);
    gyre_rope_config_destroy(&config);
    return code;
}

int command_rope_table(int argc, char **argv)
{
    struct rope_table_options options = {.position = NO_POSITION};
    const struct option_spec specs[] = {
        {"seq-len", 's', OPTION_U32, &options.seq_len, "N",
         "length of the sequence (the original length)"},
        {"layer-type", 'l', OPTION_TEXT, &options.layer_type, "NAME",
         "full_attention, sliding_attention, ... (full_attention)"},
        {"position", 'p', OPTION_I32, &options.position, "P", "also print cos and sin there"},
        {"decay", 0, OPTION_TEXT, &options.decay, "FILE.png",
         "draw RoFormer's long-term decay (section 3.4.3)"},
        {"all", 'a', OPTION_FLAG, &options.is_whole, NULL, "every pair, on a terminal too"},
        OPTION_JSON(options.common),
        OPTION_VERBOSE(options.common),
        {0},
    };
    int code;
    size_t size;
    if (!options_parse(&help, specs, argc, argv, &options.path, &code))
        return code;
    char *text = text_file_read(options.path, &size);
    if (text == NULL)
        return CODE_DEVICE;
    code = report_text(&options, text, size);
    free(text);
    return code;
}
